"""Domain values survive the trip over the wire, and what cannot make it is refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import errors
from agentctx.convert import answers, requests
from agentctx.convert.errors import STATUS_KEY, get_error, put_status, status_code
from agentctx.convert.filters import get_filter, put_filter
from agentctx.convert.values import get_struct, get_time, get_value, put_struct, put_time
from agentctx.errors import AgentctxError, InvalidArgument, ResourceExhausted, error_classes
from agentctx.types import (
    FILTER_OPS,
    ROLES,
    AddResult,
    And,
    Change,
    Condition,
    Episode,
    EpisodePage,
    Explanation,
    Hit,
    ImportResult,
    ItemResult,
    NamespaceInfo,
    NamespacePage,
    NewEpisode,
    Not,
    Or,
    Progress,
    Revision,
    SearchResult,
)
from agentctx.v1 import common_pb2, episode_pb2, filter_pb2
from agentctx.v1 import memory_service_pb2 as pb

NOW = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.datetimes(timezones=st.just(UTC))
maybe_times = st.none() | times
revisions = st.builds(Revision, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False).map(
    lambda x: int(x) if x.is_integer() and abs(x) <= 2**53 else x
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(texts, json_values, max_size=4)
tag_tuples = st.lists(texts, max_size=3).map(tuple)
roles = st.sampled_from(ROLES)
episodes = st.builds(
    Episode,
    namespace=texts,
    id=texts,
    content=texts,
    session=texts,
    position=st.integers(0, 2**31),
    speaker=texts,
    role=roles,
    occurred_at=times,
    recorded_at=times,
    revision=revisions,
    valid_from=maybe_times,
    valid_to=maybe_times,
    expires_at=maybe_times,
    tags=tag_tuples,
    metadata=json_objects,
    supersedes=texts,
    superseded_by=texts,
    deleted_at=maybe_times,
)
new_episodes = st.builds(
    NewEpisode,
    content=texts,
    id=texts,
    session=texts,
    position=st.none() | st.integers(-(2**63), 2**63 - 1),
    speaker=texts,
    role=roles,
    occurred_at=maybe_times,
    valid_from=maybe_times,
    valid_to=maybe_times,
    expires_at=maybe_times,
    tags=tag_tuples,
    metadata=json_objects,
    supersedes=texts,
)
filters = st.recursive(
    st.builds(Condition, texts, st.sampled_from(FILTER_OPS), json_values),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: And(tuple(some)))
        | st.lists(inner, max_size=3).map(lambda some: Or(tuple(some)))
        | inner.map(Not)
    ),
    max_leaves=6,
)
narrowings: dict[str, st.SearchStrategy[Any]] = {
    "session": texts,
    "speaker": texts,
    "role": roles,
    "tags": tag_tuples,
    "filter": st.none() | filters | json_objects,
    "occurred_from": maybe_times,
    "occurred_to": maybe_times,
    "as_of": maybe_times,
    "valid_at": maybe_times,
    "narrower": st.booleans(),
    "include_invalid": st.booleans(),
    "min_revision": st.none() | revisions,
}
list_options = st.fixed_dictionaries(
    {}, optional={**narrowings, "page_size": st.integers(-(2**31), 2**31 - 1), "page_token": texts}
)
search_options = st.fixed_dictionaries(
    {},
    optional={
        **narrowings,
        "k": st.integers(-(2**31), 2**31 - 1),
        "reference_time": maybe_times,
        "explain": st.booleans(),
    },
)
update_options = st.fixed_dictionaries(
    {},
    optional={
        "metadata": json_objects,
        "tags": tag_tuples,
        "valid_from": maybe_times,
        "valid_to": maybe_times,
        "expires_at": maybe_times,
        "if_revision": st.none() | revisions,
    },
)
hits = st.builds(
    Hit,
    episode=episodes,
    score=st.floats(allow_nan=False),
    parts=st.dictionaries(texts, st.floats(allow_nan=False), max_size=4),
    why=tag_tuples,
)
counts = st.dictionaries(texts, st.integers(0, 2**40), max_size=3)
explanations = st.builds(
    Explanation, tag_tuples, tag_tuples, counts, st.dictionaries(texts, st.floats(0, 1e9), max_size=3)
)
search_results = st.builds(
    SearchResult, st.lists(hits, max_size=3).map(tuple), revisions, tag_tuples, st.none() | explanations
)


def wired(message: Any) -> Any:
    """The message as it comes out at the other end."""
    return type(message).FromString(message.SerializeToString())


def meant(options: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Options with what stands for "not given" filled in: None, and what narrows nothing."""
    return defaults | {key: value for key, value in options.items() if value is not None}


