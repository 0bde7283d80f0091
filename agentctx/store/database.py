"""What the store asks of an engine: run a read in one snapshot, run a write in one transaction, tell a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

Hook = Callable[[str], None]
"""Called with the name of each point that a test may want to fail at: `store.before_commit`, `store.after_commit`."""


def no_hook(_: str) -> None:
    """The hook of production: nothing happens."""


class Database(Protocol):
    """One engine holding one store. Thread-safe. Errors leave as AgentctxErrors."""

    @property
    def url(self) -> str:
        """Where the store is, without a password."""
        ...

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which SQL `select` takes."""
        ...

    def select(self, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """All rows of one SELECT in the engine's own SQL, without a transaction around it: the quickest way to read."""
        ...

    def read(self, operation: Callable[[Connection], T]) -> T:
        """Run `operation` on one consistent snapshot."""
        ...

    def write(self, operation: Callable[[Connection], T], *, scrub: bool = False) -> T:
        """Run `operation` in one transaction; returns when it is durable. It may be run again after a conflict.

        `scrub`: it removed content for good, so that the engine's own logs must let go of it too, where they can.
        """
        ...

    def head(self, namespace: str) -> tuple[int, int] | None:
        """Epoch and sequence of a namespace as last committed by any process."""
        ...

    def engine_version(self) -> str:
        """Name and version of the engine."""
        ...

    def check(self) -> list[str]:
        """What the engine itself finds wrong with its files; empty: nothing."""
        ...

    def size(self) -> int:
        """Bytes on disk."""
        ...

    def close(self) -> None:
        """Finish the writes under way and release connections."""
        ...
