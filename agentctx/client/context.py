"""`client.context`: contexts that a server builds from its memory and its code bases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Unpack

from agentctx.client.caller import AsyncCaller, Caller
from agentctx.convert import completion
from agentctx.convert import context as convert
from agentctx.types import AsyncContextAPI, BuildOptions, Bundle, CompletionEvent, ContextAPI
from agentctx.types.completion import CompleteOptions
from agentctx.v1 import context_service_pb2 as pb
from agentctx.v1.context_service_pb2_grpc import ContextServiceStub


class ContextClient:
    """The context service of a server. Implements `ContextAPI`: the options, results and errors of `engine.context`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub: Any = ContextServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle:
        """The best context for `query` that fits `budget` tokens, from a namespace, from repositories, or from both.

        A counter is a spec of a published vocabulary: a server reads no file and asks no address for a caller. Needs
        the `build` grant on the namespace and on each repository.
        """
        request = convert.build_request(query, budget, options)
        timeout = self._caller.connection.timeout
        return convert.get_bundle(self._caller.unary(self._stub.Build, request, timeout, repeatable=True).bundle)

    def complete(self, task: str, **options: Unpack[CompleteOptions]) -> Iterator[CompletionEvent]:
        """Build the context for `task`, ask the cheapest backend that is good enough, and stream what happens.

        Closing the iterator ends the request. Needs the `complete` grant on the namespace, and `build` on what the
        context is built from.
        """
        return self._complete(completion.complete_request(task, options))

    def _complete(self, request: pb.ContextServiceCompleteRequest) -> Iterator[CompletionEvent]:
        stream = self._caller.responses(self._stub.Complete, request)
        try:
            for response in stream:
                yield completion.get_event(response)
        finally:
            stream.close()


class AsyncContextClient:
    """The context service of a server for asyncio; see `ContextClient`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self._stub: Any = ContextServiceStub(caller.channel)  # type: ignore[no-untyped-call]

    async def build(self, query: str, *, budget: int, **options: Unpack[BuildOptions]) -> Bundle:
        """See `ContextClient.build`."""
        request = convert.build_request(query, budget, options)
        timeout = self._caller.connection.timeout
        response = await self._caller.unary(self._stub.Build, request, timeout, repeatable=True)
        return convert.get_bundle(response.bundle)

    async def complete(self, task: str, **options: Unpack[CompleteOptions]) -> AsyncIterator[CompletionEvent]:
        """See `ContextClient.complete`."""
        request = completion.complete_request(task, options)
        async with aclosing(self._caller.responses(self._stub.Complete, request)) as responses:
            async for response in responses:
                yield completion.get_event(response)


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[Caller], ContextAPI] = ContextClient
    _aio: Callable[[AsyncCaller], AsyncContextAPI] = AsyncContextClient
