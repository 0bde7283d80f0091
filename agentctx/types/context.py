"""What the context service answers: bundles with their items, citations and receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from agentctx.types.code import Generation
from agentctx.types.episodes import Revision

BundleFormat = Literal["markdown", "xml", "json", "messages"]
BUNDLE_FORMATS: Final[tuple[BundleFormat, ...]] = ("markdown", "xml", "json", "messages")
DetailLevel = Literal["episode", "window", "session", "path", "signature", "skeleton", "body"]
DETAIL_LEVELS: Final[tuple[DetailLevel, ...]] = (
    "episode",
    "window",
    "session",
    "path",
    "signature",
    "skeleton",
    "body",
)
DropReason = Literal["budget", "share", "weak", "duplicate", "covered", "changed", "gone"]
DROP_REASONS: Final[tuple[DropReason, ...]] = (
    "budget",
    "share",
    "weak",
    "duplicate",
    "covered",
    "changed",
    "gone",
)


@dataclass(frozen=True, slots=True)
class EpisodeCitation:
    """Where an item from memory comes from: one episode."""

    namespace: str
    episode: str
    session: str
    position: int
    speaker: str
    role: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class CodeCitation:
    """Where an item from a code base comes from: lines of a file in one generation.

    symbol: its id, see docs/code.md. stale: the tree holds another text by now.
    """

    repository: str
    path: str
    symbol: str
    start_line: int
    end_line: int
    generation: int
    commit: str = ""
    stale: bool = False


Citation = EpisodeCitation | CodeCitation


@dataclass(frozen=True, slots=True)
class BundleItem:
    """One thing that a bundle shows.

    number: what the rendered text calls it, from 1. id: names it in `previous` of a later build. level: how much of it
    is shown; an episode is at "window" where it stands right beside one that was found, at "session" where it is a
    little further away in its session. tokens: what it costs where it stands, by the bundle's counter; headings and
    fences around it are not in it, so that items do not sum up to the bundle. score: comparable within one bundle,
    from 0 to 1. parts: the evidence behind it, as a search or scouting has it. reason: why it is there, for people.
    carried: it was part of an earlier bundle and keeps its place.
    """

    number: int
    id: str
    level: DetailLevel
    citation: Citation
    text: str
    tokens: int
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    carried: bool = False


@dataclass(frozen=True, slots=True)
class DroppedItem:
    """Something that was considered and is not shown, or not at this level, and why.

    reason: "budget" (no room left), "share" (no room in the part that the caller allows memory, or code), "weak"
    (hardly anything speaks for it), "duplicate" (something shown says nearly the same), "covered" (it is part of
    something shown), "changed" or "gone" (an item of an earlier bundle that is no longer what it was).
    """

    id: str
    level: DetailLevel
    tokens: int
    score: float
    reason: DropReason
    label: str = ""
    """What it is, for people: a path with lines, or a speaker with a time."""


@dataclass(frozen=True, slots=True)
class BundleReceipt:
    """What a build did with its budget.

    tokens: the rendered text counted whole by `counter`, never above `budget`. exact: whether the counter's numbers
    are the model's own. memory_tokens, code_tokens: about what each side takes. considered: units that were priced.
    dropped: the most valuable of those left out, `dropped_total` of them in all. next_buys: what 1,000 tokens more
    would add, most valuable first. stopped: "budget" (nothing more fits), "share" (no more is allowed), "exhausted"
    (nothing is left), "weak" (what is left is not worth its tokens). carried: items at the start that an earlier
    bundle showed in the same bytes, which are `prefix_chars` characters of the text. degraded: what could not take
    part, or not fully. stale: whether something shown has changed in its tree since it was indexed.
    """

    budget: int
    tokens: int
    counter: str
    exact: bool
    memory_tokens: int
    code_tokens: int
    considered: int
    stopped: str
    dropped: tuple[DroppedItem, ...] = ()
    dropped_total: int = 0
    next_buys: tuple[DroppedItem, ...] = ()
    carried: int = 0
    prefix_chars: int = 0
    degraded: tuple[str, ...] = ()
    stale: bool = False
    revision: Revision | None = None
    generations: tuple[Generation, ...] = ()
    stages_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BundleMessage:
    """A chat message, ready to be sent."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A context that fits a budget: the rendered `text`, its items in the order shown, and the receipt.

    messages: the same as chat messages where `format` is "messages" (then `text` is their contents, one after the
    other), else empty. The same state, query and options give the same text, byte for byte.
    """

    text: str
    format: BundleFormat
    items: tuple[BundleItem, ...]
    receipt: BundleReceipt
    messages: tuple[BundleMessage, ...] = ()

    @property
    def tokens(self) -> int:
        """Tokens of the whole: see the receipt."""
        return self.receipt.tokens

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of its items in order: `previous` of the next build of the same conversation."""
        return tuple(item.id for item in self.items)
