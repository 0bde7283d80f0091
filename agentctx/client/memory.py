"""`client.memory`: the memory of a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, Unpack

import grpc

from agentctx.client import calls
from agentctx.client.caller import Caller
from agentctx.convert import answers, requests
from agentctx.convert.values import boolean, get_revision, text
from agentctx.errors import InvalidArgument
from agentctx.types import (
    AddResult,
    Change,
    Episode,
    EpisodePage,
    ImportResult,
    ItemResult,
    ListOptions,
    MemoryAPI,
    NamespacePage,
    NewEpisode,
    Progress,
    Revision,
    SearchOptions,
    SearchResult,
    TagEdit,
    TagPage,
    UpdateOptions,
)
from agentctx.v1 import memory_service_pb2 as pb
from agentctx.v1.memory_service_pb2_grpc import MemoryServiceStub


class MemoryClient:
    """The memory of a server. Implements `MemoryAPI`: the methods, options, results and errors of `engine.memory`.

    Reads, and `add` with its request_id, are repeated up to three times while the server is unavailable.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub: Any = MemoryServiceStub(caller.channel)  # type: ignore[no-untyped-call]
        self._timeout = caller.connection.timeout

    def add(
        self, namespace: str, episodes: str | NewEpisode | Sequence[str | NewEpisode], *, request_id: str = ""
    ) -> AddResult:
        """Store one or many episodes in one transaction: all of them, durable and searchable, or none.

        Without a `request_id` the client makes one, so that a repetition after a broken connection stores nothing
        twice.
        """
        request = requests.add_request(namespace, episodes, request_id or calls.new_request_id())
        calls.check_size(request, self._caller.connection.max_message_bytes)
        result = answers.get_add_result(self._caller.unary(self._stub.Add, request, self._timeout, repeatable=True))
        return result if request_id else replace(result, replayed=False)

    def bulk_add(self, namespace: str, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        """Store any number of episodes, in streams of 2,000; yields a result per item, in order.

        A bad item costs only itself. What was yielded as stored is durable, also when the connection breaks.
        """
        namespace = text(namespace, "namespace")
        if isinstance(episodes, str | bytes | Mapping) or not isinstance(episodes, Iterable):
            raise InvalidArgument("episodes must be an iterable of NewEpisode", field="episodes")
        return self._bulk_add(calls.BulkSplitter(namespace, self._caller.connection.max_message_bytes), episodes)

    def _bulk_add(self, splitter: calls.BulkSplitter, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        sent_any = False
        for episode in episodes:
            if (stream := splitter.add(episode)) is not None:
                sent_any = True
                yield from self._send(stream)
        stream = splitter.rest()
        if stream.count or not sent_any:
            yield from self._send(stream)

    def _send(self, stream: calls.BulkStream) -> Iterator[ItemResult]:
        try:
            response = self._caller.start(self._stub.BulkAdd, iter(stream.requests))
        except grpc.RpcError as failure:
            raise self._caller.error(failure) from None
        return stream.results(response)

    def get(self, namespace: str, id: str, *, as_of: datetime | None = None) -> Episode:
        """One episode as it is now, or as the store knew it at `as_of`."""
        request = requests.get_request(namespace, id, as_of)
        response = self._caller.unary(self._stub.Get, request, self._timeout, repeatable=True)
        return answers.get_episode(response.episode)

    def list(self, namespace: str, **options: Unpack[ListOptions]) -> EpisodePage:
        """One page of episodes in the order they were recorded, unranked."""
        request = requests.list_request(namespace, options)
        return answers.get_episode_page(self._caller.unary(self._stub.List, request, self._timeout, repeatable=True))

    def search(self, namespace: str, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """The `k` episodes that bear most on `query`, best first. `timeout` is the deadline of the call."""
        request = requests.search_request(namespace, query, options)
        timeout = calls.search_timeout(options, self._timeout)
        return answers.get_search_result(self._caller.unary(self._stub.Search, request, timeout, repeatable=True))

    def update(self, namespace: str, id: str, **changes: Unpack[UpdateOptions]) -> Episode:
        """Change metadata, tags, validity or expiry; content never changes. Returns the episode afterwards."""
        request = requests.update_request(namespace, id, changes)
        return answers.get_episode(self._caller.unary(self._stub.Update, request, self._timeout).episode)

    def delete(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Hide episodes from now on; they are still there `as_of` an earlier time. All of `ids`, or none."""
        request = pb.DeleteRequest(namespace=text(namespace, "namespace"), ids=requests.ids_of(ids))
        return get_revision(self._caller.unary(self._stub.Delete, request, self._timeout).revision)

    def purge(self, namespace: str, ids: str | Sequence[str]) -> Revision:
        """Remove episodes for good, deleted ones too: rows, history, vectors, indexes, log. Starts a new epoch."""
        request = pb.PurgeRequest(namespace=text(namespace, "namespace"), ids=requests.ids_of(ids))
        return get_revision(self._caller.unary(self._stub.Purge, request, self._timeout).revision)

    def history(self, namespace: str, id: str) -> tuple[Change, ...]:
        """Every change of an episode, oldest first."""
        request = pb.HistoryRequest(namespace=text(namespace, "namespace"), id=text(id, "id"))
        return answers.get_changes(self._caller.unary(self._stub.History, request, self._timeout, repeatable=True))

    def list_namespaces(self, *, prefix: str = "", page_size: int = 100, page_token: str = "") -> NamespacePage:
        """One page of the namespaces at or below the path `prefix` that the token may list."""
        request = requests.list_namespaces_request(prefix, page_size, page_token)
        response = self._caller.unary(self._stub.ListNamespaces, request, self._timeout, repeatable=True)
        return answers.get_namespace_page(response)

    def delete_namespace(self, namespace: str) -> None:
        """Remove a namespace and all that is in it, for good."""
        request = pb.DeleteNamespaceRequest(namespace=text(namespace, "namespace"))
        self._caller.unary(self._stub.DeleteNamespace, request, self._timeout)

    def export(self, namespace: str, *, live_only: bool = False) -> Iterator[str]:
        """The namespace's log as JSON lines, a header first. Closing the iterator stops the server."""
        request = pb.ExportRequest(namespace=text(namespace, "namespace"), live_only=boolean(live_only, "live_only"))
        stream = self._caller.responses(self._stub.Export, request)
        # The first chunk is asked for now, so that a missing namespace is an error of the call, as in the engine.
        first = next(stream, pb.ExportResponse())
        return _lines(first, stream)

    def import_(self, namespace: str, lines: Iterable[str]) -> ImportResult:
        """Apply exported JSON lines. Records already there are skipped, so that a broken import can be run again."""
        namespace = text(namespace, "namespace")
        if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
            raise InvalidArgument("lines must be an iterable of JSON lines", field="lines")
        source = _Guarded(calls.import_requests(namespace, lines))
        call = self._caller.start(self._stub.Import.future, source)
        source.on_error = call.cancel
        try:
            return answers.get_import_result(call.result())
        except (grpc.RpcError, grpc.FutureCancelledError) as failure:
            if source.error is not None:
                raise source.error from None
            if isinstance(failure, grpc.RpcError):
                raise self._caller.error(failure) from None
            raise
        except BaseException:
            call.cancel()
            raise

    def reembed(self, embedder: str) -> Iterator[Progress]:
        """Give every episode of the store a vector of another embedder, then switch to it. Resumes where it stopped.

        Closing the iterator stops it; nothing is lost. Needs the `reembed` grant on all namespaces.
        """
        request = pb.ReembedRequest(embedder=text(embedder, "embedder"))
        return self._reembed(request)

    def consolidate(self, namespace: str) -> Iterator[Progress]:
        """Put a namespace in order: merge tags that say the same, lay vectors of one topic side by side.

        Closing the iterator stops it and leaves everything as it was. Needs the `consolidate` grant.
        """
        return self._consolidate(pb.ConsolidateRequest(namespace=text(namespace, "namespace")))

    def list_tags(
        self, namespace: str, *, under: str = "", prefix: str = "", page_size: int = 100, page_token: str = ""
    ) -> TagPage:
        """One page of the namespace's tags, or of a tag `under` and those below it: most episodes first."""
        request = requests.list_tags_request(namespace, under, prefix, page_size, page_token)
        return answers.get_tag_page(self._caller.unary(self._stub.ListTags, request, self._timeout, repeatable=True))

    def edit_tags(self, namespace: str, edits: TagEdit | Sequence[TagEdit]) -> Revision:
        """Rename, merge, link, add, delete and restore tags, in order: all of the edits or none."""
        request = requests.edit_tags_request(namespace, edits)
        return get_revision(self._caller.unary(self._stub.EditTags, request, self._timeout).revision)

    def retag(self, namespace: str, tagger: str = "") -> Iterator[Progress]:
        """Tag every episode of a namespace anew, by `rules` or by `llm`. Closing the iterator stops it."""
        request = pb.RetagRequest(namespace=text(namespace, "namespace"), tagger=text(tagger, "tagger"))
        return self._retag(request)

    def _consolidate(self, request: pb.ConsolidateRequest) -> Iterator[Progress]:
        stream = self._caller.responses(self._stub.Consolidate, request)
        try:
            for response in stream:
                yield answers.get_progress(response.progress)
        finally:
            stream.close()

    def _retag(self, request: pb.RetagRequest) -> Iterator[Progress]:
        for response in self._caller.responses(self._stub.Retag, request):
            yield answers.get_progress(response.progress)

    def _reembed(self, request: pb.ReembedRequest) -> Iterator[Progress]:
        stream = self._caller.responses(self._stub.Reembed, request)
        try:
            for response in stream:
                yield answers.get_progress(response.progress)
        finally:
            stream.close()


def _lines(first: pb.ExportResponse, stream: Any) -> Iterator[str]:
    try:
        yield from first.lines
        for response in stream:
            yield from response.lines
    finally:
        stream.close()


class _Guarded:
    """An iterator for gRPC to draw requests from in its own thread; keeps an error for the caller's thread.

    gRPC would log it with a traceback and cancel the call with nothing but "unknown".
    """

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self.error: BaseException | None = None
        self.on_error: Any = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._source)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            while self.on_error is None:  # the call is not yet in the caller's hands
                time.sleep(0.001)
            self.on_error()
            raise StopIteration from None


if TYPE_CHECKING:  # the type checker's proof that the methods are those of the engine
    _api: Callable[[Caller], MemoryAPI] = MemoryClient
