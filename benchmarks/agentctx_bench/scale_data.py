"""The stream of distinct, dated episodes that `agentctx bench scale` and `peers` fill a namespace with.

First the turns of a LongMemEval file (sessions under neutral ids, in the order of their dates), then commit messages of
git repositories, and what is still missing is made up of parts of the sentences that came before, and counted as such.
No text comes twice. The same sources give the same stream, so a run that was cut off can go on.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx.types import NewEpisode
from agentctx_bench import longmemeval, synthetic
from agentctx_bench.commits import commits, git_dir, name_of
from agentctx_bench.dataset import Dataset

MADE_UP: Final = "made up"
_CONVERSATION, _COMMITS = "LongMemEval turns", "commit messages"
_POOL: Final = 20_000  # sentences that made-up episodes are put together from
_TURNS: Final = 12  # of a made-up session
_SENTENCE: Final = re.compile(r"[^\n.!?]{20,160}[.!?]?")


@dataclass(slots=True)
class Sources:
    """Where episodes come from, in order. `counts` is filled as the stream is read."""

    data: Path | None = None
    git: Sequence[Path] = ()
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    dataset: Dataset | None = None

    def check(self) -> None:
        """Read the conversation file and look at the repositories. Raises InvalidArgument before time is spent."""
        if self.data is not None and self.dataset is None:
            self.dataset = longmemeval.load(self.data)
        for path in self.git:
            git_dir(path)

    def told(self) -> Mapping[str, Any]:
        """What the sources are, for reports and to know them again."""
        self.check()
        return {
            "file": self.data.name if self.data else None,
            "sha256": self.dataset.sha256 if self.dataset else None,
            "repositories": [name_of(path) for path in self.git],
            "seed": self.seed,
        }

    def episodes(self, count: int) -> Iterator[NewEpisode]:
        """`count` distinct episodes with ids `e0000000`, `e0000001`, …"""
        self.check()
        self.counts.clear()
        seen: set[bytes] = set()
        pool: list[str] = []
        rng = random.Random(self.seed)  # noqa: S311 - no secret
        given = 0
        for kind, episode in self._every(pool, rng):
            if given >= count:
                return
            mark = blake2b(episode.content.encode(), digest_size=8).digest()
            if mark in seen:
                continue
            seen.add(mark)
            self.counts[kind] += 1
            if kind != MADE_UP:
                _remember(pool, episode.content, rng)
            yield replace(episode, id=f"e{given:07}")
            given += 1

    def _every(self, pool: list[str], rng: random.Random) -> Iterator[tuple[str, NewEpisode]]:
        for episode in _turns(self.dataset) if self.dataset else ():
            yield _CONVERSATION, episode
        for path in self.git:
            for episode in commits(path):
                yield _COMMITS, episode
        number = 0
        while True:
            for episode in _made_up(pool, rng, number):
                yield MADE_UP, episode
                number += 1


def _turns(dataset: Dataset) -> Iterator[NewEpisode]:
    """The turns of all haystacks; a session that several of them hold comes once, as its turns are not distinct."""
    for haystack in dataset.haystacks:
        for turn in haystack.turns:
            yield replace(turn.episode(), session=f"{haystack.namespace}-{turn.session}")


def _remember(pool: list[str], text: str, rng: random.Random) -> None:
    """Keep a sample of sentences: the first ones, and later ones in their place now and then."""
    if len(pool) >= _POOL and rng.random() > 0.02:
        return
    for sentence in _SENTENCE.findall(text)[:2]:
        if len(pool) < _POOL:
            pool.append(sentence.strip())
        else:
            pool[rng.randrange(_POOL)] = sentence.strip()


def _made_up(pool: Sequence[str], rng: random.Random, number: int) -> Iterator[NewEpisode]:
    """One session: halves of sentences of the pool, joined anew; without a pool, sentences from a small grammar."""
    session, start = f"made-up-{number // _TURNS:06}", datetime(2010, 1, 1, tzinfo=UTC)
    start += timedelta(minutes=rng.randrange(16 * 365 * 24 * 60))
    invented = list(synthetic.episodes(_TURNS, seed=number)) if not pool else []
    for place in range(_TURNS):
        if pool:
            first, second, third = (rng.choice(pool).split() for _ in range(3))
            words = first[: len(first) // 2 + 1] + second[len(second) // 2 :] + third[: rng.randrange(2, 9)]
            content = " ".join(words)
        else:
            content = f"{invented[place].content} ({number + place})"
        yield NewEpisode(
            content=content,
            session=session,
            position=place,
            speaker=rng.choice(("Ana", "Bela", "Chidi", "Dora")),
            occurred_at=start + timedelta(minutes=place),
        )


def parse_sizes(text: str) -> tuple[int, ...]:
    """`10000,100000` as numbers, ascending. Raises InvalidArgument."""
    try:
        sizes = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise InvalidArgument(f"sizes must be whole numbers separated by commas, not {text!r}", field="sizes") from None
    if not sizes or sizes[0] < 100:
        raise InvalidArgument("sizes must be 100 at least", field="sizes")
    return sizes
