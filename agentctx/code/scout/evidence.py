"""Evidence for files and units, and how it is put together: a weighted sum of views, each from 0 to 1.

Every view is scaled by its best value in the repository, so a score depends on the query and the generation, not on
which candidates a round happened to look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase, terms_of
from agentctx.code.query.analyze import Query
from agentctx.code.query.segments import Kind
from agentctx.code.scout.binding import Bound, saturate
from agentctx.code.scout.structure import Structure

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_TOP: Final = 3
_TESTS: Final = 20
_FAR_BELOW: Final = 0.1
_TITLE: Final[frozenset[Kind]] = frozenset({"title"})


@dataclass(frozen=True, slots=True)
class Weights:
    """How views count: one for a strong view, about a half or a third for a weak one. Measured as a whole on the
    development part of the localization benchmark; no single figure in here moves it beyond its noise (docs/scout.md).

    Of a file: its words, those of its best unit and its three best ones, twice again for the title alone, its path,
    what was bound to it, its tests, what its units are related to, and priors. Of a unit: its words, those of the class
    around it, traces, relations, being a class, and the file that it is in.
    """

    file_text: float = 1.0
    file_title: float = 0.5
    best_unit: float = 1.0
    best_unit_title: float = 1.0
    top_units: float = 1.0
    path: float = 0.5
    named: float = 1.0
    named_path: float = 2.5
    traced_file: float = 1.0
    tests: float = 0.3
    best_test: float = 0.3
    uses: float = 0.3
    used_by: float = 0.3
    family: float = 0.5
    tested: float = 0.5
    beside: float = -1.0
    package: float = -0.5
    document: float = -2.0
    test: float = -1.0
    unit_text: float = 1.0
    around: float = 0.1
    is_class: float = -0.1
    in_document: float = -0.3
    traced: float = 0.5
    unit_relations: float = 0.1
    in_file: float = 0.12


DEFAULT: Final = Weights()


@dataclass(slots=True)
class Evidence:
    """What is known so far. `units` and `files` are the sums; both only grow by `relate`."""

    codebase: Codebase
    made: Structure
    bound: Bound
    weights: Weights
    allowed: Flags
    text: Floats
    """Of units: their words, with those of what they stand for."""
    around: Floats
    """Of units: the words of the class that each is in, since a method is about what its class is about."""
    file_parts: dict[str, Floats]
    related: dict[str, Floats]
    shares: dict[str, Floats] = field(default_factory=dict)
    """`related`, scaled."""
    files: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    units: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def relate(self, gained: Mapping[str, Floats]) -> None:
        """Add what an expansion found, by relation, and sum up again."""
        for name, values in gained.items():
            self.related[name] = self.related[name] + values
        self.sum_up()

    def sum_up(self) -> None:
        """Put everything together."""
        codebase, weights = self.codebase, self.weights
        related = self.shares = {name: scaled(np.sqrt(values)) for name, values in self.related.items()}
        files = np.zeros(codebase.files, np.float32)
        for name, values in self.file_parts.items():
            files += np.float32(getattr(weights, name)) * values
        for name, values in related.items():
            files += np.float32(getattr(weights, name)) * best_of_file(codebase, values)
        self.files = np.where(self.allowed, files, -np.inf)
        units = (
            np.float32(weights.unit_text) * self.text
            + np.float32(weights.around) * self.around
            + np.float32(weights.is_class) * ~self.made.callable
            + np.float32(weights.in_document) * self.file_parts["document"][codebase.file_of]
            + np.float32(weights.traced) * self.bound.traced
            + np.float32(weights.unit_relations) * sum(related.values())
        )
        best = self.files.max(initial=0.0)
        units = units + np.float32(weights.in_file) * (self.files - best)[codebase.file_of]
        counted = self.made.hit & self.allowed[codebase.file_of] & self.touched()
        self.units = np.where(counted, units, -np.inf)

    def touched(self) -> Flags:
        """Units that anything at all speaks for."""
        found = (self.text > 0) | (self.bound.traced > 0) | (self.bound.named > 0)
        for values in self.related.values():
            found |= values > 0
        return found

    def parts(self, unit: int) -> dict[str, float]:
        """What the score of a unit is the sum of."""
        weights = self.weights
        file = int(self.codebase.file_of[unit])
        parts = {
            "text": weights.unit_text * float(self.text[unit]),
            "around": weights.around * float(self.around[unit]),
            "class": 0.0 if self.made.callable[unit] else weights.is_class,
            "document": weights.in_document * float(self.file_parts["document"][file]),
            "trace": weights.traced * float(self.bound.traced[unit]),
            "file": weights.in_file * float(self.files[file] - self.files.max(initial=0.0)),
        }
        for name, values in self.shares.items():
            parts[name] = weights.unit_relations * float(values[unit])
        return {name: value for name, value in parts.items() if value}

    def strength(self) -> Floats:
        """How much each unit is worth starting from: its words, and what was bound to it."""
        anchored = saturate(self.bound.named) + self.bound.traced
        found: Floats = np.where(self.allowed[self.codebase.file_of], np.maximum(self.text, anchored), 0)
        return found


def gather(codebase: Codebase, made: Structure, query: Query, bound: Bound, allowed: Flags) -> Evidence:
    """The evidence of words and anchors, before any expansion. Some 100 us a word of the query on large code bases."""
    weights = DEFAULT
    whole = rare_first(codebase, term_weights(query))
    title = rare_first(codebase, term_weights(query, only=_TITLE)) or whole
    on_path = rare_first(codebase, term_weights(query, paths=True))
    inside = allowed[codebase.file_of]
    by_unit, by_file = codebase.words.score(whole), codebase.file_words.score(whole)
    text = _folded(codebase, made, np.where(inside, by_unit, 0))
    titled = _folded(codebase, made, np.where(inside, codebase.words.score(title), 0))
    testing = best_of_file(codebase, np.where(codebase.is_test[codebase.file_of], by_unit, 0))
    parts = {
        "file_text": scaled(np.where(allowed, by_file, 0)),
        "file_title": scaled(np.where(allowed, codebase.file_words.score(title), 0)),
        "best_unit": best_of_file(codebase, text),
        "best_unit_title": best_of_file(codebase, titled),
        "top_units": scaled(_top_units(codebase, np.where(made.hit & ~codebase.is_file, text, 0))),
        "path": scaled(np.where(allowed, codebase.path_words.score(on_path), 0)),
        "named": best_of_file(codebase, saturate(bound.named)),
        "named_path": np.minimum(bound.file_named, 1),
        "traced_file": bound.file_traced,
        "tests": _from_tests(codebase, made, scaled(np.where(codebase.is_test, by_file, 0))),
        "best_test": _from_tests(codebase, made, scaled(testing)),
        "beside": made.beside.astype(np.float32),
        "package": made.package.astype(np.float32),
        "document": np.where(query.about_documents, 0, ~codebase.is_code).astype(np.float32),
        "test": codebase.is_test.astype(np.float32),
    }
    bound.traced = _folded(codebase, made, bound.traced, scale=False)
    bound.named = _folded(codebase, made, bound.named, scale=False)
    up = np.maximum(codebase.parent, 0)
    around = np.where(codebase.is_file[up], 0, text[up]).astype(np.float32)
    related = {name: np.zeros(len(codebase), np.float32) for name in ("uses", "used_by", "family")}
    related["tested"] = _tested(codebase, made, by_unit, allowed)
    found = Evidence(codebase, made, bound, weights, allowed, text, around, parts, related)
    found.sum_up()
    return found


def term_weights(query: Query, only: frozenset[Kind] | None = None, *, paths: bool = False) -> dict[int, float]:
    """The words of a query by hash: the root of their summed weights, so that repeating says less and less."""
    told = query.stretches(paths=paths)
    stretches = [(text, weight) for kind, text, weight in told if only is None or kind in only]
    if only is not None:
        stretches = [(text, 1.0) for text, _ in stretches]
    summed = terms_of([text for text, _ in stretches], [weight for _, weight in stretches])
    return {term: weight**0.5 for term, weight in summed.items()}


def rare_first(codebase: Codebase, terms: dict[int, float]) -> dict[int, float]:
    """The same terms with rare ones weighted up by the root of their rarity, on top of what BM25 does.

    An issue is long, and its many common words would otherwise drown the few that tell.
    """
    rarity = codebase.words.rarity(list(terms)).tolist()
    return {term: weight * rare**0.5 for (term, weight), rare in zip(terms.items(), rarity, strict=True)}


def scaled(values: npt.NDArray[Any]) -> Floats:
    """So that the best is 1."""
    best = float(values.max(initial=0.0))
    found: Floats = (values / best if best > 0 else values).astype(np.float32)
    return found


def best_of_file(codebase: Codebase, values: Floats) -> Floats:
    """The highest value among the units of each file."""
    if not len(values):
        return np.zeros(codebase.files, np.float32)
    found: Floats = np.maximum.reduceat(values, codebase.first_unit[:-1])
    return found


def _folded(codebase: Codebase, made: Structure, values: npt.NDArray[Any], *, scale: bool = True) -> Floats:
    """Each unit's best, with what is inside and stands behind it: a long function is as good as its best part."""
    values = values.astype(np.float32)
    found = values.copy()
    np.maximum.at(found, made.shown, values)
    return scaled(found) if scale else found


