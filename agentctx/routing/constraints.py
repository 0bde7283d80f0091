"""Hard conditions: what a backend must meet before its price is looked at."""

from __future__ import annotations

from collections.abc import Collection

from agentctx.errors import InvalidArgument
from agentctx.types.routing import Backend, Constraints


def check(constraints: Constraints, names: Collection[str]) -> None:
    """InvalidArgument for constraints that contradict themselves or name backends that do not exist."""
    both = constraints.allow & constraints.deny
    if both:
        raise InvalidArgument(f"backend {min(both)!r} is allowed and denied at once", field="allow")
    for field, listed in (("allow", constraints.allow), ("deny", constraints.deny)):
        missing = listed - set(names)
        if missing:
            raise InvalidArgument(f"no backend {min(missing)!r}; known: {', '.join(sorted(names))}", field=field)
    floor = constraints.quality_floor
    if floor is not None and not 0 <= floor <= 1:
        raise InvalidArgument(f"quality_floor is a share from 0 to 1, not {floor!r}", field="quality_floor")
    for field, value in (
        ("max_cost", constraints.max_cost),
        ("max_seconds", constraints.max_seconds),
    ):
        if value is not None and not value > 0:
            raise InvalidArgument(f"{field} must be above 0, not {value!r}", field=field)


def obstacles(
    backend: Backend,
    constraints: Constraints,
    *,
    input_tokens: int,
    output_tokens: int,
    cost: float | None,
    seconds: float | None,
) -> tuple[str, ...]:
    """Every reason why `backend` cannot take the request, in words; empty when it can.

    Residency, window and capabilities come first: nothing below them is traded against them. An unknown price does not
    fit under a ceiling, nor an unknown latency.
    """
    found = []
    if not backend.healthy:
        found.append("not healthy")
    if constraints.allow and backend.name not in constraints.allow:
        found.append("not among the allowed ones")
    if backend.name in constraints.deny:
        found.append("denied")
    if constraints.regions and backend.region not in constraints.regions:
        found.append(f"in region {backend.region or 'unknown'}, allowed: {', '.join(sorted(constraints.regions))}")
    lacking = constraints.capabilities - backend.capabilities
    if lacking:
        found.append(f"cannot do {', '.join(sorted(lacking))}")
    if backend.context_window and input_tokens + output_tokens > backend.context_window:
        found.append(f"{input_tokens} + {output_tokens} tokens exceed its window of {backend.context_window}")
    if constraints.min_tier is not None and backend.tier < constraints.min_tier:
        found.append(f"{backend.tier} bit, at least {constraints.min_tier} asked for")
    ceilings = [value for value in (constraints.max_cost, constraints.budget_left) if value is not None]
    if ceilings:
        if cost is None:
            found.append("its price is not known, and there is a price ceiling")
        elif cost > min(ceilings):
            found.append(f"would cost {cost:.6f} dollars, {max(min(ceilings), 0):.6f} allowed")
    if constraints.max_seconds is not None:
        if seconds is None:
            found.append("its speed is not known, and there is a latency ceiling")
        elif seconds > constraints.max_seconds:
            found.append(f"would take {seconds:.1f} s, {constraints.max_seconds:.1f} allowed")
    return tuple(found)
