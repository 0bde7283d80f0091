"""JavaScript, TypeScript and their JSX forms."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of

_WRAPPERS = frozenset({"export_statement", "lexical_declaration", "variable_declaration", "ambient_declaration"})


def _imports(node: Node) -> Iterator[Imported]:
    """ES imports, re-exports (`export {a} from`), and `const x = require("y")`."""
    if node.type == "variable_declarator":
        yield from _required(node)
        return
    module = text_of(node.child_by_field_name("source")).strip("\"'`")
    named = False
    for child in node.children:
        if child.type == "import_clause":
            for part in child.children:
                named = True
                yield from _clause(module, part)
        elif child.type == "import_require_clause":
            named = True
            target = text_of(child.child_by_field_name("source")).strip("\"'`")
            yield Imported(target, "", text_of(child.children[0]))
        elif child.type == "export_clause":
            named = True
            yield from _specifiers(module, child, "export_specifier")
        elif child.type == "namespace_export":
            named = True
            yield Imported(module, "", text_of(child.children[-1]))
        elif child.type == "*":
            named = True
            yield Imported(module, "*")
    if not named:
        yield Imported(module)


def _clause(module: str, part: Node) -> Iterator[Imported]:
    if part.type == "identifier":
        yield Imported(module, "default", text_of(part))
    elif part.type == "namespace_import":
        yield Imported(module, "", text_of(part.children[-1]))
    elif part.type == "named_imports":
        yield from _specifiers(module, part, "import_specifier")


def _specifiers(module: str, node: Node, kind: str) -> Iterator[Imported]:
    for one in node.children:
        if one.type == kind:
            name = text_of(one.child_by_field_name("name"))
            yield Imported(module, name, text_of(one.child_by_field_name("alias")) or name)


def _required(node: Node) -> Iterator[Imported]:
    call = node.child_by_field_name("value")
    while call is not None and call.type == "member_expression":
        call = call.child_by_field_name("object")
    arguments = call.child_by_field_name("arguments") if call is not None else None
    if arguments is None or arguments.named_child_count != 1:
        return
    module = text_of(arguments.named_children[0]).strip("\"'`")
    target = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if target is None or value is None:
        return
    if target.type == "identifier":
        member = text_of(value.child_by_field_name("property")) if value.type == "member_expression" else ""
        yield Imported(module, member, text_of(target))
    else:
        for child in target.named_children:
            name = text_of(child.child_by_field_name("key") or child)
            yield Imported(module, name, text_of(child.child_by_field_name("value")) or name)


def _exported(name: str, _signature: str) -> bool:
    return False


JAVASCRIPT = Language(
    name="javascript",
    grammar="tree_sitter_javascript:language",
    extensions=(".js", ".jsx", ".mjs", ".cjs"),
    queries=("javascript",),
    interpreters=("node", "nodejs", "bun"),
    wrappers=_WRAPPERS,
    export_wrappers=frozenset({"export_statement"}),
    imports=_imports,
    exported=_exported,
    file_scoped=True,
)
TYPESCRIPT = Language(
    name="typescript",
    grammar="tree_sitter_typescript:language_typescript",
    extensions=(".ts", ".mts", ".cts"),
    queries=("typescript",),
    interpreters=("deno",),
    wrappers=_WRAPPERS,
    export_wrappers=frozenset({"export_statement"}),
    imports=_imports,
    exported=_exported,
    file_scoped=True,
)
TSX = Language(
    name="tsx",
    grammar="tree_sitter_typescript:language_tsx",
    extensions=(".tsx",),
    queries=("typescript", "jsx"),
    wrappers=_WRAPPERS,
    export_wrappers=frozenset({"export_statement"}),
    imports=_imports,
    exported=_exported,
    file_scoped=True,
)