def _from_tests(codebase: Codebase, made: Structure, values: Floats) -> Floats:
    """What the test files of each file say: an issue reads like the test that it lacks."""
    found = np.zeros(codebase.files, np.float32)
    tests, tested, share = made.tests
    np.maximum.at(found, tested, values[tests] * share)
    return found


def _tested(codebase: Codebase, made: Structure, by_unit: Floats, allowed: Flags) -> Floats:
    """What the tests that read most like the query use: they are named for behaviour, and call what shows it."""
    testing = made.callable & made.hit & codebase.is_test[codebase.file_of]
    likeness = scaled(np.where(testing, by_unit, 0))
    found = np.zeros(len(codebase), np.float32)
    for test in np.argsort(-likeness, kind="stable")[:_TESTS].tolist():
        if likeness[test] <= 0:
            break
        used = made.uses.from_(test)
        used = used[allowed[codebase.file_of[used]]]
        shared = made.used_by.starts[used + 1] - made.used_by.starts[used]
        found[used] += (likeness[test] ** 2 / np.log2(2 + shared)).astype(np.float32)
    return found


def _top_units(codebase: Codebase, values: Floats) -> Floats:
    """The sum of the three highest of each file, those far below the best of all left out."""
    kept = np.flatnonzero(values > _FAR_BELOW * values.max(initial=0.0))
    files = codebase.file_of[kept]
    order = np.lexsort((-values[kept], files))
    files, ranked = files[order], values[kept][order]
    first = np.searchsorted(files, np.arange(codebase.files))
    place = np.arange(len(files)) - first[files]
    few = place < _TOP
    found: Floats = np.bincount(files[few], weights=ranked[few], minlength=codebase.files).astype(np.float32)
    return found
