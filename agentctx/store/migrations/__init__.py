"""Alembic migrations of the store, packaged. `REVISIONS` is every revision this agentctx knows, the newest last.

A revision, once released, is never edited: write the next one and append its name here.
"""

from __future__ import annotations

from typing import Final

REVISIONS: Final = ("0001", "0002", "0003", "0004")
HEAD: Final = REVISIONS[-1]
