"""The tags of a namespace by number: their names, found by name or by the stems of their words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.text.phrases import key_of

GIVEN: Final = 1  # a caller put it on an episode
DERIVED: Final = 2  # the rules found it in two episodes
WRITTEN: Final = 4  # a language model named it
MADE: Final = 8  # an edit made it


class TagVocabulary:
    """Names and kinds of tags. A derived tag is found by its key, every other one by its very name too."""

    def __init__(self) -> None:
        self._letters: Growable[np.uint8] = Growable(np.uint8)
        self._ends: Growable[np.int64] = Growable(np.int64)
        # The keys that tags are found by, empty for one whose key another one has.
        self._key_letters: Growable[np.uint8] = Growable(np.uint8)
        self._key_ends: Growable[np.int64] = Growable(np.int64)
        self.kinds: Growable[np.uint8] = Growable(np.uint8)
        self.by_key: dict[str, int] = {}
        self._by_name: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.kinds)

    def name(self, number: int) -> str:
        """The name of a tag."""
        ends = self._ends.array
        start = int(ends[number - 1]) if number else 0
        return self._letters.array[start : ends[number]].tobytes().decode()

    def names(self) -> list[str]:
        """All names, by number."""
        return _cut(self._letters, self._ends)

    def find(self, name: str) -> int | None:
        """The number of the tag of that very name."""
        number = self._by_name.get(name)
        if number is None:
            number = self.by_key.get(key_of(name))
            if number is not None and self.name(number) != name:
                return None
        return number

    def add(self, name: str, kind: int, key: str | None = None) -> int:
        """A new tag, or another kind of one that there is. `key`: the key of a derived one."""
        number = self.find(name) if key is None else self.by_key.get(key)
        if number is None:
            number = len(self.kinds)
            letters = name.encode()
            self._letters.extend(np.frombuffer(letters, dtype=np.uint8))
            self._ends.append(len(self._letters))
            self.kinds.append(kind)
            key = key_of(name) if key is None else key
            key = "" if key in self.by_key else key
            self._key_letters.extend(np.frombuffer(key.encode(), dtype=np.uint8))
            self._key_ends.append(len(self._key_letters))
            if key:
                self.by_key[key] = number
        else:
            self.kinds.array[number] |= kind
        if key is None or kind != DERIVED:
            self._by_name[name] = number
        return number

    def kept(self, numbers: npt.NDArray[np.int32]) -> TagVocabulary:
        """Another one with the tags whose new number is not negative; new numbers rise with the old ones."""
        twin = TagVocabulary()
        names, kinds = self.names(), self.kinds.array
        for old in np.flatnonzero(numbers >= 0).tolist():
            kind = int(kinds[old])
            twin.add(names[old], kind, key_of(names[old]) if kind == DERIVED else None)
        return twin

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that `restore` needs, by reference."""
        return {
            "letters": self._letters.array,
            "ends": self._ends.array,
            "key_letters": self._key_letters.array,
            "key_ends": self._key_ends.array,
            "kinds": self.kinds.array,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The vocabulary that `arrays` came from."""
        self = cls()
        self._letters, self._ends = Growable.of(arrays["letters"]), Growable.of(arrays["ends"])
        self._key_letters, self._key_ends = Growable.of(arrays["key_letters"]), Growable.of(arrays["key_ends"])
        self.kinds = Growable.of(arrays["kinds"])
        self.by_key = {key: number for number, key in enumerate(_cut(self._key_letters, self._key_ends)) if key}
        self._by_name = {self.name(number): number for number in np.flatnonzero(self.kinds.array != DERIVED).tolist()}
        return self

    @property
    def nbytes(self) -> int:
        """Bytes held, near enough."""
        return (
            self._letters.nbytes
            + self._key_letters.nbytes
            + 17 * len(self.kinds)
            + 130 * len(self.by_key)
            + 130 * len(self._by_name)
        )


def _cut(letters: Growable[np.uint8], ends: Growable[np.int64]) -> list[str]:
    text = letters.array.tobytes()
    return [text[start:end].decode() for start, end in pairwise([0, *ends.array.tolist()])]
