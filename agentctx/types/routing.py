"""The nouns of routing as frozen values: task types, backends, constraints, and the route that is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentctx.types.precisions import Precision, Tier, tier_of

Sensitivity = Literal["high", "moderate", "low"]
Domain = Literal["general", "code", "reasoning"]


@dataclass(frozen=True, slots=True)
class TaskType:
    """A kind of task, with what is believed of it before any feedback.

    `gain` is by which fraction a 16 bit model scores higher than a 4 bit one (negative: lower), `tasks` how many
    tasks that was measured on, `output_tokens` what an answer mostly takes. `source` says where that is from.
    """

    id: str
    description: str
    sensitivity: Sensitivity = "high"
    domain: Domain = "general"
    gain: float = 0.012
    tasks: float = 0.0
    output_tokens: int = 800
    source: str = ""


@dataclass(frozen=True, slots=True)
class TaskEstimate:
    """What kind of task a request seems to be.

    `confidence` is the calibrated probability of `task_type`; `distribution` has that of every type. Where `abstained`,
    no type was sure enough: treat the request as one that needs the higher tier. `detector` is `rules` when a rule for
    that type matched, else `prototypes`, or `given` when the caller said so.
    """

    task_type: str
    confidence: float
    abstained: bool
    detector: Literal["rules", "prototypes", "given", "none"]
    distribution: Mapping[str, float]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens. `cached_input_per_1m` (default: as other input) is for a warm prompt prefix."""

    input_per_1m: float
    output_per_1m: float
    cached_input_per_1m: float | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """An LLM endpoint at one precision, as far as routing has to know it.

    `prices` None means that the price is not known: such a backend is never chosen for being cheap. `billions` is the
    model's size in parameters, `tier` overrides that of a `custom` precision. `first_token_seconds` and
    `tokens_per_second` give the expected latency; 0 means not known.
    """

    name: str
    precision: Precision
    prices: Prices | None = None
    context_window: int = 0
    billions: float = 0.0
    tier_declared: Tier | None = None
    region: str = ""
    capabilities: frozenset[str] = frozenset()
    reasoning: bool = False
    first_token_seconds: float = 0.0
    tokens_per_second: float = 0.0
    healthy: bool = True

    @property
    def tier(self) -> Tier:
        """4, 8 or 16."""
        return tier_of(self.precision, declared=self.tier_declared)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a route must keep to. Hard ones exclude a backend; nothing that excludes is ever traded for a price.

    `quality_floor` (0 to 1) replaces the floors of the priors: the share of the best backend's quality that must be
    kept. `max_cost` is for this request, in dollars, `budget_left` what session and namespace have left. `regions`
    and `capabilities` name what the backend must be in and able to do; `allow` and `deny` are names of backends.
    """

    quality_floor: float | None = None
    max_cost: float | None = None
    max_seconds: float | None = None
    budget_left: float | None = None
    min_tier: Tier | None = None
    regions: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """One request to be routed. `prompt` is the user's own words (not the context), by which the task is told; where
    it is short, the user's `earlier` messages in the session help.

    `input_tokens` is all that will be sent; `exact_tokens` whether that was counted or estimated. `current` is the
    backend the session is on, with `cached_tokens` of its prompt prefix warm there; `turns_left` how many more
    requests the session may bring. `task_type` skips the classifier.
    """

    prompt: str
    input_tokens: int
    exact_tokens: bool = True
    output_tokens: int | None = None
    task_type: str = ""
    earlier: tuple[str, ...] = ()
    current: str = ""
    cached_tokens: int = 0
    turns_left: int = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one backend does for a request. `excluded` holds why it cannot be used; empty means that it can.

    `quality` is the expected share of the best backend's quality, `acceptable` the probability that what is lost stays
    within what the task tolerates. Costs are in dollars; None where the price is not known.
    """

    backend: str
    precision: Precision
    tier: Tier
    quality: float
    acceptable: float
    cost: float | None
    seconds: float | None
    output_tokens: int
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """The decision for one request, with all that explains it.

    `fallback` is the chain to go up on failure: equal tiers first, never a lower one. `saving_against_highest` and
    `..._lowest` compare expected dollars with always taking the highest and the lowest tier that could serve; None
    where a price is missing. `cache_regret` is what leaving the session's warm cache costs (or would have cost).
    """

    backend: str
    precision: Precision
    tier: Tier
    task: TaskEstimate
    sensitivity: Sensitivity
    quality: float
    cost: float | None
    candidates: tuple[Candidate, ...]
    fallback: tuple[str, ...]
    reasons: tuple[str, ...]
    saving_against_highest: float | None = None
    saving_against_lowest: float | None = None
    cache_regret: float = 0.0
    sticky: bool = False
    escalated: bool = False
    exact_tokens: bool = True
    details: Mapping[str, float] = field(default_factory=dict)
