"""CodeService: convert, call, convert."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, cast

from agentctx.convert import code_answers as answers
from agentctx.convert import code_requests as requests
from agentctx.errors import InvalidArgument
from agentctx.types import CodeAPI, Repository, RepositoryPage
from agentctx.v1 import code_service_pb2 as pb
from agentctx_server.calls import Call
from agentctx_server.counters import allowed_counter
from agentctx_server.roots import CodeRoots

_PAGE_SIZE: Final = 100


class CodeService:
    """The engine's code bases over the wire. One object serves all calls."""

    def __init__(self, code: CodeAPI, roots: CodeRoots) -> None:
        self._code = code
        self._roots = roots

    def Index(self, request: pb.CodeServiceIndexRequest, call: Call) -> Iterator[pb.CodeServiceIndexResponse]:  # noqa: N802, D102
        if not call.grants.allows_repository("index", request.name):
            if not request.name and call.grants.repositories.get("index"):
                raise InvalidArgument("name the repository: this token may index some only", field="name")
            self._code.get(call.repository("index", request.name))  # raises NotFound
        path = self._roots.confine(request.path, commit=bool(request.commit))
        # Closed as soon as the caller has gone, so that nothing is published for it.
        with closing(cast("Any", self._code.index(path, name=request.name, commit=request.commit))) as steps:
            for progress in steps:
                yield answers.index_response(progress)

    def List(self, request: pb.CodeServiceListRequest, call: Call) -> pb.CodeServiceListResponse:  # noqa: N802, D102
        size = request.page_size if request.HasField("page_size") else _PAGE_SIZE
        if call.grants.allows_repository("list", ""):
            return answers.list_response(self._code.list(page_size=size, page_token=request.page_token))
        return answers.list_response(self._granted(size, request.page_token, call))

    def Get(self, request: pb.CodeServiceGetRequest, call: Call) -> pb.CodeServiceGetResponse:  # noqa: N802, D102
        return answers.get_response(self._code.get(call.repository("get", request.repository)))

    def Remove(self, request: pb.CodeServiceRemoveRequest, call: Call) -> pb.CodeServiceRemoveResponse:  # noqa: N802, D102
        self._code.remove(call.repository("remove", request.repository))
        return pb.CodeServiceRemoveResponse()

    def Search(self, request: pb.CodeServiceSearchRequest, call: Call) -> pb.CodeServiceSearchResponse:  # noqa: N802, D102
        options = requests.get_search_options(request)
        repository = call.repository("search", request.repository)
        return answers.search_response(self._code.search(repository, request.query, **options))

    def Symbol(self, request: pb.CodeServiceSymbolRequest, call: Call) -> pb.CodeServiceSymbolResponse:  # noqa: N802, D102
        options = requests.get_symbol_options(request)
        repository = call.repository("symbol", request.repository)
        return answers.symbol_response(self._code.symbol(repository, request.name, **options))

    def Neighbours(  # noqa: N802, D102
        self, request: pb.CodeServiceNeighboursRequest, call: Call
    ) -> pb.CodeServiceNeighboursResponse:
        options = requests.get_neighbours_options(request)
        repository = call.repository("neighbours", request.repository)
        return answers.neighbours_response(self._code.neighbours(repository, request.symbol, **options))

    def Outline(self, request: pb.CodeServiceOutlineRequest, call: Call) -> pb.CodeServiceOutlineResponse:  # noqa: N802, D102
        options = requests.get_outline_options(request)
        repository = call.repository("outline", request.repository)
        return answers.outline_response(self._code.outline(repository, request.path, **options))

    def Map(self, request: pb.CodeServiceMapRequest, call: Call) -> pb.CodeServiceMapResponse:  # noqa: N802, D102
        options = requests.get_map_options(request)
        allowed_counter(request.counter)
        return answers.map_response(self._code.map(call.repository("map", request.repository), **options))

    def Scout(self, request: pb.CodeServiceScoutRequest, call: Call) -> pb.CodeServiceScoutResponse:  # noqa: N802, D102
        options = requests.get_scout_options(request)
        repository = call.repository("scout", request.repository)
        return answers.scout_response(self._code.scout(repository, request.query, **options))

    def Source(self, request: pb.CodeServiceSourceRequest, call: Call) -> pb.CodeServiceSourceResponse:  # noqa: N802, D102
        options = requests.get_source_options(request)
        repository = call.repository("source", request.repository)
        return answers.source_response(self._code.source(repository, request.path, **options))

    def _granted(self, size: int, token: str, call: Call) -> RepositoryPage:
        """One page of the repositories that the caller may list. All are looked at: there are few."""
        found = [one for one in self._all(size) if call.grants.allows_repository("list", one.name)]
        after = _read_token(token)
        if after is not None:
            found = [one for one in found if one.name > after]
        page = tuple(found[:size])
        return RepositoryPage(page, _write_token(page[-1].name) if len(found) > size else "")

    def _all(self, size: int) -> Iterator[Repository]:
        page = self._code.list(page_size=size)  # which checks it
        while True:
            yield from page.repositories
            if not page.next_page_token:
                return
            page = self._code.list(page_size=size, page_token=page.next_page_token)


def _write_token(name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([1, name]).encode()).decode().rstrip("=")


def _read_token(token: str) -> str | None:
    """The name behind which a page begins."""
    if not token:
        return None
    try:
        fields = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        fields = None
    match fields:
        case [1, str(name)]:
            return name
    raise InvalidArgument("page_token is not one that this listing gave; start without one", field="page_token")
