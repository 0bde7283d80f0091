"""Episodes for a query, as units: the hits of a search and what was said right around the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from agentctx.context.shown import Shown
from agentctx.context.units import MEMORY, Offer, Unit
from agentctx.context.worth import NEIGHBOUR, by_length, relative, strength
from agentctx.errors import InvalidArgument, NotFound
from agentctx.types import Episode, Hit, Revision, SearchResult
from agentctx.types.context import DetailLevel, EpisodeCitation

# Few episodes cost less than this: more hits than would fit at this price are not asked for.
_TOKENS: Final = 20
_FEWEST, _MOST = 64, 512
_AROUND: Final = 24  # hits whose neighbours are looked at
_SESSIONS, _REACH = 4, 6  # hits of whose session more is looked at, and how far to both sides

EPISODE_ID: Final = "e:"


class Recall(Protocol):
    """What is needed of memory: `engine.memory` has it."""

    def search(
        self, namespace: str, query: str, *, k: int, reference_time: datetime | None, as_of: datetime | None
    ) -> SearchResult:
        """See `Memory.search`."""
        ...

    def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """See `Memory.get`."""
        ...

    def around(
        self, namespace: str, episodes: Sequence[Episode], *, reach: int, as_of: datetime | None = None
    ) -> Mapping[str, tuple[tuple[int, Episode], ...]]:
        """See `Memory.around`."""
        ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """An episode that may be shown, and what speaks for it."""

    episode: Episode
    level: DetailLevel
    worth: float
    parts: Mapping[str, float]
    reason: str

    @property
    def key(self) -> str:
        """Its identity among units, and its item's id: an episode never changes."""
        return EPISODE_ID + self.episode.id

    @property
    def order(self) -> tuple[object, ...]:
        """As it was said."""
        one = self.episode
        return 0, one.occurred_at, one.session, one.position, one.id

    def unit(self) -> Unit:
        """The unit; its price is not known yet."""
        shown = Shown(1, self.level, cited(self.episode), self.episode.content)
        offer = Offer(self.key, shown, self.worth)
        return Unit(self.key, MEMORY, self.order, self.worth, (offer,), self.parts, self.reason)


@dataclass(frozen=True, slots=True)
class Memories:
    """What memory offers, best first."""

    found: tuple[Remembered, ...]
    revision: Revision | None
    degraded: tuple[str, ...] = ()


def gather(
    memory: Recall,
    namespace: str,
    query: str,
    budget: int,
    *,
    reference_time: datetime | None,
    as_of: datetime | None,
    most: int,
    note: Callable[[str], object],
) -> Memories:
    """The episodes that could be worth showing within `budget` tokens.

    most: hits that a search may be asked for. note: hears the name of each stage as it ends.
    """
    k = min(max(budget // _TOKENS, _FEWEST), _MOST, most)
    result = memory.search(namespace, query, k=k, reference_time=reference_time, as_of=as_of)
    note("search")
    if not result.hits:
        return Memories((), result.revision, result.degraded)
    best = result.hits[0].score
    sure = strength(best)
    found = {hit.episode.id: _hit(hit, best, sure) for hit in result.hits if hit.score > 0}
    centres = [hit.episode for hit in result.hits[:_AROUND] if hit.episode.id in found]
    for some, reach in ((centres[:_SESSIONS], _REACH), (centres[_SESSIONS:], 1)):
        near = memory.around(namespace, some, reach=reach, as_of=as_of) if some else {}
        for centre in some:
            for distance, neighbour in near.get(centre.id, ()):
                worth = found[centre.id].worth * NEIGHBOUR / 2 ** (distance - 1)
                known = found.get(neighbour.id)
                if known is None or (known.level != "episode" and known.worth < worth):
                    found[neighbour.id] = _neighbour(neighbour, centre, distance, worth)
    return Memories(tuple(found.values()), result.revision, result.degraded)


def again(memory: Recall, namespace: str, id: str, as_of: datetime | None) -> Unit | None:
    """The unit of an item that an earlier bundle showed; None where the episode is not to be seen any more."""
    try:
        episode = memory.get(namespace, id.removeprefix(EPISODE_ID), as_of=as_of)
    except (NotFound, InvalidArgument):
        return None
    return Remembered(episode, "episode", 0.0, {}, "shown before").unit()


def cited(episode: Episode) -> EpisodeCitation:
    """The citation of an episode."""
    return EpisodeCitation(
        episode.namespace,
        episode.id,
        episode.session,
        episode.position,
        episode.speaker,
        episode.role,
        episode.occurred_at,
    )


def _hit(hit: Hit, best: float, sure: float) -> Remembered:
    worth = sure * relative(hit.score, best) * by_length(len(hit.episode.content))
    return Remembered(hit.episode, "episode", worth, hit.parts, "; ".join(hit.why))


def _neighbour(episode: Episode, centre: Episode, distance: int, worth: float) -> Remembered:
    if distance == 1:
        return Remembered(episode, "window", worth, {}, f"beside what {_name(centre)} says")
    return Remembered(episode, "session", worth, {}, f"near what {_name(centre)} says in the same session")


def _name(episode: Episode) -> str:
    return episode.speaker or episode.role or "another"
