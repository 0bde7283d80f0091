"""Checks of what callers hand in, and page tokens: a bad input names its field, a good one has one normal form."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.config import Limits
from agentctx.errors import InvalidArgument, StalePageToken
from agentctx.memory import paging, validate
from agentctx.memory.listing import ListRequest, Narrowing
from agentctx.memory.search import SearchRequest
from agentctx.types import Condition, NewEpisode, Revision
from tests.fixtures_memory import START

LIMITS = Limits(content_bytes=100, query_bytes=100, metadata_bytes=100, tags=3, k=5, page_size=20)
NAIVE = START.replace(tzinfo=None)
LOOP: list[Any] = []
LOOP.append(LOOP)


def test_an_episode_comes_out_in_its_normal_form() -> None:
    zone = timezone(timedelta(hours=2))
    given = NewEpisode(
        "é",
        id="i",
        session="s",
        position=0,
        speaker="Ana María",
        role="user",
        occurred_at=START.astimezone(zone),
        tags=["a", "b", "a"],
        metadata=MappingProxyType({"n": 2.0, "m": (1, -0.0, 1e300), "t": True}),
    )
    checked = validate.new_episode(given, "episodes[0]", LIMITS, START)
    assert checked == replace(
        given, occurred_at=START, tags=("a", "b"), metadata={"n": 2, "m": [1, 0, 1e300], "t": True}
    )
    assert checked.occurred_at is not None
    assert checked.occurred_at.tzinfo is UTC
    assert json.dumps(checked.metadata) == '{"n": 2, "m": [1, 0, 1e+300], "t": true}'
    assert validate.new_episode(checked, "e", LIMITS, START) == checked
    assert validate.new_episode("x", "e", LIMITS, START) == NewEpisode("x", occurred_at=START, tags=(), metadata={})


BAD_EPISODES: list[Any] = [
    ("", 3),
    ("", None),
    ("", b"x"),
    (".content", ""),
    (".content", " \n\t"),
    (".content", None),
    (".content", b"x"),
    (".content", "a\0"),
    (".content", "\ud800"),
    (".content", "é" * 51),
    (".content", "a" * 101),
    (".id", "a\nb"),
    (".id", "x" * 257),
    (".id", "é" * 129),
    (".id", 3),
    (".id", None),
    (".session", "a\tb"),
    (".speaker", ["Ana"]),
    (".role", "robot"),
    (".role", None),
    (".role", []),
    (".position", -1),
    (".position", 2**31),
    (".position", True),
    (".position", 1.0),
    pytest.param(".position", 10**5000, id="huge position"),
    (".occurred_at", NAIVE),
    (".occurred_at", "2024-05-01"),
    (".occurred_at", 0),
    (".occurred_at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))),
    (".occurred_at", datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))),
    (".valid_from", NAIVE),
    (".expires_at", NAIVE),
    (".tags", "abc"),
    (".tags", None),
    (".tags", {"a"}),
    (".tags", ["a", "b", "c", "d"]),
    (".tags[1]", ["a", ""]),
    (".tags[0]", [3]),
    (".metadata", None),
    (".metadata", [("a", 1)]),
    (".metadata", {"a": "x" * 100}),
    (".metadata key", {1: 2}),
    (".metadata key", {"": 2}),
    (".metadata.a", {"a": float("inf")}),
    (".metadata.a", {"a": 2**53 + 1}),
    (".metadata.a", {"a": {1, 2}}),
    (".metadata.a", {"a": b"x"}),
    (".metadata.a[1].b", {"a": [1, {"b": START}]}),
    (".metadata.a" + "[0]" * 16, {"a": LOOP}),
    (".supersedes", "\x7f"),
]


@pytest.mark.parametrize(("place", "value"), BAD_EPISODES)
def test_a_bad_field_of_an_episode_is_named(place: str, value: Any) -> None:
    name = place.removeprefix(".").partition("[")[0].partition(" ")[0].partition(".")[0]
    given = value if not name else replace(NewEpisode("x"), **{name: value})
    with pytest.raises(InvalidArgument) as caught:
        validate.new_episode(given, "episodes[7]", LIMITS, START)
    assert caught.value.field == f"episodes[7]{place}"
    assert str(caught.value).startswith("episodes[7]")


def test_fields_that_contradict_each_other_are_named() -> None:
    before = NewEpisode("x", valid_from=START, valid_to=START - timedelta(seconds=1))
    with pytest.raises(InvalidArgument) as caught:
        validate.new_episode(before, "e", LIMITS, START)
    assert caught.value.field == "e.valid_to"
    with pytest.raises(InvalidArgument) as caught:
        validate.new_episode(NewEpisode("x", id="a", supersedes="a"), "e", LIMITS, START)
    assert caught.value.field == "e.supersedes"
    assert validate.new_episode(replace(before, valid_to=START), "e", LIMITS, START).valid_to == START


@pytest.mark.parametrize("name", ["a", "acme/user-42", "a/b/c", "A.b_c@d:e+f~g=h", "..a", "0"])
def test_a_namespace_is_a_path_of_plain_segments(name: str) -> None:
    assert validate.namespace(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a b", "a\n", "é", "a%", "a*", "a\0", "a" * 513, 3, None, ["a"]],
)
def test_any_other_namespace_is_refused(name: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        validate.namespace(name)
    assert caught.value.field == "namespace"


NARROWING: list[Any] = [
    ("session", 3),
    ("session", None),
    ("speaker", "a\n"),
    ("role", "robot"),
    ("role", {}),
    ("tags", "a"),
    ("tags", ["a"] * 4),
    ("filter", "x"),
    ("occurred_from", NAIVE),
    ("occurred_to", "now"),
    ("as_of", NAIVE),
    ("valid_at", 3),
    ("include_invalid", 1),
    ("include_invalid", None),
    ("min_revision", "1.2"),
    ("min_revision", (1, 2)),
    ("limit", 3),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *NARROWING,
        ("k", -1),
        ("k", 6),
        ("k", True),
        ("k", None),
        ("k", "3"),
        pytest.param("k", 10**5000, id="huge k"),
        ("reference_time", NAIVE),
        ("explain", "yes"),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", True),
        ("timeout", "1"),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        pytest.param("timeout", 10**400, id="huge timeout"),
        ("page_token", "x"),
    ],
)
def test_a_bad_option_of_search_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        SearchRequest.read("x", {name: value}, LIMITS)  # type: ignore[misc]
    assert caught.value.field == name


@pytest.mark.parametrize("query", [None, 3, b"x", "\ud800", "a\0", "x" * 101, "é" * 51, ["x"]])
def test_a_bad_query_is_named(query: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        SearchRequest.read(query, {}, LIMITS)
    assert caught.value.field == "query"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *NARROWING,
        ("page_size", 0),
        ("page_size", 21),
        ("page_size", None),
        ("page_token", 3),
        ("page_token", None),
        ("page_token", "x" * 5000),
        ("k", 3),
    ],
)
def test_a_bad_option_of_list_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ListRequest.read("n", {name: value}, LIMITS)  # type: ignore[misc]
    assert caught.value.field == name


def test_a_default_is_never_above_a_limit() -> None:
    assert SearchRequest.read("x", {}, LIMITS).k == 5
    assert ListRequest.read("n", {}, LIMITS).page_size == 20
    assert SearchRequest.read("x", {}, Limits()).k == 10
    assert ListRequest.read("n", {}, Limits()).page_size == 50


def test_a_time_range_that_ends_before_it_starts_is_refused_and_an_empty_one_is_not() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Narrowing.checked({"occurred_from": START, "occurred_to": START - timedelta(1)}, LIMITS)
    assert caught.value.field == "occurred_to"
    assert Narrowing.checked({"occurred_from": START, "occurred_to": START}, LIMITS)["occurred_to"] == START


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ANYTHING = (
    JSON
    | st.binary()
    | st.integers()
    | st.floats()
    | st.tuples(st.integers())
    | st.dictionaries(st.integers(), st.none())
)


@given(ANYTHING)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_value_has_one_json_form_or_is_refused(value: Any) -> None:
    try:
        normal = validate.json_value(value, "f")
    except InvalidArgument as error:
        assert error.field.startswith("f")  # noqa: PT017 - either outcome is right
        return
    assert json.loads(json.dumps(normal)) == normal
    assert validate.json_value(normal, "f") == normal
    assert repr(validate.json_value(json.loads(json.dumps(normal)), "f")) == repr(normal)


# --- page tokens ------------------------------------------------------------------------------------------------------

HASH = paging.request_hash({"x": 1})


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_token_comes_back_as_it_was_given(epoch: int, upto: int, after: int) -> None:
    token = paging.write_token(HASH, epoch, upto, after)
    assert paging.read_token(token, HASH, int) == (epoch, upto, after)
    assert token.isascii()
    assert "=" not in token


GOOD = paging.write_token(HASH, 3, 40, 20)


def forged(*fields: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "é",
        "\ud800",
        "A" * 5000,
        GOOD[:-2],
        GOOD[1:],
        GOOD + "!",
        GOOD + "\n",
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        forged(1, HASH, 3, 40),
        forged(1, HASH, 3, 40, 20, 0),
        forged(2, HASH, 3, 40, 20),
        forged(1, HASH, 3, 40, "20"),
        forged(1, HASH, 3, 40, True),
        forged(1, HASH, 3, 40, 20.5),
        forged(1, HASH, 3, 40, None),
        forged(1, HASH, 3, 40, -1),
        forged(1, HASH, 3, 40, 2**63),
        forged(1, HASH, -3, 40, 20),
        forged(1, HASH, 3, 2**80, 20),
        forged(1, HASH, "3", 40, 20),
        forged({"a": 1}),
        None,
        3,
        b"x",
    ],
)
def test_a_token_that_was_not_given_is_refused(token: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        paging.read_token(token, HASH, int)
    assert caught.value.field == "page_token"
    assert "start without" in str(caught.value)


@pytest.mark.parametrize("after", ["\ud800", "a\0b" * 2000, "é", 3])
def test_a_forged_name_in_a_token_is_refused(after: Any) -> None:
    with pytest.raises(InvalidArgument):
        paging.read_token(forged(1, HASH, 0, 0, after), HASH, str)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_garbage_never_reads_as_a_token(token: str) -> None:
    with pytest.raises(InvalidArgument):
        paging.read_token(token, HASH, int)


def test_a_token_fits_only_the_listing_that_gave_it() -> None:
    requests: list[dict[str, Any]] = [
        {},
        {"session": "s"},
        {"speaker": "s"},
        {"role": "user"},
        {"tags": ["s"]},
        {"filter": {"a": 1}},
        {"filter": {"a": True}},
        {"filter": {"a": {"ne": 1}}},
        {"filter": {"not": {"a": 1}}},
        {"filter": {"and": [{"a": 1}, {"b": 1}]}},
        {"filter": {"or": [{"a": 1}, {"b": 1}]}},
        {"occurred_from": START},
        {"occurred_to": START},
        {"as_of": START},
        {"valid_at": START},
        {"include_invalid": True},
    ]
    hashes = [ListRequest.read("n", one, LIMITS).hash() for one in requests]  # type: ignore[arg-type]
    hashes.append(ListRequest.read("m", {}, LIMITS).hash())
    assert len(set(hashes)) == len(hashes)
    same = {"page_size": 3, "page_token": "t", "min_revision": Revision(1, 1)}
    assert ListRequest.read("n", same, LIMITS).hash() == hashes[0]  # type: ignore[arg-type]
    zone = timezone(timedelta(hours=5))
    alike = {"filter": Condition("a", "eq", 1.0), "as_of": START.astimezone(zone)}
    other = {"filter": {"a": 1}, "as_of": START}
    assert ListRequest.read("n", alike, LIMITS).hash() == ListRequest.read("n", other, LIMITS).hash()  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="other filters"):
        paging.read_token(GOOD, hashes[0], int)


def test_a_token_ends_with_its_epoch() -> None:
    paging.check_epoch(3, 3)
    with pytest.raises(StalePageToken) as caught:
        paging.check_epoch(3, 4)
    assert caught.value.field == "page_token"
