"""What the text of an episode says to an index; found before the index is locked, as it needs only the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


def analyze_records(records: Sequence[LogRecord]) -> list[Analyzed | None]:
    """For each record that adds an episode what its text says; None for the others. The dear part of applying them."""
    return [
        Analyzed(analyze(text), text_features(text), phrases(text)) if one.kind == "add" else None
        for one, text in ((one, one.episode.content) for one in records)
    ]
