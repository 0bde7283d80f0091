"""The tags of one namespace: a function of its log, of the users' edits in it, and of the rules' version."""

from __future__ import annotations

import json
from array import array
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import log
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.tag_building import building
from agentctx.index.tag_candidates import SeenOnce
from agentctx.index.tag_edits import TagEdits
from agentctx.index.tag_graph import TagGraph
from agentctx.index.tag_postings import Fold, Rows, TagPostings, folding
from agentctx.index.tag_vocabulary import DERIVED, GIVEN, MADE, WRITTEN, TagVocabulary
from agentctx.text.phrases import VERSION, Phrase, key_of
from agentctx.types import TagEdit

if TYPE_CHECKING:
    from agentctx.index.tag_match import Embed

KNOWN: Final = 5  # known tags that one text may bear
NEW: Final = 6  # phrases of one text that may become tags when they are seen again
MOST: Final = 100_000  # derived tags; past it, those of two or three old episodes go
AT_ONCE: Final = 2_000  # rows, or edits of users, up to which a graph is built in one go, some 20 ms
_WORDS_AT_ONCE: Final = 5  # ... and tags by that
_NOT_DERIVED: Final = -1
_EMPTY: Final = np.zeros(0, dtype=np.int32)
_POSTINGS: Final = ("derived", "given", "written")


