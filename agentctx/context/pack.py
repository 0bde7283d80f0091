"""Fills a budget: chooses, renders, counts the whole, and mends the choice until the count is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agentctx.context.pricing import Prices
from agentctx.context.render import Rendered, Renderer, render
from agentctx.context.select import Choice, Left, select
from agentctx.context.units import CODE, MEMORY, Offer, Unit
from agentctx.text.tokens import TokenCounter
from agentctx.types.context import CodeCitation

MORE: Final = 1000  # the tokens of which a receipt says what they would buy
_FILLS: Final = 3  # counts of the whole that are spent on using up what is left over


@dataclass(frozen=True, slots=True)
class Placed:
    """A unit at the level and place at which it is shown."""

    unit: Unit
    offer: Offer
    carried: bool
    because: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle's content: what is shown, in order; the text; what it costs, counted whole.

    more: what MORE tokens would add, most valuable first.
    """

    placed: tuple[Placed, ...]
    rendered: Rendered
    tokens: int
    choice: Choice
    more: tuple[Left, ...]


class Packer:
    """Packs units by one renderer and counter. For one build, on one thread."""

    def __init__(
        self, prices: Prices, renderer: Renderer, counter: TokenCounter, budget: int, sides: Mapping[str, int]
    ) -> None:
        """sides: the most that may be spent on memory, and on code."""
        self._prices = prices
        self._units = {unit.key: unit for unit in prices.units}
        self._renderer, self._counter = renderer, counter
        self._budget, self._sides = budget, sides
        # What head and foot cost without anything in them.
        self.frame = renderer.count(renderer.head() + renderer.foot(), counter)

    def choose(self, carried: Sequence[Placed]) -> Choice:
        """What to show beside what is carried, by the sum of the parts."""
        shown: dict[str, list[Offer]] = {}
        for one in carried:
            shown.setdefault(one.unit.key, []).append(one.offer)
        spent = self._by_side(carried)
        sides = {side: most - spent[side] for side, most in self._sides.items()}
        return select(self._prices, self._budget - self.frame - self.cost(carried), sides, shown)

    def cost(self, placed: Sequence[Placed]) -> int:
        """The sum of the parts of some items."""
        groups = {group: tokens for one in placed for group, tokens in self._prices.openings[one.offer.id]}
        return sum(self._prices.tokens[one.offer.id] for one in placed) + sum(groups.values())

    def pack(self, carried: Sequence[Placed]) -> Packed:
        """The most valuable bundle that fits; what is carried comes first, in its order."""
        choice = self.choose(carried)
        kept, rendered, tokens = self._shrink(list(carried), choice)
        rendered, tokens = self._fill(kept, choice, rendered, tokens)
        return Packed(tuple(self._lay(kept, choice)), rendered, tokens, choice, self._more(choice))

    def _shrink(self, carried: list[Placed], choice: Choice) -> tuple[list[Placed], Rendered, int]:
        """Take away what was chosen last until the whole fits; of what is carried, too, if nothing else is left."""
        while True:
            rendered, tokens = self._render(self._lay(carried, choice))
            over = tokens - self._budget
            if over <= 0:
                return carried, rendered, tokens
            choice.stopped = "budget"
            while over > 0 and choice.order:
                over -= self._drop(choice)
            if over > 0 and carried:
                carried.pop()
            elif over > 0:
                return [], Rendered("", ()), 0

    def _drop(self, choice: Choice) -> int:
        """Take back what was chosen last, with what came for its sake; the tokens of their texts."""
        key = choice.order[-1]
        cause = choice.because.get(key, key)
        saved = 0
        for gone in [cause, *(other for other, why in choice.because.items() if why == cause)]:
            offer = choice.taken.pop(gone)
            choice.order.remove(gone)
            choice.because.pop(gone, None)
            saved += self._prices.tokens[offer.id]
            choice.left.insert(0, Left(self._units[gone], offer, self._prices.tokens[offer.id], "budget"))
        return max(saved, 1)

    def _fill(self, carried: Sequence[Placed], choice: Choice, rendered: Rendered, tokens: int) -> tuple[Rendered, int]:
        """The parts mostly cost less together than alone: spend what that leaves on the best that was left out."""
        for _ in range(_FILLS):
            placed = self._lay(carried, choice)
            spent, room = self._by_side(placed), self._budget - tokens
            whole = {one.unit.key for one in placed if one.offer.level == "body"}
            parted = {around for one in placed if one.offer.level == "body" for around in one.unit.inside}
            added: dict[str, Left] = {}
            for left in choice.left:
                allowed = self._sides.get(left.unit.side, self._budget) - spent[left.unit.side]
                if (
                    left.reason == "budget"
                    and left.price <= min(room, allowed)
                    and left.unit.key not in choice.taken
                    and left.unit.key not in added
                    and not left.unit.needs
                    and left.unit.key not in parted
                    and whole.isdisjoint(left.unit.inside)
                ):
                    room -= left.price
                    spent[left.unit.side] += left.price
                    added[left.unit.key] = left
            if not added:
                break
            new = [Placed(left.unit, left.offer, carried=False) for left in added.values()]
            wider, count = self._render(self._sorted(carried, [*placed[len(carried) :], *new]))
            if count > self._budget:
                break
            for left in added.values():
                choice.take(left.unit, left.offer, left.price)
            choice.left = [left for left in choice.left if left.unit.key not in added]
            rendered, tokens = wider, count
        return rendered, tokens

    def _more(self, choice: Choice) -> tuple[Left, ...]:
        """What MORE tokens would buy of what there was no room for."""
        room = MORE
        bought: list[Left] = []
        for left in choice.left:
            if left.reason == "budget" and left.price <= room:
                room -= left.price
                bought.append(left)
        return tuple(bought)

    def _lay(self, carried: Sequence[Placed], choice: Choice) -> list[Placed]:
        """What is shown, in order: what is carried, then the rest as it was said and as it stands in its files."""
        new = [
            Placed(self._units[key], choice.taken[key], carried=False, because=choice.because.get(key, ""))
            for key in choice.order
        ]
        return self._sorted(carried, new)

    def _sorted(self, carried: Sequence[Placed], new: Sequence[Placed]) -> list[Placed]:
        return [*carried, *sorted(new, key=_place)]

    def _by_side(self, placed: Sequence[Placed]) -> dict[str, int]:
        spent = {MEMORY: 0, CODE: 0}
        for one in placed:
            spent[one.unit.side] += self._prices.tokens[one.offer.id]
        return spent

    def _render(self, placed: Sequence[Placed]) -> tuple[Rendered, int]:
        rendered = render(self._renderer, [one.offer.shown.numbered(place) for place, one in enumerate(placed, 1)])
        return rendered, self._renderer.count(rendered.text, self._counter)


_RANKS: Final[dict[str, int]] = {"path": 1, "signature": 2, "skeleton": 3, "body": 3}


def _place(one: Placed) -> tuple[object, ...]:
    """Memory as it was said; of a file first the signatures, which share a fence, then the rest as it stands there."""
    cited = one.offer.shown.citation
    if isinstance(cited, CodeCitation):
        return *one.unit.order, _RANKS[one.offer.level], cited.start_line, one.unit.key
    return one.unit.order
