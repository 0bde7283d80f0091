"""The source of truth: episodes and their log, in SQLite or PostgreSQL. See `docs/store.md`."""

from agentctx.store.append import Appended
from agentctx.store.database import Hook
from agentctx.store.importing import ImportRecord
from agentctx.store.opening import open_store
from agentctx.store.stats import StoreStats
from agentctx.store.store import Store

__all__ = ["Appended", "Hook", "ImportRecord", "Store", "StoreStats", "open_store"]
