"""CodeService's requests: a client writes them (`x_request`), the server reads them (`get_x`).

Either side checks only what the other form cannot hold; ranges, names and paths are the engine's to judge. An option
that is not given is not sent, so that the server's default holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from agentctx.convert.values import boolean, integer, known_options, text, texts
from agentctx.errors import InvalidArgument
from agentctx.types import (
    DIRECTIONS,
    EDGE_KINDS,
    GRANULARITIES,
    CodeSearchOptions,
    Direction,
    EdgeKind,
    Granularity,
    ScoutOptions,
)
from agentctx.v1 import code_pb2
from agentctx.v1 import code_service_pb2 as pb

KIND_CODES: Final = {kind: code_pb2.EdgeKind.Value(f"EDGE_KIND_{kind.upper()}") for kind in EDGE_KINDS}
KIND_NAMES: Final[dict[int, EdgeKind]] = {code: kind for kind, code in KIND_CODES.items()}
DIRECTION_CODES: Final = {one: code_pb2.Direction.Value(f"DIRECTION_{one.upper()}") for one in DIRECTIONS}
DIRECTION_NAMES: Final[dict[int, Direction]] = {code: one for one, code in DIRECTION_CODES.items()}
_GRANULARITY_CODES: Final = {one: code_pb2.Granularity.Value(f"GRANULARITY_{one.upper()}") for one in GRANULARITIES}
_GRANULARITY_NAMES: Final[dict[int, Granularity]] = {code: one for one, code in _GRANULARITY_CODES.items()}


# --- requests, written by a client ------------------------------------------------------------------------------------


def index_request(path: str, name: str, commit: str) -> pb.CodeServiceIndexRequest:
    """The request of `index`."""
    return pb.CodeServiceIndexRequest(path=text(path, "path"), name=text(name, "name"), commit=text(commit, "commit"))


def list_request(page_size: int, page_token: str) -> pb.CodeServiceListRequest:
    """The request of `list`."""
    return pb.CodeServiceListRequest(
        page_size=integer(page_size, "page_size", 32), page_token=text(page_token, "page_token")
    )


def search_request(repository: str, query: str, options: Mapping[str, Any]) -> pb.CodeServiceSearchRequest:
    """The request of `search`."""
    known_options(options, CodeSearchOptions.__annotations__)
    request = pb.CodeServiceSearchRequest(repository=text(repository, "repository"), query=text(query, "query"))
    for name, value in options.items():
        if name == "k":
            request.k = integer(value, name, 32)
        elif name == "granularity":
            request.granularity = _code(_GRANULARITY_CODES, value, name)
        elif name == "kinds":
            request.kinds.extend(texts(value, name))
        elif name in ("tests", "vendored", "explain"):
            setattr(request, name, boolean(value, name))
        else:
            setattr(request, name, text(value, name))
    return request


def symbol_request(repository: str, name: str, kinds: object, path: str, k: int) -> pb.CodeServiceSymbolRequest:
    """The request of `symbol`."""
    return pb.CodeServiceSymbolRequest(
        repository=text(repository, "repository"),
        name=text(name, "name"),
        kinds=texts(kinds, "kinds"),
        path=text(path, "path"),
        k=integer(k, "k", 32),
    )


def neighbours_request(
    repository: str, symbol: str, kinds: object, direction: object, depth: int, limit: int
) -> pb.CodeServiceNeighboursRequest:
    """The request of `neighbours`."""
    return pb.CodeServiceNeighboursRequest(
        repository=text(repository, "repository"),
        symbol=text(symbol, "symbol"),
        kinds=[_code(KIND_CODES, one, "kinds") for one in texts(kinds, "kinds")],
        direction=_code(DIRECTION_CODES, direction, "direction"),
        depth=integer(depth, "depth", 32),
        limit=integer(limit, "limit", 32),
    )


def outline_request(repository: str, path: str, depth: int, limit: int) -> pb.CodeServiceOutlineRequest:
    """The request of `outline`."""
    return pb.CodeServiceOutlineRequest(
        repository=text(repository, "repository"),
        path=text(path, "path"),
        depth=integer(depth, "depth", 32),
        limit=integer(limit, "limit", 32),
    )


def map_request(repository: str, budget: int, query: str, counter: str) -> pb.CodeServiceMapRequest:
    """The request of `map`."""
    return pb.CodeServiceMapRequest(
        repository=text(repository, "repository"),
        budget=integer(budget, "budget", 32),
        query=text(query, "query"),
        counter=text(counter, "counter"),
    )


def scout_request(repository: str, query: str, options: Mapping[str, Any]) -> pb.CodeServiceScoutRequest:
    """The request of `scout`."""
    known_options(options, ScoutOptions.__annotations__)
    request = pb.CodeServiceScoutRequest(repository=text(repository, "repository"), query=text(query, "query"))
    for name, value in options.items():
        if name in ("budget", "k"):
            setattr(request, name, integer(value, name, 32))
        elif name in ("tests", "llm"):
            setattr(request, name, boolean(value, name))
        else:
            setattr(request, name, text(value, name))
    return request


def source_request(repository: str, path: str, start_line: int, end_line: int) -> pb.CodeServiceSourceRequest:
    """The request of `source`."""
    return pb.CodeServiceSourceRequest(
        repository=text(repository, "repository"),
        path=text(path, "path"),
        start_line=integer(start_line, "start_line", 32),
        end_line=integer(end_line, "end_line", 32),
    )


def _code(codes: Mapping[Any, int], value: object, field: str) -> Any:
    code = codes.get(value) if isinstance(value, str) else None
    if code is None:
        raise InvalidArgument(f"{field} must be one of {', '.join(codes)}", field=field)
    return code


# --- requests, read by the server -------------------------------------------------------------------------------------


def get_search_options(request: pb.CodeServiceSearchRequest) -> CodeSearchOptions:
    """The options of a Search request."""
    options = _given(request, "k", "tests", "vendored") | _filled(request, "path", "language", "explain")
    if request.kinds:
        options["kinds"] = tuple(request.kinds)
    if request.granularity:
        options["granularity"] = _name(_GRANULARITY_NAMES, request.granularity, "granularity")
    return cast("CodeSearchOptions", options)


def get_symbol_options(request: pb.CodeServiceSymbolRequest) -> dict[str, Any]:
    """The options of a Symbol request."""
    return _given(request, "k") | {"kinds": tuple(request.kinds), "path": request.path}


def get_neighbours_options(request: pb.CodeServiceNeighboursRequest) -> dict[str, Any]:
    """The options of a Neighbours request."""
    options = _given(request, "depth", "limit")
    options["kinds"] = tuple(_name(KIND_NAMES, one, "kinds") for one in request.kinds)
    if request.direction:
        options["direction"] = _name(DIRECTION_NAMES, request.direction, "direction")
    return options


def get_outline_options(request: pb.CodeServiceOutlineRequest) -> dict[str, Any]:
    """The options of an Outline request."""
    return _given(request, "limit") | {"depth": request.depth}


def get_map_options(request: pb.CodeServiceMapRequest) -> dict[str, Any]:
    """The options of a Map request."""
    return _given(request, "budget") | {"query": request.query, "counter": request.counter}


def get_scout_options(request: pb.CodeServiceScoutRequest) -> ScoutOptions:
    """The options of a Scout request."""
    return cast("ScoutOptions", _given(request, "budget", "k", "tests", "llm") | _filled(request, "path"))


def get_source_options(request: pb.CodeServiceSourceRequest) -> dict[str, Any]:
    """The options of a Source request."""
    return _given(request, "start_line") | {"end_line": request.end_line}


def _given(request: Any, *names: str) -> dict[str, Any]:
    """The optional fields that are there, whatever they hold."""
    return {name: getattr(request, name) for name in names if request.HasField(name)}


def _filled(request: Any, *names: str) -> dict[str, Any]:
    """The fields that hold more than nothing."""
    return {name: value for name in names if (value := getattr(request, name))}


def _name(names: Mapping[int, Any], code: int, field: str) -> Any:
    name = names.get(code)
    if name is None:
        raise InvalidArgument(f"{field} must be one of {', '.join(names.values())}", field=field)
    return name
