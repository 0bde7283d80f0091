"""The matches of a query, sorted by what they say. Capture names are the vocabulary; docs/languages.md lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tree_sitter import Node

from agentctx.code.expressions import LITERAL, UNKNOWN, chain
from agentctx.code.facts import CALL, READ, TYPE
from agentctx.code.languages.base import Imported, Language, text_of
from agentctx.code.languages.calling import arguments_of

_BINDINGS: Final = frozenset(
    {"assign", "parameter", "each", "with", "global", "nonlocal", "other", "return", "yield", "narrow"}
)
_PLAIN: Final = frozenset({"base", "decorator", "returns", "export", "default", "package", "skip"})
_REFERENCES: Final = {"call": CALL, "read": READ, "type": TYPE}
# What a statement calls without naming it.
_IMPLICIT: Final = {
    "implicit.with": ("__enter__", "__exit__"),
    "implicit.get": ("__getitem__",),
    "implicit.put": ("__setitem__",),
    "implicit.text": ("__str__",),
    "implicit.size": ("__len__",),
}
_LONGEST_TYPE: Final = 200
_ARGUMENTS: Final = re.compile(r"\s*<.*>$", re.DOTALL)


class Found(NamedTuple):
    """A definition as matched: its node with the wrappers around it, and where its name stands."""

    kind: str
    name: str
    owner: str
    node: Node
    start: int
    end: int
    name_start: int
    name_line: int
    wrapped_export: bool


@dataclass(slots=True)
class Collected:
    """Everything that a query found, by role; each row begins with the byte where it stands."""

    definitions: list[Found] = field(default_factory=list)
    imports: list[tuple[int, int, Imported]] = field(default_factory=list)
    bindings: list[tuple[int, str, str, str, str, int]] = field(default_factory=list)
    references: list[tuple[int, str, str, str, int, str]] = field(default_factory=list)
    implicit: list[tuple[int, str, str, int]] = field(default_factory=list)
    bare: list[tuple[int, str, int]] = field(default_factory=list)
    plain: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {role: [] for role in _PLAIN})
    claimed: set[int] = field(default_factory=set)


def collect(language: Language, source: bytes, matches: Iterable[tuple[int, dict[str, list[Node]]]]) -> Collected:
    """Sort the matches of one file. Linear; about 1 us a match."""
    result = Collected()
    roles: dict[int, str] = {}
    names: dict[bytes, str] = {}
    references, bare, claimed = result.references, result.bare, result.claimed

    for pattern, captures in matches:
        role = roles.get(pattern)
        if role is None:
            role = roles[pattern] = _role(captures)
        if role == "bare":
            node = captures["bare"][0]
            start = node.start_byte
            bare.append((start, _name(names, source[start : node.end_byte]), node.start_point[0] + 1))
        elif role in _REFERENCES:
            node = captures[role][0]
            start = node.start_byte
            receiver = captures.get("receiver")
            before = chain(_text(source, receiver[0])) if receiver else ""
            name = _name(names, source[start : node.end_byte])
            arguments = ""
            if language.overloads and role == "call":
                given = captures.get("arguments")
                arguments = arguments_of(given[0]) if given else "()"
            references.append((start, _REFERENCES[role], name, before, node.start_point[0] + 1, arguments))
        elif role in _BINDINGS:
            _bind(result, source, role, captures)
        elif role in _IMPLICIT:
            node = captures[role][0]
            receiver_text = chain(_text(source, node))
            if receiver_text not in (UNKNOWN, LITERAL):
                line = node.start_point[0] + 1
                result.implicit += ((node.start_byte, name, receiver_text, line) for name in _IMPLICIT[role])
        elif role == "import":
            node = captures["import"][0]
            line = node.start_point[0] + 1
            result.imports += ((node.start_byte, line, imported) for imported in language.imports(node))
            claimed.update(range(node.start_byte, node.end_byte))
        elif role.startswith("definition."):
            _define(result, language, source, role.partition(".")[2], captures)
        else:
            for node in captures[role]:
                result.plain[role].append((node.start_byte, _text(source, node)))
                if role in ("skip", "package"):
                    claimed.add(node.start_byte)
    return result


def _role(captures: dict[str, list[Node]]) -> str:
    for name in captures:
        if (
            name in _REFERENCES
            or name in _BINDINGS
            or name in _PLAIN
            or name in _IMPLICIT
            or name in ("bare", "import")
        ):
            return name
        if name.startswith("definition."):
            return name
    raise ValueError(f"a pattern captures no known role, only {sorted(captures)}")


def _name(names: dict[bytes, str], raw: bytes) -> str:
    name = names.get(raw)
    if name is None:
        name = names[raw] = raw.decode("utf-8", "replace").lstrip("$@&")
    return name


def _text(source: bytes, node: Node) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _bind(result: Collected, source: bytes, role: str, captures: dict[str, list[Node]]) -> None:
    annotation = captures.get("annotation")
    value = captures.get("value")
    written = _text(source, annotation[0])[:_LONGEST_TYPE].strip(": \n\t") if annotation else ""
    given = chain(_text(source, value[0])) if value else ""
    for node in captures[role]:
        start = node.start_byte
        if role in ("return", "yield"):
            result.bindings.append((start, role, "", "", chain(_text(source, node)), node.start_point[0] + 1))
            continue
        target = chain(_text(source, node))
        result.bindings.append((start, role, target, written, given, node.start_point[0] + 1))
        if role != "narrow":
            result.claimed.add(start)
        if "." in target:  # `self.x = ...` is no read of `x`; of `self`, nobody asks
            result.claimed.add(node.end_byte - len(target.rpartition(".")[2].encode()))


def _define(result: Collected, language: Language, source: bytes, kind: str, captures: dict[str, list[Node]]) -> None:
    node = captures[f"definition.{kind}"][0]
    start, end, wrapped = node.start_byte, node.end_byte, False
    outer = node
    while (parent := outer.parent) is not None and parent.type in language.wrappers and not _shared(parent, outer):
        outer = parent
        start, end = outer.start_byte, outer.end_byte
        wrapped = wrapped or outer.type in language.export_wrappers
    owner = ".".join(_ARGUMENTS.sub("", text_of(one)) for one in captures.get("owner", ()))
    for name in captures["name"]:
        text = _text(source, name).strip("\"'`")
        result.claimed.add(name.start_byte)
        line = name.start_point[0] + 1
        result.definitions.append(Found(kind, text, owner, node, start, end, name.start_byte, line, wrapped))


def _shared(wrapper: Node, inner: Node) -> bool:
    """Whether a declaration holds several definitions, so that its range is no one's own."""
    if wrapper.named_child_count < 2:
        return False
    first, second = wrapper.named_child(0), wrapper.named_child(1)
    return first is not None and second is not None and first.type == second.type == inner.type
