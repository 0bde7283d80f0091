"""ContextService's messages: requests of `build`, and the bundles that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from agentctx.convert.code_answers import carried, put_generation
from agentctx.convert.code_results import get_generation
from agentctx.convert.requests import ROLE_CODES, ROLE_NAMES
from agentctx.convert.values import (
    as_dict,
    boolean,
    checked_time,
    get_revision,
    get_time,
    integer,
    known_options,
    put_revision,
    put_time,
    text,
    texts,
)
from agentctx.errors import InvalidArgument
from agentctx.types import (
    BUNDLE_FORMATS,
    DETAIL_LEVELS,
    DROP_REASONS,
    BuildOptions,
    Bundle,
    BundleFormat,
    BundleItem,
    BundleMessage,
    BundleReceipt,
    CodeCitation,
    DetailLevel,
    DroppedItem,
    DropReason,
    EpisodeCitation,
    Role,
)
from agentctx.v1 import context_pb2
from agentctx.v1 import context_service_pb2 as pb

_FORMAT_CODES: Final = {one: context_pb2.BundleFormat.Value(f"BUNDLE_FORMAT_{one.upper()}") for one in BUNDLE_FORMATS}
_FORMAT_NAMES: Final[dict[int, BundleFormat]] = {code: one for one, code in _FORMAT_CODES.items()}
_LEVEL_CODES: Final = {one: context_pb2.DetailLevel.Value(f"DETAIL_LEVEL_{one.upper()}") for one in DETAIL_LEVELS}
_LEVEL_NAMES: Final[dict[int, DetailLevel]] = {code: one for one, code in _LEVEL_CODES.items()}
_REASON_CODES: Final = {one: context_pb2.DropReason.Value(f"DROP_REASON_{one.upper()}") for one in DROP_REASONS}
_REASON_NAMES: Final[dict[int, DropReason]] = {code: one for one, code in _REASON_CODES.items()}


# --- requests ---------------------------------------------------------------------------------------------------------


def build_request(query: str, budget: int, options: Mapping[str, Any]) -> pb.ContextServiceBuildRequest:
    """The request of `build`."""
    known_options(options, BuildOptions.__annotations__)
    request = pb.ContextServiceBuildRequest(query=text(query, "query"), budget=integer(budget, "budget", 32))
    for name, value in options.items():
        if name in ("memory_budget", "code_budget"):
            if value is not None:
                setattr(request, name, integer(value, name, 32))
        elif name in ("repositories", "previous"):
            getattr(request, name).extend(texts(value, name))
        elif name in ("reference_time", "as_of"):
            if (moment := checked_time(value, name)) is not None:
                put_time(getattr(request, name), moment)
        elif name in ("tests", "llm"):
            setattr(request, name, boolean(value, name))
        elif name == "format":
            request.format = format_code(value)
        else:
            setattr(request, name, text(value, name))
    return request


def format_code(value: object) -> Any:
    """The number of a format. Raises InvalidArgument."""
    code = _FORMAT_CODES.get(cast("Any", value)) if isinstance(value, str) else None
    if code is None:
        raise InvalidArgument(f"format is one of {', '.join(BUNDLE_FORMATS)}, not {value!r:.50}", field="format")
    return code


def get_build_options(request: pb.ContextServiceBuildRequest) -> BuildOptions:
    """The options of a Build request."""
    options: dict[str, Any] = {
        name: value for name in ("namespace", "counter", "session", "path") if (value := getattr(request, name))
    }
    for name in ("repositories", "previous"):
        if value := getattr(request, name):
            options[name] = tuple(value)
    for name in ("memory_budget", "code_budget", "tests", "llm"):
        if request.HasField(name):
            options[name] = getattr(request, name)
    for name in ("reference_time", "as_of"):
        if request.HasField(name):
            options[name] = get_time(getattr(request, name), name)
    if request.format:
        options["format"] = format_name(request.format)
    return cast("BuildOptions", options)


def format_name(code: int) -> BundleFormat:
    """The format of a number. Raises InvalidArgument."""
    name = _FORMAT_NAMES.get(code)
    if name is None:
        raise InvalidArgument(f"format is one of {', '.join(BUNDLE_FORMATS)}", field="format")
    return name


# --- bundles, written by the server -----------------------------------------------------------------------------------


def build_response(bundle: Bundle) -> pb.ContextServiceBuildResponse:
    """The answer of Build."""
    response = pb.ContextServiceBuildResponse()
    put_bundle(response.bundle, bundle)
    return response


def put_bundle(message: context_pb2.Bundle, bundle: Bundle) -> None:
    """Fill a Bundle message."""
    message.text = carried(bundle.text)
    message.format = _FORMAT_CODES[bundle.format]  # type: ignore[assignment]
    for item in bundle.items:
        _put_item(message.items.add(), item)
    _put_receipt(message.receipt, bundle.receipt)
    for one in bundle.messages:
        message.messages.add(role=ROLE_CODES[one.role], content=carried(one.content))


def _put_item(message: context_pb2.BundleItem, item: BundleItem) -> None:
    message.number = item.number
    message.id = carried(item.id)
    message.level = _LEVEL_CODES[item.level]  # type: ignore[assignment]
    message.text = carried(item.text)
    message.tokens, message.score, message.carried = item.tokens, item.score, item.carried
    message.parts.update(item.parts)
    message.reason = carried(item.reason)
    cited = item.citation
    if isinstance(cited, EpisodeCitation):
        for name in ("namespace", "episode", "session", "position", "speaker"):
            setattr(message.episode, name, getattr(cited, name))
        message.episode.role = ROLE_CODES[cast("Role", cited.role)]  # type: ignore[assignment]
        put_time(message.episode.occurred_at, cited.occurred_at)
    else:
        message.code.repository, message.code.path = cited.repository, carried(cited.path)
        message.code.symbol = carried(cited.symbol)
        for name in ("start_line", "end_line", "generation", "commit", "stale"):
            setattr(message.code, name, getattr(cited, name))


def _put_receipt(message: context_pb2.BundleReceipt, receipt: BundleReceipt) -> None:
    for name in _RECEIPT_FIELDS:
        setattr(message, name, getattr(receipt, name))
    for one in receipt.dropped:
        _put_dropped(message.dropped.add(), one)
    for one in receipt.next_buys:
        _put_dropped(message.next_buys.add(), one)
    message.degraded.extend(map(carried, receipt.degraded))
    if receipt.revision is not None:
        put_revision(message.revision, receipt.revision)
    for generation in receipt.generations:
        put_generation(message.generations.add(), generation)
    for name, milliseconds in receipt.stages_ms.items():
        message.stages.add(name=name, milliseconds=milliseconds)


_RECEIPT_FIELDS: Final = (
    "budget", "tokens", "counter", "exact", "memory_tokens", "code_tokens", "considered", "stopped", "dropped_total",
    "carried", "prefix_chars", "stale",
)  # fmt: skip


def _put_dropped(message: context_pb2.DroppedItem, one: DroppedItem) -> None:
    message.id, message.label = carried(one.id), carried(one.label)
    message.level = _LEVEL_CODES[one.level]  # type: ignore[assignment]
    message.reason = _REASON_CODES[one.reason]  # type: ignore[assignment]
    message.tokens, message.score = one.tokens, one.score


# --- bundles, read by a client ----------------------------------------------------------------------------------------


def get_bundle(message: context_pb2.Bundle) -> Bundle:
    """The Bundle of a message."""
    return Bundle(
        message.text,
        _FORMAT_NAMES.get(message.format, "markdown"),
        tuple(map(_get_item, message.items)),
        _get_receipt(message.receipt),
        tuple(
            BundleMessage(cast("Literal['system', 'user']", ROLE_NAMES.get(one.role, "user")), one.content)
            for one in message.messages
        ),
    )


def _get_item(message: context_pb2.BundleItem) -> BundleItem:
    return BundleItem(
        message.number,
        message.id,
        _LEVEL_NAMES.get(message.level, "body"),
        _get_code_citation(message.code) if message.HasField("code") else _get_episode_citation(message.episode),
        message.text,
        message.tokens,
        message.score,
        as_dict(message.parts),
        message.reason,
        message.carried,
    )


def _get_episode_citation(message: context_pb2.EpisodeCitation) -> EpisodeCitation:
    return EpisodeCitation(
        message.namespace,
        message.episode,
        message.session,
        message.position,
        message.speaker,
        ROLE_NAMES.get(message.role, ""),
        get_time(message.occurred_at, "occurred_at"),
    )


def _get_code_citation(message: context_pb2.CodeCitation) -> CodeCitation:
    return CodeCitation(
        message.repository,
        message.path,
        message.symbol,
        message.start_line,
        message.end_line,
        message.generation,
        message.commit,
        message.stale,
    )


def _get_receipt(message: context_pb2.BundleReceipt) -> BundleReceipt:
    return BundleReceipt(
        **{name: getattr(message, name) for name in _RECEIPT_FIELDS},
        dropped=tuple(map(_get_dropped, message.dropped)),
        next_buys=tuple(map(_get_dropped, message.next_buys)),
        degraded=tuple(message.degraded),
        revision=get_revision(message.revision) if message.HasField("revision") else None,
        generations=tuple(map(get_generation, message.generations)),
        stages_ms={one.name: one.milliseconds for one in message.stages},
    )


def _get_dropped(message: context_pb2.DroppedItem) -> DroppedItem:
    return DroppedItem(
        message.id,
        _LEVEL_NAMES.get(message.level, "body"),
        message.tokens,
        message.score,
        _REASON_NAMES.get(message.reason, "budget"),
        message.label,
    )
