"""What an earlier bundle of the conversation showed, kept at the start in the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agentctx.context.pack import Packer, Placed
from agentctx.context.pricing import Prices
from agentctx.context.units import Unit
from agentctx.types.context import DropReason

_MORE: Final = 1e-9
Again = Callable[[str], Unit | None]


@dataclass(slots=True)
class Earlier:
    """The items of an earlier bundle that still are what they were, in order, up to the first that is not.

    units: all that may be shown now: what was found, and of the earlier bundle what was not found anew. lost: the
    first item that is not what it was, and why.
    """

    units: list[Unit]
    shown: list[tuple[str, str]] = field(default_factory=list)
    lost: tuple[str, DropReason] | None = None


def look_up(ids: Sequence[str], units: Sequence[Unit], again: Again) -> Earlier:
    """Find the items of an earlier bundle. again: makes the unit of an id that is not among `units`."""
    by_key = {unit.key: unit for unit in units}
    by_offer = {offer.id: unit.key for unit in units for offer in unit.offers} if ids else {}
    lost: tuple[str, DropReason] | None = None
    shown: list[tuple[str, str]] = []
    for id in ids:
        if id not in by_offer:
            unit = again(id)
            if unit is None or unit.offers[0].id != id:
                lost = id, "gone" if unit is None else "changed"
                break
            known = by_key.get(unit.key)
            if known is not None:
                # It is found anew, but not at this level: no other level of it is to be added to what is shown.
                most = max(offer.worth for offer in known.offers)
                unit = replace(known, offers=(*known.offers, replace(unit.offers[0], worth=most + _MORE)))
            by_key[unit.key] = unit
            by_offer[id] = unit.key
        shown.append((by_offer[id], id))
    return Earlier(list(by_key.values()), shown, lost)


def keep(earlier: Earlier, prices: Prices, packer: Packer, budget: int) -> tuple[list[Placed], list[Placed]]:
    """What is carried over, and what is let go.

    As long a beginning as possible, of which no more than half the budget is for what the present query would not
    have chosen by itself: a cached prefix is cheap, and still takes the room of what is asked for now.
    """
    units: Mapping[str, Unit] = {unit.key: unit for unit in prices.units}
    placed = [Placed(units[key], prices.offers[id], carried=True) for key, id in earlier.shown]
    if not placed:
        return [], []
    fresh = packer.choose([]).taken
    aside = 0
    for count, one in enumerate(placed):
        wanted = fresh.get(one.unit.key)
        if wanted is None or wanted.worth < one.offer.worth:
            aside += prices.tokens[one.offer.id]
        if 2 * aside > budget or packer.frame + packer.cost(placed[: count + 1]) > budget:
            return placed[:count], placed[count:]
    return placed, []
