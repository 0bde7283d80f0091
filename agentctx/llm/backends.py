"""All configured backends: their endpoints, circuit breakers, places in the queue, and token counters."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentctx.config import RoutingSettings
from agentctx.config.backends import BackendSettings
from agentctx.errors import AgentctxError, InvalidArgument, NotFound, Unavailable
from agentctx.llm.breaker import CircuitBreaker
from agentctx.llm.endpoint import BackendFailure, Endpoint
from agentctx.llm.overthinking import hesitation_bias
from agentctx.text.tokens import TokenCounter, open_counter, spec_for_model
from agentctx.text.tokens_endpoint import EndpointCounter
from agentctx.types.precisions import Tier, parse_precision
from agentctx.types.routing import Backend, Prices
from agentctx.types.usage import BackendStatus

QUEUE_SECONDS: Final = 30.0


class Backends:
    """The backends of `[backends]`. Thread-safe; close it after use. Opens no connection before one is needed."""

    def __init__(
        self,
        settings: Mapping[str, BackendSettings],
        routing: RoutingSettings,
        environ: Mapping[str, str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """environ: where keys are. Raises InvalidArgument for a bad address, precision or key file."""
        self._now, self._cooldown = now, routing.cooldown
        self._all = {
            name: _Member(name, one, _key(name, one, environ), CircuitBreaker(routing.failures, routing.cooldown, now))
            for name, one in settings.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order of the settings."""
        return tuple(self._all)

    def described(self) -> list[Backend]:
        """The backends as the router sees them."""
        return [member.described for member in self._all.values()]

    def up(self) -> list[str]:
        """Those whose circuit lets requests through."""
        return [name for name, member in self._all.items() if member.breaker.allows()]

    def chain(self, name: str) -> tuple[str, ...]:
        """The fallbacks that a backend declares for itself."""
        return self._get(name).settings.fallback

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of a backend. Raises NotFound."""
        return self._get(name).endpoint

    def counter(self, name: str) -> TokenCounter:
        """How a backend counts tokens: as configured, by its model's name, else by its own `/tokenize`."""
        return self._get(name).counter()

    def ready_counter(self, name: str) -> TokenCounter:
        """`counter`, when it answers. One that did not is not asked again before the cooldown is over: it would make
        every request wait. Raises what it raises, then Unavailable.
        """
        member = self._get(name)
        if self._now() < member.silent_until:
            raise Unavailable(f"the token counter of {name} did not answer a moment ago", field="counter")
        counter = member.counter()
        try:
            counter.count("a")
        except InvalidArgument:  # it answers, and knows no better
            raise
        except AgentctxError:
            member.silent_until = self._now() + self._cooldown
            raise
        return counter

    def status(self, *, check: bool = False) -> tuple[BackendStatus, ...]:
        """How each one does; check: ask each whether it answers, at most five seconds each."""
        return tuple(member.status(check=check) for member in self._all.values())

    def penalty(self, name: str, *, code: bool) -> Mapping[int, float]:
        """The `logit_bias` against overthinking that a request to this backend carries; empty for none.

        Only low-bit reasoning backends that ask for it get one, and never for code, where such words mean something
        else. A backend whose tokenizer cannot be asked goes without.
        """
        return {} if code else self._get(name).penalty()

    @contextmanager
    def place(self, name: str, seconds: float | None = None) -> Iterator[Endpoint]:
        """A place among the backend's concurrent requests. Raises BackendFailure when its circuit is open, or when no
        place comes free for half a minute, or for `seconds` if those are fewer. Tells the breaker how it went: a
        BackendFailure inside counts against it.
        """
        member = self._get(name)
        if not member.breaker.enter():
            raise BackendFailure("busy", f"{name} rests after repeated failures")
        patience = QUEUE_SECONDS if seconds is None else min(seconds, QUEUE_SECONDS)
        try:
            found = member.places.acquire(timeout=patience)
        except BaseException:
            member.breaker.neither()
            raise
        if not found:
            member.breaker.neither()
            raise BackendFailure("busy", f"{name} has no place free after {patience:.3g} s")
        try:
            yield member.endpoint
        except BackendFailure as failure:
            # A refused request or a rate limit says nothing of the backend's health.
            member.breaker.neither() if failure.kind in ("busy", "refused") else member.breaker.failure()
            raise
        except BaseException:
            member.breaker.neither()
            raise
        else:
            member.breaker.success()
        finally:
            member.places.release()

    def close(self) -> None:
        """Close all connections."""
        for member in self._all.values():
            member.close()

    def _get(self, name: str) -> _Member:
        try:
            return self._all[name]
        except KeyError:
            known = ", ".join(self._all) or "none is configured"
            raise NotFound(f"no backend {name!r}; known: {known}", field="backend") from None


