"""A generation in memory: updating equals building, saving equals loading, scores equal those of plain loops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.code.codemap import Codebase
from agentctx.code.codemap_build import build
from agentctx.code.codemap_codec import load, save
from agentctx.code.codemap_update import update
from agentctx.code.overview import overview
from agentctx.index.fields import FieldIndex, FieldScoring
from agentctx.index.graph import Graph, pagerank
from agentctx.index.postings import Postings
from agentctx.index.snapshot import BadSnapshot
from agentctx.text.tokens import open_counter
from agentctx.types import Generation
from tests.fixtures_codemap import SHOP, assert_equal, build_files, build_texts

NAMES = st.sampled_from(["alpha", "beta", "Gamma", "delta_total", "_hidden"])
BODY = st.lists(st.sampled_from(["return 1", "alpha()", "self.x = Gamma()", "beta(2)", "# a note"]), max_size=3)
FUNCTION = st.builds(
    lambda name, body: f"def {name}(x):\n    pass\n" + "".join(f"    {b}\n" for b in body), NAMES, BODY
)
CLASS = st.builds(
    lambda name, one: f"class {name}:\n" + "".join(f"    {line}\n" for line in one.splitlines()), NAMES, FUNCTION
)
TEXT = st.lists(st.one_of(FUNCTION, CLASS), max_size=3).map("\n\n".join)
PATH = st.sampled_from(["a.py", "b/c.py", "b/d.py", "tests/test_a.py", "z.md", "b.py"])
TREE = st.dictionaries(PATH, TEXT, max_size=5)

TERMS = [3, 2**63 + 1, 17, 2**64 - 1, 99]
SCORING = FieldScoring(weights=(2.0, 1.0), lengths=(0.0, 0.75), saturation=1.2)
DOCUMENT = st.dictionaries(st.tuples(st.sampled_from(TERMS), st.integers(0, 1)), st.integers(1, 255), max_size=6)
DOCUMENTS = st.lists(DOCUMENT, max_size=8)


def resolved(old: Mapping[str, str], new: Mapping[str, str]) -> Codebase:
    """What an indexer does with an edit: contents that changed, and every file's edges again."""
    before = {one.path: one for one in build_files(old)}
    after = {one.path: one for one in build_files(new)}
    changed = [one for path, one in after.items() if path not in before or before[path].analysis != one.analysis
               or before[path].content_hash != one.content_hash]  # fmt: skip
    again = [one.edges for path, one in after.items() if one not in changed]
    base = build(before.values())
    made = update(base, changed, before.keys() - after.keys(), again)
    base.check_invariants()
    return made


@given(old=TREE, new=TREE)
@settings(max_examples=60, deadline=None)
def test_an_update_equals_building_anew(old: dict[str, str], new: dict[str, str]) -> None:
    made = resolved(old, new)
    made.check_invariants()
    assert_equal(made, build_texts(new))


