"""From a query to tags, and from tags to episodes: where to look first, and how much a tag speaks for an episode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.tag_postings import Rows
from agentctx.text.phrases import phrases

if TYPE_CHECKING:
    from agentctx.index.tag_graph import TagGraph
    from agentctx.index.tags import TagIndex

Floats = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]

_EMPTY: Final = np.zeros(0, dtype=np.int32)
_NEAR: Final = 0.45  # a cosine below this says nothing: two words of the same kind of text have as much


@dataclass(frozen=True, slots=True)
class MatchLimits:
    """k: tags that a query leads to by meaning. depth: steps from them to narrower tags, each worth `decay`.

    up: what a step to a broader tag is worth; 0 takes none. rows: episodes offered at most. broad: a tag of more than
    this share of the namespace leads nowhere, it only counts. embedded: tags, the most frequent ones, that can be
    found by meaning.
    """

    k: int = 5
    depth: int = 2
    decay: float = 0.5
    up: float = 0.0
    rows: int = 5_000
    broad: float = 0.1
    embedded: int = 4_096
    reached: int = 16


@dataclass(frozen=True, slots=True)
class MatchedTag:
    """A tag that bears on a query. sim: of query and tag, 1 where the query says it. weight: sim * rarity * decay."""

    name: str
    number: int
    sim: float
    depth: int
    weight: float
    rows: Rows


@dataclass(frozen=True, slots=True)
class TagMatches:
    """The tags of a query, the weightiest first, and the rows to look at. `left_out`: tags too broad to follow."""

    tags: tuple[MatchedTag, ...]
    rows: Rows
    left_out: int = 0

    def score(self, rows: npt.NDArray[np.integer]) -> Floats:
        """By row the weight of the best tag that it bears; the same whatever other rows are asked about."""
        best: Floats = np.zeros(len(rows), dtype=np.float32)
        for tag in reversed(self.tags):
            place = np.minimum(np.searchsorted(tag.rows, rows), len(tag.rows) - 1)
            best[tag.rows[place] == rows] = tag.weight
        return best

    def names(self, row: int) -> list[str]:
        """The matched tags that a row bears, the weightiest first."""
        return [tag.name for tag in self.tags if row in tag.rows[np.searchsorted(tag.rows, row) :][:1]]


NO_MATCHES: Final = TagMatches((), _EMPTY)


def match_tags(
    index: TagIndex,
    query: str,
    vector: Floats | None = None,
    embed: Embed | None = None,
    limits: MatchLimits = MatchLimits(),
) -> TagMatches:
    """The tags that a query names, those nearest to it in meaning, and the narrower ones below both.

    `embed` makes vectors of tag names, `vector` is the query's by the same; without them only names count.
    """
    if not len(index.words):
        return NO_MATCHES
    graph = index.graph_at_hand()
    size = max(index.rows, 2)
    found = dict.fromkeys(_named(index, graph, query), (1.0, 1.0, 0))
    if graph is not None:
        seeds = {number: sim for number, (sim, _, _) in found.items()}
        if vector is not None and embed is not None:
            for number, sim in _near(index, graph, vector, embed, limits):
                seeds[number] = max(seeds.get(number, 0.0), sim)
        found = _expand(graph, seeds, limits)
    scale = log(1 + size)
    weighed = []
    for number, (strength, sim, depth) in found.items():
        held = int(graph.df[number]) if graph is not None else len(index.rows_found(number))
        if held:
            weighed.append((-strength * log(1 + size / held) / scale, number, sim, depth))
    tags = [
        MatchedTag(index.words.name(number), number, sim, depth, -weight, index.rows_of_number(graph, number))
        for weight, number, sim, depth in sorted(weighed)[: limits.reached]
    ]
    return _bounded(tags, limits, size)


def _named(index: TagIndex, graph: TagGraph | None, query: str) -> list[int]:
    """The tags that the words of a query name."""
    found: dict[int, None] = {}
    for phrase in phrases(query):
        number = index.words.by_key.get(phrase.key)
        if number is not None and graph is not None:
            number = int(graph.canon[number]) if number < len(graph.canon) else -1
        if number is not None and number >= 0:
            found[number] = None
    return list(found)


def _near(
    index: TagIndex, graph: TagGraph, vector: Floats, embed: Embed, limits: MatchLimits
) -> list[tuple[int, float]]:
    """The tags nearest to a query in meaning, with their cosines."""
    numbers, vectors = index.embeddings(graph, embed, limits.embedded)
    cosines = vectors @ vector if len(numbers) else np.zeros(0, dtype=np.float32)
    places = np.flatnonzero(cosines >= _NEAR)
    if len(places) > limits.k:
        places = places[np.argpartition(-cosines[places], limits.k)[: limits.k]]
    return [(int(numbers[place]), float(cosines[place])) for place in places]


def _expand(graph: TagGraph, seeds: dict[int, float], limits: MatchLimits) -> dict[int, tuple[float, float, int]]:
    """By tag its strength, the similarity of the seed that led there, and how many steps that took."""
    found = {number: (sim, sim, 0) for number, sim in seeds.items()}
    level = dict(found)
    for depth in range(1, limits.depth + 1):
        onward: dict[int, tuple[float, float, int]] = {}
        for number, (strength, sim, _) in level.items():
            steps = [(child, limits.decay) for child in graph.children(number, limits.reached)]
            if limits.up:
                steps += [(parent, limits.decay * limits.up) for parent in graph.parents(number)]
            for other, worth in steps:
                if strength * worth > found.get(other, onward.get(other, (0.0, 0.0, 0)))[0]:
                    onward[other] = (strength * worth, sim, depth)
        room = max(0, limits.reached - len(found))
        if len(onward) > room:
            # Of the steps that are worth the same, those to tags of more episodes.
            nearest = sorted(onward, key=lambda one: (-onward[one][0], -int(graph.df[one]), one))[:room]
            onward = {number: onward[number] for number in nearest}
        found |= onward
        level = onward
    return found


def _bounded(tags: list[MatchedTag], limits: MatchLimits, size: int) -> TagMatches:
    """The rows of the weightiest tags, as many as may be offered."""
    chosen: list[Rows] = []
    room, left_out = limits.rows, 0
    for tag in tags:
        if len(tag.rows) > room or len(tag.rows) > max(limits.broad * size, 50):
            left_out += 1
            continue
        chosen.append(tag.rows)
        room -= len(tag.rows)
    rows = np.unique(np.concatenate(chosen)) if chosen else _EMPTY
    return TagMatches(tuple(tags), rows, left_out)
