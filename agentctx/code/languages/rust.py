"""Rust."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    if node.type == "mod_item":
        name = text_of(node.child_by_field_name("name"))
        if node.child_by_field_name("body") is None:
            yield Imported("self", name, name)
        return
    if node.type == "extern_crate_declaration":
        name = text_of(node.child_by_field_name("name"))
        yield Imported(name, "", text_of(node.child_by_field_name("alias")) or name)
        return
    argument = node.child_by_field_name("argument")
    if argument is not None:
        yield from _tree(argument, "")


def _tree(node: Node, prefix: str) -> Iterator[Imported]:
    """A `use` tree: lists nest, each path continues the one before."""
    if node.type == "use_list":
        for child in node.named_children:
            yield from _tree(child, prefix)
    elif node.type == "scoped_use_list":
        path = text_of(node.child_by_field_name("path"))
        inner = node.child_by_field_name("list")
        if inner is not None:
            yield from _tree(inner, _join(prefix, path))
    elif node.type == "use_as_clause":
        module, name = _split(_join(prefix, text_of(node.child_by_field_name("path"))))
        yield Imported(module, name, text_of(node.child_by_field_name("alias")))
    elif node.type == "use_wildcard":
        yield Imported(_join(prefix, text_of(node.named_children[0]) if node.named_children else ""), "*")
    elif node.type == "self":
        module, name = _split(prefix)
        yield Imported(module, name, name)
    else:
        module, name = _split(_join(prefix, text_of(node)))
        yield Imported(module, name, name)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}::{path}" if prefix and path else prefix or path


def _split(path: str) -> tuple[str, str]:
    module, _, name = path.rpartition("::")
    return (module, name) if module else (name, "")


RUST = Language(
    name="rust",
    grammar="tree_sitter_rust:language",
    extensions=(".rs",),
    queries=("rust",),
    comment=("///", "//!", "/**", "*"),
    attribute=("#[",),
    imports=_imports,
    exported=lambda _name, signature: signature.startswith("pub"),
    self_names=frozenset({"self", "Self"}),
)
