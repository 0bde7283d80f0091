"""Tells what merely repeats something that is shown."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from agentctx.context.units import MEMORY, Unit
from agentctx.types.context import EpisodeCitation

_FEWEST: Final = 4  # words, below which saying the same is no sign of anything
_COMPARED: Final = 8  # of those that could be alike, the last ones shown
_WORD: Final = re.compile(r"\w+")


class Said:
    """The words of the episodes shown. Code is never held to repeat other code.

    The same words by the same speaker are a repetition (1). What is nearly the same may be the correction of it, so
    it is worth less, never nothing: by its likeness, the Jaccard similarity of the sets of words, from ALIKE on. Only
    those are compared that share one of their longest words, as any two so much alike must.
    """

    ALIKE: ClassVar[float] = 0.8
    SAME: ClassVar[float] = 1.0

    def __init__(self) -> None:
        self._sets: list[frozenset[str]] = []
        self._exact: set[tuple[str, tuple[str, ...]]] = set()
        self._holding: dict[str, list[int]] = {}
        self._known: dict[str, tuple[tuple[str, tuple[str, ...]], frozenset[str], list[str]]] = {}

    def add(self, unit: Unit) -> None:
        """The unit is shown."""
        if unit.side != MEMORY:
            return
        exact, words, telling = self._words(unit)
        if len(words) < _FEWEST:
            return
        self._exact.add(exact)
        for word in telling:
            self._holding.setdefault(word, []).append(len(self._sets))
        self._sets.append(words)

    def repeats(self, unit: Unit) -> float:
        """How much the unit is like the one that it is most like, from ALIKE to 1, or 0."""
        if unit.side != MEMORY or not self._sets:
            return 0.0
        exact, words, telling = self._words(unit)
        if len(words) < _FEWEST:
            return 0.0
        if exact in self._exact:
            return self.SAME
        most = 0.0
        size = len(words)
        for number in {number for word in telling for number in self._holding.get(word, ())[-_COMPARED:]}:
            other = self._sets[number]
            shared = len(words & other)
            most = max(most, shared / (size + len(other) - shared))
        # The same words in another order, or by another speaker, are not the same.
        return min(most, 0.95) if most >= self.ALIKE else 0.0

    def _words(self, unit: Unit) -> tuple[tuple[str, tuple[str, ...]], frozenset[str], list[str]]:
        """Who says which words in which order; the set of them; and the telling ones, the longest.

        Of these so many that two sets so much alike cannot do without a common one.
        """
        known = self._known.get(unit.key)
        if known is None:
            shown = unit.offers[-1].shown
            cited = shown.citation
            said = tuple(_WORD.findall(shown.text.lower()))
            words = frozenset(said)
            count = len(words) - int(self.ALIKE * len(words)) + 1
            telling = sorted(sorted(words), key=len)[-count:]
            speaker = cited.speaker if isinstance(cited, EpisodeCitation) else ""
            known = self._known[unit.key] = (speaker, said), words, telling
        return known
