"""The decision: which backend takes a request, why, and what that saves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agentctx.errors import FailedPrecondition, InvalidArgument, ResourceExhausted, Unavailable
from agentctx.routing.classify import Classifier
from agentctx.routing.constraints import check, obstacles
from agentctx.routing.costs import check_prices, cost, seconds
from agentctx.routing.posteriors import Posteriors
from agentctx.routing.priors import Priors
from agentctx.routing.sessions import cheapest, session_reasons, settle
from agentctx.routing.tasks import UNKNOWN, UNKNOWN_TASK, TaskCatalog
from agentctx.types.routing import Backend, Candidate, Constraints, Route, RouteRequest, TaskEstimate, TaskType


@dataclass(frozen=True, slots=True)
class Policy:
    """How careful the router is.

    A backend is good enough when the probability that the task tolerates its loss of quality is `certainty` or more,
    over all kinds of task that the request may be. `caution` subtracts that many standard deviations of what feedback
    has left unsure, once there is feedback (`auto:cost` and `auto:quality` move both). `explore` draws what is believed
    of a backend from its posterior instead of taking the mean, so that a precision once found wanting is tried again:
    some answers are worse for the sake of learning, hence off unless asked for.

    `worth` puts a price on quality instead of keeping floors: an answer of full quality is worth so many times what the
    request costs on the highest tier, and the backend with the best of worth less cost is taken. Only a quality floor
    given as a constraint is kept then.
    """

    certainty: float = 0.8
    caution: float = 0.0
    explore: bool = False
    worth: float | None = None


POLICIES: Final = {
    "auto": Policy(),
    "auto:cost": Policy(0.6),
    "auto:quality": Policy(0.95, 0.5),
    "auto:value": Policy(worth=1.5),
}


class Router:
    """Decides routes. Thread-safe; a decision takes about a millisecond, nearly all of it telling the task."""

    def __init__(
        self,
        backends: Sequence[Backend],
        classifier: Classifier,
        catalog: TaskCatalog,
        priors: Priors,
        posteriors: Posteriors,
        rng: random.Random | None = None,
    ) -> None:
        """backends: with distinct names. rng: what exploring draws from (default: its own, unseeded).

        Raises InvalidArgument for a duplicate or a price below 0.
        """
        names = [backend.name for backend in backends]
        if len(set(names)) != len(names) or not all(names):
            raise InvalidArgument("backends need names, each its own", field="backends")
        for backend in backends:
            if backend.prices is not None:
                check_prices(backend.prices, f"backends.{backend.name}.prices")
        self._backends = {backend.name: backend for backend in backends}
        self._classifier = classifier
        self._catalog = catalog
        self._priors = priors
        self._posteriors = posteriors
        self._rng = rng or random.Random()  # noqa: S311 - not a secret

    def decide(
        self,
        request: RouteRequest,
        constraints: Constraints | None = None,
        *,
        policy: Policy | None = None,
        health: Sequence[str] | None = None,
    ) -> Route:
        """The cheapest backend that is good enough for the request and meets all constraints.

        Where none is good enough, the highest tier among those that can serve is taken, and the route says that it
        escalated. `health` names the backends that are up (default: as configured).

        Raises FailedPrecondition when no backend is configured, InvalidArgument for contradictory constraints,
        ResourceExhausted when only the budget stands in the way, Unavailable when all that could serve are down, and
        FailedPrecondition, listing each one's obstacles, otherwise.
        """
        constraints, policy = constraints or Constraints(), policy or POLICIES["auto"]
        if not self._backends:
            raise FailedPrecondition("no backend is configured: add one under [backends]", field="backends")
        if request.input_tokens < 0 or request.cached_tokens < 0 or request.turns_left < 1:
            raise InvalidArgument("input_tokens and cached_tokens are 0 or more, turns_left 1 or more", field="request")
        check(constraints, self._backends)
        task = self._task(request)
        weights = self._weights(task)
        backends = [
            backend if health is None else replace(backend, healthy=backend.name in health)
            for backend in self._backends.values()
        ]
        candidates = self._candidates(backends, request, constraints, task, weights, policy)
        able = [candidate for candidate in candidates if not candidate.excluded]
        if not able:
            raise self._refusal(candidates, constraints)
        return self._choose(request, policy, task, candidates, able, constraints.quality_floor is not None)

    def _task(self, request: RouteRequest) -> TaskEstimate:
        if request.task_type:
            id = self._catalog.get(request.task_type).id
            return TaskEstimate(id, 1.0, False, "given", {id: 1.0}, ("given by the caller",))
        return self._classifier.classify(request.prompt, request.earlier)

    def _weights(self, task: TaskEstimate) -> list[tuple[TaskType, float]]:
        """The kinds that the request may be, with their probabilities; what is not told counts as unknown."""
        if not task.distribution:
            return [(UNKNOWN_TASK, 1.0)]
        known = [(self._catalog.get(id), chance) for id, chance in task.distribution.items() if chance >= 0.001]
        rest = max(1.0 - sum(chance for _, chance in known), 0.0)
        return [*known, (UNKNOWN_TASK, rest)] if rest > 0.001 else known

    def _candidates(
        self,
        backends: Sequence[Backend],
        request: RouteRequest,
        constraints: Constraints,
        task: TaskEstimate,
        weights: Sequence[tuple[TaskType, float]],
        policy: Policy,
    ) -> list[Candidate]:
        off = {backend.name: self._posteriors.correction(backend, self._catalog) for backend in backends}
        quality = {
            (kind.id, backend.name): self._believed(kind, backend, policy, off[backend.name])
            for kind, _ in weights
            for backend in backends
        }
        best = {kind.id: max(quality[kind.id, backend.name] for backend in backends) for kind, _ in weights}
        found = []
        for backend in backends:
            share = acceptable = tokens = 0.0
            for kind, chance in weights:
                kept = quality[kind.id, backend.name] / best[kind.id]
                floor = constraints.quality_floor
                floor = self._priors.floor(kind.sensitivity) if floor is None else floor
                share += chance * kept
                acceptable += chance * (kept >= floor - 1e-9)
                tokens += chance * self._posteriors.output_tokens(kind, backend)
            output = round(tokens) if request.output_tokens is None else request.output_tokens
            warm = request.cached_tokens if backend.name == request.current else 0
            dollars = None if backend.prices is None else cost(backend.prices, request.input_tokens, output, warm)
            time = seconds(backend, output)
            blocked = obstacles(
                backend,
                constraints,
                input_tokens=request.input_tokens,
                output_tokens=output,
                cost=dollars,
                seconds=time,
            )
            found.append(
                Candidate(
                    backend.name, backend.precision, backend.tier, share, acceptable, dollars, time, output, blocked
                )
            )
        return found

    def _believed(self, kind: TaskType, backend: Backend, policy: Policy, off: float) -> float:
        posterior = self._posteriors.quality(kind, backend, off)
        if policy.explore:
            return max(self._rng.betavariate(posterior.alpha, posterior.beta), 1e-6)
        doubt = policy.caution * posterior.deviation if posterior.observed else 0.0
        return max(posterior.mean - doubt, 1e-6)

    def _choose(
        self,
        request: RouteRequest,
        policy: Policy,
        task: TaskEstimate,
        candidates: list[Candidate],
        able: list[Candidate],
        keep_floor: bool,
    ) -> Route:
        reasons = list(task.reasons)
        high = _cheapest_of(able, max(c.tier for c in able))
        low = _cheapest_of(able, min(c.tier for c in able))
        floors = policy.worth is None or keep_floor
        good = [candidate for candidate in able if not floors or candidate.acceptable >= policy.certainty]
        if task.abstained and floors:
            # An unsure guess must not buy a low tier, unless nearly everything it may be tolerates one.
            good = [candidate for candidate in good if candidate.tier > 4 or candidate.acceptable >= 0.95]
        escalated = not good
        if escalated:
            top = max(candidate.tier for candidate in able)
            good = [candidate for candidate in able if candidate.tier == top]
            reasons.append(f"none is good enough with probability {policy.certainty:.2f}: highest tier taken")
        point = 0.0 if policy.worth is None or high is None else policy.worth * high
        chosen = settle(self._backends, request, good, point)
        regret, told = session_reasons(self._backends, request, chosen, good)
        reasons += told
        chain = sorted(
            (c for c in able if c.tier >= chosen.tier and c.backend != chosen.backend),
            key=lambda c: (c.tier, *cheapest(c)),
        )
        kind = self._catalog.get(task.task_type) if task.task_type != UNKNOWN else UNKNOWN_TASK
        known = chosen.cost is not None
        if not known:
            reasons.append("its price is not known: no cost and no saving can be told")
        return Route(
            backend=chosen.backend,
            precision=chosen.precision,
            tier=chosen.tier,
            task=task,
            sensitivity=kind.sensitivity if not task.abstained else "high",
            quality=chosen.quality,
            cost=chosen.cost,
            candidates=tuple(sorted(candidates, key=lambda c: (bool(c.excluded), *cheapest(c)))),
            fallback=tuple(c.backend for c in chain),
            reasons=tuple(reasons),
            saving_against_highest=high - chosen.cost if chosen.cost is not None and high is not None else None,
            saving_against_lowest=low - chosen.cost if chosen.cost is not None and low is not None else None,
            cache_regret=regret,
            sticky=bool(request.current) and chosen.backend == request.current,
            escalated=escalated,
            exact_tokens=request.exact_tokens,
        )

    def _refusal(self, candidates: Sequence[Candidate], constraints: Constraints) -> Exception:
        lines = "; ".join(f"{c.backend}: {', '.join(c.excluded)}" for c in candidates)
        money = all(all("dollars" in reason for reason in c.excluded) for c in candidates if c.excluded)
        down = all(c.excluded == ("not healthy",) for c in candidates)
        if down:
            return Unavailable(f"every backend is down ({lines})", field="backends")
        if money and constraints.budget_left is not None:
            return ResourceExhausted(f"no backend fits the budget that is left ({lines})", field="budget_left")
        return FailedPrecondition(f"no backend can take this request ({lines})", field="constraints")


def _cheapest_of(able: Sequence[Candidate], tier: int) -> float | None:
    """The lowest cost within a tier; None where none is known."""
    return min((c.cost for c in able if c.tier == tier and c.cost is not None), default=None)
