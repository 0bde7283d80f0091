"""The names of those who speak, as they may be met in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.text.terms import fold, stem

NOT_NAMES: Final = frozenset({"", "user", "assistant", "system", "tool", "human", "ai", "bot", "agent"})
_WORD: Final = re.compile(r"[^\W_]+")


class Names:
    """Which speakers are heard in visible rows, by the words of their names. O(1) a row. The owner locks."""

    def __init__(self) -> None:
        self._heard: Growable[np.int32] = Growable(np.int32)  # by speaker: visible rows
        self._by_first: dict[str, list[int]] = {}
        self._by_term: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._heard)

    @classmethod
    def of(cls, names: Iterable[str], speakers: npt.NDArray[np.int32]) -> Names:
        """Of all speakers by number, and the speakers of all visible rows."""
        made = cls()
        made.meet(names)
        made._heard.array[:] += np.bincount(speakers, minlength=len(made)).astype(np.int32)
        return made

    def meet(self, names: Iterable[str]) -> None:
        """The next speakers, by number."""
        for name in names:
            number = len(self._heard)
            self._heard.append(0)
            if name.lower().strip() in NOT_NAMES:
                continue
            parts = name_parts(name)
            if parts:
                self._by_first.setdefault(parts[0], []).append(number)
            for term in {stem(part) for part in parts}:
                self._by_term.setdefault(term, []).append(number)

    def hear(self, speakers: npt.NDArray[np.integer[Any]], sign: int = 1) -> None:
        """Rows of these speakers are visible from now on; with sign=-1 they are not any more."""
        np.add.at(self._heard.array, speakers, np.int32(sign))

    def named(self, words: Iterable[str]) -> list[int]:
        """The speakers whose first name is among some lower-case words."""
        heard = self._heard.array
        return [number for word in words for number in self._by_first.get(word, ()) if heard[number]]

    @property
    def known(self) -> bool:
        """Whether anyone is known by a name."""
        return bool(self._by_first)

    def said(self, terms: Sequence[str]) -> list[bool]:
        """Which of some terms are part of the name of someone who is heard."""
        if not self._by_term:
            return [False] * len(terms)
        heard = self._heard.array
        return [any(heard[number] for number in self._by_term.get(term, ())) for term in terms]

    @property
    def nbytes(self) -> int:
        """About how many bytes are held."""
        return self._heard.nbytes + 150 * (len(self._by_first) + len(self._by_term)) + 8 * len(self._heard)

    def check_invariants(self, names: Mapping[str, int], speakers: Sequence[int]) -> None:
        """Assert that it knows `names` by number, and who speaks in the visible rows. For tests."""
        fresh = Names.of(names, np.asarray(speakers, dtype=np.int32))
        assert np.array_equal(self._heard.array, fresh._heard.array)
        assert self._by_first == fresh._by_first
        assert self._by_term == fresh._by_term


def name_parts(name: str) -> list[str]:
    """The words of a name, as they are met in a query."""
    return _WORD.findall(fold(name).lower())
