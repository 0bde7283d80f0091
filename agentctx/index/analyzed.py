"""What the text of an episode says to an index; found before the index is locked, as it needs only the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agentctx.text.features import TextFeatures, text_features
from agentctx.text.phrases import Phrase, phrases
from agentctx.text.terms import Document, analyze
from agentctx.types import LogRecord

ANALYSIS: Final = 1
"""Raise it when texts are analysed in another way, or features of them: snapshots made before are then of no use."""


@dataclass(frozen=True, slots=True)
class Analyzed:
    """The terms, features and phrases of one text."""

    document: Document
    features: TextFeatures
    phrases: list[Phrase]


def analyze_text(text: str) -> Analyzed:
    """What one text says. Some 60 us for a turn of a conversation."""
    return Analyzed(analyze(text), text_features(text), phrases(text))


def analyze_records(
    records: Sequence[LogRecord], known: Mapping[str, Analyzed] = MappingProxyType({})
) -> list[Analyzed | None]:
    """For each record that adds an episode what its text says; None for the others. The dear part of applying them.

    known: texts that were analysed already.
    """
    return [
        (known.get(text) or analyze_text(text)) if one.kind == "add" else None
        for one, text in ((one, one.episode.content) for one in records)
    ]
