"""Groups of tags: by what their episodes say, by their names, by what is above them and by what they stand beside."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from agentctx.index.clustering import Floats, Numbers, Take, assign, gather, learn, sampled, unit_length

_FEWEST: Final = 3  # episodes of a tag that says where one belongs
_BROAD: Final = 0.01  # a tag of more than this share of a namespace says little
_BROAD_FROM: Final = 50
_MOST: Final = 20_000  # tags, those of most episodes
_SAMPLE: Final = 48  # episodes that a tag's vector is made of
_TOGETHER: Final = 6  # tags in one group, about
_NAME: Final = 0.3  # what a name counts for beside the episodes
_ABOVE: Final = 0.3  # ... and what the tags above, ...
_BESIDE: Final = 0.3  # ... and what the narrowest tag of each of its episodes
_NAMES: Final = 32  # embedded in one unit

Embed = Callable[[Sequence[str]], Floats]
Ints = npt.NDArray[np.int64]


class Tags(Protocol):
    """What is asked of the tags of a namespace. Rows ascend."""

    def numbers(self) -> Ints:
        """The tags."""
        ...

    def sizes(self) -> npt.NDArray[np.integer]:
        """By number how many episodes bear a tag."""
        ...

    def rows(self, number: int) -> npt.NDArray[np.integer]:
        """The rows that bear a tag."""
        ...

    def name(self, number: int) -> str:
        """What it is called."""
        ...

    def above(self, number: int) -> list[int]:
        """The tags right above it."""
        ...


@dataclass(frozen=True, slots=True)
class Topics:
    """Groups of tags, no group much larger than the others."""

    tags: Ints
    """The tags that are in groups, by ascending number."""
    episodes: Floats
    """By tag what its episodes have in common."""
    names: Floats
    """By tag the vector of its name."""
    group: Numbers
    """By tag its group."""
    centroids: Floats
    """By group what its episodes have in common."""


def topics(tags: Tags, take: Take, size: int, embed: Embed, most: int) -> Generator[None, None, Topics | None]:
    """Group the tags of the rows 0 to size - 1, into `most` groups at most. None without tags to speak of."""
    numbers, sizes = tags.numbers(), tags.sizes()
    telling = (sizes[numbers] >= _FEWEST) & (sizes[numbers] <= max(_BROAD * size, _BROAD_FROM))
    chosen = numbers[telling]
    if not len(chosen):
        return None
    if len(chosen) > _MOST:
        chosen = np.sort(chosen[np.argsort(-sizes[chosen], kind="stable")[:_MOST]])
    means: list[Floats] = []
    samples: list[npt.NDArray[np.integer]] = []
    narrowest = np.full(size, -1, dtype=np.int32)
    by_size = np.argsort(-sizes[chosen], kind="stable")  # the narrower come later, and stay
    for place in by_size.tolist():
        rows = tags.rows(int(chosen[place]))
        narrowest[rows[rows < size]] = place
        yield
    for number in chosen.tolist():
        rows = tags.rows(number)
        rows = rows[rows < size]
        sample = rows[:: max(1, -(-len(rows) // _SAMPLE))]
        samples.append(sample)
        means.append(take(sample).sum(axis=0))
        yield
    episodes = unit_length(np.array(means))
    names = np.empty((0, 0), dtype=np.float32)
    for first in range(0, len(chosen), _NAMES):
        found = embed([tags.name(int(number)).replace("_", " ") for number in chosen[first : first + _NAMES]])
        if not first:
            names = np.empty((len(chosen), found.shape[1]), dtype=np.float32)
        names[first : first + len(found)] = found
        yield
    own = np.hstack((np.float32((1 - _NAME) ** 0.5) * episodes, np.float32(_NAME**0.5) * names))
    features = own.copy()
    for place, number in enumerate(chosen.tolist()):
        above = np.searchsorted(chosen, tags.above(number))
        above = above[above < len(chosen)]
        if len(above):
            features[place] += np.float32(_ABOVE) * own[above].mean(axis=0)
        beside = narrowest[samples[place]]
        features[place] += np.float32(_BESIDE) * own[beside[beside >= 0]].mean(axis=0)
        if not place % 16:
            yield
    features = unit_length(features)
    many = max(1, min(most, len(chosen) // _TOGETHER))
    found = yield from learn(features.__getitem__, len(chosen), features[sampled(len(chosen), many)])
    group, _ = yield from assign(features.__getitem__, len(chosen), found)
    sums = np.zeros((int(group.max()) + 1, episodes.shape[1]), dtype=np.float32)
    gather(sums, episodes, group)
    yield
    return Topics(chosen, episodes, names, group, unit_length(sums))