@given(trees=st.lists(TREE, min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_updates_of_updates_equal_building_anew(trees: list[dict[str, str]]) -> None:
    current = build_texts(trees[0])
    for old, new in pairwise(trees):
        before = {one.path: one for one in build_files(old)}
        after = {one.path: one for one in build_files(new)}
        changed = [one for path, one in after.items() if before.get(path) != one]
        current = update(current, changed, before.keys() - after.keys())
    assert_equal(current, build_texts(trees[-1]))


@given(tree=TREE)
@settings(max_examples=25, deadline=None)
def test_a_generation_is_read_as_it_was_saved(tree: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("codebase") / "generation.idx"
    made = build_texts(tree)
    save(made, path)
    read = load(path, Generation("shop", 7))
    read.check_invariants()
    assert_equal(made, read)
    assert read.generation == Generation("shop", 7)
    assert_equal(update(read, [], []), made)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "generation.idx"
    save(build_texts(SHOP), path)
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            read = load(path, Generation("shop", 1))
        except BadSnapshot:
            continue
        assert_equal(read, build_texts(SHOP))  # padding between arrays
    path.write_bytes(whole[:-10])
    with pytest.raises(BadSnapshot):
        load(path, Generation("shop", 1))


def test_the_order_of_the_files_does_not_matter() -> None:
    files = build_files(SHOP)
    assert_equal(build(files), build(reversed(files)))


def postings(documents: list[dict[tuple[int, int], int]], places: list[int] | None = None) -> Postings:
    rows = [
        (term, (places or range(len(documents)))[row], field, count)
        for row, document in enumerate(documents)
        for (term, field), count in document.items()
    ]
    vocabulary = sorted({term for term, *_ in rows})
    return Postings(
        np.array(vocabulary, dtype=np.uint64),
        np.array([vocabulary.index(term) for term, *_ in rows], dtype=np.int64),
        np.array([row for _, row, *_ in rows], dtype=np.int32),
        np.array([field for *_, field, _ in rows], dtype=np.uint8),
        np.array([count for *_, count in rows], dtype=np.uint8),
    )


def plain_scores(documents: list[dict[tuple[int, int], int]], terms: dict[int, float]) -> list[float]:
    """BM25F by loops, with mean lengths in steps of an eighth of a power of two."""
    means = []
    for field in range(2):
        lengths = [sum(c for (_, f), c in one.items() if f == field) for one in documents]
        mean = max(sum(lengths) / max(len(lengths), 1), 1e-9)
        means.append(2 ** (round(math.log2(mean) * 8) / 8))
    scores = []
    for one in documents:
        score = 0.0
        for term, weight in terms.items():
            holders = sum(any((term, field) in other for field in range(2)) for other in documents)
            rarity = math.log1p((len(documents) - holders + 0.5) / (holders + 0.5))
            total = 0.0
            for field in range(2):
                length = sum(c for (_, f), c in one.items() if f == field)
                b = SCORING.lengths[field]
                total += SCORING.weights[field] * one.get((term, field), 0) / (1 - b + b * length / means[field])
            score += weight * rarity * total / (total + SCORING.saturation)
        scores.append(score)
    return scores


@given(documents=DOCUMENTS, terms=st.dictionaries(st.sampled_from([*TERMS, 5]), st.floats(0.1, 3), max_size=4))
@settings(max_examples=150, deadline=None)
def test_scores_are_those_of_a_plain_loop(documents: list[dict[tuple[int, int], int]], terms: dict[int, float]) -> None:
    index = FieldIndex.build(len(documents), postings(documents), SCORING)
    index.check_invariants()
    scores = index.score(terms)
    assert scores.tolist() == pytest.approx(plain_scores(documents, terms), rel=1e-4, abs=1e-5)
    for row in range(len(documents)):
        assert index.explain(terms, row).sum() == pytest.approx(float(scores[row]), rel=1e-4, abs=1e-5)


@given(documents=DOCUMENTS, added=DOCUMENTS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_replacing_documents_equals_building_anew(
    documents: list[dict[tuple[int, int], int]], added: list[dict[tuple[int, int], int]], data: st.DataObject
) -> None:
    stays = data.draw(st.lists(st.booleans(), min_size=len(documents), max_size=len(documents)))
    order = data.draw(st.permutations([False] * sum(stays) + [True] * len(added)))
    kept = iter([one for one, stay in zip(documents, stays, strict=True) if stay])
    new = iter(added)
    result = [next(new) if is_new else next(kept) for is_new in order]
    places = iter([place for place, is_new in enumerate(order) if not is_new])
    moved = np.array([next(places) if stay else -1 for stay in stays], dtype=np.int32)
    into = [place for place, is_new in enumerate(order) if is_new]
    index = FieldIndex.build(len(documents), postings(documents), SCORING)
    made = index.replace(moved, len(result), postings(added, into))
    made.check_invariants()
    for name, array in FieldIndex.build(len(result), postings(result), SCORING).arrays().items():
        assert np.array_equal(array, made.arrays()[name]), name


EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3), st.integers(1, 9)), max_size=30)


def graph_of(edges: list[tuple[int, int, int, int]]) -> Graph:
    columns = list(zip(*edges, strict=True)) or [()] * 4
    zeros = np.zeros(len(edges))
    return Graph.build(
        7,
        np.array(columns[0], dtype=np.int32),
        np.array(columns[1], dtype=np.int32),
        np.array(columns[2], dtype=np.uint8),
        zeros.astype(np.uint8),
        zeros.astype(np.float32),
        np.array(columns[3], dtype=np.int32),
    )


@given(edges=EDGES)
def test_a_graph_holds_the_edges_it_was_given_both_ways(edges: list[tuple[int, int, int, int]]) -> None:
    graph = graph_of(edges)
    graph.check_invariants()
    for node in range(7):
        leaving = [(int(graph.targets[e]), int(graph.kinds[e]), int(graph.lines[e])) for e in graph.leaving(node)]
        assert leaving == [(t, k, line) for s, t, k, line in edges if s == node]
        reaching = Counter((int(graph.sources[e]), int(graph.kinds[e])) for e in graph.reaching(node))
        assert reaching == Counter((s, k) for s, t, k, _ in edges if t == node)


@given(
    edges=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0.1, 5)), max_size=25),
    start=st.lists(st.floats(0, 3), min_size=7, max_size=7),
)
@settings(max_examples=60, deadline=None)
def test_pagerank_is_that_of_networkx(edges: list[tuple[int, int, float]], start: list[float]) -> None:
    oracle = networkx.DiGraph()
    oracle.add_nodes_from(range(7))
    for source, target, weight in edges:
        known = oracle.get_edge_data(source, target, {"weight": 0})["weight"]
        oracle.add_edge(source, target, weight=known + weight)
    given_start = start if sum(start) > 0.01 else None
    matrix = networkx.google_matrix(
        oracle, nodelist=range(7), personalization=dict(enumerate(given_start)) if given_start else None
    )
    expected = np.full(7, 1 / 7)
    for _ in range(500):
        expected = expected @ matrix
    columns = list(zip(*edges, strict=True)) or [(), (), ()]
    found = pagerank(
        7,
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.float64),
        np.array(given_start) if given_start else None,
        rounds=500,
        tolerance=1e-12,
    )
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert found.sum() == pytest.approx(1)


MAPPED = build_texts(SHOP)


@given(
    budget=st.integers(1, 5000),
    query=st.sampled_from(["", "total price of the cart", "zzz unknown", "save"]),
    spec=st.sampled_from(["cl100k_base", "estimate"]),
)
@settings(max_examples=120, deadline=None)
def test_a_map_is_never_over_budget_and_always_the_same(budget: int, query: str, spec: str) -> None:
    counter = open_counter(spec)
    made = overview(MAPPED, budget, query, counter=counter)
    assert made.tokens == counter.count(made.text) <= budget
    assert made == overview(MAPPED, budget, query, counter=counter)
    lines = made.text.split("\n") if made.text else []
    assert len(lines) == made.symbols + made.files
