"""The context service as a Protocol: the engine, and each client, provides it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

from agentctx.types.completion import CompleteOptions, CompletionEvent
from agentctx.types.context import Bundle, BundleFormat


class BuildOptions(TypedDict, total=False):
    """What bounds and shapes `build`.

    namespace: whose memory takes part (default: none). repositories: names of indexed code bases (default: none).
    counter: see docs/tokens.md; several joined by `|` count as the strictest (default: o200k_base). memory_budget,
    code_budget: at most so many tokens of either side (default: shared by what the evidence is worth).
    session: a name for the conversation that asks: a later build with the same name keeps what was shown before at the
    start of the text, in the same bytes. previous: the same without state: `item_ids` of the bundle before.
    reference_time: the "now" of the question, from which "last week" counts. as_of: what the store knew then.
    path: only code below this folder or file. tests: whether test code takes part. llm: see ScoutOptions.
    """

    namespace: str
    repositories: Sequence[str]
    counter: str
    memory_budget: int | None
    code_budget: int | None
    session: str
    previous: Sequence[str]
    reference_time: datetime | None
    as_of: datetime | None
    format: BundleFormat
    path: str
    tests: bool
    llm: bool


class ContextAPI(Protocol):
    """The best context for a task that fits a budget. Thread-safe."""

    def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle:
        """Gather episodes and code for `query`, and pack what is worth most into `budget` tokens, never more.

        A budget below what the empty frame costs gives an empty bundle; one below 1 raises InvalidArgument. Raises
        NotFound for an unknown namespace or repository, InvalidArgument for bad options, Unavailable when a remote
        counter does not answer.
        """
        ...

    def complete(self, task: str, **options: Unpack[CompleteOptions]) -> Iterator[CompletionEvent]:
        """Build the context for `task`, take the cheapest backend that is good enough, ask it, and record the cost.

        Events: RouteDecided; for each attempt AttemptStarted, TextPart..., and Restarted where it failed after some
        text, which is then to be discarded; UsageTold and Done at the end. Closing the iterator ends the request.

        Raises InvalidArgument; RequestConflict for a request_id that was used; FailedPrecondition when no backend is
        configured or none fits; ResourceExhausted when a budget stands in the way; Unavailable when none answers;
        DeadlineExceeded after `max_seconds`.
        """
        ...


class AsyncContextAPI(Protocol):
    """The context service for asyncio: the same method as `ContextAPI`, awaited."""

    async def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle: ...

    def complete(self, task: str, **options: Unpack[CompleteOptions]) -> AsyncIterator[CompletionEvent]: ...
