"""The text of a task as evidence: weighted words, and what points at code, each with a weight."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agentctx.code.query.frames import Frame, frames
from agentctx.code.query.mentions import Mention, errors, imports, names, own_names, paths, quoted, without_paths
from agentctx.code.query.segments import Kind, Segment, split

# How much a word counts by where it stands. A title is what its author thought the matter is; code spans are chosen
# words; a snippet holds what surrounds the matter as well; a trace is long and mostly about other places.
WORD_WEIGHT: Final[dict[Kind, float]] = {
    "title": 3.0,
    "prose": 1.0,
    "span": 1.0,
    "code": 0.7,
    "output": 0.4,
    "trace": 0.4,
    "noise": 0.05,
}
NAME_WEIGHT: Final[dict[Kind, float]] = {
    "title": 3.0,
    "prose": 1.0,
    "span": 2.0,
    "code": 1.0,
    "output": 0.4,
    "trace": 0.6,
    "noise": 0.05,
}
_TESTS: Final = re.compile(
    r"(?i)\b(?:add|fix|update|write|improve|extend|repair|split)\s+(?:an?\s+|the\s+|more\s+|some\s+)?"
    r"(?:failing\s+|flaky\s+|broken\s+|missing\s+|unit\s+|regression\s+|integration\s+)?tests?\b|\bflaky\s+tests?\b"
)

_DOCUMENTS: Final = re.compile(
    r"(?i)\b(?:docs?|documentation|documented|read ?me|changelog|release notes|tutorial|guide|typos?|manual)\b"
)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A mention, where it stands, and how much that counts."""

    mention: Mention
    kind: Kind
    weight: float


@dataclass(frozen=True, slots=True)
class Query:
    """What a text gives. own_names: what its snippets define themselves, so that it is not looked for in the map.

    about_tests, about_documents: by its title, the task itself is about test code, or about what is written for people.
    """

    segments: tuple[Segment, ...]
    frames: tuple[Frame, ...]
    mentions: tuple[Weighted, ...]
    quotes: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    imports: dict[str, str]
    own_names: frozenset[str]
    about_tests: bool
    about_documents: bool

    def stretches(self, *, paths: bool = False) -> list[tuple[Kind, str, float]]:
        """The text piece by piece, with what each is and the weight of its words. paths: with those in it."""
        return [
            (one.kind, one.text if paths else without_paths(one.text), WORD_WEIGHT[one.kind]) for one in self.segments
        ]


def analyze(text: str) -> Query:
    """Take a text apart. Some 1 ms for a long issue; deterministic, and no text is bad."""
    segments = split(text)
    body = "\n".join(one.text for one in segments if one.kind not in ("span", "noise"))
    mentions = [Weighted(mention, one.kind, NAME_WEIGHT[one.kind]) for one in segments for mention in _mentions(one)]
    return Query(
        segments=tuple(segments),
        frames=tuple(frames(body)),
        mentions=tuple(mentions),
        quotes=tuple(dict.fromkeys(q for one in segments if one.kind in ("title", "prose") for q in quoted(one.text))),
        errors=tuple(
            dict.fromkeys(
                e
                for one in segments
                if one.kind in ("trace", "prose", "title", "output", "code")
                for e in errors(one.text)
            )
        ),
        imports=imports("\n".join(one.text for one in segments if one.kind in ("code", "span", "prose"))),
        own_names=frozenset(name for one in segments if one.kind in ("code", "output") for name in own_names(one.text)),
        about_documents=bool(segments and _DOCUMENTS.search(segments[0].text)),
        about_tests=bool(segments and _TESTS.search(segments[0].text)),
    )


def _mentions(one: Segment) -> Iterable[Mention]:
    if one.kind != "trace":
        yield from paths(one.text)
    yield from names(one.text, code=one.kind in ("span", "code"))
