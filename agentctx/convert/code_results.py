"""CodeService's answers, as a client reads them; `code_answers` is how the server writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

from agentctx.convert.code_requests import DIRECTION_NAMES, KIND_NAMES
from agentctx.convert.values import as_dict, get_time
from agentctx.types import (
    Anchor,
    CodeHit,
    CodeMap,
    CodeSearchResult,
    FileProblem,
    Generation,
    IndexProgress,
    IndexReport,
    NeighbourResult,
    Outline,
    OutlineEntry,
    Relation,
    Repository,
    RepositoryPage,
    ScoutResult,
    ScoutStep,
    SourceText,
    Symbol,
    SymbolResult,
)
from agentctx.v1 import code_pb2
from agentctx.v1 import code_service_pb2 as pb


def get_repository(message: code_pb2.Repository) -> Repository:
    """The Repository of a message."""
    return Repository(
        message.name,
        message.root,
        get_generation(message.generation),
        message.files,
        message.symbols,
        message.edges,
        as_dict(message.languages),
    )


def get_generation(message: code_pb2.Generation) -> Generation:
    """The Generation of a message."""
    return Generation(
        message.repository,
        message.number,
        message.commit,
        message.branch,
        message.changed if message.HasField("changed") else None,
        get_time(message.indexed_at, "indexed_at") if message.HasField("indexed_at") else None,
    )


def get_symbol(message: code_pb2.Symbol) -> Symbol:
    """The Symbol of a message."""
    return Symbol(
        message.id,
        message.path,
        message.name,
        message.qualname,
        message.kind,
        message.language,
        message.start_line,
        message.end_line,
        message.signature,
        message.doc,
    )


def get_index_progress(response: pb.CodeServiceIndexResponse) -> IndexProgress:
    """The progress in one answer of Index."""
    return IndexProgress(
        response.stage,
        response.done,
        response.total if response.HasField("total") else None,
        _get_report(response.report) if response.HasField("report") else None,
    )


def _get_report(message: code_pb2.IndexReport) -> IndexReport:
    return IndexReport(
        get_repository(message.repository),
        message.published,
        message.parsed,
        message.reused,
        message.resolved,
        message.removed,
        as_dict(message.edges),
        as_dict(message.calls),
        tuple(FileProblem(one.path, one.reason) for one in message.skipped),
        tuple(FileProblem(one.path, one.reason) for one in message.problems),
        {one.name: one.seconds for one in message.seconds},
    )


def get_repository_page(response: pb.CodeServiceListResponse) -> RepositoryPage:
    """The page of a List."""
    return RepositoryPage(tuple(map(get_repository, response.repositories)), response.next_page_token)


def get_search_result(response: pb.CodeServiceSearchResponse) -> CodeSearchResult:
    """The result of a Search."""
    return CodeSearchResult(
        tuple(map(_get_hit, response.hits)), get_generation(response.generation), _get_stages(response.stages)
    )


def get_symbol_result(response: pb.CodeServiceSymbolResponse) -> SymbolResult:
    """The result of a Symbol call."""
    return SymbolResult(tuple(map(get_symbol, response.symbols)), response.exact, get_generation(response.generation))


def get_neighbour_result(response: pb.CodeServiceNeighboursResponse) -> NeighbourResult:
    """The result of a Neighbours call."""
    relations = tuple(
        Relation(
            KIND_NAMES.get(one.kind, "references"),
            one.source,
            get_symbol(one.symbol),
            cast("Literal['out', 'in']", DIRECTION_NAMES.get(one.direction, "out")),
            one.depth,
            one.line,
            one.confidence,
            one.rung,
        )
        for one in response.relations
    )
    return NeighbourResult(
        get_symbol(response.symbol), relations, response.truncated, get_generation(response.generation)
    )


def get_outline(response: pb.CodeServiceOutlineResponse) -> Outline:
    """The outline of an Outline call."""
    entries = tuple(OutlineEntry(get_symbol(one.symbol), one.depth, one.tokens) for one in response.entries)
    return Outline(response.path, entries, response.truncated, get_generation(response.generation))


def get_map(response: pb.CodeServiceMapResponse) -> CodeMap:
    """The map of a Map call."""
    return CodeMap(
        response.text,
        response.tokens,
        response.budget,
        response.counter,
        response.files,
        response.symbols,
        get_generation(response.generation),
    )


def get_scout_result(response: pb.CodeServiceScoutResponse) -> ScoutResult:
    """The result of a Scout call."""
    return ScoutResult(
        tuple(map(_get_hit, response.hits)),
        tuple(response.files),
        tuple(Anchor(one.kind, one.text, one.weight, one.matches) for one in response.anchors),
        tuple(
            ScoutStep(one.number, one.action, one.candidates, one.new, one.confidence, one.cost, one.gain)
            for one in response.trace
        ),
        response.confidence,
        response.stopped,
        response.tokens,
        get_generation(response.generation),
        tuple(response.degraded),
        _get_stages(response.stages),
    )


def get_source(response: pb.CodeServiceSourceResponse) -> SourceText:
    """The lines of a Source call."""
    return SourceText(
        response.path,
        response.start_line,
        response.end_line,
        response.text,
        response.stale,
        get_generation(response.generation),
    )


def _get_hit(message: code_pb2.CodeHit) -> CodeHit:
    return CodeHit(
        get_symbol(message.symbol),
        message.start_line,
        message.end_line,
        message.score,
        as_dict(message.parts),
        message.reason,
    )


def _get_stages(messages: Iterable[code_pb2.CodeStage]) -> dict[str, float]:
    return {one.name: one.milliseconds for one in messages}
