"""Code answers and requests survive the trip over the wire, and what cannot make it is refused by name."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.convert import code_answers as answers
from agentctx.convert import code_requests as requests
from agentctx.convert import code_results as results
from agentctx.convert import context
from agentctx.errors import InvalidArgument
from agentctx.types import (
    BUNDLE_FORMATS,
    DIRECTIONS,
    EDGE_KINDS,
    GRANULARITIES,
    ROLES,
    Bundle,
    CodeMap,
    CodeSearchResult,
    EpisodeCitation,
    IndexProgress,
    NeighbourResult,
    Outline,
    Repository,
    RepositoryPage,
    ScoutResult,
    SourceText,
    SymbolResult,
)
from agentctx.v1 import code_service_pb2 as pb
from tests.fixtures_code import RUN, WEBSITE

ROLES_OF_CITATIONS = {"role": st.sampled_from(ROLES)}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
small = st.integers(-(2**31), 2**31 - 1)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type as the code types use them."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = ROLES_OF_CITATIONS if kind is EpisodeCitation else {}
        parts = {
            field.name: known[field.name] if field.name in known else values(hints[field.name])
            for field in fields(kind)
        }
        return st.builds(kind, **parts)
    if origin in (types.UnionType, Union):
        return st.one_of([st.none() if one is type(None) else values(one) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(texts, values(arguments[1]), max_size=3)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(0, 2**31 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        datetime: st.datetimes(timezones=st.just(UTC)),
    }
    return plain[kind]


ROADS: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    IndexProgress: (answers.index_response, results.get_index_progress),
    RepositoryPage: (answers.list_response, results.get_repository_page),
    CodeSearchResult: (answers.search_response, results.get_search_result),
    SymbolResult: (answers.symbol_response, results.get_symbol_result),
    NeighbourResult: (answers.neighbours_response, results.get_neighbour_result),
    Outline: (answers.outline_response, results.get_outline),
    CodeMap: (answers.map_response, results.get_map),
    ScoutResult: (answers.scout_response, results.get_scout_result),
    SourceText: (answers.source_response, results.get_source),
    Bundle: (context.build_response, lambda response: context.get_bundle(response.bundle)),
}


class TestAnswers:
    @pytest.mark.parametrize("kind", ROADS, ids=lambda kind: kind.__name__)
    def test_come_back_as_they_were(self, kind: Any) -> None:
        put, get = ROADS[kind]

        @settings(max_examples=60, deadline=None)
        @given(values(kind))
        def round_trip(value: Any) -> None:
            message = put(value)
            assert get(type(message).FromString(message.SerializeToString())) == value

        round_trip()

    def test_a_repository_comes_back_as_it_was(self) -> None:
        assert results.get_repository(answers.get_response(WEBSITE).repository) == WEBSITE

    def test_stages_keep_their_order(self) -> None:
        result = ScoutResult((), (), (), (), 0.0, "", 0, WEBSITE.generation, (), {"z": 1.0, "a": 2.0})
        assert list(results.get_scout_result(answers.scout_response(result)).stages_ms) == ["z", "a"]

    def test_a_path_that_is_no_utf8_still_arrives(self) -> None:
        odd = replace(RUN, path="src/\udcff.py")
        sent = answers.symbol_response(SymbolResult((odd,), 1, WEBSITE.generation))
        assert results.get_symbol_result(sent).symbols[0].path == "src/\ufffd.py"
        page = answers.list_response(RepositoryPage((replace(WEBSITE, root="/srv/\udce4"),)))
        assert Repository.__name__ in str(page.DESCRIPTOR.fields_by_name["repositories"].message_type.name)


class TestRequests:
    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "k": small,
                "granularity": st.sampled_from(GRANULARITIES),
                "path": texts.filter(bool),
                "language": texts.filter(bool),
                "kinds": st.lists(texts, min_size=1, max_size=2).map(tuple),
                "tests": st.booleans(),
                "vendored": st.booleans(),
                "explain": st.just(True),
            },
        )
    )
    def test_options_of_a_search_arrive_and_no_others(self, options: Any) -> None:
        assert requests.get_search_options(requests.search_request("r", "q", options)) == options

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "budget": small,
                "k": small,
                "path": texts.filter(bool),
                "tests": st.booleans(),
                "llm": st.booleans(),
            },
        )
    )
    def test_options_of_a_scout_arrive_and_no_others(self, options: Any) -> None:
        assert requests.get_scout_options(requests.scout_request("r", "q", options)) == options

    @given(st.lists(st.sampled_from(EDGE_KINDS), max_size=3), st.sampled_from(DIRECTIONS), small, small)
    def test_options_of_neighbours_arrive(self, kinds: Any, direction: Any, depth: int, limit: int) -> None:
        request = requests.neighbours_request("r", "s", kinds, direction, depth, limit)
        assert requests.get_neighbours_options(request) == {
            "kinds": tuple(kinds),
            "direction": direction,
            "depth": depth,
            "limit": limit,
        }

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "namespace": texts.filter(bool),
                "repositories": st.lists(texts, min_size=1, max_size=2).map(tuple),
                "counter": texts.filter(bool),
                "memory_budget": small,
                "code_budget": small,
                "session": texts.filter(bool),
                "previous": st.lists(texts, min_size=1, max_size=2).map(tuple),
                "reference_time": st.datetimes(timezones=st.just(UTC)),
                "as_of": st.datetimes(timezones=st.just(UTC)),
                "format": st.sampled_from(BUNDLE_FORMATS),
                "path": texts.filter(bool),
                "tests": st.booleans(),
                "llm": st.booleans(),
            },
        ),
        small,
    )
    def test_options_of_a_build_arrive_and_no_others(self, options: Any, budget: int) -> None:
        request = context.build_request("q", budget, options)
        assert context.get_build_options(request) == options
        assert request.budget == budget

    def test_what_is_not_said_is_left_to_the_engine(self) -> None:
        assert requests.get_search_options(pb.CodeServiceSearchRequest(repository="r")) == {}
        assert requests.get_scout_options(pb.CodeServiceScoutRequest(repository="r")) == {}
        assert requests.get_map_options(pb.CodeServiceMapRequest()) == {"query": "", "counter": ""}
        assert requests.get_neighbours_options(pb.CodeServiceNeighboursRequest()) == {"kinds": ()}
        assert requests.get_source_options(pb.CodeServiceSourceRequest()) == {"end_line": 0}

    @pytest.mark.parametrize(
        ("make", "field"),
        [
            (lambda: requests.search_request(3, "q", {}), "repository"),  # type: ignore[arg-type]
            (lambda: requests.search_request("r", None, {}), "query"),  # type: ignore[arg-type]
            (lambda: requests.search_request("r", "\ud800", {}), "query"),
            (lambda: requests.search_request("r", "q", {"k": True}), "k"),
            (lambda: requests.search_request("r", "q", {"k": 2**40}), "k"),
            (lambda: requests.search_request("r", "q", {"granularity": "line"}), "granularity"),
            (lambda: requests.search_request("r", "q", {"kinds": "class"}), "kinds"),
            (lambda: requests.search_request("r", "q", {"tests": 1}), "tests"),
            (lambda: requests.search_request("r", "q", {"limit": 1}), "limit"),
            (lambda: requests.scout_request("r", "q", {"budget": "2000"}), "budget"),
            (lambda: requests.scout_request("r", "q", {"depth": 1}), "depth"),
            (lambda: requests.neighbours_request("r", "s", ["calls", "likes"], "in", 1, 1), "kinds"),
            (lambda: requests.neighbours_request("r", "s", [], "up", 1, 1), "direction"),
            (lambda: requests.neighbours_request("r", "s", [], "in", 1.5, 1), "depth"),  # type: ignore[arg-type]
            (lambda: context.build_request("q", "4000", {}), "budget"),  # type: ignore[arg-type]
            (lambda: context.build_request("q", 1, {"format": "html"}), "format"),
            (lambda: context.build_request("q", 1, {"repositories": "website"}), "repositories"),
            (lambda: context.build_request("q", 1, {"counter": object()}), "counter"),
            (lambda: context.build_request("q", 1, {"as_of": "now"}), "as_of"),
            (lambda: context.build_request("q", 1, {"k": 1}), "k"),
            (lambda: requests.map_request("r", None, "", ""), "budget"),  # type: ignore[arg-type]
            (lambda: requests.index_request(b"x", "", ""), "path"),  # type: ignore[arg-type]
            (lambda: requests.source_request("r", "p", 1, None), "end_line"),  # type: ignore[arg-type]
        ],
    )
    def test_what_the_wire_has_no_form_for_is_refused_by_name(self, make: Callable[[], Any], field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            make()
        assert caught.value.field == field

    def test_an_unknown_number_of_a_newer_client_is_refused_by_name(self) -> None:
        with pytest.raises(InvalidArgument) as caught:
            requests.get_search_options(pb.CodeServiceSearchRequest(granularity=9))  # type: ignore[arg-type]
        assert caught.value.field == "granularity"
        with pytest.raises(InvalidArgument) as caught:
            requests.get_neighbours_options(pb.CodeServiceNeighboursRequest(kinds=[1, 0]))  # type: ignore[list-item]
        assert caught.value.field == "kinds"
