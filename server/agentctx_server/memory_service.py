"""MemoryService: convert, call, convert."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any, Final

from agentctx.convert import answers, requests
from agentctx.convert.values import get_time, put_revision
from agentctx.errors import AgentctxError, InvalidArgument, NotFound
from agentctx.types import ItemResult, MemoryAPI, NamespaceInfo, NamespacePage, NewEpisode
from agentctx.v1 import memory_service_pb2 as pb
from agentctx_server.auth import NOWHERE
from agentctx_server.calls import Call

_CHUNK_BYTES: Final = 256 * 1024
_CHUNK_LINES: Final = 1_000
_BULK_ITEMS: Final = 100_000
_PAGE_SIZE: Final = 100
UPLOAD_VERBS: Final = {"BulkAdd": "add", "Import": "import"}
"""What the methods with a stream of requests need to be granted somewhere."""


class MemoryService:
    """The engine's memory over the wire. One object serves all calls."""

    def __init__(self, memory: MemoryAPI) -> None:
        self._memory = memory

    def Add(self, request: pb.AddRequest, call: Call) -> pb.AddResponse:  # noqa: N802, D102
        namespace = self._to_write("add", request.namespace, call)
        episodes = [requests.get_new_episode(one, f"episodes[{i}]") for i, one in enumerate(request.episodes)]
        return answers.add_response(self._memory.add(namespace, episodes, request_id=request.request_id))

    def BulkAdd(self, stream: Iterator[pb.BulkAddRequest], call: Call) -> pb.BulkAddResponse:  # noqa: N802, D102
        first = next(stream, pb.BulkAddRequest())
        namespace = self._to_write("add", first.namespace, call)
        items = _BulkItems(first, stream, call)
        response = pb.BulkAddResponse()
        for result in items.merged(self._memory.bulk_add(namespace, items.good())):
            answers.put_item(response.results.add(), result)
        return response

    def Get(self, request: pb.GetRequest, call: Call) -> pb.GetResponse:  # noqa: N802, D102
        as_of = get_time(request.as_of, "as_of") if request.HasField("as_of") else None
        response = pb.GetResponse()
        answers.put_episode(
            response.episode, self._memory.get(call.on("get", request.namespace), request.id, as_of=as_of)
        )
        return response

    def List(self, request: pb.ListRequest, call: Call) -> pb.ListResponse:  # noqa: N802, D102
        options = requests.get_list_options(request)
        return answers.list_response(self._memory.list(call.on("list", request.namespace), **options))

    def Search(self, request: pb.SearchRequest, call: Call) -> pb.SearchResponse:  # noqa: N802, D102
        options = requests.get_search_options(request)
        if (left := call.remaining()) is not None:
            options["timeout"] = max(left, 0.001)
        found = self._memory.search(call.on("search", request.namespace), request.query, **options)
        return answers.search_response(found)

    def Update(self, request: pb.UpdateRequest, call: Call) -> pb.UpdateResponse:  # noqa: N802, D102
        changes = requests.get_update_options(request)
        response = pb.UpdateResponse()
        answers.put_episode(
            response.episode, self._memory.update(call.on("update", request.namespace), request.id, **changes)
        )
        return response

    def Delete(self, request: pb.DeleteRequest, call: Call) -> pb.DeleteResponse:  # noqa: N802, D102
        response = pb.DeleteResponse()
        put_revision(response.revision, self._memory.delete(call.on("delete", request.namespace), tuple(request.ids)))
        return response

    def Purge(self, request: pb.PurgeRequest, call: Call) -> pb.PurgeResponse:  # noqa: N802, D102
        response = pb.PurgeResponse()
        put_revision(response.revision, self._memory.purge(call.on("purge", request.namespace), tuple(request.ids)))
        return response

    def History(self, request: pb.HistoryRequest, call: Call) -> pb.HistoryResponse:  # noqa: N802, D102
        return answers.history_response(self._memory.history(call.on("history", request.namespace), request.id))

    def ListNamespaces(  # noqa: N802, D102
        self, request: pb.ListNamespacesRequest, call: Call
    ) -> pb.ListNamespacesResponse:
        size = request.page_size if request.HasField("page_size") else _PAGE_SIZE
        parts = call.grants.visible("list_namespaces", request.prefix)
        if parts == (request.prefix,):
            page = self._memory.list_namespaces(prefix=request.prefix, page_size=size, page_token=request.page_token)
        else:
            self._memory.list_namespaces(
                prefix=f"{NOWHERE}/{request.prefix}".rstrip("/"), page_size=size
            )  # checks both
            page = self._granted_namespaces(parts, size, request.page_token)
        return answers.list_namespaces_response(page)

    def DeleteNamespace(  # noqa: N802, D102
        self, request: pb.DeleteNamespaceRequest, call: Call
    ) -> pb.DeleteNamespaceResponse:
        self._memory.delete_namespace(call.on("delete_namespace", request.namespace))
        return pb.DeleteNamespaceResponse()

    def Export(self, request: pb.ExportRequest, call: Call) -> Iterator[pb.ExportResponse]:  # noqa: N802, D102
        lines = self._memory.export(call.on("export", request.namespace), live_only=request.live_only)
        chunk, size = pb.ExportResponse(), 0
        for line in lines:
            chunk.lines.append(line)
            size += len(line)
            if size >= _CHUNK_BYTES or len(chunk.lines) >= _CHUNK_LINES:
                yield chunk
                chunk, size = pb.ExportResponse(), 0
        if size:
            yield chunk

    def Import(self, stream: Iterator[pb.ImportRequest], call: Call) -> pb.ImportResponse:  # noqa: N802, D102
        first = next(stream, pb.ImportRequest())
        namespace = self._to_write("import", first.namespace, call)

        def lines() -> Iterator[str]:
            yield from first.lines
            for request in stream:
                _same_namespace(first, request)
                call.check()
                yield from request.lines

        return answers.import_response(self._memory.import_(namespace, lines()))

    def Reembed(self, request: pb.ReembedRequest, call: Call) -> Iterator[pb.ReembedResponse]:  # noqa: N802, D102
        if not call.grants.allows("reembed", ""):
            raise NotFound("this token may not re-embed the store", field="embedder")
        for progress in self._memory.reembed(request.embedder):
            response = pb.ReembedResponse()
            answers.put_progress(response.progress, progress)
            yield response

    def ListTags(self, request: pb.ListTagsRequest, call: Call) -> pb.ListTagsResponse:  # noqa: N802, D102
        page = self._memory.list_tags(
            call.on("list_tags", request.namespace),
            under=request.under,
            prefix=request.prefix,
            page_size=request.page_size if request.HasField("page_size") else _PAGE_SIZE,
            page_token=request.page_token,
        )
        return answers.list_tags_response(page)

    def EditTags(self, request: pb.EditTagsRequest, call: Call) -> pb.EditTagsResponse:  # noqa: N802, D102
        edits = requests.get_tag_edits(request)
        response = pb.EditTagsResponse()
        put_revision(response.revision, self._memory.edit_tags(call.on("edit_tags", request.namespace), edits))
        return response

    def Retag(self, request: pb.RetagRequest, call: Call) -> Iterator[pb.RetagResponse]:  # noqa: N802, D102
        for progress in self._memory.retag(call.on("retag", request.namespace), request.tagger):
            response = pb.RetagResponse()
            answers.put_progress(response.progress, progress)
            yield response

    def Consolidate(self, request: pb.ConsolidateRequest, call: Call) -> Iterator[pb.ConsolidateResponse]:  # noqa: N802, D102
        for progress in self._memory.consolidate(call.on("consolidate", request.namespace)):
            response = pb.ConsolidateResponse()
            answers.put_progress(response.progress, progress)
            yield response

    def _to_write(self, verb: str, namespace: str, call: Call) -> str:
        """The namespace of a call that would create it. Where the verb is not granted, it is absent like any other."""
        on = call.on(verb, namespace)
        if on == NOWHERE:
            self._memory.list(on, page_size=1)  # raises NotFound
        return on

    def _granted_namespaces(self, parts: tuple[str, ...], size: int, token: str) -> NamespacePage:
        """One page over the granted parts of the tree: each is listed on its own, so nothing else is even counted."""
        place, inner = _read_token(token, parts)
        found: list[NamespaceInfo] = []
        while place < len(parts) and len(found) < size:
            page = self._memory.list_namespaces(prefix=parts[place], page_size=size - len(found), page_token=inner)
            found += page.namespaces
            inner = page.next_page_token
            place += not inner
        return NamespacePage(tuple(found), _write_token(place, inner, parts) if place < len(parts) else "")


