"""The tagger without a model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from agentctx.memory.tagging.base import Tagging, clean_relations, clean_tags
from agentctx.text.phrases import VERSION, phrases


class RuleTagger:
    """Tags a text by its own phrases; see `text.phrases`. Deterministic, some 20 us a text.

    The index does the same with what it knows of the namespace: there a phrase becomes a tag when two episodes hold
    it, and its rarity counts.
    """

    @property
    def producer(self) -> str:
        """The version of the rules."""
        return VERSION

    def tag(self, texts: Sequence[str], timeout: float | None = None) -> list[Tagging]:
        """A Tagging for each text, in order. `timeout` is not looked at."""
        return [self._tagging(text) for text in texts]

    def _tagging(self, text: str) -> Tagging:
        tags = clean_tags(phrase.name for phrase in phrases(text))
        parts = {tag: tag.split("_") for tag in tags}
        pairs = [(up, down) for up, down in permutations(tags, 2) if set(parts[up]) < set(parts[down])]
        return Tagging(tags, clean_relations(pairs, tags), VERSION)

    def close(self) -> None:
        """Nothing to release."""