NARROWING_DEFAULTS = {
    "session": "",
    "speaker": "",
    "role": "",
    "tags": (),
    "narrower": False,
    "include_invalid": False,
}


class TestRoundTrips:
    @given(new_episodes)
    def test_new_episode(self, episode: NewEpisode) -> None:
        message = episode_pb2.NewEpisode()
        requests.put_new_episode(message, episode, "e")
        assert requests.get_new_episode(wired(message), "e") == episode

    @given(list_options)
    def test_list_options(self, options: Any) -> None:
        got = requests.get_list_options(wired(requests.list_request("n", options)))
        assert meant({**got}, NARROWING_DEFAULTS | {"page_token": ""}) == meant(
            options, NARROWING_DEFAULTS | {"page_token": ""}
        )

    @given(search_options)
    def test_search_options(self, options: Any) -> None:
        request = wired(requests.search_request("n", "q", options))
        assert (request.namespace, request.query) == ("n", "q")
        got = requests.get_search_options(request)
        assert meant({**got}, NARROWING_DEFAULTS | {"explain": False}) == meant(
            options, NARROWING_DEFAULTS | {"explain": False}
        )

    @given(update_options)
    def test_update_options(self, changes: Any) -> None:
        expected = {key: value for key, value in changes.items() if (key, value) != ("if_revision", None)}
        assert requests.get_update_options(wired(requests.update_request("n", "i", changes))) == expected

    @given(filters | json_objects)
    def test_filter(self, filter: Any) -> None:
        message = filter_pb2.Filter()
        put_filter(message, filter)
        assert get_filter(wired(message)) == filter

    @settings(max_examples=50)
    @given(search_results)
    def test_search_result(self, result: SearchResult) -> None:
        assert answers.get_search_result(wired(answers.search_response(result))) == result

    @settings(max_examples=50)
    @given(st.lists(episodes, max_size=2), texts, revisions)
    def test_episode_page(self, some: list[Episode], token: str, revision: Revision) -> None:
        page = EpisodePage(tuple(some), token, revision)
        assert answers.get_episode_page(wired(answers.list_response(page))) == page

    @given(
        st.lists(st.builds(Change, st.sampled_from(("add", "update", "delete")), revisions, times, json_objects)).map(
            tuple
        )
    )
    def test_changes(self, changes: tuple[Change, ...]) -> None:
        assert answers.get_changes(wired(answers.history_response(changes))) == changes

    @given(st.builds(ItemResult, st.integers(0, 2**40), texts, st.none() | revisions, texts, texts, texts))
    def test_item(self, item: ItemResult) -> None:
        message = pb.ItemResult()
        answers.put_item(message, item)
        assert answers.get_item(wired(message)) == item

    @given(st.lists(st.builds(NamespaceInfo, texts, revisions, st.integers(0, 2**40), times), max_size=3), texts)
    def test_namespace_page(self, some: list[NamespaceInfo], token: str) -> None:
        page = NamespacePage(tuple(some), token)
        assert answers.get_namespace_page(wired(answers.list_namespaces_response(page))) == page

    @given(st.integers(0, 2**40), st.none() | st.integers(0, 2**40), texts)
    def test_progress(self, done: int, total: int | None, message: str) -> None:
        sent = common_pb2.Progress()
        answers.put_progress(sent, Progress(done, total, message))
        assert answers.get_progress(wired(sent)) == Progress(done, total, message)

    @given(st.lists(texts, max_size=3).map(tuple), revisions, st.booleans())
    def test_add_and_import_results(self, ids: tuple[str, ...], revision: Revision, replayed: bool) -> None:
        added = AddResult(ids, revision, replayed)
        assert answers.get_add_result(wired(answers.add_response(added))) == added
        imported = ImportResult(3, 4, revision)
        assert answers.get_import_result(wired(answers.import_response(imported))) == imported

    @given(json_objects)
    def test_json(self, value: dict[str, Any]) -> None:
        message = Struct()
        put_struct(message, value, "m")
        got = get_struct(wired(message), "m")
        assert got == value
        assert repr(sorted(got)) == repr(sorted(value))

    def test_whole_numbers_come_back_as_ints(self) -> None:
        message = Struct()
        put_struct(message, {"a": 1.0, "b": 2**53, "c": 1.5, "d": -0.0, "e": 1e300, "f": True}, "m")
        got = get_struct(message, "m")
        assert {k: (type(v), v) for k, v in got.items()} == {
            "a": (int, 1),
            "b": (int, 2**53),
            "c": (float, 1.5),
            "d": (int, 0),
            "e": (float, 1e300),
            "f": (bool, True),
        }

    def test_a_time_of_another_zone_is_the_same_moment(self) -> None:
        message = Timestamp()
        put_time(message, NOW.astimezone(timezone(timedelta(hours=-7))))
        assert get_time(message, "t") == NOW

    @pytest.mark.parametrize(
        "moment",
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(9999, 12, 30, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        ],
    )
    def test_times_at_the_edges_are_present_and_exact(self, moment: datetime) -> None:
        request = wired(requests.get_request("n", "i", moment))
        assert request.HasField("as_of")
        assert get_time(request.as_of, "as_of") == moment