class _BulkItems:
    """The items of a stream: the good ones for the engine, the others as refused, all in order afterwards."""

    def __init__(self, first: pb.BulkAddRequest, rest: Iterator[pb.BulkAddRequest], call: Call) -> None:
        self._first = first
        self._rest = rest
        self._call = call
        self._places: list[int] = []
        self._refused: dict[int, ItemResult] = {}

    def good(self) -> Iterator[NewEpisode]:
        """The items that are episodes."""
        index = 0
        for request in self._requests():
            for message in request.episodes:
                if index == _BULK_ITEMS:
                    raise InvalidArgument(f"a stream may have {_BULK_ITEMS} episodes; use several", field="episodes")
                try:
                    episode = requests.get_new_episode(message, f"episodes[{index}]")
                except AgentctxError as error:
                    self._refused[index] = answers.failed_item(index, error)
                else:
                    self._places.append(index)
                    yield episode
                index += 1

    def merged(self, results: Iterator[ItemResult]) -> Iterator[ItemResult]:
        """The engine's results with those of the refused items between them."""
        done = {self._places[one.index]: one for one in results}
        for index in sorted(done.keys() | self._refused.keys()):
            yield self._refused.get(index) or answers.moved_item(done[index], index)

    def _requests(self) -> Iterator[pb.BulkAddRequest]:
        yield self._first
        for request in self._rest:
            _same_namespace(self._first, request)
            self._call.check()
            yield request


def _same_namespace(first: Any, later: Any) -> None:
    if later.namespace and later.namespace != first.namespace:
        raise InvalidArgument("namespace differs from that of the stream's first message", field="namespace")


def _write_token(place: int, inner: str, parts: tuple[str, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([1, parts[place], inner]).encode()).decode().rstrip("=")


def _read_token(token: str, parts: tuple[str, ...]) -> tuple[int, str]:
    """Which part a page token goes on with, and the engine's token in it."""
    if not token:
        return 0, ""
    try:
        fields = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        fields = None
    match fields:
        case [1, str(part), str(inner)] if part in parts:
            return parts.index(part), inner
    raise InvalidArgument("page_token is not one that this listing gave; start without one", field="page_token")
