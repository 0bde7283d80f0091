"""From matches to facts: which definition each of them stands in, and what a definition looks like from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from agentctx.code.facts import CALL, CLASSES, MODULE, READ, Binding, Definition, FileFacts, Import, Reference
from agentctx.code.languages.base import Language
from agentctx.code.languages.calling import parameters_of
from agentctx.code.matches import Collected, Found
from agentctx.code.surface import body_of, docstring, leading_comment, signature_of

_IN_HEADER: Final = frozenset({"parameter", "other"})
_VALUES: Final = frozenset({"constant", "field", "variable"})
_TAKING: Final = frozenset({"function", "method", "constructor", "declaration"})


@dataclass(slots=True)
class _Open:
    """A definition whose range the sweep is in; what stands before its body belongs to the scope around it."""

    end: int
    place: int
    body: int


class Sweep:
    """Finds the innermost definition of ascending byte positions. O(1) amortised; go only forwards."""

    def __init__(self, found: list[Found]) -> None:
        self._found = found
        self._next = 0
        self._stack: list[_Open] = []

    def at(self, position: int, *, header: bool = False) -> int:
        """The scope at `position`; with `header`, a definition's header counts as inside it."""
        stack = self._stack
        while self._next < len(self._found) and self._found[self._next].start <= position:
            one = self._found[self._next]
            while stack and stack[-1].end <= one.start:
                stack.pop()
            stack.append(_Open(one.end, self._next, _body_start(one)))
            self._next += 1
        while stack and stack[-1].end <= position:
            stack.pop()
        if header:
            return stack[-1].place if stack else MODULE
        for around in reversed(stack):
            if around.body <= position < around.end:
                return around.place
        return MODULE


def arrange(
    language: Language, source: bytes, root: Node, collected: Collected, problems: tuple[str, ...]
) -> FileFacts:
    """The facts of a file from what its query found."""
    found = _unique(collected.definitions)
    lines = source.split(b"\n")
    extras = {role: _by_scope(found, collected.plain[role]) for role in ("base", "decorator", "returns")}
    exports = {text.strip("\"'`") for _, text in collected.plain["export"]}
    definitions = _definitions(language, source, lines, found, extras, exports)
    exports.update(f"default={text}" for _, text in collected.plain["default"])
    sweep = Sweep(found)
    imports = [
        Import(one.module, one.name, one.alias, one.level, line, sweep.at(start))
        for start, line, one in sorted(collected.imports, key=lambda row: row[0])
    ]
    sweep = Sweep(found)
    bindings = [
        Binding(target, how, written, value, _holder(sweep.at(start, header=how in _IN_HEADER), definitions), line)
        for start, how, target, written, value, line in sorted(collected.bindings)
    ]
    packages = collected.plain["package"]
    return FileFacts(
        language=language.name,
        lines=len(lines) - (not lines[-1]),
        definitions=tuple(definitions),
        imports=tuple(imports),
        bindings=tuple(bindings),
        references=_references(language, found, definitions, bindings, imports, collected),
        exports=tuple(sorted(exports)) if exports else None,
        package=packages[0][1] if packages else "",
        doc=docstring(root, source) if language.docstrings else "",
        problems=problems,
    )


def _body_start(one: Found) -> int:
    if one.kind in _VALUES:
        return one.start
    body = body_of(one.node)
    return body.start_byte if body is not None else one.name_start


def _unique(found: list[Found]) -> list[Found]:
    """In the order of the text, outer before inner; one for each name, and the first assignment of a variable only."""
    found.sort(key=lambda one: (one.start, -one.end, one.name_start, one.kind in _VALUES))
    kept: list[Found] = []
    seen: set[int] = set()
    for one in found:
        if one.name_start not in seen:
            seen.add(one.name_start)
            kept.append(one)
    return kept


def _by_scope(found: list[Found], rows: list[tuple[int, str]]) -> dict[int, list[str]]:
    sweep = Sweep(found)
    result: dict[int, list[str]] = {}
    for start, text in sorted(rows):
        result.setdefault(sweep.at(start, header=True), []).append(" ".join(text.split()))
    return result


