"""What the ledger of requests answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from agentctx.types.precisions import Precision, Tier

UsageGroup = Literal["namespace", "session", "backend", "precision", "task_type", "outcome"]
USAGE_GROUPS: Final[tuple[UsageGroup, ...]] = ("namespace", "session", "backend", "precision", "task_type", "outcome")


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """A configured backend and how it does. circuit: "closed" (fine), "open" (resting), "half-open" (on trial).

    reachable: what a health check found, None where none was asked for; `detail` says what is wrong.
    """

    name: str
    model: str
    base_url: str
    precision: Precision
    tier: Tier
    priced: bool
    circuit: Literal["closed", "open", "half-open"]
    running: int
    reachable: bool | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums of one group; `key` holds its value for each name grouped by.

    A request counts where it ended; tokens and cost of each attempt at the backend that took it. cost is in US dollars,
    over the attempts whose price is known: `unpriced` counts the others. estimated: attempts whose tokens were counted
    here. Latencies are medians in milliseconds.
    """

    key: tuple[str, ...]
    requests: int
    ok: int
    attempts: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float
    unpriced: int
    estimated: int
    latency_ms: float
    first_token_ms: float
    quality: float | None = None
    """Mean of the feedback, None where there is none."""
    judged: int = 0


@dataclass(frozen=True, slots=True)
class Savings:
    """What the same requests would have cost otherwise, by estimate: each backend's prices on the tokens used.

    routed: what they did cost. all_high, all_low: always the cheapest backend of the highest, lowest tier. random: any
    able backend with equal chance. Over `requests` with known prices alone.
    """

    requests: int
    routed: float
    all_high: float
    all_low: float
    random: float


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage by group, most expensive first, and the saving."""

    by: tuple[UsageGroup, ...]
    rows: tuple[UsageRow, ...]
    savings: Savings