def loops(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def negated(depth: int) -> Any:
    value: Any = Condition("a", "eq", 1)
    for _ in range(depth):
        value = Not(value)
    return value


class TestClientSideRefusals:
    """What the wire has no form for is refused before it is sent, under the field name that the engine uses."""

    @pytest.mark.parametrize(
        ("episode", "field"),
        [
            (7, "episodes[0]"),
            (NewEpisode(b"bytes"), "episodes[0].content"),  # type: ignore[arg-type]
            (NewEpisode("\ud800"), "episodes[0].content"),
            ("\ud800", "episodes[0].content"),
            (NewEpisode("x", id=None), "episodes[0].id"),  # type: ignore[arg-type]
            (NewEpisode("x", session=3), "episodes[0].session"),  # type: ignore[arg-type]
            (NewEpisode("x", speaker=["a"]), "episodes[0].speaker"),  # type: ignore[arg-type]
            (NewEpisode("x", position=True), "episodes[0].position"),
            (NewEpisode("x", position=1.5), "episodes[0].position"),  # type: ignore[arg-type]
            (NewEpisode("x", position=2**70), "episodes[0].position"),
            (NewEpisode("x", role="boss"), "episodes[0].role"),  # type: ignore[arg-type]
            (NewEpisode("x", role=[]), "episodes[0].role"),  # type: ignore[arg-type]
            (NewEpisode("x", occurred_at=datetime(2024, 1, 1)), "episodes[0].occurred_at"),  # noqa: DTZ001
            (NewEpisode("x", valid_from="now"), "episodes[0].valid_from"),  # type: ignore[arg-type]
            (
                NewEpisode("x", valid_to=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
                "episodes[0].valid_to",
            ),
            (NewEpisode("x", expires_at=5), "episodes[0].expires_at"),  # type: ignore[arg-type]
            (NewEpisode("x", tags="ab"), "episodes[0].tags"),
            (NewEpisode("x", tags=["a", 2]), "episodes[0].tags[1]"),  # type: ignore[list-item]
            (NewEpisode("x", tags=None), "episodes[0].tags"),  # type: ignore[arg-type]
            (NewEpisode("x", metadata=[1]), "episodes[0].metadata"),  # type: ignore[arg-type]
            (NewEpisode("x", metadata={"a": math.nan}), "episodes[0].metadata.a"),
            (NewEpisode("x", metadata={"a": [1, {"b": math.inf}]}), "episodes[0].metadata.a[1].b"),
            (NewEpisode("x", metadata={"a": 2**53 + 1}), "episodes[0].metadata.a"),
            (NewEpisode("x", metadata={"a": {1, 2}}), "episodes[0].metadata.a"),
            (NewEpisode("x", metadata={"a": b"x"}), "episodes[0].metadata.a"),
            (NewEpisode("x", metadata={1: "a"}), "episodes[0].metadata key"),  # type: ignore[dict-item]
            (NewEpisode("x", metadata={"a": {"\ud800": 1}}), "episodes[0].metadata.a key"),
            (NewEpisode("x", supersedes=1), "episodes[0].supersedes"),  # type: ignore[arg-type]
        ],
    )
    def test_episodes(self, episode: Any, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            requests.add_request("n", [episode], "")
        assert caught.value.field == field
        assert field in caught.value.message

    def test_json_that_is_nested_too_deeply(self) -> None:
        with pytest.raises(InvalidArgument, match="deep") as caught:
            requests.add_request("n", NewEpisode("x", metadata={"a": loops(100)}), "")
        assert caught.value.field.startswith("episodes[0].metadata.a[0]")

    def test_the_deepest_json_that_is_sent_is_also_read(self) -> None:
        value: Any = 1
        for _ in range(27):
            value = {"a": value}
        request = requests.add_request("n", NewEpisode("x", metadata=value), "")
        assert requests.get_new_episode(wired(request).episodes[0], "e").metadata == value

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"k": "3"}, "k"),
            ({"k": True}, "k"),
            ({"k": 2**31}, "k"),
            ({"k": None}, "k"),
            ({"tags": "ab"}, "tags"),
            ({"tags": None}, "tags"),
            ({"session": None}, "session"),
            ({"session": 1}, "session"),
            ({"role": "boss"}, "role"),
            ({"role": None}, "role"),
            ({"narrower": 1}, "narrower"),
            ({"include_invalid": 1}, "include_invalid"),
            ({"include_invalid": None}, "include_invalid"),
            ({"explain": "yes"}, "explain"),
            ({"as_of": datetime(2024, 1, 1)}, "as_of"),  # noqa: DTZ001
            ({"valid_at": 3}, "valid_at"),
            ({"reference_time": "now"}, "reference_time"),
            ({"min_revision": 3}, "min_revision"),
            ({"min_revision": Revision(1, 2**70)}, "min_revision"),
            ({"sesion": "s"}, "sesion"),
            ({"filter": 3}, "filter"),
            ({"filter": Condition("a", "like", 1)}, "filter.a"),
            ({"filter": Condition("a", [], 1)}, "filter.a"),
            ({"filter": Condition("a", "eq", math.nan)}, "filter.a"),
            ({"filter": And((Or(()), Not(Condition("b", "eq", {1}))))}, "filter[1].not.b"),
            ({"filter": And(3)}, "filter"),
            ({"filter": And((3,))}, "filter[0]"),
            ({"filter": {"a": {"gte": math.inf}}}, "filter.a"),
            ({"filter": {"and": [{"a": 1}, {"b": {2}}]}}, "filter.and[1].b"),
            ({"filter": {"not": {"b": {2}}}}, "filter.not.b"),
            ({"filter": {3: 4}}, "filter"),
            ({"filter": negated(33)}, "filter" + ".not" * 33),
        ],
    )
    def test_search_options(self, options: Any, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            requests.search_request("n", "q", options)
        assert caught.value.field == field

    @pytest.mark.parametrize(
        ("call", "field"),
        [
            (lambda: requests.add_request(3, "x", ""), "namespace"),  # type: ignore[arg-type]
            (lambda: requests.add_request("n", 3, ""), "episodes"),
            (lambda: requests.add_request("n", "x", None), "request_id"),  # type: ignore[arg-type]
            (lambda: requests.get_request("n", None, None), "id"),  # type: ignore[arg-type]
            (lambda: requests.search_request("n", None, {}), "query"),  # type: ignore[arg-type]
            (lambda: requests.list_request("n", {"page_size": "1"}), "page_size"),
            (lambda: requests.list_request("n", {"page_token": 1}), "page_token"),
            (lambda: requests.list_request("n", {"k": 1}), "k"),
            (lambda: requests.update_request("n", "i", {"metadata": None}), "metadata"),
            (lambda: requests.update_request("n", "i", {"content": "x"}), "content"),
            (lambda: requests.update_request("n", "i", {"if_revision": "1.2"}), "if_revision"),
            (lambda: requests.ids_of(None), "ids"),
            (lambda: requests.ids_of(["a", 1]), "ids[1]"),
            (lambda: requests.list_namespaces_request("", 2**40, ""), "page_size"),
        ],
    )
    def test_other_calls(self, call: Callable[[], object], field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert caught.value.field == field


class TestServerSideRefusals:
    """Messages that other clients may send, and that stand for no value."""

    @pytest.mark.parametrize(
        "timestamp",
        [
            Timestamp(seconds=2**62),
            Timestamp(seconds=-(2**62)),
            Timestamp(nanos=-1),
            Timestamp(nanos=1_000_000_000),
            Timestamp(seconds=253_402_300_800),
        ],
    )
    def test_invalid_timestamps(self, timestamp: Timestamp) -> None:
        message = episode_pb2.NewEpisode(content="x", valid_to=timestamp)
        with pytest.raises(InvalidArgument) as caught:
            requests.get_new_episode(message, "episodes[3]")
        assert caught.value.field == "episodes[3].valid_to"

    def test_unknown_role(self) -> None:
        with pytest.raises(InvalidArgument) as caught:
            requests.get_new_episode(episode_pb2.NewEpisode(role=99), "e")  # type: ignore[arg-type]
        assert caught.value.field == "e.role"

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            (Value(), "v"),
            (Value(number_value=math.nan), "v"),
            (Value(number_value=-math.inf), "v"),
            (Value(struct_value={"a": None}), "v.a"),
        ],
    )
    def test_values_of_no_kind_and_numbers_that_are_none(self, value: Value, field: str) -> None:
        if value.HasField("struct_value"):
            value.struct_value.fields["a"].Clear()
        with pytest.raises(InvalidArgument) as caught:
            get_value(value, "v")
        assert caught.value.field == field

    @pytest.mark.parametrize(
        ("filter", "field"),
        [
            (filter_pb2.Filter(), "filter"),
            (filter_pb2.Filter(negation=filter_pb2.Filter()), "filter.not"),
            (filter_pb2.Filter(all_of=filter_pb2.FilterList(filters=[filter_pb2.Filter()])), "filter[0]"),
            (filter_pb2.Filter(condition=filter_pb2.Condition(field="a")), "filter.a"),
            (filter_pb2.Filter(condition=filter_pb2.Condition(field="a", op=77)), "filter.a"),  # type: ignore[arg-type]
            (filter_pb2.Filter(condition=filter_pb2.Condition(field="a", op="FILTER_OP_EQ")), "filter.a"),
        ],
    )
    def test_filters_of_no_kind(self, filter: filter_pb2.Filter, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            get_filter(filter)
        assert caught.value.field == field

    def test_a_filter_that_is_nested_too_deeply(self) -> None:
        filter = filter_pb2.Filter()
        inner = filter
        for _ in range(40):
            inner = inner.negation
        inner.condition.field = "a"
        with pytest.raises(InvalidArgument, match="deeply"):
            get_filter(filter)

    def test_an_update_mask_with_another_path(self) -> None:
        request = pb.UpdateRequest()
        request.update_mask.paths.append("content")
        with pytest.raises(InvalidArgument) as caught:
            requests.get_update_options(request)
        assert caught.value.field == "update_mask"

    def test_an_empty_mask_path_clears(self) -> None:
        request = pb.UpdateRequest()
        request.update_mask.paths.extend(["valid_to", "tags", "metadata"])
        assert requests.get_update_options(request) == {"valid_to": None, "tags": (), "metadata": {}}


class TestItems:
    def test_an_item_moves_with_its_field_and_message(self) -> None:
        item = ItemResult(
            2,
            error_code="invalid_argument",
            error_message="episodes[2].content must not be empty",
            error_field="episodes[2].content",
        )
        moved = answers.moved_item(item, 4711)
        assert moved.index == 4711
        assert moved.error_field == "episodes[4711].content"
        assert moved.error_message == "episodes[4711].content must not be empty"
        assert answers.moved_item(item, 2) is item


class FakeFailure:
    """A failed call as gRPC shows it."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing: Any = ()) -> None:
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._trailing


def sent(error: AgentctxError) -> AgentctxError:
    """The error as a client gets it."""
    status = put_status(error)
    packed = status.SerializeToString()
    assert len(packed) < 6000, "trailing metadata has a limit of 8 KB"
    return get_error(FakeFailure(status_code(error), status.message, ((STATUS_KEY, packed),)))


class TestErrors:
    @pytest.mark.parametrize("cls", list(error_classes()), ids=lambda cls: cls.__name__)
    def test_every_class_travels(self, cls: type[AgentctxError]) -> None:
        got = sent(cls("what happened", field="ids[3]", id="x", namespace="a/b"))
        assert type(got) is (errors.Internal if cls is AgentctxError else cls)
        assert (got.code, got.message, got.field) == (cls.code, "what happened", "ids[3]")
        assert got.details == {"id": "x", "namespace": "a/b"}

    def test_retry_after_travels(self) -> None:
        got = sent(ResourceExhausted("too much", retry_after=0.25))
        assert isinstance(got, ResourceExhausted)
        assert got.retry_after == 0.25

    @given(texts, texts, st.dictionaries(st.sampled_from(["id", "namespace"]), texts))
    def test_any_text_travels(self, message: str, field: str, details: dict[str, str]) -> None:
        got = sent(InvalidArgument(message, field=field, **details))
        assert (got.message, got.field, got.details) == (message, field, details)

    def test_long_and_broken_texts_are_cut(self) -> None:
        got = sent(errors.NotFound("é" * 5000 + "\ud800", field="\ud800" * 400, id="\x00" * 10_000))
        assert got.message.endswith("...")
        assert len(got.message.encode()) <= 600

    def test_google_types_are_there_for_other_clients(self) -> None:
        def urls(error: AgentctxError) -> set[str]:
            return {detail.type_url.rpartition(".")[2] for detail in put_status(error).details}

        assert urls(InvalidArgument("x")) == {"ErrorInfo", "BadRequest"}
        assert urls(errors.NotFound("x")) == {"ErrorInfo", "ResourceInfo"}
        assert urls(errors.EmbedderMismatch("x")) == {"ErrorInfo", "PreconditionFailure"}
        assert urls(ResourceExhausted("x", retry_after=1)) == {"ErrorInfo", "RetryInfo"}

    @pytest.mark.parametrize(
        ("code", "cls"),
        [
            (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
            (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.ResourceExhausted),
            (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
            (grpc.StatusCode.UNIMPLEMENTED, errors.FailedPrecondition),
            (grpc.StatusCode.FAILED_PRECONDITION, errors.FailedPrecondition),
            (grpc.StatusCode.CANCELLED, errors.Cancelled),
            (grpc.StatusCode.UNKNOWN, errors.Internal),
            (grpc.StatusCode.INTERNAL, errors.Internal),
            (grpc.StatusCode.DATA_LOSS, errors.StoreCorrupt),
            (grpc.StatusCode.ABORTED, errors.RevisionMismatch),
        ],
    )
    def test_a_bare_status_is_the_nearest_class(self, code: grpc.StatusCode, cls: type[AgentctxError]) -> None:
        assert type(get_error(FakeFailure(code, "x"))) is cls

    def test_a_reason_of_a_newer_server_is_its_nearest_class(self) -> None:
        status = put_status(errors.RevisionMismatch("x"))
        info = status.details[0]
        info.value = info.value.replace(b"revision_mismatch", b"revision_mismatcx")
        failure = FakeFailure(grpc.StatusCode.ABORTED, "x", ((STATUS_KEY, status.SerializeToString()),))
        assert type(get_error(failure)) is errors.RevisionMismatch

    def test_a_broken_status_is_ignored(self) -> None:
        failure = FakeFailure(grpc.StatusCode.NOT_FOUND, "gone", ((STATUS_KEY, b"\xff\xff\xff"),))
        assert type(get_error(failure)) is errors.NotFound
