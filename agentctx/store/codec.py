"""Between rows and values: episodes, and the JSON of what a change set and what it replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Column

from agentctx.errors import StoreCorrupt
from agentctx.ids import EPOCH, from_micros, to_micros
from agentctx.store.schema import episodes
from agentctx.types import Episode, JsonValue, Revision
from agentctx.types.making import maker_of

Fields = dict[str, Any]
"""Some of an episode's changing fields in their stored form: times in microseconds, tags as a list."""

_TIMES: Final = frozenset({"valid_from", "valid_to", "expires_at", "deleted_at", "occurred_at", "recorded_at"})
CHANGING: Final = ("metadata", "tags", "valid_from", "valid_to", "expires_at", "superseded_by", "deleted_at")

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# What `json.loads` calls, without its looking for white space and byte order marks that are not there.
_parse: Final = json.JSONDecoder().raw_decode
# What decoding a row that someone or something else has changed may raise.
_DAMAGED: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

_episode, _revision = maker_of(Episode), maker_of(Revision)
_e = episodes.c
EPISODE: Final[tuple[Column[Any], ...]] = (
    _e.row, _e.id, _e.content, _e.session, _e.position, _e.speaker, _e.role, _e.occurred_at, _e.recorded_at,
    _e.changed_epoch, _e.changed_sequence, _e.valid_from, _e.valid_to, _e.expires_at, _e.tags, _e.metadata,
    _e.supersedes, _e.superseded_by, _e.deleted_at,
)  # fmt: skip
"""The columns that `decode` takes, in its order."""


def corrupt(what: str) -> StoreCorrupt:
    """The error about a row that holds what agentctx never wrote; `what` names the row."""
    return StoreCorrupt(f"{what} is damaged; restore the store from a backup (`agentctx doctor` lists what is wrong)")


def decode(namespace: str, values: Sequence[Any]) -> Episode:
    """The episode of a row of EPISODE columns (further ones are ignored). Raises StoreCorrupt."""
    return decode_all(namespace, [values])[0]


def decode_all(namespace: str, rows: Sequence[Sequence[Any]]) -> list[Episode]:
    """The episodes of several such rows."""
    found: list[Episode] = []
    add = found.append
    try:
        for values in rows:
            add(_decode(namespace, values))
    except _DAMAGED as error:
        raise corrupt(f"episode row {rows[len(found)][0]}") from error
    return found


def _decode(namespace: str, values: Sequence[Any]) -> Episode:
    (
        _, id_, content, session, position, speaker, role, occurred_at, recorded_at, epoch, sequence,
        valid_from, valid_to, expires_at, tags, metadata, supersedes, superseded_by, deleted_at,
    ) = values[:19]  # fmt: skip
    if content.__class__ is not str:
        raise TypeError
    return _episode(
        namespace,
        id_,
        content,
        session,
        position,
        speaker,
        role,
        EPOCH + timedelta(0, 0, occurred_at),  # from_micros
        EPOCH + timedelta(0, 0, recorded_at),
        _revision(epoch, sequence),
        None if valid_from is None else from_micros(valid_from),
        None if valid_to is None else from_micros(valid_to),
        None if expires_at is None else from_micros(expires_at),
        () if tags == "[]" else _tags(tags),
        {} if metadata == "{}" else _object(metadata),
        supersedes,
        superseded_by,
        None if deleted_at is None else from_micros(deleted_at),
    )


@lru_cache(maxsize=4096)
def _tags(stored: str) -> tuple[str, ...]:
    """Few episodes have tags of their own, and a tuple may be shared."""
    tags = json.loads(stored)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError
    return tuple(tags)


def _object(stored: str) -> Fields:
    value, end = _parse(stored)
    if value.__class__ is not dict or end != len(stored):
        raise ValueError
    return value


def load_object(stored: str, what: str) -> Fields:
    """A stored JSON object. Raises StoreCorrupt, naming `what` it is."""
    try:
        return _object(stored)
    except _DAMAGED as error:
        raise corrupt(what) from error


def to_json(value: JsonValue) -> str:
    """Compact JSON, as the store keeps it."""
    return _encode(value)


def micros(moment: datetime | None) -> int | None:
    """`to_micros` that lets None pass."""
    return None if moment is None else to_micros(moment)


def fields_of(episode: Episode, names: Sequence[str]) -> Fields:
    """The stored form of some of an episode's fields."""
    return {name: _stored(name, getattr(episode, name)) for name in names}


def columns_of(episode: Episode) -> Fields:
    """The changing columns of an episode's row, revision included."""
    return {
        "valid_from": micros(episode.valid_from),
        "valid_to": micros(episode.valid_to),
        "expires_at": micros(episode.expires_at),
        "tags": to_json(list(episode.tags)) if episode.tags else "[]",
        "metadata": to_json(episode.metadata) if episode.metadata else "{}",
        "superseded_by": episode.superseded_by,
        "deleted_at": micros(episode.deleted_at),
        "changed_epoch": episode.revision.epoch,
        "changed_sequence": episode.revision.sequence,
    }


def undo(episode: Episode, before: str) -> Episode:
    """The episode as it was before the change that wrote `before`. Raises StoreCorrupt."""
    try:
        fields = _object(before)
        epoch, sequence = fields.pop("revision")
        values = {name: _loaded(name, value) for name, value in fields.items()}
        return replace(episode, revision=Revision(epoch, sequence), **values)
    except _DAMAGED as error:
        raise corrupt(f"the history of episode {episode.id!r}") from error


def shown_after(episode: Episode, after: str) -> dict[str, JsonValue]:
    """What a change set, for `history`. Raises StoreCorrupt."""
    try:
        return shown(_object(after))
    except _DAMAGED as error:
        raise corrupt(f"the history of episode {episode.id!r}") from error


def is_change(stored: str, *, revision: bool = False) -> bool:
    """Whether this is what a change set or, with `revision`, what it replaced."""
    try:
        fields = _object(stored)
        if revision:
            epoch, sequence = fields.pop("revision")
            Revision(epoch, sequence)
        for name, value in fields.items():
            _loaded(name, value)
    except _DAMAGED:
        return False
    return fields.keys() <= set(CHANGING)


def shown(fields: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Stored fields for `history`: times as ISO 8601 text."""
    return {
        name: from_micros(value).isoformat() if name in _TIMES and value is not None else value
        for name, value in fields.items()
    }


def _stored(name: str, value: Any) -> Any:
    if name in _TIMES:
        return micros(value)
    return list(value) if name == "tags" else value


def _loaded(name: str, value: Any) -> Any:
    if name in _TIMES:
        return None if value is None else from_micros(value)
    return tuple(value) if name == "tags" else value
