"""Symbols by name: whole, qualified or in part, and the nearest ones to a name that nothing bears."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from agentctx.code.codemap import Codebase
from agentctx.code.facts import CALLABLES, CLASSES
from agentctx.code.scope import in_path
from agentctx.errors import InvalidArgument, NotFound
from agentctx.text.hashes import hash_of
from agentctx.types import SymbolResult

_SEPARATORS: Final = re.compile(r"::|->|[.#/\\:]")
_CALL: Final = re.compile(r"\s*\(.*\)\s*$", re.DOTALL)
_ORDINAL: Final = re.compile(r"~\d+$")
_LONGEST: Final = 1_000
_NEAR: Final = 5
_COMPARED: Final = 200

# How well a name fits what was asked: whole and qualified as asked, or only in some way.
_WHOLE, _SUBSEQUENCE, _UNQUALIFIED, _PREFIX, _INSIDE = range(5)


def find(codebase: Codebase, name: str, *, kinds: Sequence[str] = (), path: str = "", k: int = 20) -> SymbolResult:
    """Symbols that `name` stands for, best first: an id, a path, a qualified name or part of one, in any case.

    `filter`, `QuerySet.filter`, `django.db.models.QuerySet.filter`, `query.py::QuerySet.filter:method`. Where nothing
    bears the last part of the name, symbols that begin with it or hold it follow. Ties: outside of tests and vendored
    code first, then classes and functions, then what is used most, then path and line. Raises InvalidArgument.
    """
    name = _checked(name)
    if k < 1:
        raise InvalidArgument(f"k is a number of symbols, 1 or more, not {k}", field="k")
    exact = codebase.index_of(name)
    if exact is not None:
        kept = list(_filtered(codebase, [exact], kinds, path))
        return SymbolResult(tuple(map(codebase.symbol, kept)), len(kept), codebase.generation)
    ranked = _ranked(codebase, _bearers(codebase, name, kinds, path))
    whole = sum(fit <= _WHOLE for fit, _ in ranked)
    if not ranked:
        ranked = _ranked(codebase, _partial(codebase, name, kinds, path))
    return SymbolResult(tuple(codebase.symbol(unit) for _, unit in ranked[:k]), min(whole, k), codebase.generation)


def unit_of(codebase: Codebase, symbol: str) -> int:
    """The unit of an id, or of a name that only one symbol bears (outside of tests, if there is one there).

    Raises NotFound with the nearest names, InvalidArgument with the ids of all where there are several.
    """
    symbol = _checked(symbol, "symbol")
    exact = codebase.index_of(symbol)
    if exact is not None:
        return exact
    ranked = _ranked(codebase, _bearers(codebase, symbol, (), ""))
    best = [unit for fit, unit in ranked if fit == _WHOLE]
    outside = [unit for unit in best if not _is_aside(codebase, unit)]
    found = outside or best
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(codebase.id_of(unit) for unit in found[:_NEAR])
        more = f" and {len(found) - _NEAR} more" if len(found) > _NEAR else ""
        raise InvalidArgument(f"{symbol!r:.200} is the name of {len(found)} symbols: {shown}{more}", field="symbol")
    near = nearest(codebase, symbol)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise NotFound(f"no symbol {symbol!r:.200}{hint}", field="symbol", nearest=",".join(near))


def nearest(codebase: Codebase, name: str, k: int = _NEAR) -> list[str]:
    """Ids of symbols whose names look like `name`, the most alike first. For messages: some 20 ms."""
    wanted = _parts(name)[-1].lower() if _parts(name) else ""
    if not wanted:
        return []
    pairs = {wanted[i : i + 2] for i in range(len(wanted) - 1)} or {wanted}
    alike = sorted(
        ((-sum(pair in known for pair in pairs) / (len(pairs) + abs(len(known) - len(wanted)) / 2), known)
         for known in codebase.name_list),
    )[:_COMPARED]  # fmt: skip
    names = difflib.get_close_matches(wanted, [known for score, known in alike if score < 0], k, 0.5)
    found: list[str] = []
    for near in names:
        ranked = _ranked(codebase, [(_WHOLE, unit) for unit in _named(codebase, near)])
        found += [codebase.id_of(unit) for _, unit in ranked[:1]]
    return found


def _checked(name: str, field: str = "name") -> str:
    name = name.strip() if isinstance(name, str) else ""
    if not name or len(name) > _LONGEST:
        raise InvalidArgument(f"{field} is a symbol's id or name, 1 to {_LONGEST} characters", field=field)
    return name


def _parts(name: str) -> list[str]:
    """`src/app.py::App.run:method~1` -> src, app, py, App, run, method; calls lose their arguments."""
    return [part for part in _SEPARATORS.split(_ORDINAL.sub("", _CALL.sub("", name))) if part]


def _named(codebase: Codebase, last: str) -> Iterator[int]:
    """Units whose name is `last`, in any case."""
    order, folded = codebase.by_name
    wanted = np.uint64(hash_of(last.lower()))
    start, end = folded.searchsorted(wanted), folded.searchsorted(wanted, side="right")
    yield from order[start:end].tolist()


def _bearers(codebase: Codebase, name: str, kinds: Collection[str], path: str) -> list[tuple[int, int]]:
    """Units that the last part of `name` names, with how well the parts before it fit."""
    parts = _parts(name)
    found = [(_WHOLE, unit) for unit in _filtered(codebase, _files(codebase, name), kinds, path)]
    # `App.run:method`, as the tail of an id: a kind at the end is looked at like a filter.
    if len(parts) > 1 and parts[-1] in codebase.kind_names and "." not in name.rpartition(":")[2] and ":" in name:
        kinds, parts = (parts[-1],), parts[:-1]
    if not parts:
        return found
    before = [part.lower() for part in parts[:-1]]
    for unit in _filtered(codebase, _named(codebase, parts[-1]), kinds, path):
        fit = _fit(before, _surroundings(codebase, unit)) if before else _WHOLE
        found.append((fit, unit))
    best = min((fit for fit, _ in found), default=_WHOLE)
    return [one for one in found if one[0] == best or one[0] < _UNQUALIFIED]


def _files(codebase: Codebase, name: str) -> list[int]:
    """Files whose path ends with `name`, at a folder's border."""
    base = name.strip("/").rpartition("/")[2].lower()
    tail = "/" + name.strip("/").lower()
    places = codebase.files_by_name.get(base, ())
    return [int(codebase.first_unit[file]) for file in places if ("/" + codebase.paths[file].lower()).endswith(tail)]