class TagIndex:
    """Tags of the episodes by row, and the graph from broad to narrow ones.

    A phrase becomes a tag in the second episode that holds it. Tags that callers give are tags at once. What users
    edit lies over it all by name, so that every edit can be undone. The owner locks.
    """

    def __init__(self, most: int = MOST) -> None:
        self.words = TagVocabulary()
        self.derived = TagPostings()
        self.given = TagPostings()
        self.written = TagPostings()
        self.edits = TagEdits()
        self.rows = 0
        self.version = 0  # grows with every change that may move a tag
        self._most = most
        self._once = SeenOnce()
        self._df = array("i")  # derived postings by tag
        # By row what a model said: its tags and relations; and the same as a snapshot keeps it, the last word counts.
        self._said: dict[int, tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = {}
        self._said_log: Growable[np.int32] = Growable(np.int32, 3)
        self._graph: TagGraph | None = None
        self._aliases: tuple[int, dict[str, list[str]]] | None = None  # (version of the edits, by name its aliases)
        # (what of, names, numbers, vectors) of the tags that can be found by meaning
        self._vectors: tuple[tuple[int, int], list[str], npt.NDArray[np.int64], npt.NDArray[np.float32]] | None = None

    def __len__(self) -> int:
        return len(self.words)

    # --- the log ------------------------------------------------------------------------------------------------------

    def add(self, said: Sequence[Sequence[Phrase]], given: Sequence[Sequence[str]]) -> None:
        """Take up the next rows: the phrases of their texts, and the tags that callers gave them. Some 8 us a row."""
        pairs: list[tuple[int, int]] = []
        for row, (candidates, tags) in enumerate(zip(said, given, strict=True), self.rows):
            for tag in dict.fromkeys(tags):
                self.given.add(self._number(tag, GIVEN), row)
            self._derive(row, candidates, pairs)
        self.rows += len(said)
        self.derived.add_pairs(pairs)
        self.version += 1
        self._merge_long_tails()

    def change(self, row: int, before: Sequence[str], after: Sequence[str]) -> None:
        """The caller's tags of a row were replaced."""
        if before == after:
            return
        for tag in set(before) - set(after):
            self.given.remove(self._number(tag, GIVEN), row)
        for tag in dict.fromkeys(tag for tag in after if tag not in before):
            self.given.add(self._number(tag, GIVEN), row)
        self.version += 1

    def write(self, row: int, tags: Sequence[str], relations: Sequence[tuple[str, str]] = ()) -> None:
        """What a language model said of a row, in place of what one said before; no tags: back to the rules alone.

        relations: (broader, narrower) pairs.
        """
        old, _ = self._said.pop(row, ((), ()))
        new = tuple(dict.fromkeys(self._number(tag, WRITTEN) for tag in tags))
        for number in set(old) - set(new):
            self.written.remove(number, row)
        for number in new:
            if number not in old:
                self.written.add(number, row)
        pairs = [(self.words.find(up), self.words.find(down)) for up, down in relations]
        self._say(row, new, tuple((up, down) for up, down in pairs if up is not None and down is not None))
        self.version += 1

    def _say(self, row: int, tags: tuple[int, ...], relations: tuple[tuple[int, int], ...]) -> None:
        self._said_log.append((row, -1, -1))
        for entry in (*((tag, -1) for tag in tags), *relations):
            self._said_log.append((row, *entry))
        if tags:
            self._said[row] = tags, relations

    def edit(self, edits: Iterable[TagEdit]) -> None:
        """Take up users' edits of the log."""
        for edit in edits:
            self.edits.apply(edit)
            for name in (edit.tag, edit.other) if edit.op in ("add", "rename") else ():
                if name in self.edits.made:
                    self._number(name, MADE)
        self.version += 1

    def _derive(self, row: int, candidates: Sequence[Phrase], pairs: list[tuple[int, int]]) -> None:
        by_key, counts = self.words.by_key, self._df
        known: list[tuple[float, int]] = []
        new = 0
        for phrase in candidates:
            number = by_key.get(phrase.key)
            if number is not None and counts[number] >= 0:
                known.append((-phrase.weight * log((row + 2) / (counts[number] + 1)), number))
            elif new < NEW:
                new += 1
                first = self._once.take(phrase.key, row)
                if first >= 0:
                    number = self._number(phrase.name, DERIVED, phrase.key)
                    pairs += ((number, first), (number, row))
                    counts[number] = 2
        known.sort()
        for _, number in known[:KNOWN]:
            pairs.append((number, row))
            counts[number] += 1

    def _number(self, name: str, kind: int, key: str | None = None) -> int:
        number = self.words.add(name, kind, key)
        if number == len(self._df):
            self._df.append(_NOT_DERIVED)
        if kind & (GIVEN | DERIVED) and self._df[number] == _NOT_DERIVED:
            self._df[number] = 0  # from now on the rules may find it in a text
        return number

    def _merge_long_tails(self) -> None:
        if len(self.words) > self._most and int((self.words.kinds.array == DERIVED).sum()) > self._most:
            self._forget_rare()
        elif self.derived.wants_merge:
            self.derived.merge()
        for postings in (self.given, self.written):
            if postings.wants_merge:
                postings.merge()

    def merge(self) -> None:
        """Fold every tail into the rest, at once."""
        for postings in self._all:
            postings.merge()

    @property
    def due(self) -> bool:
        """Whether some postings have a tail that is worth folding into the rest."""
        return any(postings.due for postings in self._all)

    def folds(self) -> list[tuple[TagPostings, Generator[None, None, Fold]]]:
        """The postings that are due, each with what folds them beside; hand the result to `take`, locked."""
        return [(postings, folding(postings.arrays())) for postings in self._all if postings.due]

    def take(self, words: TagVocabulary, folds: Sequence[tuple[TagPostings, Fold]]) -> None:
        """Put what was folded in the place of what it was made of, unless tags got other numbers since."""
        if words is self.words:
            for postings, fold in folds:
                postings.take(fold)

    def _forget_rare(self) -> None:
        """Drop derived tags of the fewest rows, and among equals the oldest, until a quarter of the room is free."""
        kinds = self.words.kinds.array
        rare = np.flatnonzero(kinds == DERIVED)
        counts = np.frombuffer(self._df, dtype=np.int32)[rare]
        tags, rows = self.derived.pairs()
        last = rows[np.searchsorted(tags, rare, side="right") - 1]
        order = rare[np.lexsort((last, counts))]
        drop = order[: max(0, len(rare) - 3 * self._most // 4)]
        kept = np.ones(len(kinds), dtype=bool)
        kept[drop] = False
        numbers = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
        self.words = self.words.kept(numbers)
        self._df = array("i", np.frombuffer(self._df, dtype=np.int32)[kept].tobytes())
        for postings in (self.derived, self.given, self.written):
            postings.merge(numbers)
        said, self._said, self._said_log = self._said, {}, Growable(np.int32, 3)
        for row, (tags_said, relations) in said.items():  # what a model named is never dropped
            pairs = tuple((int(numbers[up]), int(numbers[down])) for up, down in relations)
            self._say(row, tuple(int(numbers[tag]) for tag in tags_said), pairs)
        self._graph = None

    # --- looking ------------------------------------------------------------------------------------------------------

    def find(self, name: str) -> str | None:
        """The tag that a name stands for, edits considered; None if there is none."""
        target = self.edits.resolve(name)
        if target is None:
            return None
        return target if target in self.edits.made or self.words.find(target) is not None else None

    def members(self, name: str) -> list[int]:
        """The numbers of a tag and of everything that was renamed to or merged into it."""
        if self._aliases is None or self._aliases[0] != self.edits.version:
            self._aliases = self.edits.version, self.edits.aliases()
        names = (name, *self._aliases[1].get(name, ()))
        return [number for one in names if (number := self.words.find(one)) is not None]

    def rows_found(self, number: int) -> Rows:
        """The rows that the rules or a language model found a tag in."""
        return self._union([self.derived.rows(number), self.written.rows(number)])

    def rows_of(self, name: str) -> Rows:
        """The rows that bear a tag, whoever said so, ascending."""
        return self._union([p.rows(number) for number in self.members(name) for p in self._all])

    def rows_of_number(self, graph: TagGraph | None, number: int) -> Rows:
        """The rows of a tag of a graph that may be older than the index."""
        held = [postings for postings in self._all if len(postings)]
        parts = [number] if graph is None else graph.parts(number)
        return self._union([postings.rows(part) for part in parts for postings in held])

    def embeddings(
        self, graph: TagGraph, embed: Embed, most: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The numbers of the tags of most episodes and a vector of each; only what is new is embedded."""
        if self._vectors is None or self._vectors[0] != (graph.version, most):
            tags = graph.tags
            chosen = np.sort(tags[np.lexsort((tags, -graph.df[tags]))][:most])
            names = [self.words.name(number) for number in chosen.tolist()]
            held = {} if self._vectors is None else dict(zip(self._vectors[1], self._vectors[3], strict=True))
            new = [name for name in names if name not in held]
            if new:
                held |= zip(new, embed([name.replace("_", " ") for name in new]), strict=True)
            matrix = np.array([held[name] for name in names], dtype=np.float32)
            self._vectors = (graph.version, most), names, chosen, matrix
        return self._vectors[2], self._vectors[3]

    def subtree(self, name: str, depth: int | None = None) -> list[str]:
        """A tag and the narrower ones below it, nearest first."""
        target = self.find(name)
        return [] if target is None else self.graph(stale=True).below(target, depth)

    @property
    def is_fresh(self) -> bool:
        """Whether the graph is as new as the index."""
        return self._graph is not None and self._graph.version == self.version

    @property
    def is_small(self) -> bool:
        """Whether a graph is built in no time, so that those who look for one build it themselves."""
        return self.rows <= AT_ONCE and len(self.edits) <= AT_ONCE and len(self.words) <= _WORDS_AT_ONCE * AT_ONCE

    @property
    def is_usable(self) -> bool:
        """Whether the graph lacks a tenth of the rows at most, few changes of them, and no edit of users."""
        graph = self._graph
        if graph is None or graph.edits != self.edits.version:
            return False
        return max(self.rows - graph.rows, self.version - graph.version) <= graph.rows // 10

    def graph(self, *, stale: bool = False) -> TagGraph:
        """The tags as they stand, with edges. Built when needed; some 10 us a row. `stale`: a usable one will do."""
        graph = self._graph
        if graph is not None and (graph.version == self.version or (stale and self.is_usable)):
            return graph
        made = None
        for made in building(self):  # noqa: B007 - the last one counts
            pass
        assert made is not None
        self._graph = made
        return made

    def graph_at_hand(self) -> TagGraph | None:
        """A graph without delay: of many episodes or tags an older one, or none."""
        return self.graph(stale=True) if self.is_small else self._graph

    @property
    def wants_graph(self) -> bool:
        """Whether searches look at a graph that is much older than the index, or at none."""
        graph = self._graph
        if self.is_small:
            return False
        return graph is None or graph.edits != self.edits.version or self.rows > graph.rows * 1.5

    def publish(self, graph: TagGraph) -> None:
        """Take a graph that was built beside, if it is not older than the one in use."""
        if graph.words is self.words and (self._graph is None or graph.version >= self._graph.version):
            self._graph = graph

    def relations(self) -> Iterable[tuple[str, str]]:
        """The (broader, narrower) pairs that language models named."""
        for _, pairs in self._said.values():
            yield from ((self.words.name(up), self.words.name(down)) for up, down in pairs)

    @property
    def _all(self) -> tuple[TagPostings, ...]:
        return self.derived, self.given, self.written

    @staticmethod
    def _union(parts: list[Rows]) -> Rows:
        parts = [part for part in parts if len(part)]
        if len(parts) <= 1:
            return parts[0] if parts else _EMPTY
        return np.unique(np.concatenate(parts))

    # --- keeping ------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, Any]:
        """All that `restore` needs, by reference or as a function that makes it; later changes leave it as it is."""
        state = {
            "version": VERSION,
            "most": self._most,
            "graph": None if self._graph is None else [self.is_fresh, self._graph.edits, self._graph.rows],
            "rows": self.rows,
        }
        found: dict[str, Any] = {
            "state": partial(_encoded, state, self.edits.copy()),
            "said": self._said_log.array,
            "df": np.array(self._df, np.int32),
        }
        found |= {f"words.{name}": part for name, part in self.words.arrays().items()}
        found |= {f"once.{name}": part for name, part in self._once.arrays().items()}
        for name, postings in zip(_POSTINGS, self._all, strict=True):
            found |= {f"{name}.{part}": value for part, value in postings.arrays().items()}
        if self._graph is not None:
            found |= {f"graph.{part}": value for part, value in self._graph.arrays().items()}
        return found

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The index that `arrays` came from; they may be read-only. Raises ValueError where other rules made it."""
        state = json.loads(arrays["state"].tobytes())
        if state["version"] != VERSION:
            raise ValueError(f"tags by {state['version']}, not {VERSION}")
        self = cls(state["most"])
        self.rows = state["rows"]
        self.edits = TagEdits.restore(state["edits"])
        self._df = array("i", np.ascontiguousarray(arrays["df"]).tobytes())
        self._once = SeenOnce.restore(arrays["once.keys"], arrays["once.rows"])

        def part(name: str) -> dict[str, npt.NDArray[Any]]:
            return {key.partition(".")[2]: value for key, value in arrays.items() if key.startswith(f"{name}.")}

        self.words = TagVocabulary.restore(part("words"))
        self.derived, self.given, self.written = (TagPostings.restore(part(name)) for name in _POSTINGS)
        self._said_log = Growable.of(arrays["said"])
        for row, first, second in arrays["said"].tolist():
            tags, relations = self._said.pop(row, ((), ()))
            if first >= 0 and second < 0:
                self._said[row] = (*tags, first), relations
            elif first >= 0:
                self._said[row] = tags, (*relations, (first, second))
        if state["graph"] is not None:
            fresh, edits, rows = state["graph"]
            self._graph = TagGraph(0 if fresh else -1, edits, self.words, **part("graph"), rows=rows)
        return self

    @property
    def nbytes(self) -> int:
        """Bytes held, near enough."""
        parts = sum(postings.nbytes for postings in self._all) + self.words.nbytes + self._once.nbytes
        vectors = 0 if self._vectors is None else self._vectors[3].nbytes
        return (
            parts
            + vectors
            + 4 * len(self._df)
            + self._said_log.nbytes
            + 250 * len(self._said)
            + (0 if self._graph is None else self._graph.nbytes)
        )

    def check_invariants(self) -> None:
        """Assert that the parts agree. For tests."""
        for postings in self._all:
            postings.check_invariants()
            assert postings.tags <= len(self.words)
        assert self.derived.counts(len(self.words)).tolist() == [max(0, one) for one in self._df]
        names = self.words.names()
        assert all(self.words.find(name) is not None for name in names)
        assert all(self.words.by_key[key_of(name)] <= number for number, name in enumerate(names) if key_of(name))
        self.graph().check_invariants()


def _encoded(state: Mapping[str, Any], edits: TagEdits) -> Iterator[npt.NDArray[np.uint8]]:
    """A state in JSON, piece by piece, with the users' edits in it."""
    yield np.frombuffer((json.dumps(state)[:-1] + ', "edits": ').encode(), dtype=np.uint8)
    for part in edits.encoded():
        yield np.frombuffer(part, dtype=np.uint8)
    yield np.frombuffer(b"}", dtype=np.uint8)
