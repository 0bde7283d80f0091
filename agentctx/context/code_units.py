"""Makes units of the symbols of one generation: how each looks as a path, a signature, a skeleton, a body."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agentctx.context.imports import Import, imports_of, used_names
from agentctx.context.shown import Shown
from agentctx.context.units import CODE, Offer, Unit
from agentctx.context.worth import LEVELS, ranked
from agentctx.types.code import ScoutResult, SourceText
from agentctx.types.context import CodeCitation, DetailLevel

if TYPE_CHECKING:
    from agentctx.code.codemap import Codebase

CODE_ID: Final = "c:"
_IMPORT: Final = "#import@"
_FILE: Final = "file"
_SECTION: Final = "section"
_CONTAINERS: Final = frozenset(
    {"class", "interface", "struct", "enum", "trait", "union", "record", "module", "namespace"}
)
# A class or file up to this many tokens (by the estimate of the index) reads best whole.
_SMALL: Final = 600
# Bodies are read for so many times the budget: what comes behind them would not be bought.
_READ: Final = 3
_INDENT: Final = "    "

Read = Callable[[Sequence[str]], Mapping[str, SourceText]]


class Workshop:
    """Makes the units of one repository. read: whole files by path."""

    def __init__(self, codebase: Codebase, repository: str, place: int, read: Read) -> None:
        self._codebase = codebase
        self._repository = repository
        self._place = place
        self._read = read
        self._texts: dict[str, SourceText] = {}
        self._lines: dict[str, list[str]] = {}
        self._imports: dict[str, tuple[Import, ...]] = {}
        self._used: dict[str, frozenset[str]] = {}
        self._bodies: dict[int, str] = {}
        self._named: dict[int, frozenset[str]] = {}
        self._symbols: dict[int, str] = {}
        self._needed: dict[int, list[Unit]] = {}
        self.unread: list[str] = []

    def units(self, found: ScoutResult, budget: int) -> list[Unit]:
        """The units of what scouting found, best first, and of what a reader of them needs."""
        codebase = self._codebase
        hits = {}
        for hit in found.hits:
            unit = codebase.index_of(hit.symbol.id)
            if unit is not None and unit not in hits:
                hits[unit] = hit
        if not hits:
            return []
        room = _READ * budget
        whole: dict[int, None] = {}
        for unit in hits:
            if not self._may_be_whole(unit, budget):
                continue
            room -= int(codebase.tokens[unit])
            if room < 0 and whole:
                break
            whole[unit] = None
        held = [unit for unit in list(hits)[: len(whole)] if codebase.kind_of(unit) in _CONTAINERS]
        self._open({codebase.path_of(unit) for unit in (*whole, *held)})
        for unit in whole:
            path = codebase.path_of(unit)
            self._used[path] = self._used.get(path, frozenset()) | self._names(unit)
        files: dict[str, int] = {}
        for unit in hits:
            files.setdefault(codebase.path_of(unit), len(files))
        made: dict[str, Unit] = {}
        for rank, (unit, hit) in enumerate(hits.items()):
            worth = found.confidence * ranked(rank)
            one = self._unit(unit, worth, files, whole=unit in whole, score=worth, parts=hit.parts, reason=hit.reason)
            made[one.key] = one
        needed: dict[str, Unit] = {}
        for unit in whole:
            for other in self._needs(unit, files):
                if other.key not in made:
                    needed[other.key] = other
        return [*made.values(), *needed.values()]

    def again(self, symbol: str, level: str) -> Unit | None:
        """The unit of a symbol with the one offer of a level."""
        if _IMPORT in symbol:
            return self._import_again(symbol)
        unit = self._codebase.index_of(symbol)
        if unit is None:
            return None
        if level == "body":
            self._open({self._codebase.path_of(unit)})
        offers = self._offers(unit, 0.0, whole=level == "body")
        kept = tuple(offer for offer in offers if offer.level == level)
        if not kept:
            return None
        return Unit(self._key(unit), CODE, (1, self._place, 0, ""), 0.0, kept, reason="shown before")

    def _import_again(self, symbol: str) -> Unit | None:
        path, _, rest = symbol.partition(_IMPORT)
        place, _, text = rest.partition(":")
        start, _, end = place.partition("-")
        self._open({path})
        for one in self._imports_of(path):
            if (str(one.line), str(one.end_line)) == (start, end) and one.of(used_names(text)) == text:
                return self._import_unit(path, one.line, one.end_line, text, {path: 0})
        return None

    # --- units --------------------------------------------------------------------------------------------------------

    def _unit(
        self,
        unit: int,
        worth: float,
        files: Mapping[str, int],
        *,
        whole: bool,
        score: float = 0.0,
        parts: Mapping[str, float] | None = None,
        reason: str = "",
    ) -> Unit:
        path = self._codebase.path_of(unit)
        return Unit(
            self._key(unit),
            CODE,
            (1, self._place, files.get(path, len(files)), path),
            score,
            self._offers(unit, worth, whole=whole),
            parts or {},
            reason,
            needs=tuple([other.key for other in self._needs(unit, files)]) if whole else (),
            inside=self._around(unit),
        )

    def _offers(self, unit: int, worth: float, *, whole: bool) -> tuple[Offer, ...]:
        levels: list[tuple[DetailLevel, str]] = []
        kind = self._codebase.kind_of(unit)
        if kind in (_FILE, _SECTION):
            levels.append(("path", ""))
        else:
            levels.append(("signature", self._declared(unit)))
        if kind in _CONTAINERS or kind == _FILE:
            skeleton = self._skeleton(unit)
            if skeleton:
                levels.append(("skeleton", skeleton))
        body = self._body(unit) if whole else ""
        if body:
            levels.append(("body", body))
        return self._offered(unit, worth, levels)

    def _offered(self, unit: int, worth: float, levels: Sequence[tuple[DetailLevel, str]]) -> tuple[Offer, ...]:
        codebase = self._codebase
        path = codebase.path_of(unit)
        symbol = self._symbol(unit)
        cited = self._cited(path, symbol, int(codebase.start_line[unit]), int(codebase.end_line[unit]))
        language = codebase.languages[codebase.file_of[unit]]
        name = "" if codebase.is_file[unit] else codebase.qualname(unit)
        return tuple(
            [
                Offer(
                    self._id(level, text, symbol), Shown(1, level, cited, text, language, name), worth * LEVELS[level]
                )
                for level, text in levels
            ]
        )

    def _cited(self, path: str, symbol: str, start: int, end: int) -> CodeCitation:
        generation = self._codebase.generation
        text = self._texts.get(path)
        stale = text is not None and text.stale
        return CodeCitation(
            self._repository, path, symbol, start, end, generation.number, generation.commit, stale=stale
        )

    def _needs(self, unit: int, files: Mapping[str, int]) -> list[Unit]:
        """The signatures of the classes around a unit, and the imports that it uses."""
        known = self._needed.get(unit)
        if known is None:
            known = self._needed[unit] = self._make_needs(unit, files)
        return known

    def _make_needs(self, unit: int, files: Mapping[str, int]) -> list[Unit]:
        codebase = self._codebase
        if codebase.is_file[unit] or codebase.kind_of(unit) == _SECTION:
            return []
        needed = []
        parent = int(codebase.parent[unit])
        while parent >= 0 and not codebase.is_file[parent]:
            if codebase.kind_of(parent) in _CONTAINERS:
                needed.append(self._around_unit(parent, files))
            parent = int(codebase.parent[parent])
        path = codebase.path_of(unit)
        used = self._names(unit)
        for one in self._imports_of(path):
            if one.of(used):
                # What all of the file's units use of a statement: one line serves them all.
                text = one.of(self._used.get(path, used))
                needed.append(self._import_unit(path, one.line, one.end_line, text, files))
        return needed

    def _around_unit(self, unit: int, files: Mapping[str, int]) -> Unit:
        """A class by its signature alone."""
        path = self._codebase.path_of(unit)
        offers = self._offered(unit, 0.0, [("signature", self._declared(unit))])
        order = (1, self._place, files.get(path, len(files)), path)
        return Unit(self._key(unit), CODE, order, 0.0, offers, reason="around something shown")

    def _declared(self, unit: int) -> str:
        return self._codebase.signature(unit) or self._codebase.name(unit)

    def _import_unit(self, path: str, line: int, end_line: int, text: str, files: Mapping[str, int]) -> Unit:
        codebase = self._codebase
        file = codebase.file_index(path)
        language = codebase.languages[file] if file is not None else ""
        cited = self._cited(path, path, line, end_line)
        # The same statement may be shown in part for one body, and in another part for another.
        symbol = f"{path}{_IMPORT}{line}-{end_line}:{text}"
        offer = Offer(self._id("signature", text, symbol), Shown(1, "signature", cited, text, language), 0.0)
        order = (1, self._place, files.get(path, len(files)), path)
        key = f"{CODE_ID}{self._repository}:{symbol}"
        return Unit(key, CODE, order, 0.0, (offer,), reason="imported for what is shown")

    # --- texts --------------------------------------------------------------------------------------------------------

    def _skeleton(self, unit: int) -> str:
        """What is declared directly inside, each on a line; "" where nothing is."""
        codebase = self._codebase
        children = codebase.children(unit)
        if not children:
            return ""
        declared = [self._declared(child) for child in children]
        if codebase.is_file[unit]:
            return "\n".join(declared)
        head = self._head(unit, int(codebase.start_line[children[0]]))
        return "\n".join([*head, *(_INDENT + one for one in declared)])

    def _head(self, unit: int, until: int) -> list[str]:
        """A class from its first line to what comes before its first member: its fields, its documentation."""
        codebase = self._codebase
        lines = self._lines.get(codebase.path_of(unit))
        if lines is not None:
            return lines[max(int(codebase.start_line[unit]) - 1, 0) : until - 1]
        doc = codebase.doc(unit)
        return [self._declared(unit), *([f"{_INDENT}{doc}"] if doc else [])]

    def _body(self, unit: int) -> str:
        known = self._bodies.get(unit)
        if known is None:
            known = self._bodies[unit] = self._cut(unit)
        return known

    def _cut(self, unit: int) -> str:
        lines = self._lines.get(self._codebase.path_of(unit))
        if lines is None:
            return ""
        start, end = int(self._codebase.start_line[unit]), int(self._codebase.end_line[unit])
        return "\n".join(lines[max(start - 1, 0) : end])

    def _may_be_whole(self, unit: int, budget: int) -> bool:
        tokens = int(self._codebase.tokens[unit])
        kind = self._codebase.kind_of(unit)
        most = min(budget, _SMALL) if kind in _CONTAINERS or kind == _FILE else budget
        return tokens <= most

    def _around(self, unit: int) -> tuple[str, ...]:
        """The keys of what the unit is a part of, innermost first."""
        around = []
        parent = int(self._codebase.parent[unit])
        while parent >= 0:
            around.append(self._key(parent))
            parent = int(self._codebase.parent[parent])
        return tuple(around)

    def _open(self, paths: Iterable[str]) -> None:
        wanted = sorted(path for path in paths if path not in self._texts)
        if not wanted:
            return
        found = self._read(wanted)
        for path in wanted:
            text = found.get(path)
            if text is None:
                self.unread.append(f"{path} cannot be read by now: index again")
                continue
            self._texts[path] = text
            self._lines[path] = text.text.split("\n")

    def _imports_of(self, path: str) -> tuple[Import, ...]:
        known = self._imports.get(path)
        if known is None:
            file = self._codebase.file_index(path)
            language = self._codebase.languages[file] if file is not None else ""
            known = self._imports[path] = imports_of(self._texts[path].text if path in self._texts else "", language)
        return known

    def _names(self, unit: int) -> frozenset[str]:
        known = self._named.get(unit)
        if known is None:
            known = self._named[unit] = used_names(self._body(unit))
        return known

    def _symbol(self, unit: int) -> str:
        known = self._symbols.get(unit)
        if known is None:
            known = self._symbols[unit] = self._codebase.id_of(unit)
        return known

    def _key(self, unit: int) -> str:
        return f"{CODE_ID}{self._repository}:{self._symbol(unit)}"

    def _id(self, level: str, text: str, symbol: str) -> str:
        digest = hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
        return f"{CODE_ID}{digest}:{level}:{self._repository}:{symbol}"
