"""CodeService's answers, as the server writes them; `code_results` is how a client reads them.

They hold what the engine has checked. A path may come from a file system that is not in UTF-8: what of it is no text
becomes U+FFFD on the way, since UTF-8 cannot carry it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agentctx.convert.code_requests import DIRECTION_CODES, KIND_CODES
from agentctx.convert.values import put_time
from agentctx.types import (
    CodeHit,
    CodeMap,
    CodeSearchResult,
    Generation,
    IndexProgress,
    IndexReport,
    NeighbourResult,
    Outline,
    Repository,
    RepositoryPage,
    ScoutResult,
    SourceText,
    Symbol,
    SymbolResult,
)
from agentctx.v1 import code_pb2
from agentctx.v1 import code_service_pb2 as pb

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def put_repository(message: code_pb2.Repository, repository: Repository) -> None:
    """Fill a Repository message."""
    message.name = repository.name
    message.root = carried(repository.root)
    message.files, message.symbols, message.edges = repository.files, repository.symbols, repository.edges
    put_generation(message.generation, repository.generation)
    message.languages.update(repository.languages)


def put_generation(message: code_pb2.Generation, generation: Generation) -> None:
    """Fill a Generation message."""
    message.repository = generation.repository
    message.number = generation.number
    message.commit = generation.commit
    message.branch = carried(generation.branch)
    if generation.changed is not None:
        message.changed = generation.changed
    if generation.indexed_at is not None:
        put_time(message.indexed_at, generation.indexed_at)


def put_symbol(message: code_pb2.Symbol, symbol: Symbol) -> None:
    """Fill a Symbol message."""
    message.start_line, message.end_line = symbol.start_line, symbol.end_line
    for name in ("id", "path", "name", "qualname", "kind", "language", "signature", "doc"):
        if value := getattr(symbol, name):
            setattr(message, name, carried(value))


def index_response(progress: IndexProgress) -> pb.CodeServiceIndexResponse:
    """One answer of Index."""
    response = pb.CodeServiceIndexResponse(stage=carried(progress.stage), done=progress.done)
    if progress.total is not None:
        response.total = progress.total
    if progress.report is not None:
        _put_report(response.report, progress.report)
    return response


def _put_report(message: code_pb2.IndexReport, report: IndexReport) -> None:
    put_repository(message.repository, report.repository)
    message.published = report.published
    message.parsed, message.reused = report.parsed, report.reused
    message.resolved, message.removed = report.resolved, report.removed
    message.edges.update(report.edges)
    message.calls.update(report.calls)
    for one in report.skipped:
        message.skipped.add(path=carried(one.path), reason=carried(one.reason))
    for one in report.problems:
        message.problems.add(path=carried(one.path), reason=carried(one.reason))
    for name, seconds in report.seconds.items():
        message.seconds.add(name=name, seconds=seconds)


def list_response(page: RepositoryPage) -> pb.CodeServiceListResponse:
    """The answer of List."""
    response = pb.CodeServiceListResponse(next_page_token=page.next_page_token)
    for one in page.repositories:
        put_repository(response.repositories.add(), one)
    return response


def get_response(repository: Repository) -> pb.CodeServiceGetResponse:
    """The answer of Get."""
    response = pb.CodeServiceGetResponse()
    put_repository(response.repository, repository)
    return response


def search_response(result: CodeSearchResult) -> pb.CodeServiceSearchResponse:
    """The answer of Search."""
    response = pb.CodeServiceSearchResponse()
    _put_hits(response.hits, result.hits)
    put_generation(response.generation, result.generation)
    _put_stages(response.stages, result.stages_ms)
    return response


def symbol_response(result: SymbolResult) -> pb.CodeServiceSymbolResponse:
    """The answer of Symbol."""
    response = pb.CodeServiceSymbolResponse(exact=result.exact)
    for one in result.symbols:
        put_symbol(response.symbols.add(), one)
    put_generation(response.generation, result.generation)
    return response


def neighbours_response(result: NeighbourResult) -> pb.CodeServiceNeighboursResponse:
    """The answer of Neighbours."""
    response = pb.CodeServiceNeighboursResponse(truncated=result.truncated)
    put_symbol(response.symbol, result.symbol)
    for one in result.relations:
        message = response.relations.add(
            kind=KIND_CODES[one.kind],
            source=carried(one.source),
            direction=DIRECTION_CODES[one.direction],
            depth=one.depth,
            line=one.line,
            confidence=one.confidence,
            rung=one.rung,
        )
        put_symbol(message.symbol, one.symbol)
    put_generation(response.generation, result.generation)
    return response


def outline_response(outline: Outline) -> pb.CodeServiceOutlineResponse:
    """The answer of Outline."""
    response = pb.CodeServiceOutlineResponse(path=carried(outline.path), truncated=outline.truncated)
    for one in outline.entries:
        message = response.entries.add(depth=one.depth, tokens=one.tokens)
        put_symbol(message.symbol, one.symbol)
    put_generation(response.generation, outline.generation)
    return response


def map_response(found: CodeMap) -> pb.CodeServiceMapResponse:
    """The answer of Map."""
    response = pb.CodeServiceMapResponse(
        text=carried(found.text),
        tokens=found.tokens,
        budget=found.budget,
        counter=found.counter,
        files=found.files,
        symbols=found.symbols,
    )
    put_generation(response.generation, found.generation)
    return response


def scout_response(result: ScoutResult) -> pb.CodeServiceScoutResponse:
    """The answer of Scout."""
    response = pb.CodeServiceScoutResponse(
        files=map(carried, result.files),
        confidence=result.confidence,
        stopped=result.stopped,
        tokens=result.tokens,
        degraded=map(carried, result.degraded),
    )
    _put_hits(response.hits, result.hits)
    for anchor in result.anchors:
        response.anchors.add(kind=anchor.kind, text=carried(anchor.text), weight=anchor.weight, matches=anchor.matches)
    for step in result.trace:
        response.trace.add(
            number=step.number,
            action=carried(step.action),
            candidates=step.candidates,
            new=step.new,
            confidence=step.confidence,
            cost=step.cost,
            gain=step.gain,
        )
    put_generation(response.generation, result.generation)
    _put_stages(response.stages, result.stages_ms)
    return response


def source_response(source: SourceText) -> pb.CodeServiceSourceResponse:
    """The answer of Source."""
    response = pb.CodeServiceSourceResponse(
        path=carried(source.path),
        start_line=source.start_line,
        end_line=source.end_line,
        text=carried(source.text),
        stale=source.stale,
    )
    put_generation(response.generation, source.generation)
    return response


def _put_hits(messages: Any, hits: Iterable[CodeHit]) -> None:
    for hit in hits:
        message = messages.add(start_line=hit.start_line, end_line=hit.end_line, score=hit.score)
        put_symbol(message.symbol, hit.symbol)
        if hit.parts:
            message.parts.update(hit.parts)
        if hit.reason:
            message.reason = carried(hit.reason)


def _put_stages(messages: Any, stages: Mapping[str, float]) -> None:
    for name, milliseconds in stages.items():
        messages.add(name=name, milliseconds=milliseconds)


def carried(value: str) -> str:
    """The text as UTF-8 can carry it."""
    return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
