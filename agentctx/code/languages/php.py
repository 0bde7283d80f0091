"""PHP."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    r"""`use A\B as C`, `use A\{B, C}`, and `require "file.php"`; level 1 marks a file."""
    if node.type != "namespace_use_declaration":
        target = next((child for child in node.named_children), None)
        path = text_of(target).rpartition(".")[0] and text_of(target)
        file = path.split("'")[-2] if path.count("'") >= 2 else path.split('"')[-2] if path.count('"') >= 2 else ""
        if file:
            yield Imported(file.lstrip("/"), "*", "", 1)
        return
    prefix = ""
    for child in node.named_children:
        if child.type == "namespace_name":
            prefix = text_of(child)
        elif child.type == "namespace_use_clause":
            yield from _clause(child, "")
        elif child.type == "namespace_use_group":
            for clause in child.named_children:
                yield from _clause(clause, prefix)


def _clause(node: Node, prefix: str) -> Iterator[Imported]:
    path = next(
        (text_of(child) for child in node.named_children if child.type in ("qualified_name", "name", "namespace_name")),
        "",
    )
    full = f"{prefix}\\{path}" if prefix else path.lstrip("\\")
    module, _, name = full.rpartition("\\")
    yield Imported(module, name, text_of(node.child_by_field_name("alias")) or name)


PHP = Language(
    name="php",
    grammar="tree_sitter_php:language_php",
    extensions=(".php", ".phtml", ".php5", ".inc"),
    queries=("php",),
    interpreters=("php",),
    comment=("//", "/*", "*", "#"),
    attribute=("#[",),
    imports=_imports,
    exported=lambda _name, signature: "private " not in signature,
    self_names=frozenset({"this", "self", "static", "parent"}),
)
