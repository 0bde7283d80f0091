"""The terms of a namespace by number, in a form that is read back from a snapshot without being built anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.lexical_segment import MOST, Counts, Ints, Rows
from agentctx.index.texts import Packing, unpacked
from agentctx.text.hashes import hash_of

_CHUNK: Final = 1_024  # terms hashed in one step of `folded`
_REMEMBERED: Final = 32_768  # look-ups in the table


class _Table:
    """Terms 0 to n - 1 as bytes, and the places of their hashes in ascending order. Immutable."""

    __slots__ = ("_look", "ends", "hashes", "order", "text")

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.text: npt.NDArray[np.uint8] = arrays["text"]
        self.ends: npt.NDArray[np.int64] = arrays["ends"]
        self.hashes: npt.NDArray[np.uint64] = arrays["hashes"]
        self.order: npt.NDArray[np.int32] = arrays["order"]
        self._look: memoryview[int] = np.ascontiguousarray(self.hashes).data  # bisect is slow on arrays

    def __len__(self) -> int:
        return len(self.ends)

    def number(self, term: str) -> int | None:
        wanted, code = term.encode(), hash_of(term)
        native = kernels.compiled
        if native is not None:
            found: int = native.number_of_term(self.text, self.ends, self.hashes, self.order, wanted, code)
            return None if found < 0 else found
        place = bisect_left(self._look, code)
        while place < len(self.hashes) and self._look[place] == code:
            number = int(self.order[place])
            if self.bytes_of(number) == wanted:
                return number
            place += 1
        return None

    def bytes_of(self, number: int) -> bytes:
        start = int(self.ends[number - 1]) if number else 0
        return self.text[start : int(self.ends[number])].tobytes()

    def find(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """By hash the number of its term; -1 for those that no term has."""
        if not len(self):
            return np.full(len(hashes), -1, dtype=np.int32)
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[place] == hashes, self.order[place], np.int32(-1)).astype(np.int32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in ("text", "ends", "hashes", "order")}


class NearTerms(Protocol):
    """A fixed list of terms, with `hash_of` each and the place of each."""

    @property
    def hashes(self) -> npt.NDArray[np.uint64]: ...  # noqa: D102

    @property
    def numbers(self) -> Mapping[str, int]: ...  # noqa: D102


class Terms:
    """Numbers terms in the order first seen. The owner locks.

    Most lie in a sorted table of hashes, the new ones in a dict until `folded` makes another table.
    """

    def __init__(self) -> None:
        self._table = _Table(_EMPTY)
        self._new: dict[str, int] = {}
        self._names: list[str] = []  # of the new ones, in their order
        self._seen: dict[str, int] = {}
        self._near: tuple[NearTerms | None, npt.NDArray[np.int32], int] = None, np.zeros(0, dtype=np.int32), 0

    def __len__(self) -> int:
        return len(self._table) + len(self._names)

    def number(self, term: str) -> int | None:
        """The term's number, None for one never seen. Some microseconds at most."""
        number = self._new.get(term)
        if number is None:
            number = self._seen.get(term)
        if number is None and len(self._table):
            number = self._table.number(term)
            if number is not None:
                if len(self._seen) >= _REMEMBERED:
                    self._seen = {}
                self._seen[term] = number
        return number

    def numbers(self, terms: Sequence[str]) -> list[int]:
        """The number of each of some terms, -1 for one never seen."""
        new, seen, found = self._new.get, self._seen.get, []
        for term in terms:
            number = new(term)
            if number is None:
                number = seen(term)
            if number is None:
                number = self.number(term)
            found.append(-1 if number is None else number)
        return found

    def enter(self, term: str) -> int:
        """The term's number, a new one if it has none."""
        number = self.number(term)
        if number is None:
            number = self._new[term] = len(self)
            self._names.append(term)
        return number

    def enter_all(self, documents: Sequence[Mapping[str, int]]) -> tuple[Ints, Rows, Counts]:
        """The terms of some documents, which say how often each is said: where each document ends, the terms by number,
        and how often they are said, 255 times at most.
        """
        size = sum(map(len, documents))
        native = kernels.compiled
        if native is not None:
            ends, terms, said = np.empty(len(documents), np.int64), np.empty(size, np.int32), np.empty(size, np.uint8)
            native.enter_terms(list(documents), self._new, self._seen, self.enter, ends, terms, said)
            return ends, terms, said
        enter = self.enter
        terms = np.array([enter(term) for counts in documents for term in counts], dtype=np.int32)
        said = np.array([min(count, MOST) for counts in documents for count in counts.values()], dtype=np.uint8)
        return np.cumsum([len(counts) for counts in documents], dtype=np.int64), terms, said

    def term(self, number: int) -> str:
        """The term of a number."""
        known = len(self._table)
        return self._table.bytes_of(number).decode() if number < known else self._names[number - known]

    def numbers_of(self, near: NearTerms) -> npt.NDArray[np.int32]:
        """The numbers of a fixed list of terms, -1 for those never seen. O(terms seen since the last call)."""
        known, numbers, upto = self._near
        size = len(self)
        if known is near and upto == size:
            return numbers
        if known is not near or upto < self.tabled:
            tabled = self._table.find(near.hashes)
            numbers = np.append(tabled, np.int32(-1))
            upto = self.tabled
        for number, term in self.since(upto):
            place = near.numbers.get(term)
            if place is not None:
                numbers[place] = number
        self._near = near, numbers, size
        return numbers

    @property
    def tabled(self) -> int:
        """How many terms lie in the table."""
        return len(self._table)

    def since(self, first: int) -> Iterator[tuple[int, str]]:
        """(number, term) of every term that lies in no table, from `first` on."""
        known = len(self._table)
        for place in range(max(0, first - known), len(self._names)):
            yield known + place, self._names[place]

    def folded(self) -> Iterator[Self | None]:
        """Make a copy whose table holds all present terms, in small steps; the last one yields it."""
        size, known = len(self), len(self._table)
        names = self._names[: size - known]
        hashes = np.empty(len(names), dtype=np.uint64)
        encoded: list[bytes] = []
        for start in range(0, len(names), _CHUNK):
            some = names[start : start + _CHUNK]
            hashes[start : start + len(some)] = [hash_of(name) for name in some]
            encoded += [name.encode() for name in some]
            yield None
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64) + len(self._table.text)
        yield None
        together = np.concatenate((self._table.hashes, hashes))
        numbers = np.concatenate((self._table.order, np.arange(known, size, dtype=np.int32)))
        order = np.argsort(together, kind="stable")
        yield None
        made = type(self)()
        made._table = _Table(
            {
                "text": np.concatenate((self._table.text, np.frombuffer(b"".join(encoded), dtype=np.uint8))),
                "ends": np.concatenate((self._table.ends, ends)),
                "hashes": together[order],
                "order": numbers[order],
            }
        )
        yield made

    def follow(self, earlier: Self) -> None:
        """Take over from `earlier`, whose first terms these are, the terms that it met since."""
        for number, term in earlier.since(len(self)):
            assert number == len(self)
            self._new[term] = number
            self._names.append(term)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(one.nbytes for one in self._table.arrays().values()) + 160 * len(self._new) + 100 * len(self._seen)

    def arrays(self) -> dict[str, Any]:
        """What `restore` needs, by reference or as a function that makes it."""
        return self._table.arrays() | Packing(self._names, len(self._names)).arrays("new_text", "new_ends")

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """From `arrays`, which may be read-only. O(new terms)."""
        terms = cls()
        terms._table = _Table(arrays)
        terms._names = unpacked(arrays["new_text"], arrays["new_ends"])
        terms._new = {term: number for number, term in enumerate(terms._names, len(terms._table))}
        if len(terms._new) != len(terms._names):
            raise ValueError("a term has two numbers")
        return terms

    def check_invariants(self) -> None:
        """Assert that terms and numbers are one to one. For tests."""
        assert [self.number(self.term(number)) for number in range(len(self))] == list(range(len(self)))
        assert bool((self._table.hashes[1:] >= self._table.hashes[:-1]).all())
        assert len(self._names) == len(self._new)


_EMPTY: Final[dict[str, npt.NDArray[Any]]] = {
    "text": np.zeros(0, dtype=np.uint8),
    "ends": np.zeros(0, dtype=np.int64),
    "hashes": np.zeros(0, dtype=np.uint64),
    "order": np.zeros(0, dtype=np.int32),
}