def _surroundings(codebase: Codebase, unit: int) -> list[str]:
    """What stands before a unit's name when it is written in full: folders, file, extension, classes around it."""
    around = [part for part in _SEPARATORS.split(codebase.path_of(unit).lower()) if part]
    name = codebase.name(unit)
    scope = codebase.qualname(unit)
    scope = scope[: -len(name)] if scope.endswith(name) else scope
    return around + [part for part in _SEPARATORS.split(scope.lower()) if part]


def _fit(before: list[str], around: list[str]) -> int:
    """Whether `before` is the end of `around` (an extension may be left out), some of it in order, or neither."""
    size = len(before)
    if around[-size:] == before:
        return _WHOLE
    place = len(around)
    skipped = False
    for part in reversed(before):
        found = next((i for i in range(place - 1, -1, -1) if around[i] == part), None)
        if found is None:
            return _UNQUALIFIED
        skipped |= place - found > 2 or (place - found == 2 and around[place - 1] not in _EXTENSIONS)
        place = found
    return _SUBSEQUENCE if skipped else _WHOLE


_EXTENSIONS: Final = frozenset(
    "py pyi js jsx ts tsx mjs cjs go java rs c h cc cpp hpp cs rb php sh bash __init__ index mod lib".split()
)


def _partial(codebase: Codebase, name: str, kinds: Collection[str], path: str) -> list[tuple[int, int]]:
    """Units whose name begins with the last part of `name`, or holds it."""
    parts = _parts(name)
    last = parts[-1].lower() if parts else ""
    if len(last) < 2:
        return []
    found: list[tuple[int, int]] = []
    before = [part.lower() for part in parts[:-1]]
    for known in _holding(codebase, last):
        fit = _PREFIX if known.startswith(last) else _INSIDE
        found += (
            (fit, unit)
            for unit in _filtered(codebase, _named(codebase, known), kinds, path)
            if not before or _fit(before, _surroundings(codebase, unit)) < _UNQUALIFIED
        )
        if len(found) > _COMPARED:
            break
    return found


def _holding(codebase: Codebase, part: str) -> list[str]:
    """Names that hold `part` and are not it; shortest first."""
    text = codebase.names_joined
    found: list[str] = []
    place = text.find(part)
    while place >= 0:
        start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        if text[start:end] != part:
            found.append(text[start:end])
        place = text.find(part, end)
    return sorted(found, key=lambda known: (not known.startswith(part), len(known), known))


def _filtered(codebase: Codebase, units: Iterable[int], kinds: Collection[str], path: str) -> Iterator[int]:
    inside = in_path(codebase, path) if path else None
    for unit in units:
        if kinds and codebase.kind_of(unit) not in kinds:
            continue
        if inside is not None and not inside[codebase.file_of[unit]]:
            continue
        yield unit


def _is_aside(codebase: Codebase, unit: int) -> bool:
    file = int(codebase.file_of[unit])
    return bool(codebase.is_test[file] or codebase.is_vendored[file])


def _ranked(codebase: Codebase, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted as `find` says."""

    def key(one: tuple[int, int]) -> tuple[object, ...]:
        fit, unit = one
        kind = codebase.kind_of(unit)
        order = 0 if kind in CLASSES else 1 if kind in CALLABLES else 2
        used = int(codebase.graph.in_starts[unit + 1] - codebase.graph.in_starts[unit])
        return fit, _is_aside(codebase, unit), order, -used, unit

    return sorted(found, key=key)
