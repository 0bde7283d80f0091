"""MemoryService's answers: the server writes them (`put_x`, `x_response`), a client reads them (`get_x`).

They hold what the engine has checked, so they fill only what differs from a message's default. Search is the hot
path: ten hits cost about 30 us to write and 70 us to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from agentctx.convert.requests import ROLE_CODES, ROLE_NAMES
from agentctx.convert.values import (
    EPOCH,
    as_dict,
    get_revision,
    get_struct,
    get_time,
    put_revision,
    put_struct,
    put_time,
)
from agentctx.errors import AgentctxError
from agentctx.types import (
    AddResult,
    Change,
    ChangeKind,
    Episode,
    EpisodePage,
    Explanation,
    Hit,
    ImportResult,
    ItemResult,
    NamespaceInfo,
    NamespacePage,
    Progress,
    Revision,
    SearchResult,
    Tag,
    TagOrigin,
    TagPage,
)
from agentctx.v1 import common_pb2, episode_pb2
from agentctx.v1 import memory_service_pb2 as pb

_KINDS: Final[tuple[ChangeKind, ...]] = ("add", "update", "delete")
_KIND_CODES: Final = {kind: episode_pb2.ChangeKind.Value(f"CHANGE_KIND_{kind.upper()}") for kind in _KINDS}
_KIND_NAMES: Final[dict[int, ChangeKind]] = {code: kind for kind, code in _KIND_CODES.items()}
_ORIGINS: Final[tuple[TagOrigin, ...]] = ("given", "llm", "derived")
_ORIGIN_CODES: Final = {origin: pb.TagOrigin.Value(f"TAG_ORIGIN_{origin.upper()}") for origin in _ORIGINS}
_ORIGIN_NAMES: Final[dict[int, TagOrigin]] = {code: origin for origin, code in _ORIGIN_CODES.items()}
_ITEM: Final = re.compile(r"^episodes\[\d+\]")


# --- answers, written by the server -----------------------------------------------------------------------------------


def put_episode(message: episode_pb2.Episode, episode: Episode) -> None:
    """Fill an Episode message."""
    message.namespace = episode.namespace
    message.id = episode.id
    message.content = episode.content
    message.position = episode.position
    put_time(message.occurred_at, episode.occurred_at)
    put_time(message.recorded_at, episode.recorded_at)
    put_revision(message.revision, episode.revision)
    if episode.session:
        message.session = episode.session
    if episode.speaker:
        message.speaker = episode.speaker
    if episode.role:
        message.role = ROLE_CODES[episode.role]  # type: ignore[assignment]
    if episode.tags:
        message.tags.extend(episode.tags)
    if episode.metadata:
        put_struct(message.metadata, episode.metadata, "metadata")
    if episode.valid_from is not None:
        put_time(message.valid_from, episode.valid_from)
    if episode.valid_to is not None:
        put_time(message.valid_to, episode.valid_to)
    if episode.expires_at is not None:
        put_time(message.expires_at, episode.expires_at)
    if episode.supersedes:
        message.supersedes = episode.supersedes
    if episode.superseded_by:
        message.superseded_by = episode.superseded_by
    if episode.deleted_at is not None:
        put_time(message.deleted_at, episode.deleted_at)


def search_response(result: SearchResult) -> pb.SearchResponse:
    """The answer of Search."""
    response = pb.SearchResponse()
    add = response.hits.add
    for hit in result.hits:
        message = add()
        message.score = hit.score
        parts = message.parts
        for name, part in hit.parts.items():
            parts[name] = part
        message.why.extend(hit.why)
        put_episode(message.episode, hit.episode)
    put_revision(response.revision, result.revision)
    if result.degraded:
        response.degraded.extend(result.degraded)
    if result.explanation is not None:
        told = result.explanation
        response.explanation.terms.extend(told.terms)
        response.explanation.hints.extend(told.hints)
        for name, rows in told.candidates.items():
            response.explanation.candidates.add(name=name, rows=rows)
        for name, milliseconds in told.stages_ms.items():
            response.explanation.stages.add(name=name, milliseconds=milliseconds)
        response.explanation.tags.extend(told.tags)
        for name, rows in told.sources.items():
            response.explanation.sources.add(name=name, rows=rows)
        response.explanation.widened = told.widened
        response.explanation.SetInParent()
    return response


def add_response(result: AddResult) -> pb.AddResponse:
    """The answer of Add."""
    response = pb.AddResponse(ids=result.ids, replayed=result.replayed)
    put_revision(response.revision, result.revision)
    return response


def put_item(message: pb.ItemResult, item: ItemResult) -> None:
    """Fill an ItemResult message."""
    message.index = item.index
    message.id = item.id
    message.error_code, message.error_message, message.error_field = (
        item.error_code,
        item.error_message,
        item.error_field,
    )
    if item.revision is not None:
        put_revision(message.revision, item.revision)


def list_response(page: EpisodePage) -> pb.ListResponse:
    """The answer of List."""
    response = pb.ListResponse(next_page_token=page.next_page_token)
    for episode in page.episodes:
        put_episode(response.episodes.add(), episode)
    put_revision(response.revision, page.revision)
    return response


def history_response(changes: Iterable[Change]) -> pb.HistoryResponse:
    """The answer of History."""
    response = pb.HistoryResponse()
    for change in changes:
        message = response.changes.add(kind=_KIND_CODES[change.kind])
        put_revision(message.revision, change.revision)
        put_time(message.recorded_at, change.recorded_at)
        put_struct(message.fields, change.fields, "fields")
    return response


def list_namespaces_response(page: NamespacePage) -> pb.ListNamespacesResponse:
    """The answer of ListNamespaces."""
    response = pb.ListNamespacesResponse(next_page_token=page.next_page_token)
    for info in page.namespaces:
        message = response.namespaces.add(name=info.name, episodes=info.episodes)
        put_revision(message.revision, info.revision)
        put_time(message.created_at, info.created_at)
    return response


def list_tags_response(page: TagPage) -> pb.ListTagsResponse:
    """The answer of ListTags."""
    response = pb.ListTagsResponse(next_page_token=page.next_page_token)
    put_revision(response.revision, page.revision)
    for tag in page.tags:
        response.tags.add(
            name=tag.name,
            episodes=tag.episodes,
            broader=tag.broader,
            narrower=tag.narrower,
            aliases=tag.aliases,
            origin=_ORIGIN_CODES[tag.origin],
        )
    return response


def put_progress(message: common_pb2.Progress, progress: Progress) -> None:
    """Fill a Progress message."""
    message.done = progress.done
    message.message = progress.message
    if progress.total is not None:
        message.total = progress.total


def import_response(result: ImportResult) -> pb.ImportResponse:
    """The answer of Import."""
    response = pb.ImportResponse(imported=result.imported, skipped=result.skipped)
    put_revision(response.revision, result.revision)
    return response


# --- answers, read by a client ----------------------------------------------------------------------------------------


def get_episode(message: episode_pb2.Episode) -> Episode:
    """The Episode of a message."""
    has = message.HasField
    # Spelt out rather than through get_time and get_revision: a search reads ten of these.
    occurred, recorded, revision = message.occurred_at, message.recorded_at, message.revision
    return Episode(
        message.namespace,
        message.id,
        message.content,
        message.session,
        message.position,
        message.speaker,
        ROLE_NAMES.get(message.role, ""),
        EPOCH + timedelta(0, occurred.seconds, occurred.nanos // 1000),
        EPOCH + timedelta(0, recorded.seconds, recorded.nanos // 1000),
        Revision(revision.epoch, revision.sequence),
        get_time(message.valid_from, "valid_from") if has("valid_from") else None,
        get_time(message.valid_to, "valid_to") if has("valid_to") else None,
        get_time(message.expires_at, "expires_at") if has("expires_at") else None,
        tuple(message.tags),
        get_struct(message.metadata, "metadata") if has("metadata") else {},
        message.supersedes,
        message.superseded_by,
        get_time(message.deleted_at, "deleted_at") if has("deleted_at") else None,
    )


def get_search_result(response: pb.SearchResponse) -> SearchResult:
    """The result of a Search."""
    explanation = None
    if response.HasField("explanation"):
        told = response.explanation
        explanation = Explanation(
            tuple(told.terms),
            tuple(told.hints),
            {one.name: one.rows for one in told.candidates},
            {one.name: one.milliseconds for one in told.stages},
            tuple(told.tags),
            {one.name: one.rows for one in told.sources},
            told.widened,
        )
    return SearchResult(
        tuple(Hit(get_episode(hit.episode), hit.score, as_dict(hit.parts), tuple(hit.why)) for hit in response.hits),
        get_revision(response.revision),
        tuple(response.degraded),
        explanation,
    )


def get_add_result(response: pb.AddResponse) -> AddResult:
    """The result of an Add."""
    return AddResult(tuple(response.ids), get_revision(response.revision), response.replayed)


def get_item(message: pb.ItemResult) -> ItemResult:
    """The result of one item of a BulkAdd."""
    revision = get_revision(message.revision) if message.HasField("revision") else None
    return ItemResult(
        message.index, message.id, revision, message.error_code, message.error_message, message.error_field
    )


def get_episode_page(response: pb.ListResponse) -> EpisodePage:
    """The page of a List."""
    return EpisodePage(
        tuple(map(get_episode, response.episodes)), response.next_page_token, get_revision(response.revision)
    )


def get_changes(response: pb.HistoryResponse) -> tuple[Change, ...]:
    """The changes of a History."""
    return tuple(
        Change(
            _KIND_NAMES.get(one.kind, "update"),
            get_revision(one.revision),
            get_time(one.recorded_at, "recorded_at"),
            get_struct(one.fields, "fields"),
        )
        for one in response.changes
    )


def get_namespace_page(response: pb.ListNamespacesResponse) -> NamespacePage:
    """The page of a ListNamespaces."""
    found = tuple(
        NamespaceInfo(one.name, get_revision(one.revision), one.episodes, get_time(one.created_at, "created_at"))
        for one in response.namespaces
    )
    return NamespacePage(found, response.next_page_token)


def get_tag_page(response: pb.ListTagsResponse) -> TagPage:
    """The page of a ListTags."""
    tags = tuple(
        Tag(
            one.name,
            one.episodes,
            tuple(one.broader),
            tuple(one.narrower),
            tuple(one.aliases),
            _ORIGIN_NAMES.get(one.origin, "derived"),
        )
        for one in response.tags
    )
    return TagPage(tags, response.next_page_token, get_revision(response.revision))


def get_progress(message: common_pb2.Progress) -> Progress:
    """The Progress of a message."""
    return Progress(message.done, message.total if message.HasField("total") else None, message.message)


def get_import_result(response: pb.ImportResponse) -> ImportResult:
    """The result of an Import."""
    return ImportResult(response.imported, response.skipped, get_revision(response.revision))


# --- items of a bulk add ----------------------------------------------------------------------------------------------


def failed_item(index: int, error: AgentctxError) -> ItemResult:
    """The result of an item that was refused before it came to the store."""
    return ItemResult(index, error_code=error.code, error_message=error.message, error_field=error.field)


def moved_item(item: ItemResult, index: int) -> ItemResult:
    """An item's result at another index: a stream may be a part of what the caller handed in."""
    if item.index == index:
        return item
    here = f"episodes[{index}]"
    return replace(
        item,
        index=index,
        error_message=_ITEM.sub(here, item.error_message),
        error_field=_ITEM.sub(here, item.error_field),
    )
