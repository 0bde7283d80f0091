"""C#."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    """`using A.B`, `using static A.B.C`, `using X = A.B.C`."""
    alias = text_of(node.child_by_field_name("name"))
    paths = [text_of(child) for child in node.named_children if child.type in ("qualified_name", "identifier")]
    path = paths[-1] if paths else ""
    if alias:
        module, _, name = path.rpartition(".")
        yield Imported(module, name, alias)
    elif path:
        yield Imported(path, "*")


CSHARP = Language(
    name="csharp",
    grammar="tree_sitter_c_sharp:language",
    extensions=(".cs", ".csx"),
    queries=("csharp",),
    attribute=("[",),
    imports=_imports,
    overloads=True,
    exported=lambda _name, signature: "public " in signature or "protected " in signature,
    self_names=frozenset({"this", "base"}),
)
