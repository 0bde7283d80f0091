"""What a language is: data, a query, and how its import statements read. See docs/languages.md."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import NamedTuple

from tree_sitter import Language as Grammar
from tree_sitter import Node, Query


class Imported(NamedTuple):
    """One name of an import statement, as `facts.Import` has it."""

    module: str
    name: str = ""
    alias: str = ""
    level: int = 0


def no_imports(_node: Node) -> Iterable[Imported]:
    """For languages whose query captures no `@import`."""
    return ()


@dataclass(frozen=True, slots=True)
class Language:
    """A programming language for the code map. Frozen; grammar and query are loaded on first use, then kept.

    `grammar` is `module:function` of the wheel, `queries` names files in `agentctx/code/queries`, which are joined.
    `wrappers` are the node types around a definition that belong to it (decorators, `export`). `comment` is what a line
    of a comment above a definition begins with, `attribute` a line that may stand between the two. `prepare` may blank
    out what the grammar stumbles over; it keeps the length and the lines. `file_scoped`: a plain name that the file
    neither defines nor imports leads to nothing of the repository. `overloads`: definitions share a name, and the
    arguments of a call tell which of them it means.
    """

    name: str
    grammar: str
    extensions: tuple[str, ...]
    queries: tuple[str, ...]
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    wrappers: frozenset[str] = frozenset()
    export_wrappers: frozenset[str] = frozenset()
    comment: tuple[str, ...] = ("//", "/*", "*")
    attribute: tuple[str, ...] = ("@",)
    docstrings: bool = False
    imports: Callable[[Node], Iterable[Imported]] = no_imports
    exported: Callable[[str, str], bool] = field(default=lambda _name, _signature: True)
    self_names: frozenset[str] = frozenset({"this"})
    file_scoped: bool = False
    prepare: Callable[[bytes], bytes] | None = None
    overloads: bool = False

    def load(self) -> tuple[Grammar, Query]:
        """The grammar and the query, from the installed wheel. Raises ImportError or tree_sitter.QueryError."""
        return _load(self.grammar, self.queries)


@cache
def _load(grammar: str, queries: tuple[str, ...]) -> tuple[Grammar, Query]:
    module, _, function = grammar.partition(":")
    loaded = Grammar(getattr(importlib.import_module(module), function)())
    folder = resources.files("agentctx.code") / "queries"
    source = "\n".join((folder / f"{name}.scm").read_text(encoding="utf-8") for name in queries)
    return loaded, Query(loaded, source)


def text_of(node: Node | None) -> str:
    """The source of a node, empty for none."""
    if node is None or node.text is None:
        return ""
    return node.text.decode("utf-8", "replace")