class _Member:
    """One backend with what belongs to it."""

    def __init__(self, name: str, settings: BackendSettings, key: str | None, breaker: CircuitBreaker) -> None:
        self.settings = settings
        self.breaker = breaker
        self.endpoint = Endpoint(name, settings, key)
        self.places = threading.BoundedSemaphore(settings.concurrency)
        self.described = _described(name, settings)
        self._key = key
        self.silent_until = -math.inf
        self._lock = threading.Lock()
        self._counter: TokenCounter | None = None
        self._penalty: Mapping[int, float] | None = None

    def counter(self) -> TokenCounter:
        with self._lock:
            if self._counter is None:
                spec = self.settings.counter or spec_for_model(self.settings.model) or ""
                if spec in ("", "endpoint"):
                    self._counter = EndpointCounter(
                        self.settings.base_url, model=self.settings.model, api_key=self._key, timeout=5.0, patience=2.0
                    )
                else:
                    self._counter = open_counter(spec)
            return self._counter

    def penalty(self) -> Mapping[int, float]:
        settings = self.settings
        if settings.overthinking_penalty <= 0 or not settings.reasoning or self.described.tier > 4:
            return {}
        with self._lock:
            if self._penalty is None:
                asked = EndpointCounter(settings.base_url, model=settings.model, api_key=self._key, patience=2.0)
                try:
                    self._penalty = hesitation_bias(asked.ids, settings.overthinking_penalty)
                except AgentctxError:
                    self._penalty = {}
                finally:
                    asked.close()
            return self._penalty

    def status(self, *, check: bool) -> BackendStatus:
        health = self.endpoint.health() if check else None
        if health is not None and health.ok:
            self.breaker.success()
        return BackendStatus(
            name=self.described.name,
            model=self.settings.model,
            base_url=self.settings.base_url,
            precision=self.described.precision,
            tier=self.described.tier,
            priced=self.described.prices is not None,
            circuit=self.breaker.state,
            running=self.settings.concurrency - self.places._value,
            reachable=None if health is None else health.ok,
            detail="" if health is None else health.detail,
        )

    def close(self) -> None:
        self.endpoint.close()
        if self._counter is not None:
            self._counter.close()


def _described(name: str, settings: BackendSettings) -> Backend:
    try:
        precision = parse_precision(settings.precision)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"backends.{name}.precision: {error.message}", field=f"backends.{name}.precision"
        ) from error
    prices = None
    if settings.input_per_1m is not None and settings.output_per_1m is not None:
        prices = Prices(settings.input_per_1m, settings.output_per_1m, settings.cached_input_per_1m)
    tiers: dict[int, Tier] = {4: 4, 8: 8, 16: 16}
    return Backend(
        name=name,
        precision=precision,
        prices=prices,
        context_window=settings.context_window,
        billions=settings.billions,
        tier_declared=tiers.get(settings.tier),
        region=settings.region,
        capabilities=frozenset(settings.capabilities),
        reasoning=settings.reasoning,
        first_token_seconds=settings.first_token_seconds,
        tokens_per_second=settings.tokens_per_second,
    )


def _key(name: str, settings: BackendSettings, environ: Mapping[str, str]) -> str | None:
    where = f"backends.{name}"
    if settings.api_key_env:
        key = environ.get(settings.api_key_env, "").strip()
        if not key:
            raise InvalidArgument(f"{where}: the variable {settings.api_key_env} is not set", field=where)
        return key
    if settings.api_key_file:
        try:
            key = Path(settings.api_key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidArgument(
                f"{where}: cannot read the key file {settings.api_key_file}: {type(error).__name__}", field=where
            ) from error
        if not key:
            raise InvalidArgument(f"{where}: the key file {settings.api_key_file} is empty", field=where)
        return key
    return None
