"""What the languages differ in when a name is looked up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from agentctx.code.facts import Import
from agentctx.code.resolve.values import Answer, Value

if TYPE_CHECKING:
    from agentctx.code.resolve.evaluate import Evaluator

IMPLICIT_MEMBERS: Final = frozenset({"java", "csharp", "cpp", "ruby", "php"})
"""Languages where a method names a sibling without `this`."""


class Rules(Protocol):
    """How one family of languages finds what is not in the file. Reads the world only; not thread-safe, as the memo."""

    def begin(self) -> None:
        """Forget what was found for the file before."""
        ...

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """What the local name of an import stands for."""
        ...

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """What `name` stands for when no scope of the file at `path` binds it: star imports, the same package."""
        ...

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name inside a module or namespace."""
        ...

    def files(self, path: str, imported: Import) -> Iterable[str]:
        """The files that an import names, for edges between files."""
        ...
