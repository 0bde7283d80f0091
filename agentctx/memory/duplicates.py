"""Tags that say the same: alike by name, and borne by the same episodes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from agentctx.index.blas import one_thread
from agentctx.index.tag_vocabulary import GIVEN, MADE
from agentctx.memory.topics import Tags, Topics

_ALIKE: Final = 0.9  # of the names' vectors
_SHARED: Final = 0.8  # of the episodes that bear one of the two bear both
_MOST: Final = 500  # merges at one time, those of most episodes


@dataclass(frozen=True, slots=True)
class Merge:
    """`tag` is to be merged into `other`."""

    tag: str
    other: str


class NamedTags(Tags, Protocol):
    """Tags of which one knows who made them."""

    def kind(self, number: int) -> int:
        """Who made a tag (`index.tag_vocabulary`)."""
        ...


def duplicates(tags: NamedTags, found: Topics) -> Generator[None, None, list[Merge]]:
    """The tags that may be merged away, each into one that stays, looked for within each group.

    A tag that a caller gave or a user made is never merged away, and names that hold different numbers are never alike.
    """
    merges: list[tuple[int, Merge]] = []
    order = np.argsort(found.group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(found.group[order])) + 1):
        names = found.names[members]
        with one_thread():
            alike = names @ names.T
        one, two = np.nonzero(np.triu(alike >= _ALIKE, 1))
        gone: set[int] = set()
        pairs = [(int(found.tags[members[a]]), int(found.tags[members[b]])) for a, b in zip(one, two, strict=True)]
        for pair in sorted(pairs, key=lambda pair: -len(tags.rows(pair[0]))):
            stays, goes = sorted(pair, key=lambda number: (_kept(tags, number), -len(tags.rows(number)), number))
            if gone & {stays, goes} or not _kept(tags, goes) or not _same(tags, stays, goes):
                continue
            gone.add(goes)
            merges.append((len(tags.rows(goes)), Merge(tags.name(goes), tags.name(stays))))
        yield
    merges.sort(key=lambda one: (-one[0], one[1].tag))
    return [merge for _, merge in merges[:_MOST]]


def _kept(tags: NamedTags, number: int) -> bool:
    """False for a tag that has to stay."""
    return not tags.kind(number) & (GIVEN | MADE)


def _same(tags: NamedTags, one: int, two: int) -> bool:
    first, second = tags.rows(one), tags.rows(two)
    both = len(np.intersect1d(first, second, assume_unique=True))
    if both < _SHARED * (len(first) + len(second) - both):
        return False
    return _digits(tags.name(one)) == _digits(tags.name(two))


def _digits(name: str) -> list[str]:
    return sorted(part for part in name.split("_") if any(map(str.isdigit, part)))