def _definitions(
    language: Language,
    source: bytes,
    lines: list[bytes],
    found: list[Found],
    extras: dict[str, dict[int, list[str]]],
    exports: set[str],
) -> list[Definition]:
    result: list[Definition] = []
    seen: dict[tuple[str, str], int] = {}
    stack: list[tuple[int, int]] = []
    for place, one in enumerate(found):
        while stack and stack[-1][0] <= one.start:
            stack.pop()
        parent = stack[-1][1] if stack else MODULE
        stack.append((one.end, place))
        above = result[parent] if parent != MODULE else None
        kind = one.kind
        if kind == "function" and (
            one.owner or (above is not None and (above.kind in CLASSES or above.kind == "impl"))
        ):
            kind = "method"
        prefix = above.qualname if above is not None else ""
        if one.owner:
            prefix = f"{prefix}.{one.owner}" if prefix else one.owner
        qualname = f"{prefix}.{one.name}" if prefix else one.name
        ordinal = seen[qualname, kind] = seen.get((qualname, kind), -1) + 1
        start_line = (
            source.count(b"\n", 0, one.start) + 1 if one.start != one.node.start_byte else one.node.start_point[0] + 1
        )
        signature = signature_of(one.node, source)
        if kind in _VALUES:
            doc = ""
        elif language.docstrings:
            doc = docstring(one.node, source)
        else:
            doc = leading_comment(lines, start_line, language)
        returns = extras["returns"].get(place)
        result.append(
            Definition(
                name=one.name,
                qualname=qualname,
                kind=kind,
                parent=parent,
                ordinal=ordinal,
                start_line=start_line,
                end_line=max(one.node.end_point[0] + (one.node.end_point[1] > 0), start_line),
                start_byte=one.start,
                end_byte=one.end,
                name_line=one.name_line,
                signature=signature,
                doc=doc,
                returns=returns[0] if returns else "",
                decorators=tuple(extras["decorator"].get(place, ())),
                bases=tuple(extras["base"].get(place, ())),
                exported=_is_exported(language, one, signature, above, exports),
                parameters=parameters_of(one.node) if language.overloads and kind in _TAKING else None,
            )
        )
    return result


def _is_exported(language: Language, one: Found, signature: str, above: Definition | None, exports: set[str]) -> bool:
    if one.wrapped_export or language.exported(one.name, signature):
        return True
    if above is not None:  # where files export by name, members follow their class
        return bool(language.export_wrappers) and above.exported
    return one.name in exports


def _holder(scope: int, definitions: list[Definition]) -> int:
    """The scope that a binding is made in: a constant's own range is none."""
    return definitions[scope].parent if scope != MODULE and definitions[scope].kind in _VALUES else scope


def _references(
    language: Language,
    found: list[Found],
    definitions: list[Definition],
    bindings: list[Binding],
    imports: list[Import],
    collected: Collected,
) -> tuple[Reference, ...]:
    """Calls, reads and types with their scopes. Bare reads of local names are left out: they lead nowhere else."""
    claimed = collected.claimed
    # Patterns overlap: at one place a call says more than a read, and a name with its receiver more than without.
    best: dict[int, tuple[int, str, str, str, int, str]] = {}
    for row in collected.references:
        start = row[0]
        if row[1] != CALL and start in claimed:
            continue
        other = best.get(start)
        if other is None or (row[1] == CALL, row[3] != "", row[5]) > (other[1] == CALL, other[3] != "", other[5]):
            best[start] = row
    for start, name, line in collected.bare:
        if start not in claimed and start not in best:
            best[start] = (start, READ, name, "", line, "")
    local = _locals(definitions, bindings, imports)
    outer = [
        one.parent if one.parent == MODULE or definitions[one.parent].kind not in CLASSES else MODULE
        for one in definitions
    ]
    sweep = Sweep(found)
    result: list[Reference] = []
    previous: Reference | None = None
    selves = language.self_names
    everywhere = not language.file_scoped or any(one.name == "*" for one in imports)
    leading = {one.name for one in definitions}.union(one.alias for one in imports)
    for start, kind, name, receiver, line, arguments in map(best.__getitem__, sorted(best)):
        if kind == READ and not receiver and not everywhere and name not in leading:
            continue
        scope = sweep.at(start)
        if kind == READ and not receiver and (name in selves or _is_local(name, scope, local, outer)):
            continue
        reference = Reference(kind, name, receiver, scope, line, arguments)
        if reference != previous:
            result.append(reference)
            previous = reference
    sweep = Sweep(found)
    stored = {start for start, name, _, _ in collected.implicit if name == "__setitem__"}
    for start, name, receiver, line in sorted(collected.implicit):
        if name == "__getitem__" and start in stored:
            continue
        result.append(Reference(READ, name, receiver, sweep.at(start), line))
    return tuple(result)


def _locals(definitions: list[Definition], bindings: list[Binding], imports: list[Import]) -> dict[int, set[str]]:
    """The names that functions bind by themselves; imports are not among them, they lead elsewhere."""
    local: dict[int, set[str]] = {}
    for one in bindings:
        if one.scope == MODULE or definitions[one.scope].kind in CLASSES or one.how == "narrow":
            continue
        if one.target and "." not in one.target:
            local.setdefault(one.scope, set()).add(one.target)
    for one in bindings:
        if one.how in ("global", "nonlocal") and one.scope in local:
            local[one.scope].discard(one.target)
    for imported in imports:
        if imported.scope in local:
            local[imported.scope].discard(imported.alias)
    return local


def _is_local(name: str, scope: int, local: dict[int, set[str]], outer: list[int]) -> bool:
    while scope != MODULE:
        names = local.get(scope)
        if names is not None and name in names:
            return True
        scope = outer[scope]
    return False
