"""The routing service: decides routes over the configured backends, learns from feedback, and tells what it cost."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Unpack

from agentctx.config import Settings
from agentctx.embed import open_embedder
from agentctx.errors import InvalidArgument
from agentctx.ids import Clock, to_micros
from agentctx.llm.backends import Backends
from agentctx.memory import validate
from agentctx.routing.classify import Classifier
from agentctx.routing.posteriors import Counts, Posteriors
from agentctx.routing.router import POLICIES, Policy, Router
from agentctx.routing.setup import RoutingTables
from agentctx.store import Store
from agentctx.text.tokens import DEFAULT_SPEC, open_counter
from agentctx.types import Savings, UsageGroup, UsageReport, UsageRow
from agentctx.types.routing import Constraints, Route, RouteRequest
from agentctx.types.routing_api import RouteOptions
from agentctx.types.usage import USAGE_GROUPS, BackendStatus

OPTIONS: Final = tuple(RouteOptions.__annotations__)
WARM_SECONDS: Final = 300
"""How long a provider mostly keeps a prompt's prefix: a session that was silent for longer has nothing to lose."""
_RELEARN_SECONDS: Final = 30.0


class Routing:
    """`engine.routing`. Thread-safe. Everything is read at the first call: the classifier learns for about a second."""

    def __init__(self, store: Store, backends: Backends, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._backends = backends
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._router: Router | None = None
        self._learned_at = -math.inf
        policy(settings.routing.policy, "routing.policy")

    def decide(self, prompt: str, *, input_tokens: int | None = None, **options: Unpack[RouteOptions]) -> Route:
        """See RoutingAPI."""
        validate.unknown_options(options, OPTIONS)
        prompt = validate.text(prompt, "prompt", self._settings.limits.content_bytes)
        exact = True
        if input_tokens is None:
            counter = open_counter(DEFAULT_SPEC)
            input_tokens, exact = counter.count(prompt), False
        return self.route(prompt, validate.integer(input_tokens, "input_tokens", 0, 1 << 40), exact, options)

    def route(self, prompt: str, input_tokens: int, exact: bool, options: RouteOptions) -> Route:
        """`decide` for options that are known by name. exact: whether the tokens are the backends' own count."""
        namespace, session = scope(options)
        router = self._ready()
        current, warm = self._session(namespace, session)
        request = RouteRequest(
            prompt,
            input_tokens,
            exact_tokens=exact,
            output_tokens=_whole(options, "output_tokens", 0),
            task_type=validate.text(options.get("task_type", ""), "task_type", 256),
            earlier=validate.names(options.get("earlier", ()), "earlier", 1000) if options.get("earlier") else (),
            current=current,
            cached_tokens=min(warm, input_tokens),
            turns_left=validate.integer(options.get("turns_left", 1), "turns_left", 1, 1_000_000),
        )
        return router.decide(
            request,
            self._constraints(namespace, session, options),
            policy=policy(options.get("policy") or self._settings.routing.policy),
            health=self._backends.up(),
        )

    def backends(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """See RoutingAPI."""
        return self._backends.status(check=validate.boolean(check, "check"))

    def feedback(self, request_id: str, quality: float) -> bool:
        """See RoutingAPI."""
        request_id = validate.identifier(request_id, "request_id")
        if isinstance(quality, bool) or not isinstance(quality, int | float) or not 0 <= quality <= 1:
            raise InvalidArgument(f"quality is a number from 0 to 1, not {quality!r:.50}", field="quality")
        judged = self._store.ledger.judge(request_id, float(quality))
        self._learned_at = -math.inf
        return judged is not None

    def namespace_of(self, request_id: str) -> str:
        """The namespace that an answered request was made for, "" for none. Raises NotFound, as `feedback`."""
        return self._store.ledger.namespace_of(validate.identifier(request_id, "request_id"))

    def usage(
        self,
        *,
        by: Sequence[UsageGroup] = ("backend",),
        namespace: str = "",
        session: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport:
        """See RoutingAPI."""
        groups = _groups(by)
        start, end = validate.moment(since, "since"), validate.moment(until, "until")
        validate.time_range(start, end, ("since", "until"))
        if namespace:
            namespace = validate.namespace(namespace)
        requests, attempts = self._store.ledger.rows(
            since=to_micros(start) if start else 0,
            until=to_micros(end) if end else 0,
            namespace=namespace,
            session=validate.identifier(session, "session", empty=True),
        )
        return report(groups, requests, attempts)

    def close(self) -> None:
        """Close the backends' connections."""
        self._backends.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _ready(self) -> Router:
        with self._lock:
            now = time.monotonic()
            if self._router is not None and now - self._learned_at < _RELEARN_SECONDS:
                return self._router
            tables, classifier = _tables(self._settings.routing.tables)
            counts = [
                Counts(one.task_type, one.backend, one.good, one.bad, one.answers, one.output_tokens)
                for one in self._store.ledger.learned()
            ]
            self._router = Router(
                self._backends.described(),
                classifier,
                tables.catalog,
                tables.priors,
                Posteriors(tables.priors, counts),
            )
            self._learned_at = now
            return self._router

    def _session(self, namespace: str, session: str) -> tuple[str, int]:
        """The backend that a session is on, and how many tokens of its prompt are warm there."""
        last = self._store.ledger.last(namespace, session) if session else None
        if last is None or last.backend not in self._backends.names:
            return "", 0
        silent = (to_micros(self._clock.now()) - last.finished_at) / 1e6
        return last.backend, last.tokens if silent <= WARM_SECONDS else 0

    def _constraints(self, namespace: str, session: str, options: RouteOptions) -> Constraints:
        limits = self._settings.routing
        left = [_number(options, "max_cost")] if options.get("max_cost") is not None else []
        budgets: list[float] = []
        if limits.namespace_budget and namespace:
            budgets.append(limits.namespace_budget - self._store.ledger.spent(namespace))
        if limits.session_budget and session:
            budgets.append(limits.session_budget - self._store.ledger.spent(namespace, session))
        return Constraints(
            quality_floor=_number(options, "quality_floor"),
            max_cost=left[0] if left else None,
            max_seconds=_number(options, "max_seconds"),
            budget_left=min(budgets) if budgets else None,
            min_tier=_tier(options.get("min_tier")),
            **{
                name: frozenset(validate.names(options.get(name, ()), name, 1000))
                for name in ("regions", "capabilities", "allow", "deny")
            },
        )


@lru_cache(maxsize=4)
def _tables(path: str) -> tuple[RoutingTables, Classifier]:
    """Tables and classifier of a file, "" for what ships. Engines of one process share them: nothing changes them."""
    tables = RoutingTables.load(path or None)
    # What the calibration was made with, whatever the store's memory is embedded by.
    return tables, tables.classifier(open_embedder("static"))


def policy(name: str, field: str = "policy") -> Policy:
    """The policy of a name. Raises InvalidArgument for an unknown one."""
    if name not in POLICIES:
        raise InvalidArgument(f"unknown policy {name!r:.50}; known: {', '.join(POLICIES)}", field=field)
    return POLICIES[name]


def scope(options: RouteOptions) -> tuple[str, str]:
    """Namespace (may be empty) and session of a request."""
    given = options.get("namespace", "")
    namespace = validate.namespace(given) if given else ""
    return namespace, validate.identifier(options.get("session", ""), "session", empty=True)


def report(
    by: tuple[UsageGroup, ...], requests: Sequence[Mapping[str, Any]], attempts: Sequence[Mapping[str, Any]]
) -> UsageReport:
    """Sums by group. A request counts where it ended, tokens and dollars of an attempt at the backend that took it."""
    asked: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    tried: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    known = {one["id"]: one for one in requests}
    for one in requests:
        asked[tuple(one[name] for name in by)].append(one)
    for one in attempts:
        both = {**known[one["request_id"]], **one}
        tried[tuple(both[name] for name in by)].append(one)
    rows = [_row(key, asked[key], tried[key]) for key in sorted({*asked, *tried})]
    rows.sort(key=lambda row: (-row.cost, row.key))
    priced = [one for one in requests if None not in (one["cost"], one["cost_highest"], one["cost_lowest"])]
    return UsageReport(
        by,
        tuple(rows),
        Savings(
            len(priced),
            sum(one["cost"] for one in priced),
            sum(one["cost_highest"] for one in priced),
            sum(one["cost_lowest"] for one in priced),
            sum(one["cost_random"] or 0.0 for one in priced),
        ),
    )


def _row(key: tuple[str, ...], asked: Sequence[Mapping[str, Any]], tried: Sequence[Mapping[str, Any]]) -> UsageRow:
    ended = [one for one in asked if one["outcome"] == "ok"]
    judged = [one["quality"] for one in asked if one["quality"] is not None]
    return UsageRow(
        key=key,
        requests=len(asked),
        ok=len(ended),
        attempts=len(tried),
        input_tokens=sum(one["input_tokens"] for one in tried),
        cached_tokens=sum(one["cached_tokens"] for one in tried),
        output_tokens=sum(one["output_tokens"] for one in tried),
        cost=sum(one["cost"] or 0.0 for one in tried),
        unpriced=sum(one["cost"] is None for one in tried),
        estimated=sum(bool(one["estimated"]) for one in tried),
        latency_ms=statistics.median(one["latency_ms"] for one in ended) if ended else 0.0,
        first_token_ms=statistics.median(one["first_token_ms"] for one in ended) if ended else 0.0,
        quality=sum(judged) / len(judged) if judged else None,
        judged=len(judged),
    )


def _groups(by: Sequence[UsageGroup]) -> tuple[UsageGroup, ...]:
    given = validate.names(by, "by", len(USAGE_GROUPS))
    for name in given:
        if name not in USAGE_GROUPS:
            raise InvalidArgument(f"by is made of {', '.join(USAGE_GROUPS)}, not {name!r:.50}", field="by")
    return tuple(group for group in USAGE_GROUPS if group in given)


def _number(options: RouteOptions, name: str) -> float | None:
    value: object = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidArgument(f"{name} must be a number, not {value!r:.50}", field=name)
    return float(value)


def _whole(options: RouteOptions, name: str, low: int) -> int | None:
    value: object = options.get(name)
    return None if value is None else validate.integer(value, name, low, 1 << 40)


def _tier(value: object) -> Any:
    if value is None or value in (4, 8, 16):
        return value
    raise InvalidArgument(f"min_tier is 4, 8 or 16, not {value!r:.50}", field="min_tier")
