"""Short texts by number, in two flat arrays: no Python object a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable

_KNOWN: Final = 16_384  # texts remembered, so that one that comes again gets its number again

_AT_ONCE: Final = 2_048  # texts packed in one go: half a millisecond

Bytes = npt.NDArray[np.uint8]
Ends = npt.NDArray[np.int64]


class Texts:
    """Texts that are never changed or taken out; number 0 is the empty one. Not thread-safe: the owner locks.

    A text that was seen lately gets its earlier number, so that few kinds of text make few numbers; nobody may count
    on it.
    """

    def __init__(self) -> None:
        self._base_data: Bytes = np.zeros(0, dtype=np.uint8)
        self._base_ends: Ends = np.zeros(1, dtype=np.int64)
        self._data = Growable(np.uint8)
        self._ends = Growable(np.int64)
        self._known: dict[bytes, int] = {b"": 0}

    def __len__(self) -> int:
        return len(self._base_ends) + len(self._ends)

    def put(self, text: bytes) -> int:
        """The number of a text. O(length)."""
        number = self._known.get(text)
        if number is None:
            if len(self._known) >= _KNOWN:
                self._known = {b"": 0}
            number = self._known[text] = len(self)
            self._data.extend(np.frombuffer(text, dtype=np.uint8))
            self._ends.append(len(self._base_data) + len(self._data))
        return number

    def get(self, number: int) -> bytes:
        """The text of a number. O(length)."""
        base = len(self._base_ends)
        if number < base:
            start = int(self._base_ends[number - 1]) if number else 0
            return self._base_data[start : int(self._base_ends[number])].tobytes()
        skipped = len(self._base_data)
        end = int(self._ends.array[number - base]) - skipped
        start = int(self._ends.array[number - base - 1]) - skipped if number > base else 0
        return self._data.array[start:end].tobytes()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        known = 160 * len(self._known)
        return self._base_data.nbytes + self._base_ends.nbytes + self._data.nbytes + self._ends.nbytes + known

    def arrays(self) -> Mapping[str, tuple[npt.NDArray[np.generic], ...]]:
        """All texts, in pieces to be joined; what is put later does not change them."""
        return {"data": (self._base_data, self._data.array), "ends": (self._base_ends, self._ends.array)}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        """From `arrays`, which are kept as they are and may be read-only."""
        texts = cls()
        texts._base_data, texts._base_ends = arrays["data"].view(np.uint8), arrays["ends"].view(np.int64)
        return texts


class Packing:
    """The first texts of a list or dict that only grows, packed in small steps when they are asked for.

    Made under the owner's lock, used without it: `data` first, to its end, and then `ends`.
    """

    def __init__(self, texts: Iterable[str], count: int) -> None:
        self._texts = texts
        self._count = count
        self._ends: list[Ends] = []

    def data(self) -> Iterator[Bytes]:
        """All bytes in a row, piece by piece."""
        texts = list(self._texts)[: self._count]  # one step, which no other thread comes between
        self._ends = [_NO_ENDS]
        end = 0
        yield np.zeros(0, dtype=np.uint8)
        for start in range(0, len(texts), _AT_ONCE):
            encoded = [text.encode() for text in texts[start : start + _AT_ONCE]]
            ends = np.cumsum([len(one) for one in encoded], dtype=np.int64) + end
            self._ends.append(ends)
            end = int(ends[-1])
            yield np.frombuffer(b"".join(encoded), dtype=np.uint8)

    def ends(self) -> Ends:
        """Where each text ends."""
        return np.concatenate(self._ends)

    def arrays(self, data: str, ends: str) -> dict[str, Callable[[], Bytes | Ends | Iterator[Bytes]]]:
        """Both under these names, as a snapshot takes them."""
        return {data: self.data, ends: self.ends}


def unpacked(data: Bytes, ends: Ends) -> list[str]:
    """The texts that `Packing` packed."""
    letters, places = data.tobytes(), ends.tolist()
    return [letters[start:end].decode() for start, end in zip([0, *places], places, strict=False)]


_NO_ENDS: Final[Ends] = np.zeros(0, dtype=np.int64)
