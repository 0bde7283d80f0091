"""What units cost where they stand: their own text, and the groups that they open."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from agentctx.context.render import Renderer
from agentctx.context.units import Offer, Unit
from agentctx.text.tokens import TokenCounter

Opening = tuple[Hashable, int]


@dataclass(frozen=True, slots=True)
class Prices:
    """Units with the offers that are worth considering, and what every offer costs, by its id.

    tokens: of its own text. openings: the groups that it stands in, outermost first, and what each costs to open.
    best: the highest score of a unit.
    """

    units: tuple[Unit, ...]
    offers: Mapping[str, Offer]
    tokens: Mapping[str, int]
    openings: Mapping[str, tuple[Opening, ...]]
    best: float = 0.0


def price(units: Sequence[Unit], renderer: Renderer, counter: TokenCounter) -> Prices:
    """Price units. An offer that costs no less than one of a higher level is withdrawn.

    Each text is counted by itself and from memory where it was counted before, so the numbers are near, not exact:
    the whole is counted when it is rendered.
    """
    offers = {offer.id: offer for unit in units for offer in unit.offers}
    bodies = {id: renderer.body(offer.shown) for id, offer in offers.items()}
    frames: dict[Hashable, str] = {}
    groups: dict[str, list[Hashable]] = {}
    for id, offer in offers.items():
        nested: list[Hashable] = []
        keys = renderer.keys(offer.shown)
        for depth in range(len(keys)):
            group = keys[: depth + 1]
            if group not in frames:
                frames[group] = renderer.opening(depth, offer.shown) + renderer.closing(depth, offer.shown)
            nested.append(group)
        groups[id] = nested
    texts = list({*bodies.values(), *frames.values()})
    costs = dict(zip(texts, counter.count_many(texts), strict=True))
    tokens = {id: costs[body] for id, body in bodies.items()}
    opened = {group: (group, costs[text]) for group, text in frames.items()}
    openings = {id: tuple([opened[group] for group in nested]) for id, nested in groups.items()}
    kept = tuple([unit if len(unit.offers) == 1 else _offering(unit, tokens, openings) for unit in units])
    return Prices(kept, offers, tokens, openings, max((unit.score for unit in kept), default=0.0))


def _offering(unit: Unit, tokens: Mapping[str, int], openings: Mapping[str, Sequence[Opening]]) -> Unit:
    whole = [tokens[offer.id] + sum(cost for _, cost in openings[offer.id]) for offer in unit.offers]
    pays = [all(whole[place] < other for other in whole[place + 1 :]) for place in range(len(whole))]
    return replace(unit, offers=tuple([offer for offer, fine in zip(unit.offers, pays, strict=True) if fine]))
