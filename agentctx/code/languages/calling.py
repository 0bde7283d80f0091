"""What a call gives and what a definition takes, in the languages whose names are shared by overloads.

Arguments are the tokens of `facts.Reference.arguments`: a chain, `:Type` where the text alone says the type (a
literal, a cast, `new Foo(x)`), or `?`. Parameters are those of `facts.Definition.parameters`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from agentctx.code.expressions import LITERAL, UNKNOWN, chain
from agentctx.code.languages.base import text_of

LAMBDA: Final = "lambda"
NULL: Final = "null"

_LITERALS: Final = {
    "string_literal": "string",
    "raw_string_literal": "string",
    "verbatim_string_literal": "string",
    "interpolated_string_expression": "string",
    "concatenated_string": "string",
    "character_literal": "char",
    "char_literal": "char",
    "decimal_integer_literal": "int",
    "hex_integer_literal": "int",
    "octal_integer_literal": "int",
    "binary_integer_literal": "int",
    "integer_literal": "int",
    "decimal_floating_point_literal": "double",
    "hex_floating_point_literal": "double",
    "real_literal": "double",
    "number_literal": "number",
    "true": "bool",
    "false": "bool",
    "boolean_literal": "bool",
    "null_literal": NULL,
    "null": NULL,
    "class_literal": "Class",
    "typeof_expression": "Type",
    "instanceof_expression": "bool",
    "is_expression": "bool",
    "lambda_expression": LAMBDA,
    "anonymous_method_expression": LAMBDA,
    "method_reference": LAMBDA,
}
_TYPED: Final = frozenset({
    "object_creation_expression", "cast_expression", "default_expression", "new_expression", "as_expression",
    "compound_literal_expression", "declaration_expression", "array_creation_expression",
})  # fmt: skip
_INSIDE: Final = {"parenthesized_expression", "argument", "unary_expression", "prefix_unary_expression"}
_COMPARISONS: Final = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})
_SUFFIXES: Final = {"l": "long", "f": "float", "m": "decimal", "d": "double"}
_GENERICS: Final = re.compile(r"<[^<>]*>")
_WORDS: Final = re.compile(
    r"@\w+(?:\([^()]*\))?|\[\[[^\]]*\]\]"
    r"|\b(?:final|const|constexpr|volatile|readonly|ref|out|in|params|scoped|struct|class|enum|typename|unsigned|signed)\b"
)
_LONGEST: Final = 48
_MOST: Final = 32
_DEEPEST: Final = 8


def arguments_of(arguments: Node) -> str:
    """The tokens of an argument list in brackets, such as `(name,:int,?)`; empty where they are too many to tell."""
    if not arguments.named_child_count:
        return "()"
    given = [child for child in arguments.named_children if not child.type.endswith("comment")]
    if len(given) > _MOST or arguments.has_error:
        return ""
    return f"({','.join(_token(child, 0) for child in given)})"


def parameters_of(definition: Node) -> tuple[str, ...] | None:
    """What a definition takes, None where it has no list of parameters or one that is garbled."""
    holder: Node | None = definition
    while holder is not None and (found := holder.child_by_field_name("parameters")) is None:
        holder = holder.child_by_field_name("declarator")
    if holder is None or found is None or found.has_error or found.type == "template_parameter_list":
        return None
    taken = tuple(_parameters(found))
    return () if taken == ("void",) else taken


def bare_type(text: str) -> str:
    """A written type without its arguments and what says how it is held: `final Map<K, V>[]` is `Map[]`."""
    text = _WORDS.sub(" ", text)
    while "<" in text and (cut := _GENERICS.sub("", text)) != text:
        text = cut
    return "".join(text.replace("&", "").replace("::", ".").split())[:_LONGEST]


def _parameters(parameters: Node) -> Iterator[str]:
    several = False
    for child in parameters.children:
        kind = child.type
        if kind == "params":  # of C#; type and name stand in the list itself
            several = True
        elif kind == "...":
            yield "..."
        elif several and kind not in ("identifier", ",", ")"):
            yield f"{bare_type(text_of(child)).removesuffix('[]')}..."
        elif kind == "spread_parameter":  # of Java
            written = next((one for one in child.named_children if one.type != "modifiers"), None)
            yield f"{bare_type(text_of(written))}..."
        elif kind in ("parameter", "formal_parameter", "parameter_declaration"):
            yield _parameter(child)
        elif kind == "optional_parameter_declaration":
            yield f"{_parameter(child).removesuffix('=')}="
        elif kind == "variadic_parameter_declaration":
            yield f"{_parameter(child)}..."


def _parameter(node: Node) -> str:
    written = bare_type(text_of(node.child_by_field_name("type")))
    declarator = node.child_by_field_name("declarator") or node.child_by_field_name("dimensions")
    if declarator is not None:
        text = text_of(declarator)
        written += "*" * text.count("*") if "*" in text else "[]" * text.count("[")
    marks = [child.type for child in node.children]
    extension = any(text_of(child) == "this" for child in node.children if child.type == "modifier")
    return f"{'this ' if extension else ''}{written}{'=' if '=' in marks else ''}"


def _token(node: Node, depth: int) -> str:
    kind = node.type
    if kind == "identifier":
        return text_of(node)
    known = _LITERALS.get(kind)
    if known is not None:
        return f":{_number(known, text_of(node)) if known in ('int', 'double', 'number') else known}"
    if kind in _TYPED:
        written = bare_type(text_of(node.child_by_field_name("type") or node.child_by_field_name("right")))
        if kind == "array_creation_expression" and not written.endswith("]"):
            written += "[]" * len(node.children_by_field_name("dimensions"))
        return f":{written}" if written and written not in ("var", "auto") else UNKNOWN
    if kind in _INSIDE and node.named_child_count and depth < _DEEPEST:
        inner = node.named_child(node.named_child_count - 1)
        return _token(inner, depth + 1) if inner is not None else UNKNOWN
    if kind == "binary_expression" and depth < _DEEPEST:
        return _operation(node, depth)
    text = text_of(node) if node.end_byte - node.start_byte <= 4 * _LONGEST else UNKNOWN
    found = chain(text)
    return found if found != LITERAL and len(found) <= _LONGEST else UNKNOWN


def _operation(node: Node, depth: int) -> str:
    """A comparison is a truth value; what a text is added to is one."""
    operator = text_of(node.child_by_field_name("operator"))
    if operator in _COMPARISONS:
        return ":bool"
    sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    if operator == "+" and ":string" in [_token(side, depth + 1) for side in sides if side is not None]:
        return ":string"
    return UNKNOWN


def _number(kind: str, text: str) -> str:
    text = text.lower()
    last = text[-1:]
    if kind == "number":
        hexadecimal = text.startswith("0x")
        kind = "double" if not hexadecimal and ("." in text or "e" in text) else "int"
    if kind == "int":
        return "long" if last == "l" else "float" if last == "f" and not text.startswith("0x") else "int"
    return _SUFFIXES.get(last, kind)
