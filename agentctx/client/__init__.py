"""Typed gRPC clients, sync and asyncio: the engine's own methods, results and errors, over the network.

>>> from agentctx import connect
>>> with connect("127.0.0.1:50551") as client:  # doctest: +SKIP
...     client.memory.search("acme/user-42", "Where does Ana live?").hits[0].episode.content
"""

from agentctx.client.aio import AsyncClient, connect_async
from agentctx.client.channel import TLS
from agentctx.client.code import CodeClient
from agentctx.client.code_aio import AsyncCodeClient
from agentctx.client.context import AsyncContextClient, ContextClient
from agentctx.client.memory import MemoryClient
from agentctx.client.memory_aio import AsyncMemoryClient
from agentctx.client.routing import AsyncRoutingClient, RoutingClient
from agentctx.client.sync import Client, connect

__all__ = [
    "TLS",
    "AsyncClient",
    "AsyncCodeClient",
    "AsyncContextClient",
    "AsyncMemoryClient",
    "AsyncRoutingClient",
    "Client",
    "CodeClient",
    "ContextClient",
    "MemoryClient",
    "RoutingClient",
    "connect",
    "connect_async",
]
