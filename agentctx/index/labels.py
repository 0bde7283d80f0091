"""Which rows bear which tags of the callers' own."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.texts import Texts

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.integer[Any]]


class Labels:
    """Tags by the lists that hold them: a list that many rows bear is looked at once. The owner locks.

    `column` says by row which of `texts` is the list of its tags, as JSON; 0 is none.
    """

    def __init__(self, texts: Texts, column: Growable[np.int32]) -> None:
        self._texts = texts
        self._column = column
        self._lists: dict[str, array[int]] = {}
        self._seen = 1
        self._held = 0

    def add(self, first: int) -> None:
        """Take up what the rows from `first` on bear."""
        self.take_all(self._column.array[first:])

    def take_all(self, numbers: Numbers) -> None:
        """Take up many lists, in any order."""
        for number in np.flatnonzero(np.bincount(numbers)).tolist():
            self.take(number)

    def take(self, number: int) -> None:
        """Take up one list of tags. Numbers that were taken up before, or later ones, are passed over."""
        if number < self._seen:
            return
        self._seen = number + 1
        for tag in dict.fromkeys(json.loads(self._texts.get(number))):
            lists = self._lists.get(tag)
            if lists is None:
                lists = self._lists[tag] = array("i")
                self._held += 150 + len(tag)
            lists.append(number)
            self._held += 4

    def names(self) -> Iterator[str]:
        """Every tag that a row bears or once bore."""
        return iter(self._lists)

    def having(self, tag: str, size: int, of: Numbers | None = None) -> Mask:
        """A mask over `size` rows of those that bear `tag`. `of`: their lists, when not the present ones are meant."""
        texts = np.zeros(len(self._texts), dtype=np.bool_)
        texts[np.frombuffer(self._lists.get(tag, array("i")), dtype=np.int32)] = True
        found: Mask = texts[self._column.array[:size] if of is None else of]
        return found

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._held

    def check_invariants(self, tags: list[tuple[str, ...]]) -> None:
        """Assert that the rows bear exactly `tags`. For tests."""
        for tag in {one for some in tags for one in some} | set(self._lists):
            assert self.having(tag, len(tags)).tolist() == [tag in some for some in tags]
