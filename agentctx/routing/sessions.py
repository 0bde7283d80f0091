"""Staying with a session's backend, or moving: the warm prompt cache has a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentctx.routing.costs import cache_regret, cost
from agentctx.types.routing import Backend, Candidate, RouteRequest


def settle(
    backends: Mapping[str, Backend], request: RouteRequest, good: Sequence[Candidate], worth: float = 0.0
) -> Candidate:
    """The cheapest of `good` over all turns that the session has left; `worth` is what full quality is worth a turn, in
    dollars, so that what a backend lacks of it counts as a cost.

    The session's own backend is warm now, any other from its second turn on; so moving has to pay for the cache that
    it leaves. On equal terms, and where the price of its own backend is not known, the session stays.
    """
    current = next((c for c in good if c.backend == request.current), None)
    if current is not None and current.cost is None:
        return current

    def ahead(candidate: Candidate) -> tuple[float, bool, float, int, str]:
        price, quality, tier, name = cheapest(candidate)
        prices = backends[name].prices
        if prices is not None and request.turns_left > 1:
            warm = cost(prices, request.input_tokens, candidate.output_tokens, request.cached_tokens)
            price += (request.turns_left - 1) * warm
        price += request.turns_left * worth * (1 - candidate.quality)
        return price, name != request.current, quality, tier, name

    return min(good, key=ahead)


def session_reasons(
    backends: Mapping[str, Backend], request: RouteRequest, chosen: Candidate, good: Sequence[Candidate]
) -> tuple[float, list[str]]:
    """What leaving the session's warm cache costs in dollars, and in words why it stayed or moved."""
    if not request.current:
        return 0.0, []
    backend = backends.get(request.current)
    if backend is None:
        return 0.0, [f"the session's backend {request.current} is gone"]
    regret = cache_regret(backend.prices, request.cached_tokens)
    if chosen.backend == request.current:
        return regret, ["the session stays where it is"]
    if all(c.backend != request.current for c in good):
        return regret, [f"{request.current} is not good enough for this request or cannot serve it"]
    return regret, [f"moving pays over {request.turns_left} turns, for all the warm cache ({regret:.6f} dollars)"]


def cheapest(candidate: Candidate) -> tuple[float, float, int, str]:
    """Order by price, then quality; an unknown price comes last."""
    price = float("inf") if candidate.cost is None else candidate.cost
    return price, -candidate.quality, -candidate.tier, candidate.backend
