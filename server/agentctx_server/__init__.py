"""The gRPC server of agentctx.

>>> from agentctx import ContextEngine
>>> from agentctx_server import ServerConfig, run_forever, serve
>>> with ContextEngine.open("memory.db") as engine:  # doctest: +SKIP
...     run_forever(serve(engine, ServerConfig(port=50551)))
"""

from agentctx_server.config import ServerConfig, ServerTLS
from agentctx_server.run import RunningServer, run_forever, serve

__all__ = ["RunningServer", "ServerConfig", "ServerTLS", "run_forever", "serve"]
