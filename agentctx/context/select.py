"""Which units are shown, and at which level: the most worth for the tokens."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentctx.context.pricing import Prices
from agentctx.context.repeats import Said
from agentctx.context.units import Offer, Unit
from agentctx.types.context import DropReason

# Longer units are needed more often than shorter ones, yet not in proportion to their length (docs/context.md).
LENGTH: Final = 0.65
# What is worth less than this share of the best by the same tokens is not worth any.
WEAK: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Left:
    """A unit, at the level that would have come next, which is not shown. price: what it would have taken."""

    unit: Unit
    offer: Offer
    price: int
    reason: DropReason


@dataclass(slots=True)
class Choice:
    """What was chosen, in the order of choosing, and what it costs by the sum of its parts.

    because: by key of what came along with another unit, the key of that. left: the rest, most valuable first.
    """

    taken: dict[str, Offer] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    because: dict[str, str] = field(default_factory=dict)
    spent: int = 0
    sides: dict[str, int] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    stopped: str = "exhausted"

    def take(self, unit: Unit, offer: Offer, price: int) -> None:
        """Show a unit at a level, instead of a lower one if there is one."""
        if unit.key not in self.taken:
            self.order.append(unit.key)
        self.taken[unit.key] = offer
        self.spent += price
        self.sides[unit.side] = self.sides.get(unit.side, 0) + price


class Purse:
    """Knows what things cost, and what may be spent: in all, and on each side where the caller says so."""

    def __init__(self, prices: Prices, total: int, sides: Mapping[str, int]) -> None:
        self._prices = prices
        self._total, self._sides = total, sides
        self._open: set[Hashable] = set()

    def price(self, offer: Offer, instead: Offer | None = None) -> int:
        """What showing `offer` takes, the groups included that it opens, less what it replaces."""
        cost = self._prices.tokens[offer.id]
        for group, tokens in self._prices.openings[offer.id]:
            if group not in self._open:
                cost += tokens
        if instead is not None:
            cost -= self._prices.tokens[instead.id]
        return max(cost, 1)

    def open(self, offer: Offer) -> None:
        """The groups of `offer` are open from now on."""
        self._open.update(group for group, _ in self._prices.openings[offer.id])

    def lack(self, choice: Choice, side: str, price: int) -> DropReason | None:
        """What keeps from spending `price` on a side."""
        if choice.spent + price > self._total:
            return "budget"
        most = self._sides.get(side)
        return "share" if most is not None and choice.sides.get(side, 0) + price > most else None

    def empty(self, choice: Choice, cheapest: int) -> bool:
        """Whether nothing can be bought any more if nothing costs less than `cheapest`."""
        return choice.spent + cheapest > self._total


def select(
    prices: Prices, total: int, sides: Mapping[str, int], carried: Mapping[str, Sequence[Offer]] | None = None
) -> Choice:
    """The units to show for `total` tokens. carried: by key the offers that are shown already, and paid for.

    Greedy by worth over tokens to the power of LENGTH; a level is passed over where going straight to a higher one is
    the better deal. What repeats something shown is worth less by so much; what is part of something shown whole is
    not shown again. Deterministic: ties go to the smaller key.
    """
    units = {unit.key: unit for unit in prices.units if unit.offers}
    purse, choice, said = Purse(prices, total, sides), Choice(), Said()
    shown = carried or {}
    reached: dict[str, Offer] = {}
    for key, offers in shown.items():
        for offer in offers:
            purse.open(offer)
        if key in units:
            reached[key] = max(offers, key=lambda offer: offer.worth)
            said.add(units[key])
    heap = [
        (-step.rate, key)
        for key, unit in units.items()
        if (step := _step(unit, None, reached.get(key), purse)) is not None
    ]
    heapq.heapify(heap)
    weak = -heap[0][0] * WEAK if heap else 0.0
    cheapest = min((prices.tokens[offer.id] for unit in units.values() for offer in unit.offers), default=0)
    lacking: set[DropReason] = set()
    # Units whose body is shown, and units of which a part is: what holds a part is not shown whole beside it.
    whole: set[str] = {key for key, offer in reached.items() if offer.level == "body"}
    parted: set[str] = {around for key in whole for around in units[key].inside}
    while heap:
        promised, key = heapq.heappop(heap)
        unit = units[key]
        taken = choice.taken.get(key)
        step = _step(unit, taken, reached.get(key), purse)
        if step is None:
            continue
        price = purse.price(step.offer, taken)
        if unit.inside and any(around in whole for around in unit.inside):
            choice.left.append(Left(unit, step.offer, price, "covered"))
            continue
        if key in parted and step.offer.level == "body":
            step = _step(unit, taken, reached.get(key), purse, below=step.offer)
            if step is None:
                continue
            price = purse.price(step.offer, taken)
        if purse.empty(choice, cheapest):
            lacking.add("budget")
            choice.left.append(Left(unit, step.offer, price, "budget"))
            continue
        lack = purse.lack(choice, unit.side, price)
        alike = said.repeats(unit) if lack is None and taken is None and key not in shown else 0.0
        if alike >= Said.SAME:
            choice.left.append(Left(unit, step.offer, price, "duplicate"))
            continue
        rate = step.rate * (1 - alike)
        if rate < weak:
            choice.left.append(Left(unit, step.offer, price, "weak"))
            continue
        if heap and rate < -promised and (-rate, key) > heap[0]:
            heapq.heappush(heap, (-rate, key))
            continue
        along = _along(unit, step.offer, units, choice, shown)
        price += sum(purse.price(other.offers[0]) for other in along)
        lack = lack or purse.lack(choice, unit.side, price)
        if lack is not None:
            lacking.add(lack)
            choice.left.append(Left(unit, step.offer, price, lack))
            step = _step(unit, taken, reached.get(key), purse, below=step.offer)
            price = 0 if step is None else purse.price(step.offer, taken)
            if step is None or purse.lack(choice, unit.side, price) is not None:
                continue
            along = []
        for other in along:
            choice.because[other.key] = key
            choice.take(other, other.offers[0], 0)
            purse.open(other.offers[0])
        choice.take(unit, step.offer, price)
        purse.open(step.offer)
        if step.offer.level == "body":
            whole.add(key)
            parted.update(unit.inside)
        said.add(unit)
        after = _step(unit, step.offer, None, purse) if lack is None else None
        if after is not None:
            heapq.heappush(heap, (-after.rate, key))
    if lacking:
        choice.stopped = "budget" if "budget" in lacking else "share"
    elif any(one.reason == "weak" for one in choice.left):
        choice.stopped = "weak"
    return choice


@dataclass(frozen=True, slots=True)
class _Step:
    offer: Offer
    rate: float


def _step(
    unit: Unit, taken: Offer | None, shown: Offer | None, purse: Purse, below: Offer | None = None
) -> _Step | None:
    """The best deal among the levels above what is reached, and below `below`.

    taken: is replaced by the higher level. shown: by an earlier bundle, stays where it is, and is paid for.
    """
    at = taken or shown
    worth = 0.0 if at is None else at.worth
    found: _Step | None = None
    for offer in unit.offers:
        if offer.worth <= worth or (below is not None and offer.worth >= below.worth):
            continue
        rate = (offer.worth - worth) / float(purse.price(offer, taken)) ** LENGTH
        if found is None or rate > found.rate:
            found = _Step(offer, rate)
    return found


def _along(
    unit: Unit, offer: Offer, units: Mapping[str, Unit], choice: Choice, shown: Mapping[str, Sequence[Offer]]
) -> list[Unit]:
    """What a reader needs beside a unit at its highest level, and is not there yet."""
    if not unit.needs or offer is not unit.offers[-1]:
        return []
    missing = (need for need in unit.needs if need not in choice.taken and need not in shown)
    return [units[need] for need in missing if need in units]
