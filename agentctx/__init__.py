"""agentctx: the right context for LLM agents at the lowest cost.

>>> from agentctx import ContextEngine
>>> with ContextEngine.open("memory.db") as engine:  # doctest: +SKIP
...     engine.memory.add("acme/user-42", "Ana moved to Lisbon in May.")
...     engine.memory.search("acme/user-42", "Where does Ana live?").hits[0].episode.content

Importing this package is light: numpy, SQLAlchemy and gRPC are loaded by what needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentctx.errors import AgentctxError
from agentctx.types import And, Condition, Episode, Hit, NewEpisode, Not, Or, Revision, SearchResult

if TYPE_CHECKING:
    from agentctx.aio import AsyncContextEngine
    from agentctx.client import connect, connect_async
    from agentctx.config import Settings
    from agentctx.engine import ContextEngine

__version__ = "0.1.0"

__all__ = [
    "AgentctxError",
    "And",
    "AsyncContextEngine",
    "Condition",
    "ContextEngine",
    "Episode",
    "Hit",
    "NewEpisode",
    "Not",
    "Or",
    "Revision",
    "SearchResult",
    "Settings",
    "__version__",
    "connect",
    "connect_async",
]

_LAZY = {
    "AsyncContextEngine": "agentctx.aio",
    "ContextEngine": "agentctx.engine",
    "Settings": "agentctx.config",
    "connect": "agentctx.client",
    "connect_async": "agentctx.client",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
