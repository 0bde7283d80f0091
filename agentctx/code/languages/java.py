"""Java."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    path = next(
        (text_of(child) for child in node.named_children if child.type in ("scoped_identifier", "identifier")), ""
    )
    if any(child.type == "asterisk" for child in node.children):
        yield Imported(path, "*")
        return
    module, _, name = path.rpartition(".")
    yield Imported(module, name, name)


JAVA = Language(
    name="java",
    grammar="tree_sitter_java:language",
    extensions=(".java",),
    queries=("java",),
    imports=_imports,
    overloads=True,
    exported=lambda _name, signature: "private " not in signature,
)
