"""`engine.context`: the best context for a task that fits a budget."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Unpack

from agentctx.config import Settings
from agentctx.context import gather_code, gather_memory
from agentctx.context.carry import Earlier, keep, look_up
from agentctx.context.counting import Counters
from agentctx.context.gather_code import CodeFinds, Maps
from agentctx.context.gather_memory import EPISODE_ID, Memories, Recall
from agentctx.context.pack import Packer
from agentctx.context.pricing import price
from agentctx.context.receipt import bundle_of
from agentctx.context.render import renderer_for
from agentctx.context.request import BuildRequest
from agentctx.context.sessions import Sessions
from agentctx.context.units import CODE, MEMORY, Unit
from agentctx.errors import FailedPrecondition
from agentctx.text.tokens import TokenCounter
from agentctx.types.completion import CompleteOptions, CompletionEvent
from agentctx.types.context import Bundle
from agentctx.types.context_api import BuildOptions

if TYPE_CHECKING:
    from agentctx.context.complete import Builds, Completer


class Context:
    """Builds bundles from memory and code. Implements `ContextAPI`; thread-safe.

    Design: what a unit costs at each level of detail against what it is worth, as FastCode (arXiv 2603.01012) has it,
    in exact tokens of the rendered whole.
    """

    def __init__(
        self,
        memory: Recall,
        code: Callable[[], Maps] | None,
        settings: Settings,
        completer: Callable[[Builds], Completer] | None = None,
    ) -> None:
        """code: gives the code service when a build first asks for a repository."""
        self._completer = completer
        self._memory = memory
        self._code = code
        self._settings = settings
        self._counters = Counters()
        self._sessions = Sessions()

    def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle:
        """Gather episodes and code for `query`, and pack what is worth most into `budget` tokens, never more.

        The rendered text is counted whole, by an exact counter unless you ask for the estimate. The same state, query
        and options give the same text. See BuildOptions, and docs/context.md for how it is chosen. A budget below what
        the frame and the cheapest unit cost gives an empty bundle, whose receipt says so. Raises InvalidArgument,
        NotFound for an unknown namespace or repository, Unavailable where a remote counter does not answer. Cost: the
        search of memory, the scouting of each repository, and some 10 ms for 4,000 tokens.
        """
        watch = _Watch()
        request = BuildRequest.read(query, budget, options, self._settings.limits)
        counter = self._counters.get(request.counter)
        renderer = renderer_for(request.format)
        memories = self._recall(request, watch)
        finds = self._scout(request, watch)
        units = [*(one.unit() for one in memories.found), *finds.units]
        session = _session(request, counter)
        earlier = self._earlier(request, self._sessions.last(session) if request.session else (), units)
        watch.note("units")
        prices = price(earlier.units, renderer, counter)
        watch.note("price")
        packer = Packer(prices, renderer, counter, request.budget, _sides(request))
        carried, let_go = keep(earlier, prices, packer, request.budget)
        packed = packer.pack(carried)
        watch.note("pack")
        bundle = bundle_of(request, renderer, counter, prices, packed, memories, finds, earlier, let_go, watch.stages)
        if request.session:
            self._sessions.remember(session, bundle.item_ids)
        return bundle

    def complete(self, task: str, **options: Unpack[CompleteOptions]) -> Iterator[CompletionEvent]:
        """Build the context, take the cheapest backend that is good enough, ask it, stream, record: see ContextAPI."""
        if self._completer is None:
            raise FailedPrecondition("this engine has no backends", field="backends")
        return self._completer(self._build_any).complete(task, **options)

    def close(self) -> None:
        """Release the counters."""
        self._counters.close()

    def _build_any(self, query: str, *, budget: int, **options: Any) -> Bundle:
        """`build`, for who hands options on."""
        return self.build(query, budget=budget, **options)

    def _recall(self, request: BuildRequest, watch: _Watch) -> Memories:
        if not request.namespace:
            return Memories((), None)
        budget = request.budget if request.memory_budget is None else min(request.budget, request.memory_budget)
        return gather_memory.gather(
            self._memory,
            request.namespace,
            request.query,
            budget,
            reference_time=request.reference_time,
            as_of=request.as_of,
            most=self._settings.limits.k,
            note=watch.note,
        )

    def _scout(self, request: BuildRequest, watch: _Watch) -> CodeFinds:
        if not request.repositories:
            return CodeFinds()
        return gather_code.gather(self._need_code(), request, watch.note)

    def _earlier(self, request: BuildRequest, last: Sequence[str], units: Sequence[Unit]) -> Earlier:
        return look_up(request.previous or last, units, lambda one: self._again(request, one))

    def _again(self, request: BuildRequest, id: str) -> Unit | None:
        """The unit of an item of an earlier bundle, if it belongs to what this build may show."""
        if id.startswith(EPISODE_ID):
            if not request.namespace:
                return None
            return gather_memory.again(self._memory, request.namespace, id, request.as_of)
        return gather_code.again(self._need_code(), request, id) if request.repositories else None

    def _need_code(self) -> Maps:
        if self._code is None:
            raise FailedPrecondition(
                "this engine has no code service: build without repositories", field="repositories"
            )
        return self._code()


def _session(request: BuildRequest, counter: TokenCounter) -> Hashable:
    """What a session's earlier bundle must have in common with the present one to share a beginning with it."""
    return request.session, request.namespace, request.repositories, request.format, counter.name


def _sides(request: BuildRequest) -> dict[str, int]:
    asked = {MEMORY: request.memory_budget, CODE: request.code_budget}
    return {side: most for side, most in asked.items() if most is not None}


class _Watch:
    """Times the stages of one build."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = perf_counter()

    def note(self, name: str) -> None:
        now = perf_counter()
        self.stages[name] = self.stages.get(name, 0.0) + (now - self._last) * 1000
        self._last = now
