"""The yardsticks of the localization benchmark: plain BM25 over files and over units, sharing nothing with the engine.

Terms are identifiers split at case and underscore, the whole kept as well; candidates are Python files outside tests;
a query term counts the square root of how often it occurs, of three occurrences at most.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agentctx_bench.localization_data import Blob

K1, B = 1.2, 0.75
FILE_PATH_WEIGHT, UNIT_PATH_WEIGHT = 5, 1
_MOST_COUNTED: Final = 3
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORTEST: Final = 2
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing"})


def terms(text: str) -> Iterator[str]:
    """The terms of a text: each identifier in lower case and its parts, letters alone left out."""
    for identifier in _IDENTIFIER.findall(text):
        parts = _PART.findall(identifier)
        whole = identifier.lower()
        if len(whole) >= _SHORTEST:
            yield whole
        if len(parts) > 1 or (parts and parts[0].lower() != whole):
            for part in parts:
                if len(part) >= _SHORTEST:
                    yield part.lower()


def candidate(path: str) -> bool:
    """Whether a path is that of a Python file outside tests."""
    *folders, name = path.split("/")
    return (
        name.endswith(".py")
        and not _TEST_FOLDERS.intersection(folders)
        and not name.startswith("test_")
        and not name.endswith("_test.py")
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """A function, a class header, or what is left of a module. `name` is empty for the latter.

    counts: how often the terms that any query asks for occur in it; length: how many terms it has.
    """

    name: str
    line: int
    text: str
    counts: Mapping[str, int]
    length: int


class Corpus:
    """Terms by blob, so that what commits share is analysed once. Keeps the terms of `vocabulary` only."""

    def __init__(self, vocabulary: Iterable[str], *, units: bool) -> None:
        self._vocabulary = frozenset(vocabulary)
        self._split = _units if units else _whole
        self._known: dict[str, tuple[Unit, ...]] = {}

    def units(self, blob: Blob, read: Callable[[str], bytes]) -> tuple[Unit, ...]:
        """The units of a file."""
        known = self._known.get(blob.hash)
        if known is None:
            text = read(blob.hash).decode("utf-8", "replace")
            known = self._known[blob.hash] = tuple(
                Unit(name, line, part, *self.count(part)) for name, line, part in self._split(text)
            )
        return known

    def count(self, text: str) -> tuple[dict[str, int], int]:
        """(occurrences of what is asked for, number of terms) of a text."""
        every = Counter(terms(text))
        return {term: every[term] for term in self._vocabulary & every.keys()}, every.total()


def query_weights(issue: str) -> dict[str, float]:
    """The terms of an issue with their weights."""
    return {term: math.sqrt(min(count, _MOST_COUNTED)) for term, count in Counter(terms(issue)).items()}


def rank(
    issue: str, blobs: Iterable[Blob], corpus: Corpus, read: Callable[[str], bytes], *, path_weight: int
) -> list[tuple[float, str, Unit]]:
    """All units that share a term with the issue as (score, path, unit), best first; ties by path and place."""
    weights = query_weights(issue)
    wanted = weights.keys()
    documents: list[tuple[str, Unit, dict[str, int], int]] = []
    frequency: Counter[str] = Counter()
    for blob in blobs:
        on_path, path_length = corpus.count(blob.path)
        added = {term: path_weight * times for term, times in on_path.items() if term in wanted}
        for unit in corpus.units(blob, read):
            counts = {term: unit.counts[term] for term in wanted & unit.counts.keys()}
            for term, times in added.items():
                counts[term] = counts.get(term, 0) + times
            frequency.update(counts.keys())
            documents.append((blob.path, unit, counts, unit.length + path_weight * path_length))
    if not documents:
        return []
    size = len(documents)
    # Summed in the order of the issue: sets of texts come in another order in each process, and sums with them.
    idf = {t: math.log(1 + (size - frequency[t] + 0.5) / (frequency[t] + 0.5)) * w for t, w in weights.items()}
    mean = sum(length for *_, length in documents) / size
    ranked = []
    for path, unit, counts, length in documents:
        norm = K1 * (1 - B + B * length / mean)
        score = math.fsum(idf[term] * (K1 + 1) * count / (count + norm) for term, count in counts.items())
        if score > 0:
            ranked.append((score, path, unit))
    return sorted(ranked, key=lambda one: (-one[0], one[1], one[2].line))


def best_by_file(ranked: Iterable[tuple[float, str, Unit]]) -> list[str]:
    """The files in the order of their best unit."""
    return list(dict.fromkeys(path for _, path, _ in ranked))


def _whole(text: str) -> list[tuple[str, int, str]]:
    return [("", 1, text)]


def _units(text: str) -> list[tuple[str, int, str]]:
    """(name, first line, text) of functions, class headers and the rest. What does not parse is one unit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _whole(text)
    lines = text.splitlines(keepends=True)
    owner = [""] * len(lines)
    first: dict[str, int] = {"": 1}

    def visit(body: Iterable[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{node.name}"
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                first.setdefault(name, start)
                owner[start - 1 : node.end_lineno] = [name] * ((node.end_lineno or start) - start + 1)
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{name}.")
            elif not prefix and isinstance(node, ast.If | ast.Try | ast.With):
                visit(_statements(node), prefix)

    visit(tree.body, "")
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for name, line in zip(owner, lines, strict=True):
        parts[name].append(line)
    return [(name, first[name], "".join(part)) for name, part in sorted(parts.items(), key=lambda one: first[one[0]])]


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    for field in ("body", "orelse", "finalbody"):
        yield from getattr(node, field, ())
    for handler in getattr(node, "handlers", ()):
        yield from handler.body
