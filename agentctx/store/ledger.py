"""The ledger: what language models were asked on whose behalf, what came of it, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from agentctx.errors import NotFound, RequestConflict
from agentctx.ids import Clock, to_micros
from agentctx.store.database import Database
from agentctx.store.schema import llm_attempts, llm_feedback, llm_requests

_r, _a, _f = llm_requests.c, llm_attempts.c, llm_feedback.c
_REQUEST: Final = (
    *("id", "namespace", "session", "backend", "precision", "task_type", "outcome", "cost", "cost_highest"),
    *("cost_lowest", "cost_random", "latency_ms", "first_token_ms"),
)
_ATTEMPT: Final = (
    *("request_id", "backend", "precision", "input_tokens", "cached_tokens", "output_tokens", "estimated", "cost"),
)


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as it begins. prompt: None unless it is to be kept."""

    id: str
    namespace: str
    session: str
    task_type: str
    backend: str
    precision: str
    prompt_hash: str
    prompt: str | None
    route: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt at one backend. `started_at` in microseconds since 1970; cost in US dollars, None for no price."""

    number: int
    backend: str
    precision: str
    started_at: int
    ms: float
    outcome: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    estimated: bool
    cost: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """What a request came to. The alternatives are what other choices would have cost with the same tokens."""

    outcome: str
    backend: str
    precision: str
    latency_ms: float
    first_token_ms: float
    cost_highest: float | None = None
    cost_lowest: float | None = None
    cost_random: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """Sums over the answers of one backend to one type of task."""

    task_type: str
    backend: str
    good: float
    bad: float
    answers: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class LastRequest:
    """Where a session stands: the backend that answered last, and the tokens that are warm there."""

    backend: str
    tokens: int
    finished_at: int


class Ledger:
    """`store.ledger`. Thread-safe, and safe beside other processes, as `Store` is; so are its errors."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> int:
        """Microseconds since 1970."""
        return to_micros(self._clock.now())

    def begin(self, request: NewRequest) -> None:
        """Enter a request, as running. Raises RequestConflict when its id is taken: it was asked before."""
        row = {
            "id": request.id,
            "namespace": request.namespace,
            "session": request.session,
            "started_at": self.now(),
            "finished_at": 0,
            "outcome": "running",
            "task_type": request.task_type,
            "backend": request.backend,
            "precision": request.precision,
            "attempts": 0,
            "input_tokens": 0,
            "cached_tokens": 0,
            "output_tokens": 0,
            "estimated": False,
            "cost": None,
            "latency_ms": 0.0,
            "first_token_ms": 0.0,
            "prompt_hash": request.prompt_hash,
            "prompt": request.prompt,
            "route": json.dumps(request.route, ensure_ascii=False, separators=(",", ":")),
        }

        def enter(connection: Connection) -> None:
            known = connection.execute(select(_r.id).where(_r.id == request.id)).first()
            if known is not None:
                raise _taken(request.id)
            try:
                with connection.begin_nested():
                    connection.execute(insert(llm_requests).values(row))
            except IntegrityError as error:  # another process was quicker
                raise _taken(request.id) from error

        self._database.write(enter)

    def attempt(self, request_id: str, row: AttemptRow) -> None:
        """Enter an attempt and add what it used to its request, in one transaction: each is counted once.

        Does nothing when the request is gone: its namespace was forgotten while it ran.
        """
        values = {name: getattr(row, name) for name in AttemptRow.__slots__} | {"request_id": request_id}

        def enter(connection: Connection) -> None:
            first = row.number == 1
            known = connection.execute(
                update(llm_requests)
                .where(_r.id == request_id)
                .values(
                    attempts=row.number,
                    input_tokens=_r.input_tokens + row.input_tokens,
                    cached_tokens=_r.cached_tokens + row.cached_tokens,
                    output_tokens=_r.output_tokens + row.output_tokens,
                    estimated=_r.estimated | row.estimated,
                    # Adding null gives null: one unknown price makes the sum unknown.
                    cost=row.cost if first else _r.cost + row.cost,
                )
            )
            if known.rowcount:
                connection.execute(insert(llm_attempts).values(values))

        self._database.write(enter)

    def finish(self, request_id: str, end: FinishedRequest) -> None:
        """Close a request. Does nothing when it is closed already: the first outcome stands."""
        values = {name: getattr(end, name) for name in FinishedRequest.__slots__} | {"finished_at": self.now()}
        self._database.write(
            lambda c: c.execute(update(llm_requests).where(_r.id == request_id, _r.outcome == "running").values(values))
        )

    def judge(self, request_id: str, quality: float) -> tuple[str, str] | None:
        """Enter feedback, once a request: its task type and backend, None when it was judged before.

        Raises NotFound for an id that is unknown, or whose request did not succeed.
        """

        def enter(connection: Connection) -> tuple[str, str] | None:
            found = connection.execute(
                select(_r.task_type, _r.backend).where(_r.id == request_id, _r.outcome == "ok")
            ).first()
            if found is None:
                raise _unanswered(request_id)
            if connection.execute(select(_f.quality).where(_f.request_id == request_id)).first() is not None:
                return None
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(llm_feedback).values(request_id=request_id, quality=quality, recorded_at=self.now())
                    )
            except IntegrityError:  # another process was quicker
                return None
            return found[0], found[1]

        return self._database.write(enter)

    def namespace_of(self, request_id: str) -> str:
        """The namespace of a request that was answered. Raises NotFound, as `judge`."""
        query = select(_r.namespace).where(_r.id == request_id, _r.outcome == "ok")
        found = self._database.read(lambda c: c.execute(query).first())
        if found is None:
            raise _unanswered(request_id)
        return str(found[0])

    def learned(self) -> list[Learned]:
        """All that feedback and answers have taught, by task type and backend."""
        query = (
            select(
                _r.task_type,
                _r.backend,
                func.coalesce(func.sum(_f.quality), 0.0),
                func.coalesce(func.sum(1.0 - _f.quality), 0.0),
                # Of one attempt alone: what broken ones produced says nothing of an answer's length.
                func.coalesce(func.sum(case((_r.attempts == 1, _r.output_tokens), else_=0)), 0),
                func.sum(case((_r.attempts == 1, 1), else_=0)),
            )
            .select_from(llm_requests.outerjoin(llm_feedback, _f.request_id == _r.id))
            .where(_r.outcome == "ok")
            .group_by(_r.task_type, _r.backend)
            .order_by(_r.task_type, _r.backend)
        )
        rows = self._database.read(lambda c: c.execute(query).all())
        return [Learned(row[0], row[1], row[2], row[3], int(row[5]), int(row[4])) for row in rows]

    def last(self, namespace: str, session: str) -> LastRequest | None:
        """The newest answered request of a session."""
        # What failed before it, at this backend or another, is no part of the prompt that is warm.
        query = (
            select(_r.backend, _a.input_tokens + _a.output_tokens, _r.finished_at)
            .join(llm_attempts, (_a.request_id == _r.id) & (_a.number == _r.attempts))
            .where(_r.namespace == namespace, _r.session == session, _r.outcome == "ok")
            .order_by(_r.started_at.desc())
            .limit(1)
        )
        found = self._database.read(lambda c: c.execute(query).first())
        return None if found is None else LastRequest(*found)

    def spent(self, namespace: str, session: str | None = None) -> float:
        """US dollars that a namespace, or one session of it, has spent in all."""
        query = select(func.coalesce(func.sum(_r.cost), 0.0)).where(_r.namespace == namespace)
        if session is not None:
            query = query.where(_r.session == session)
        return float(self._database.read(lambda c: c.execute(query).scalar_one()))

    def rows(
        self, *, since: int = 0, until: int = 0, namespace: str = "", session: str = ""
    ) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """The requests of a span of time by start, and their attempts: columns by name; feedback as `quality`."""
        chosen = [
            *([_r.started_at >= since] if since else ()),
            *([_r.started_at < until] if until else ()),
            *([_r.namespace == namespace] if namespace else ()),
            *([_r.session == session] if session else ()),
        ]
        asked = (
            select(*(_r[name] for name in _REQUEST), _f.quality)
            .select_from(llm_requests.outerjoin(llm_feedback, _f.request_id == _r.id))
            .where(*chosen)
            .order_by(_r.started_at, _r.id)
        )
        tried = (
            select(*(_a[name] for name in _ATTEMPT))
            .select_from(llm_attempts.join(llm_requests, _a.request_id == _r.id))
            .where(*chosen)
            .order_by(_r.started_at, _r.id, _a.number)
        )

        def read(connection: Connection) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
            first, second = connection.execute(asked).mappings().all(), connection.execute(tried).mappings().all()
            return [dict(row) for row in first], [dict(row) for row in second]

        return self._database.read(read)

    def attempts(self, request_id: str) -> list[AttemptRow]:
        """The attempts of a request in order. Raises NotFound."""

        def read(connection: Connection) -> list[AttemptRow]:
            if connection.execute(select(_r.id).where(_r.id == request_id)).first() is None:
                raise NotFound(f"no request {request_id!r:.80}", field="request_id")
            columns = [_a[name] for name in AttemptRow.__slots__]
            query = select(*columns).where(_a.request_id == request_id).order_by(_a.number)
            return [AttemptRow(*row) for row in connection.execute(query)]

        return self._database.read(read)

    def forget(self, namespace: str) -> int:
        """Remove the requests of a namespace, with their attempts and feedback; how many those were."""
        return self._database.write(
            lambda c: c.execute(delete(llm_requests).where(_r.namespace == namespace)).rowcount, scrub=True
        )


def _taken(id: str) -> RequestConflict:
    return RequestConflict(f"the request {id!r:.80} was made before: give each its own id", field="request_id")


def _unanswered(id: str) -> NotFound:
    return NotFound(f"no answered request {id!r:.80}", field="request_id")
