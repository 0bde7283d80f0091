"""Export and import of a namespace as JSON lines: the log itself, so that history and `as_of` survive the trip.

Format `agentctx.memory`, version 1 (docs/formats/export.md): a header line, then one line a record in log order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from agentctx.config import Limits
from agentctx.errors import InvalidArgument
from agentctx.ids import Clock
from agentctx.memory import validate
from agentctx.store import ImportRecord, Store
from agentctx.types import (
    EDIT_ORIGINS,
    TAG_OPS,
    EditOrigin,
    Episode,
    ImportResult,
    LogRecord,
    NewEpisode,
    Revision,
    TagEdit,
    TagRecord,
)

FORMAT: Final = "agentctx.memory"
VERSION: Final = 1
_BATCH: Final = 200
_Edit = tuple[datetime, TagEdit, EditOrigin]
_PLACE: Final = re.compile(r"records\[(\d+)\]")
_TIMES: Final = ("occurred_at", "valid_from", "valid_to", "expires_at")
_TEXTS: Final = ("id", "session", "speaker", "role", "supersedes")
_CHANGEABLE: Final = ("metadata", "tags", "valid_from", "valid_to", "expires_at", "superseded_by")
_KEYS: Final = {
    "add": ("content", "position", *_TEXTS, *_TIMES, *_CHANGEABLE),
    "update": _CHANGEABLE,
    "delete": (),
}


def export_lines(store: Store, namespace: str, *, live_only: bool) -> Iterator[str]:
    """The header and the records, one JSON object each, without line ends."""
    revision, records = store.read_log(namespace, None)
    edits = [_dump(_edit_line(one)) for one in store.read_tags(namespace, 0, revision) if one.edit is not None]
    header = {"format": FORMAT, "version": VERSION, "namespace": namespace, "live_only": live_only}
    yield _dump(header)
    if live_only:
        last = {record.row: record for record in records}
        adds = {record.row: record.recorded_at for record in records if record.kind == "add"}
        for row, recorded_at in adds.items():
            episode = last[row].episode
            if episode.deleted_at is None:
                yield _dump(_add_line(episode, recorded_at))
        yield from edits
        return
    for record in records:
        yield _dump(_line(record))
    yield from edits


def _edit_line(record: TagRecord) -> dict[str, Any]:
    assert record.edit is not None
    assert record.recorded_at is not None
    edit = record.edit
    line = {"kind": "tag_edit", "recorded_at": _time(record.recorded_at), "op": edit.op, "tag": edit.tag}
    line |= {"other": edit.other} if edit.other else {}
    return line | ({"origin": record.origin} if record.origin != "user" else {})


def _line(record: LogRecord) -> dict[str, Any]:
    if record.kind == "add":
        return _add_line(record.episode, record.recorded_at)
    line: dict[str, Any] = {"kind": record.kind, "id": record.episode.id, "recorded_at": _time(record.recorded_at)}
    if record.kind == "update":
        line |= _given(record.episode, _CHANGEABLE)
    return line


def _add_line(episode: Episode, recorded_at: datetime) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": "add", "id": episode.id, "recorded_at": _time(recorded_at)}
    line |= {"content": episode.content, "position": episode.position}
    return line | _given(episode, (*_TEXTS[1:], "occurred_at", *_CHANGEABLE))


def _given(episode: Episode, names: Iterable[str]) -> dict[str, Any]:
    """The named fields that are not empty; in an update an absent one means that it is empty now."""
    return {name: _plain(value) for name in names if (value := getattr(episode, name))}


def import_lines(
    store: Store,
    namespace: str,
    lines: Iterable[str],
    limits: Limits,
    clock: Clock,
    vectors: Callable[[Sequence[NewEpisode]], list[bytes]],
    embedder_key: str,
) -> ImportResult:
    """Apply exported lines in batches, each one transaction."""
    imported = skipped = 0
    revision: Revision | None = None
    edits: list[_Edit] = []
    for numbers, batch in _batches(lines, limits, clock, edits):
        adds = [record.episode for record in batch if record.episode is not None]
        made = iter(vectors(adds))
        given = [None if record.episode is None else next(made) for record in batch]
        try:
            done = store.apply_import(namespace, batch, given, embedder_key=embedder_key)
        except InvalidArgument as error:
            place = _PLACE.match(error.field)
            if place is None:
                raise
            field = f"lines[{numbers[int(place[1])]}]{error.field[place.end() :]}"
            raise InvalidArgument(f"{field}: {error.message}", field=field, **error.details) from None
        imported, skipped, revision = imported + done[0], skipped + done[1], done[2]
    if revision is None:
        raise InvalidArgument("the import holds no records", field="lines")
    if edits:
        times, given_edits, origins = zip(*edits, strict=True)
        new, revision = store.import_tag_edits(namespace, given_edits, times, origins)
        imported, skipped = imported + new, skipped + len(edits) - new
    return ImportResult(imported, skipped, revision)


def _batches(
    lines: Iterable[str], limits: Limits, clock: Clock, edits: list[_Edit]
) -> Iterator[tuple[list[int], list[ImportRecord]]]:
    """Records with the numbers of their lines; edits of tags are put into `edits`."""
    numbers: list[int] = []
    batch: list[ImportRecord] = []
    seen_header = told = False
    for number, line in enumerate(lines, 1):
        field = f"lines[{number}]"
        if not isinstance(line, str):
            raise InvalidArgument(f"{field} must be text", field=field)
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidArgument(f"{field} is not JSON", field=field) from None
        if not isinstance(data, dict):
            raise InvalidArgument(f"{field} must be a JSON object", field=field)
        if not seen_header:
            if data.get("format") != FORMAT or data.get("version") != VERSION:
                raise InvalidArgument(
                    f"{field} must be a header with format {FORMAT!r} and version {VERSION}", field=field
                )
            seen_header = True
            continue
        if data.get("kind") == "tag_edit":
            edits.append(_edit(data, field))
            continue
        batch.append(_record(data, field, limits, clock.now()))
        numbers.append(number)
        if len(batch) == _BATCH:
            yield numbers, batch
            numbers, batch, told = [], [], True
    if batch or (seen_header and not told):  # the export of an empty namespace makes one
        yield numbers, batch


def _edit(data: Mapping[str, Any], field: str) -> _Edit:
    """The checked edit of one line, when it was first recorded, and who made it."""
    for name in data:
        if name not in ("kind", "recorded_at", "op", "tag", "other", "origin"):
            raise InvalidArgument(f"{field} has an unknown key {name[:64]!r}", field=f"{field}.{name[:64]}")
    op = data.get("op")
    if op not in TAG_OPS:
        raise InvalidArgument(f"{field}.op must be one of {', '.join(TAG_OPS)}", field=f"{field}.op")
    tag = validate.identifier(data.get("tag"), f"{field}.tag")
    other = validate.identifier(data.get("other", ""), f"{field}.other", empty=True)
    origin = data.get("origin", "user")
    if origin not in EDIT_ORIGINS:
        raise InvalidArgument(f"{field}.origin must be one of {', '.join(EDIT_ORIGINS)}", field=f"{field}.origin")
    recorded_at = _read_time(data.get("recorded_at"), f"{field}.recorded_at")
    if recorded_at is None:
        raise InvalidArgument(f"{field}.recorded_at is missing", field=f"{field}.recorded_at")
    return recorded_at, TagEdit(op, tag, other), origin


def _record(data: Mapping[str, Any], field: str, limits: Limits, now: datetime) -> ImportRecord:
    """The checked record of one line."""
    kind = data.get("kind")
    if kind not in ("add", "update", "delete"):
        raise InvalidArgument(f"{field}.kind must be add, update, delete or tag_edit", field=f"{field}.kind")
    allowed = {"kind", "id", "recorded_at", *_KEYS[kind]}
    for name in data:
        if name not in allowed:
            raise InvalidArgument(f"{field} has an unknown key {str(name)[:64]!r}", field=field)
    recorded_at = _read_time(data.get("recorded_at"), f"{field}.recorded_at") or now
    id = validate.identifier(data.get("id"), f"{field}.id")
    if kind == "delete":
        return ImportRecord("delete", id, recorded_at)
    superseded_by = validate.identifier(data.get("superseded_by", ""), f"{field}.superseded_by", empty=True)
    given = NewEpisode(
        content=data.get("content", "") if kind == "add" else "-",
        id=id,
        session=data.get("session", ""),
        position=data.get("position"),
        speaker=data.get("speaker", ""),
        role=data.get("role", ""),
        tags=data.get("tags", ()),
        metadata=data.get("metadata", {}),
        supersedes=data.get("supersedes", ""),
        occurred_at=_read_time(data.get("occurred_at"), f"{field}.occurred_at"),
        valid_from=_read_time(data.get("valid_from"), f"{field}.valid_from"),
        valid_to=_read_time(data.get("valid_to"), f"{field}.valid_to"),
        expires_at=_read_time(data.get("expires_at"), f"{field}.expires_at"),
    )
    checked = validate.new_episode(given, field, limits, recorded_at)
    if kind == "update":
        fields = {name: getattr(checked, name) for name in _CHANGEABLE if name != "superseded_by"}
        return ImportRecord("update", id, recorded_at, None, fields | {"superseded_by": superseded_by})
    if checked.position is None:
        raise InvalidArgument(f"{field}.position is missing", field=f"{field}.position")
    return ImportRecord("add", id, recorded_at, checked, {"superseded_by": superseded_by} if superseded_by else {})


def _read_time(value: object, field: str) -> datetime | None:
    if value is None:
        return None
    try:
        return validate.moment(datetime.fromisoformat(value), field)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidArgument(f"{field} must be an ISO 8601 time with a zone", field=field) from None


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _time(value: datetime) -> str:
    return value.isoformat()


def _dump(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
