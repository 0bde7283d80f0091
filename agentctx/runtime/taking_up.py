"""Bringing an index up to the log in steps of about a millisecond, between which others may go first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from itertools import groupby
from typing import Final

from agentctx.index.analyzed import Analyzed, analyze_text
from agentctx.index.episodes import EpisodeIndex
from agentctx.types import LogRecord, TagRecord

Steps = Generator[None, None, None]

_SLICE: Final = 10_000  # characters of texts, each and _EACH more of a record, taken up in one step: a millisecond
_EACH: Final = 250


def taking_up(index: EpisodeIndex, records: Sequence[LogRecord], tags: Sequence[TagRecord]) -> Steps:
    """Take up what comes next in the log, in small steps."""
    for some, about in _interleaved(records, tags):
        for few in _sliced(some):
            analyzed: list[Analyzed | None] = []
            for record in few:
                analyzed.append(analyze_text(record.episode.content) if record.kind == "add" else None)
                yield
            index.apply(few, analyzed)
            yield
        index.apply_tags(about)


def _sliced(records: Sequence[LogRecord]) -> Iterator[Sequence[LogRecord]]:
    """Records in runs that take about as long as one another."""
    first = weight = 0
    for place, record in enumerate(records):
        weight += _EACH + len(record.episode.content)
        if weight >= _SLICE:
            yield records[first : place + 1]
            first, weight = place + 1, 0
    if first < len(records):
        yield records[first:]


def _interleaved(
    records: Sequence[LogRecord], tags: Sequence[TagRecord]
) -> Iterator[tuple[Sequence[LogRecord], Sequence[TagRecord]]]:
    """Records of both kinds in log order, in runs, so that an index is the same however it came to know them."""
    first = 0
    for sequence, about in groupby(tags, key=lambda record: record.sequence):
        upto = bisect_left(records, sequence, lo=first, key=lambda record: record.sequence)
        yield records[first:upto], list(about)
        first = upto
    yield records[first:], ()
