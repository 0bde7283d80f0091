"""What one content gives to the code map: its units, and the words of each, ready to be put together by the million.

A unit is the file itself (the text outside its definitions), a definition, a section or key of a document, or a
"part": some lines of a unit that is too long to be found as one. It depends on the content and on the kind of its name
alone, so branches, commits and worktrees share it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.classify import UNPARSED, as_utf8
from agentctx.code.facts import CALLABLES, MODULE, Definition, FileFacts
from agentctx.code.languages import BY_NAME
from agentctx.code.units import EXPORTED, FIELDS, FILE, NAME, PART, SCOPE, TEXT, Hashes, encode_units
from agentctx.code.words import vocabulary
from agentctx.text.hashes import hash_of

ANALYSIS_VERSION: Final = 2
"""Raised with every change of what `analyze` yields; analyses of another version are made again."""

_LONG: Final = 60  # lines of a stretch of text beyond which it is cut
_WINDOW: Final = 40
_LONGEST_DOC: Final = 200
_MOST_UNITS: Final = 50_000
_LONGEST_TEXT: Final = 1 << 18  # bytes of documents and configuration
_LONGEST_OTHER: Final = 1 << 14  # of other text: data and translations are longer, and say the same all over
_UNREAD: Final = frozenset(UNPARSED.names())
_WIDTH: Final = len(FIELDS)
_DOC_INSIDE: Final = frozenset({"python"})
"""Languages whose documentation is part of the text that it is about; of others it stands above."""

Longs = npt.NDArray[np.int64]


def analyze(facts: FileFacts, content: bytes) -> bytes:
    """The analysis of a file as bytes; references are not looked at.

    Some 8 MB of code a second. Equal input gives equal bytes.
    """
    source = b"" if _UNREAD.intersection(facts.marks) else as_utf8(content)[0]
    if facts.language not in BY_NAME:
        source = source[: _LONGEST_TEXT if facts.sections else _LONGEST_OTHER]
    return _Analysis(facts, source).run()


@dataclass(slots=True)
class _Unit:
    kind: str
    parent: int
    name: str = ""
    qualname: str = ""
    signature: str = ""
    doc: str = ""
    ordinal: int = 0
    start_line: int = 1
    end_line: int = 1
    start_byte: int = 0
    end_byte: int = 0
    name_line: int = 1
    flags: int = EXPORTED


class _Analysis:
    """One run over one file: units first, then the text, cut into terms once, each given to its units."""

    def __init__(self, facts: FileFacts, source: bytes) -> None:
        self._facts = facts
        self._source = source
        self._lines = _line_starts(source)
        self.units: list[_Unit] = []
        self._main = 0

    def run(self) -> bytes:
        """The analysis, encoded."""
        facts, units = self._facts, self.units
        last = len(self._source)
        units.append(_Unit(FILE, MODULE, doc=facts.doc, end_line=max(facts.lines, 1), end_byte=last))
        units += map(_definition, facts.definitions)
        self._sections()
        if not self._source:
            return self._encoded(np.zeros(0, dtype=np.uint64), *(np.zeros(0, dtype=np.int64) for _ in range(3)))
        inside = self._inside_functions()
        owned = list(self._stretches(inside))
        # What is part of another unit's text, too: definitions in functions, and parts.
        again = [(place, unit.start_byte, unit.end_byte) for place, unit in enumerate(units) if inside[place]]
        for owner, start, end in owned:
            again += self._parts(owner, start, end)
        owners, hashes = self._words(owned, again)
        terms = _distinct(hashes)
        places = terms.searchsorted(hashes)
        size = max(len(terms), 1)
        in_text = np.bincount(places[: self._main], minlength=len(terms))
        in_names = np.bincount(places[owners % _WIDTH == NAME], minlength=len(terms))
        keys, counts = _counted(owners * size + places)
        owners, places = keys // size, keys % size
        for field, found in ((TEXT, in_text), (NAME, in_names)):  # of the file as a whole, before all units
            held = np.flatnonzero(found)
            owners = np.concatenate((np.full(len(held), field), owners))
            places, counts = np.concatenate((held, places)), np.concatenate((found[held], counts))
        return self._encoded(terms, owners, places, counts)

    def _words(self, owned: list[tuple[int, int, int]], again: list[tuple[int, int, int]]) -> tuple[Longs, Hashes]:
        """Every occurrence of a term, by unit and field; those of the text itself first, `_main` in number."""
        words = vocabulary()
        at, found = words.expand_text(self._source)
        self._main = len(found)
        owners = np.array([_code(unit, TEXT) for unit, _, _ in owned], dtype=np.int64)
        starts = np.array([start for _, start, _ in owned], dtype=np.int64)
        all_owners = [owners[starts.searchsorted(at, side="right") - 1] if len(owned) else at]
        all_terms = [found]
        if again:
            bounds = at.searchsorted(np.array([one[1:] for one in again], dtype=np.int64))
            sizes = bounds[:, 1] - bounds[:, 0]
            all_owners.append(np.repeat([_code(unit, TEXT) for unit, _, _ in again], sizes))
            all_terms += [found[first:end] for first, end in bounds.tolist()]
        for pieces, is_name in ((self._docs(), False), (self._names(), True)):
            if pieces:
                text = b"\n".join(piece for _, piece in pieces)
                at, found = (words.expand_names if is_name else words.expand_text)(text)
                starts = np.cumsum([0, *(len(piece) + 1 for _, piece in pieces[:-1])], dtype=np.int64)
                codes = np.array([code for code, _ in pieces], dtype=np.int64)
                all_owners.append(codes[starts.searchsorted(at, side="right") - 1])
                all_terms.append(found)
        return np.concatenate(all_owners), np.concatenate(all_terms)

    def _docs(self) -> list[tuple[int, bytes]]:
        if self._facts.language in _DOC_INSIDE:
            return []
        return [
            (_code(place, TEXT), unit.doc.encode("utf-8", "replace"))
            for place, unit in enumerate(self.units)
            if place and unit.doc
        ]

    def _names(self) -> list[tuple[int, bytes]]:
        """Names, and what stands before them in qualified ones."""
        found: list[tuple[int, bytes]] = []
        for place, unit in enumerate(self.units):
            if unit.name:
                found.append((_code(place, NAME), unit.name.encode("utf-8", "replace")))
                if len(unit.qualname) > len(unit.name) and unit.qualname.endswith(unit.name):
                    scope = unit.qualname[: -len(unit.name)]
                    found.append((_code(place, SCOPE), scope.encode("utf-8", "replace")))
        return found

    def _sections(self) -> None:
        places: dict[tuple[str, ...], int] = {}
        seen: Counter[tuple[str, str]] = Counter()
        for one in self._facts.sections:
            qualname = "/".join(one.path)
            ordinal = seen[qualname, one.kind]
            seen[qualname, one.kind] += 1
            parent = places.get(one.path[:-1], 0)
            places[one.path] = len(self.units)
            unit = _Unit(one.kind, parent, one.path[-1] if one.path else "", qualname, ordinal=ordinal)
            unit.start_line, unit.end_line, unit.name_line = one.start_line, one.end_line, one.start_line
            unit.start_byte, unit.end_byte = self._byte_of(one.start_line), self._byte_of(one.end_line + 1)
            self.units.append(unit)

    def _inside_functions(self) -> list[bool]:
        """Of each unit, whether it is part of a function's text."""
        inside = [False] * len(self.units)
        for place, unit in enumerate(self.units):
            if unit.parent >= 0 and place:  # what is around comes first
                inside[place] = inside[unit.parent] or self.units[unit.parent].kind in CALLABLES
        return inside

    def _stretches(self, inside: list[bool]) -> Iterator[tuple[int, int, int]]:
        """The text cut into pieces, each with the unit that it belongs to: the innermost one outside of functions."""
        units = self.units
        order = sorted(
            (place for place in range(1, len(units)) if not inside[place]),
            key=lambda place: (units[place].start_byte, -units[place].end_byte),
        )
        stack, place = [(0, len(self._source))], 0
        for one in order:
            begin = units[one].start_byte
            while len(stack) > 1 and begin >= stack[-1][1]:
                owner, end = stack.pop()
                if end > place:
                    yield owner, place, end
                    place = end
            if begin > place:
                yield stack[-1][0], place, begin
                place = begin
            stack.append((one, min(units[one].end_byte, stack[-1][1])))
        for owner, end in reversed(stack):
            if end > place:
                yield owner, place, end
                place = end

    def _parts(self, owner: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Adds the parts of a long stretch."""
        first, last = self._line_of(start), self._line_of(max(end - 1, start))
        if last - first < _LONG:
            return
        for line in range(first, last + 1, _WINDOW):
            if len(self.units) > _MOST_UNITS:
                return
            until = min(line + _WINDOW - 1, last)
            begin, stop = max(self._byte_of(line), start), min(self._byte_of(until + 1), end)
            unit = _Unit(PART, owner, start_line=line, end_line=until, name_line=line, flags=0)
            unit.start_byte, unit.end_byte = begin, stop
            self.units.append(unit)
            yield len(self.units) - 1, begin, stop

    def _line_of(self, byte: int) -> int:
        return bisect_right(self._lines, byte)

    def _byte_of(self, line: int) -> int:
        return self._lines[line - 1] if line <= len(self._lines) else len(self._source)

    def _encoded(self, terms: Hashes, owners: Longs, places: Longs, counts: Longs) -> bytes:
        facts, units = self._facts, self.units
        kinds = sorted({unit.kind for unit in units})
        code = {kind: place for place, kind in enumerate(kinds)}
        columns = [
            (code[one.kind], one.parent, one.ordinal, one.start_line, one.end_line, one.start_byte, one.end_byte,
             one.name_line, one.flags)
            for one in units
        ]  # fmt: skip
        return encode_units(
            language=facts.language,
            lines=facts.lines,
            marks=facts.marks,
            kinds=kinds,
            columns=np.array(columns, dtype=np.int32),
            local=[hash_of(_local_id(one)) for one in units],
            folded=[hash_of(one.name.lower()) if one.name else 0 for one in units],
            terms=terms,
            owners=owners,
            places=places,
            counts=counts,
            texts=[
                text.encode("utf-8", "replace")
                for one in units
                for text in (one.name, one.qualname, one.signature, _first_line(one.doc))
            ],
        )


def _code(unit: int, field: int) -> int:
    return (unit + 1) * _WIDTH + field


def _definition(one: Definition) -> _Unit:
    return _Unit(
        one.kind, one.parent + 1, one.name, one.qualname, one.signature, one.doc, one.ordinal, one.start_line,
        one.end_line, one.start_byte, one.end_byte, one.name_line, EXPORTED if one.exported else 0,
    )  # fmt: skip


def _distinct(hashes: Hashes) -> Hashes:
    found = np.sort(hashes)
    return found[_first(found)]


def _counted(keys: Longs) -> tuple[Longs, Longs]:
    """Each key once, ascending, and how often it was there."""
    keys = np.sort(keys)
    starts = np.flatnonzero(_first(keys))
    return keys[starts], np.diff(starts, append=len(keys))


def _first(ascending: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    first = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return first


def _line_starts(source: bytes) -> list[int]:
    """Where each line begins."""
    ends = np.flatnonzero(np.frombuffer(source, np.uint8) == ord("\n"))
    return [0, *(ends + 1).tolist()]


def _local_id(unit: _Unit) -> str:
    """What stands behind `PATH::` in the id; a file and a part have none of their own."""
    if unit.kind == FILE:
        return ""
    if unit.kind == PART:
        return f"{unit.start_line}-{unit.end_line}:{PART}"
    tail = f"~{unit.ordinal}" if unit.ordinal else ""
    return f"{unit.qualname}:{unit.kind}{tail}"


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= _LONGEST_DOC else line[: _LONGEST_DOC - 1] + "…"
