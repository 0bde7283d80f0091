"""Asking one backend after the other until one has answered, with a row in the ledger for every attempt."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentctx.errors import AgentctxError, DeadlineExceeded, Unavailable
from agentctx.llm.backends import Backends
from agentctx.llm.endpoint import BackendFailure, End, Piece
from agentctx.routing.costs import cost
from agentctx.store.ledger import AttemptRow, Ledger
from agentctx.text.tokens import TokenCounter, open_counter
from agentctx.types.completion import AttemptStarted, Restarted, TextPart, Usage, UsageTold
from agentctx.types.routing import Backend

_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 8.0

Message = Mapping[str, str]
Event = AttemptStarted | TextPart | Restarted | UsageTold


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of whom. chain: backends in the order in which they are tried."""

    request_id: str
    messages: Sequence[Message]
    chain: Sequence[Backend]
    input_tokens: int
    max_tokens: int
    temperature: float | None
    code: bool
    ends_at: float | None
    """On `time.monotonic`: the caller's own limit."""


@dataclass(slots=True)
class Answer:
    """How the asking went; filled while events are taken."""

    backend: str = ""
    finish_reason: str = ""
    attempts: int = 0
    first_token_at: float = 0.0
    cost: float | None = 0.0
    usage: Usage | None = None
    output: list[str] = field(default_factory=list)


class Attempts:
    """Runs the attempts of one request."""

    def __init__(
        self,
        backends: Backends,
        ledger: Ledger,
        counter: TokenCounter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._backends = backends
        self._ledger = ledger
        self._counter = counter
        self._sleep = sleep

    def run(self, asking: Asking, answer: Answer) -> Iterator[Event]:
        """Events until a backend has answered; `answer` then says how it went.

        A passing failure before the first token is tried again at the same backend, after a jittered and growing wait;
        any other goes on to the next backend. Raises Unavailable when the chain is at its end, DeadlineExceeded at the
        caller's limit.
        """
        told: list[str] = []
        for backend in asking.chain:
            tries = 1 + self._backends.endpoint(backend.name).settings.retries
            for again in range(tries):
                if told and asking.ends_at is not None and time.monotonic() >= asking.ends_at:
                    raise DeadlineExceeded(f"no answer in time: {'; '.join(told)}", field="max_seconds")
                failure = yield from self._once(asking, backend, answer)
                if failure is None:
                    return
                told.append(failure.message)
                if failure.kind == "timeout" and asking.ends_at is not None and time.monotonic() >= asking.ends_at:
                    raise DeadlineExceeded(f"no answer in time: {'; '.join(told)}", field="max_seconds")
                if not failure.passing or answer.output or again == tries - 1:
                    break
                if failure.retry_after > _LONGEST_WAIT:  # it would refuse until then: the next one is quicker
                    break
                self._wait(again, failure.retry_after, asking.ends_at)
            answer.output.clear()
        raise Unavailable(f"no backend answered: {'; '.join(told)}", field="backends")

    def _once(self, asking: Asking, backend: Backend, answer: Answer) -> Generator[Event, None, BackendFailure | None]:
        answer.attempts += 1
        answer.output.clear()
        yield AttemptStarted(answer.attempts, backend.name, backend.precision)
        attempt = _Attempt(answer.attempts, backend, self._ledger.now())
        left = None if asking.ends_at is None else max(asking.ends_at - time.monotonic(), 0.001)
        try:
            bias = self._backends.penalty(backend.name, code=asking.code)
            with self._backends.place(backend.name, left) as endpoint:
                for piece in endpoint.stream(
                    asking.messages,
                    max_tokens=_room(asking, backend),
                    temperature=asking.temperature,
                    logit_bias=bias,
                    max_seconds=left,
                ):
                    if isinstance(piece, End):
                        attempt.end = piece
                        continue
                    yield from self._take(piece, attempt, answer)
        except BackendFailure as failure:
            self._enter(asking, attempt, answer, failure.kind, failure.message)
            if answer.output:
                yield Restarted(backend.name, failure.message)
            return failure
        except BaseException:  # the caller went away, or the process is told to stop
            self._enter(asking, attempt, answer, "cancelled", "")
            raise
        usage = self._enter(asking, attempt, answer, "ok", "")
        answer.backend, answer.usage = backend.name, usage
        answer.finish_reason = attempt.end.finish_reason if attempt.end else ""
        yield UsageTold(backend.name, usage)
        return None

    def _take(self, piece: Piece, attempt: _Attempt, answer: Answer) -> Iterator[TextPart]:
        if not answer.first_token_at:
            answer.first_token_at = time.perf_counter()
        attempt.texts.append(piece.text)
        if not piece.hidden:
            answer.output.append(piece.text)
            yield TextPart(piece.text)

    def _enter(self, asking: Asking, attempt: _Attempt, answer: Answer, outcome: str, detail: str) -> Usage:
        usage = self._usage(asking, attempt, outcome)
        if usage.cost is None or answer.cost is None:
            answer.cost = None
        else:
            answer.cost += usage.cost
        row = AttemptRow(
            number=attempt.number,
            backend=attempt.backend.name,
            precision=attempt.backend.precision,
            started_at=attempt.started_at,
            ms=(time.perf_counter() - attempt.began) * 1000,
            outcome=outcome,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            estimated=usage.estimated,
            cost=usage.cost,
            detail=detail,
        )
        self._ledger.attempt(asking.request_id, row)
        return usage

    def _usage(self, asking: Asking, attempt: _Attempt, outcome: str) -> Usage:
        """What the backend said; for a stream that broke, what had been sent, counted here and marked so.

        An attempt that produced nothing is taken to cost nothing: refused requests are not billed.
        """
        end = attempt.end
        prices = attempt.backend.prices
        if end is not None and end.input_tokens is not None and end.output_tokens is not None:
            given, cached, made, estimated = end.input_tokens, end.cached_tokens or 0, end.output_tokens, False
        elif outcome == "ok" or attempt.texts:
            made = self._count("".join(attempt.texts))
            given, cached, estimated = asking.input_tokens, 0, True
        else:
            return Usage(0, 0, 0, 0.0, estimated=False)
        dollars = None if prices is None else cost(prices, given, made, cached)
        return Usage(given, min(cached, given), made, dollars, estimated)

    def _count(self, text: str) -> int:
        """Tokens of a text, also when the backend that would count them is gone."""
        try:
            return self._counter.count(text)
        except AgentctxError:
            return open_counter("estimate").count(text)

    def _wait(self, again: int, asked: float, ends_at: float | None) -> None:
        wait = min(_FIRST_WAIT * 2**again, _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        wait = max(wait, asked)
        if ends_at is not None:
            wait = min(wait, max(ends_at - time.monotonic(), 0.0))
        self._sleep(wait)


def _room(asking: Asking, backend: Backend) -> int:
    """How long the answer may get: servers refuse a request that could outgrow their window."""
    if not backend.context_window:
        return asking.max_tokens
    return max(min(asking.max_tokens, backend.context_window - asking.input_tokens), 1)


class _Attempt:
    """One attempt under way."""

    def __init__(self, number: int, backend: Backend, started_at: int) -> None:
        self.number = number
        self.backend = backend
        self.started_at = started_at
        self.began = time.perf_counter()
        self.texts: list[str] = []
        self.end: End | None = None
