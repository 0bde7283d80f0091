"""MemoryService's requests: a client writes them (`put_x`, `x_request`), the server reads them (`get_x`).

Either side checks only what the other form cannot hold; lengths, ranges and names are the engine's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from agentctx.convert.filters import get_filter, put_filter
from agentctx.convert.values import (
    boolean,
    checked_revision,
    checked_time,
    get_revision,
    get_struct,
    get_time,
    integer,
    known_options,
    put_revision,
    put_struct,
    put_time,
    text,
    texts,
)
from agentctx.errors import InvalidArgument
from agentctx.types import (
    ROLES,
    TAG_OPS,
    ListOptions,
    NewEpisode,
    Role,
    SearchOptions,
    TagEdit,
    TagOp,
    UpdateOptions,
)
from agentctx.v1 import episode_pb2
from agentctx.v1 import memory_service_pb2 as pb

ROLE_CODES: Final = {role: episode_pb2.Role.Value(f"ROLE_{role.upper()}") if role else 0 for role in ROLES}
ROLE_NAMES: Final[dict[int, Role]] = {code: role for role, code in ROLE_CODES.items()}
TAG_OP_CODES: Final = {op: pb.TagOp.Value(f"TAG_OP_{op.upper()}") for op in TAG_OPS}
TAG_OP_NAMES: Final[dict[int, TagOp]] = {code: op for op, code in TAG_OP_CODES.items()}
_NARROWING_TIMES: Final = ("occurred_from", "occurred_to", "as_of", "valid_at")
_UPDATE_TIMES: Final = ("valid_from", "valid_to", "expires_at")


# --- requests, written by a client ------------------------------------------------------------------------------------


def put_new_episode(message: episode_pb2.NewEpisode, given: object, field: str) -> None:
    """Fill a NewEpisode message from a NewEpisode, or from bare text."""
    if isinstance(given, str):
        message.content = text(given, f"{field}.content")
        return
    if not isinstance(given, NewEpisode):
        raise InvalidArgument(f"{field} must be a NewEpisode or text, not {type(given).__name__}", field=field)
    message.content = text(given.content, f"{field}.content")
    for name in ("id", "session", "speaker", "supersedes"):
        if (value := getattr(given, name)) != "":
            setattr(message, name, text(value, f"{field}.{name}"))
    if given.position is not None:
        message.position = integer(given.position, f"{field}.position")
    if given.role != "":
        message.role = _role_code(given.role, f"{field}.role")
    for name in ("occurred_at", "valid_from", "valid_to", "expires_at"):
        if (moment := checked_time(getattr(given, name), f"{field}.{name}")) is not None:
            put_time(getattr(message, name), moment)
    if given.tags != ():
        message.tags.extend(texts(given.tags, f"{field}.tags"))
    if given.metadata != {}:
        put_struct(message.metadata, given.metadata, f"{field}.metadata")


def add_request(namespace: str, episodes: object, request_id: str) -> pb.AddRequest:
    """The request of `add`."""
    request = pb.AddRequest(namespace=text(namespace, "namespace"), request_id=text(request_id, "request_id"))
    if isinstance(episodes, str | NewEpisode):
        episodes = [episodes]
    if not isinstance(episodes, Sequence):
        raise InvalidArgument("episodes must be an episode, a text or a list of them", field="episodes")
    for i, one in enumerate(episodes):
        put_new_episode(request.episodes.add(), one, f"episodes[{i}]")
    return request


def get_request(namespace: str, id: str, as_of: object) -> pb.GetRequest:
    """The request of `get`."""
    request = pb.GetRequest(namespace=text(namespace, "namespace"), id=text(id, "id"))
    if (moment := checked_time(as_of, "as_of")) is not None:
        put_time(request.as_of, moment)
    return request


def list_request(namespace: str, options: Mapping[str, Any]) -> pb.ListRequest:
    """The request of `list`."""
    known_options(options, ListOptions.__annotations__)
    request = pb.ListRequest(namespace=text(namespace, "namespace"))
    for name, value in options.items():
        if name == "page_size":
            request.page_size = integer(value, name, 32)
        elif name == "page_token":
            request.page_token = text(value, name)
        else:
            _put_narrowing(request, name, value)
    return request


def search_request(namespace: str, query: str, options: Mapping[str, Any]) -> pb.SearchRequest:
    """The request of `search`. `timeout` is not part of it: it becomes the deadline of the call."""
    request = pb.SearchRequest(namespace=text(namespace, "namespace"), query=text(query, "query"))
    if options:
        known_options(options, SearchOptions.__annotations__)
    for name, value in options.items():
        if name == "k":
            request.k = integer(value, name, 32)
        elif name == "explain":
            request.explain = boolean(value, name)
        elif name == "exhaustive":
            request.exhaustive = boolean(value, name)
        elif name == "reference_time":
            if (moment := checked_time(value, name)) is not None:
                put_time(request.reference_time, moment)
        elif name != "timeout":
            _put_narrowing(request, name, value)
    return request


def update_request(namespace: str, id: str, changes: Mapping[str, Any]) -> pb.UpdateRequest:
    """The request of `update`: its mask names what is given."""
    known_options(changes, UpdateOptions.__annotations__)
    request = pb.UpdateRequest(namespace=text(namespace, "namespace"), id=text(id, "id"))
    for name, value in changes.items():
        if name == "if_revision":
            if (revision := checked_revision(value, name)) is not None:
                put_revision(request.if_revision, revision)
            continue
        request.update_mask.paths.append(name)
        if name == "metadata":
            put_struct(request.metadata, value, name)
        elif name == "tags":
            request.tags.extend(texts(value, name))
        elif (moment := checked_time(value, name)) is not None:
            put_time(getattr(request, name), moment)
    return request


def ids_of(ids: object) -> list[str]:
    """The ids of `delete` and `purge`: one text, or a list of them."""
    return texts([ids] if isinstance(ids, str) else ids, "ids")


def list_namespaces_request(prefix: str, page_size: int, page_token: str) -> pb.ListNamespacesRequest:
    """The request of `list_namespaces`."""
    return pb.ListNamespacesRequest(
        prefix=text(prefix, "prefix") if prefix else "",
        page_size=integer(page_size, "page_size", 32),
        page_token=text(page_token, "page_token"),
    )


def list_tags_request(namespace: str, under: str, prefix: str, page_size: int, page_token: str) -> pb.ListTagsRequest:
    """The request of `list_tags`."""
    return pb.ListTagsRequest(
        namespace=text(namespace, "namespace"),
        under=text(under, "under"),
        prefix=text(prefix, "prefix"),
        page_size=integer(page_size, "page_size", 32),
        page_token=text(page_token, "page_token"),
    )


def edit_tags_request(namespace: str, edits: object) -> pb.EditTagsRequest:
    """The request of `edit_tags`."""
    request = pb.EditTagsRequest(namespace=text(namespace, "namespace"))
    if isinstance(edits, TagEdit):
        edits = [edits]
    if isinstance(edits, str) or not isinstance(edits, Sequence):
        raise InvalidArgument("edits must be a TagEdit or a list of them", field="edits")
    for i, one in enumerate(edits):
        where = f"edits[{i}]"
        if not isinstance(one, TagEdit):
            raise InvalidArgument(f"{where} must be a TagEdit, not {type(one).__name__}", field=where)
        if one.op not in TAG_OP_CODES:
            raise InvalidArgument(f"{where}.op must be one of {', '.join(TAG_OPS)}", field=f"{where}.op")
        request.edits.add(
            op=TAG_OP_CODES[one.op], tag=text(one.tag, f"{where}.tag"), other=text(one.other, f"{where}.other")
        )
    return request


def _put_narrowing(request: pb.ListRequest | pb.SearchRequest, name: str, value: Any) -> None:
    if value is None and name not in ("session", "speaker", "role", "tags", "include_invalid", "narrower"):
        return
    message = request.narrowing
    if name == "role":
        message.role = _role_code(value, name)
    elif name == "tags":
        message.tags.extend(texts(value, name))
    elif name == "filter":
        put_filter(message.filter, value)
    elif name in ("include_invalid", "narrower"):
        setattr(message, name, boolean(value, name))
    elif name == "min_revision":
        if (revision := checked_revision(value, name)) is not None:
            put_revision(message.min_revision, revision)
    elif name in _NARROWING_TIMES:
        if (moment := checked_time(value, name)) is not None:
            put_time(getattr(message, name), moment)
    else:
        setattr(message, name, text(value, name))


def _role_code(value: object, field: str) -> Any:
    code = ROLE_CODES.get(cast("Role", value)) if isinstance(value, str) else None
    if code is None:
        raise InvalidArgument(f"{field} must be one of user, assistant, system, tool or empty", field=field)
    return code


# --- requests, read by the server -------------------------------------------------------------------------------------


def get_new_episode(message: episode_pb2.NewEpisode, field: str) -> NewEpisode:
    """The NewEpisode of a message. Its other checks are the engine's."""
    return NewEpisode(
        content=message.content,
        id=message.id,
        session=message.session,
        position=message.position if message.HasField("position") else None,
        speaker=message.speaker,
        role=_role(message.role, f"{field}.role"),
        occurred_at=_time(message, "occurred_at", field),
        valid_from=_time(message, "valid_from", field),
        valid_to=_time(message, "valid_to", field),
        expires_at=_time(message, "expires_at", field),
        tags=tuple(message.tags),
        metadata=get_struct(message.metadata, f"{field}.metadata") if message.HasField("metadata") else {},
        supersedes=message.supersedes,
    )


