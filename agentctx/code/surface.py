"""What a definition looks like from outside: its signature and its documentation."""

from __future__ import annotations

import ast
import re
from typing import Final

from tree_sitter import Node

from agentctx.code.languages.base import Language

_LONGEST_SIGNATURE: Final = 400
_LONGEST_DOC: Final = 4_000
_MOST_COMMENT_LINES: Final = 120
_DECORATION: Final = re.compile(r"^[\s/*#!-]+|\s*\*+/\s*$")


def body_of(node: Node) -> Node | None:
    """Where the inside of a definition begins: its own body, or that of the function that it names."""
    body = node.child_by_field_name("body")
    if body is not None:
        return body
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    return value.child_by_field_name("body") if value is not None else None


def signature_of(node: Node, source: bytes) -> str:
    """The source before the body on one line: `def run(self, host: str = "") -> None`."""
    body = body_of(node)
    end = body.start_byte if body is not None else node.end_byte
    raw = source[node.start_byte : min(end, node.start_byte + 4 * _LONGEST_SIGNATURE)]
    if body is None and (cut := raw.find(b"{")) > 0:
        raw = raw[:cut]
    text = " ".join(raw.decode("utf-8", "ignore").split()).rstrip(" {:;=")
    return text if len(text) <= _LONGEST_SIGNATURE else text[: _LONGEST_SIGNATURE - 1] + "…"


def docstring(node: Node, source: bytes) -> str:
    """The docstring of a module, class or function of Python, without its indent; empty where there is none."""
    body = node.child_by_field_name("body") or node
    for child in body.children:
        if child.type == "comment":
            continue
        if child.type != "expression_statement" or child.child_count == 0:
            return ""
        first = child.children[0]
        if first.type != "string":
            return ""
        return _clean(_unquoted(source[first.start_byte : first.end_byte].decode("utf-8", "replace")))
    return ""


def leading_comment(lines: list[bytes], start_line: int, language: Language) -> str:
    """The comment that ends right above `start_line`, without its marks; attributes may stand between."""
    kept: list[str] = []
    place = start_line - 2
    while place >= 0 and len(kept) < _MOST_COMMENT_LINES:
        line = lines[place].strip().decode("utf-8", "replace")
        place -= 1
        if line.startswith(language.comment) or (kept and _inside_block(kept)) or (line.endswith("*/") and not kept):
            kept.append(line)
        elif not kept and line and line.startswith(language.attribute):
            continue
        else:
            break
    if not kept:
        return ""
    return _clean("\n".join(_DECORATION.sub("", _DECORATION.sub("", line)) for line in reversed(kept)))


def _inside_block(kept: list[str]) -> bool:
    """Whether a `/* */` block, read from its end, has not begun yet."""
    return any(line.endswith("*/") for line in kept[:1]) and not any(line.startswith("/*") for line in kept)


def _unquoted(text: str) -> str:
    if "\\" in text or not text.endswith(('"', "'")):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text.strip("\"'")
        return value if isinstance(value, str) else ""
    text = text.lstrip("rbfuRBFU")
    width = 3 if text[:3] in ('"""', "'''") else 1
    return text[width:-width]


def _clean(text: str) -> str:
    lines = text.expandtabs().splitlines()
    if not lines:
        return ""
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    cleaned = "\n".join([lines[0].strip(), *(line[indent:].rstrip() for line in lines[1:])]).strip()
    return cleaned[:_LONGEST_DOC]
