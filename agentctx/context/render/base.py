"""The one way in which items become text: from left to right, so that what was written never changes afterwards.

A renderer sees an item, and how the item before it was grouped, and nothing else. The text of the first n items is
therefore the same whatever follows them, up to what closes the last group: providers' prompt caches keep hitting.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agentctx.context.shown import Shown
from agentctx.text.tokens import TokenCounter
from agentctx.types.context import BundleMessage

Keys = tuple[Hashable, ...]


class Renderer(Protocol):
    """Writes items down. Pure: the same items give the same text.

    `keys` places an item in nested groups, outermost first; items side by side with equal keys share the groups.
    """

    def head(self) -> str:
        """What every text begins with."""
        ...

    def foot(self) -> str:
        """What every text ends with."""
        ...

    def keys(self, item: Shown) -> Keys:
        """The groups that the item stands in."""
        ...

    def opening(self, depth: int, item: Shown) -> str:
        """What opens the group of the item at that depth."""
        ...

    def closing(self, depth: int, item: Shown) -> str:
        """What closes it."""
        ...

    def body(self, item: Shown) -> str:
        """The item itself."""
        ...

    def messages(self, text: str) -> tuple[BundleMessage, ...]:
        """The text as chat messages; empty for a format without."""
        ...

    def count(self, text: str, counter: TokenCounter) -> int:
        """What a rendered text costs as it is sent: at least what it counts as plain text."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text; `ends` are its lengths after each item, before what closes the groups."""

    text: str
    ends: tuple[int, ...]


def render(renderer: Renderer, items: Sequence[Shown]) -> Rendered:
    """The text of some items in their order; "" for none."""
    if not items:
        return Rendered("", ())
    parts = [renderer.head()]
    ends: list[int] = []
    length = len(parts[0])
    before: Shown | None = None
    had: Keys = ()
    for item in items:
        keys = renderer.keys(item)
        shared = 0
        while shared < min(len(had), len(keys)) and had[shared] == keys[shared]:
            shared += 1
        pieces = [] if before is None else _closing(renderer, before, shared, len(had))
        pieces += [renderer.opening(depth, item) for depth in range(shared, len(keys))]
        pieces.append(renderer.body(item))
        parts += pieces
        length += sum(map(len, pieces))
        ends.append(length)
        before, had = item, keys
    assert before is not None
    parts += _closing(renderer, before, 0, len(had))
    parts.append(renderer.foot())
    return Rendered("".join(parts), tuple(ends))


def _closing(renderer: Renderer, item: Shown, depth: int, depths: int) -> list[str]:
    """What closes the groups of an item, innermost first, down to `depth`."""
    return [renderer.closing(at, item) for at in range(depths - 1, depth - 1, -1)]
