"""Python."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    if node.type == "import_statement":
        for name in node.children_by_field_name("name"):
            if name.type == "aliased_import":
                module = text_of(name.child_by_field_name("name"))
                yield Imported(module, "", text_of(name.child_by_field_name("alias")))
            else:
                module = text_of(name)
                yield Imported(module, "", module.partition(".")[0])
        return
    source = text_of(node.child_by_field_name("module_name")) or "__future__"
    module = source.replace(" ", "").lstrip(".")
    level = len(source.replace(" ", "")) - len(module)
    for name in node.children_by_field_name("name"):
        if name.type == "aliased_import":
            original = text_of(name.child_by_field_name("name"))
            yield Imported(module, original, text_of(name.child_by_field_name("alias")), level)
        else:
            original = text_of(name)
            yield Imported(module, original, original, level)
    if any(child.type == "wildcard_import" for child in node.children):
        yield Imported(module, "*", "", level)


PYTHON = Language(
    name="python",
    grammar="tree_sitter_python:language",
    extensions=(".py", ".pyi", ".pyw"),
    queries=("python",),
    interpreters=("python", "pypy"),
    filenames=("SConstruct", "SConscript", "wscript"),
    wrappers=frozenset({"decorated_definition"}),
    comment=("#",),
    docstrings=True,
    imports=_imports,
    exported=lambda name, _signature: not name.startswith("_") or name.endswith("__"),
    self_names=frozenset({"self", "cls"}),
    file_scoped=True,
)
