"""Cutting a text to a budget, and pricing chat messages: what callers do with a counter."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentctx.errors import InvalidArgument
from agentctx.text.tokens import MessageOverhead, TokenCounter, plain

Keep = Literal["start", "end"]
Boundary = Literal["character", "word", "line"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that fits: `tokens` is its own count, marker included; `cut` says whether anything was left out."""

    text: str
    tokens: int
    cut: bool


def fit(
    counter: TokenCounter,
    text: str,
    budget: int,
    *,
    keep: Keep = "start",
    boundary: Boundary = "character",
    marker: str = "",
) -> Cut:
    """`text`, or as much of its start (or end) as fits `budget` tokens together with `marker`, which stands where the
    rest was.

    The result is counted whole and never exceeds the budget. The longest fitting part is found up to the wiggles of
    byte-pair counts, where one more letter may make two tokens one. `boundary` moves the cut to the nearest word or
    line end inside, if there is one; a letter is never parted from its accents. A budget that the marker alone exceeds
    gives the empty text. Costs some ten counts of texts about as long as the result, not of the whole text.

    Raises InvalidArgument for a negative budget.
    """
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise InvalidArgument(f"a budget is a whole number of tokens, 0 or more, not {budget!r:.50}", field="budget")
    text, marker = plain(text), plain(marker, "marker")

    def part(size: int) -> str:
        if size in (0, len(text)):
            return text[:size]
        return text[:size] + marker if keep == "start" else marker + text[-size:]

    # A text far beyond the budget is not counted whole: its beginning tells soon enough.
    if len(text) <= 64 * (budget + 1):
        tokens = counter.count(text)
        if tokens <= budget:
            return Cut(text, tokens, cut=False)
    size = _largest(lambda size: counter.count(part(size)) <= budget, len(text), budget)
    if size < len(text):
        size = _inside(text, size, keep, boundary)
    # Moving to a boundary shortens the text, which mostly saves tokens, but need not.
    while size and counter.count(part(size)) > budget:
        size = _inside(text, size - 1, keep, boundary)
    kept = part(size)
    return Cut(kept, counter.count(kept), cut=size < len(text))


def count_messages(
    counter: TokenCounter, messages: Sequence[Mapping[str, str]], overhead: MessageOverhead | None = None
) -> int:
    """Tokens of a chat request: contents, roles and names, and what the format adds around them.

    Contents are counted exactly; the overhead is the published one of OpenAI's chat models unless you give another.
    """
    overhead = overhead or MessageOverhead()
    fields = [value for message in messages for value in message.values()]
    names = sum("name" in message for message in messages)
    extra = overhead.per_request + overhead.per_message * len(messages) + overhead.per_name * names
    return extra + sum(counter.count_many(fields))


def _largest(fits: Callable[[int], bool], most: int, budget: int) -> int:
    """The largest size up to `most` that fits, taking `fits` to be monotone: grow from the budget, then halve."""
    low, high = 0, min(most, max(4 * budget, 16))
    while high > low and fits(high):
        low = high
        high = min(most, 2 * high)
    # `high` does not fit, or low is all there is.
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _inside(text: str, size: int, keep: Keep, boundary: Boundary) -> int:
    """`size`, or the next smaller one that ends (or begins) at a boundary and does not part a letter from its marks."""
    if size <= 0:
        return 0
    edge = size if keep == "start" else len(text) - size
    if boundary != "character":
        if keep == "start":
            found = text.rfind("\n", 0, edge) if boundary == "line" else _last_blank(text, edge)
            edge = found if found > 0 else edge
        else:
            found = text.find("\n", edge) if boundary == "line" else _next_blank(text, edge)
            edge = found + 1 if 0 <= found < len(text) - 1 else edge
    step = -1 if keep == "start" else 1
    while 0 < edge < len(text) and (unicodedata.combining(text[edge]) or "\u200d" in text[edge - 1 : edge + 1]):
        edge += step
    return edge if keep == "start" else len(text) - edge


def _last_blank(text: str, edge: int) -> int:
    if text[edge : edge + 1].isspace():
        return edge
    return next((i for i in range(edge - 1, max(edge - 200, 0), -1) if text[i].isspace()), -1)


def _next_blank(text: str, edge: int) -> int:
    if text[edge - 1 : edge].isspace():
        return edge - 1
    return next((i for i in range(edge, min(edge + 200, len(text))) if text[i].isspace()), -1)