def get_list_options(request: pb.ListRequest) -> ListOptions:
    """The options of a List request."""
    options = cast("ListOptions", _narrowing(request))
    if request.HasField("page_size"):
        options["page_size"] = request.page_size
    if request.page_token:
        options["page_token"] = request.page_token
    return options


def get_search_options(request: pb.SearchRequest) -> SearchOptions:
    """The options of a Search request; the server adds `timeout` from the deadline."""
    options = cast("SearchOptions", _narrowing(request))
    if request.HasField("k"):
        options["k"] = request.k
    if request.HasField("reference_time"):
        options["reference_time"] = get_time(request.reference_time, "reference_time")
    if request.explain:
        options["explain"] = True
    if request.exhaustive:
        options["exhaustive"] = True
    return options


def get_tag_edits(request: pb.EditTagsRequest) -> tuple[TagEdit, ...]:
    """The edits of an EditTags request."""
    edits = []
    for i, one in enumerate(request.edits):
        op = TAG_OP_NAMES.get(one.op)
        if op is None:
            raise InvalidArgument(f"edits[{i}].op must be one of {', '.join(TAG_OPS)}", field=f"edits[{i}].op")
        edits.append(TagEdit(op, one.tag, one.other))
    return tuple(edits)


def get_update_options(request: pb.UpdateRequest) -> UpdateOptions:
    """The changes that an Update request's mask names."""
    changes: dict[str, Any] = {}
    for path in request.update_mask.paths:
        if path == "metadata":
            changes[path] = get_struct(request.metadata, path)
        elif path == "tags":
            changes[path] = tuple(request.tags)
        elif path in _UPDATE_TIMES:
            changes[path] = _time(request, path)
        else:
            raise InvalidArgument(
                f"update_mask names {path[:64]!r}; it may name metadata, tags, {', '.join(_UPDATE_TIMES)}",
                field="update_mask",
            )
    if request.HasField("if_revision"):
        changes["if_revision"] = get_revision(request.if_revision)
    return cast("UpdateOptions", changes)


def _narrowing(request: pb.ListRequest | pb.SearchRequest) -> dict[str, Any]:
    if not request.HasField("narrowing"):
        return {}
    message = request.narrowing
    given: dict[str, Any] = {
        "session": message.session,
        "speaker": message.speaker,
        "role": _role(message.role, "role"),
        "tags": tuple(message.tags),
        "narrower": message.narrower,
        "include_invalid": message.include_invalid,
    }
    if message.HasField("filter"):
        given["filter"] = get_filter(message.filter)
    if message.HasField("min_revision"):
        given["min_revision"] = get_revision(message.min_revision)
    for name in _NARROWING_TIMES:
        given[name] = _time(message, name)
    return given


def _time(message: Any, name: str, field: str = "") -> Any:
    if not message.HasField(name):
        return None
    return get_time(getattr(message, name), f"{field}.{name}" if field else name)


def _role(code: int, field: str) -> Role:
    role = ROLE_NAMES.get(code)
    if role is None:
        raise InvalidArgument(f"{field} must be one of user, assistant, system, tool or empty", field=field)
    return role
