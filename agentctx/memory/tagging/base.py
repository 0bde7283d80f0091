"""What a tagger is, and the rules that every tag keeps to, whoever named it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agentctx.text.phrases import LONGEST_NAME, key_of, normalise
from agentctx.text.stop_phrases import NOT_TOPICS
from agentctx.text.terms import STOP_WORDS

MOST: Final = 8  # tags of one text
WORDS: Final = 3  # of one tag


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags of one text, the weightiest first, and (broader, narrower) pairs of them. producer: who said so."""

    tags: tuple[str, ...]
    relations: tuple[tuple[str, str], ...]
    producer: str


class Tagger(Protocol):
    """Names the topics of texts. Thread-safe."""

    @property
    def producer(self) -> str:
        """Who tags, with a version: it changes whenever the same text may get other tags."""
        ...

    def tag(self, texts: Sequence[str], timeout: float | None = None) -> list[Tagging]:
        """A Tagging for each text, in order. One that could not be had in `timeout` seconds comes from the rules."""
        ...

    def close(self) -> None:
        """Release connections; tagging afterwards is an error."""
        ...


def clean_tags(names: Iterable[object]) -> tuple[str, ...]:
    """Tags as they may be kept: normalised, short, said once, at most eight, and each about something."""
    found: dict[str, str] = {}
    for given in names:
        name = normalise(given[: 4 * LONGEST_NAME]) if isinstance(given, str) else ""
        parts = name.split("_")
        about = any(part not in NOT_TOPICS and part not in STOP_WORDS and not part.isdigit() for part in parts)
        if name and len(name) <= LONGEST_NAME and len(parts) <= WORDS and about:
            found.setdefault(key_of(name), name)
        if len(found) == MOST:
            break
    return tuple(found.values())


def clean_relations(pairs: Iterable[object], tags: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The (broader, narrower) pairs that are between different ones of `tags` and lead in no circle."""
    known = {key_of(tag): tag for tag in tags}
    above: dict[str, set[str]] = {}
    kept: dict[tuple[str, str], None] = {}
    for pair in pairs:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            continue
        up, down = (known.get(key_of(one)) if isinstance(one, str) else None for one in pair)
        if up is None or down is None or up == down or _reaches(above, up, down):
            continue
        above.setdefault(down, set()).add(up)
        kept[up, down] = None
    return tuple(kept)


def _reaches(above: dict[str, set[str]], start: str, goal: str) -> bool:
    """Whether `goal` is somewhere above `start`."""
    seen, queue = {start}, [start]
    for one in queue:
        for up in above.get(one, ()):
            if up == goal:
                return True
            if up not in seen:
                seen.add(up)
                queue.append(up)
    return False
