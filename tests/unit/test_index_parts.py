"""The parts of the index, each against a plain model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx import kernels
from agentctx.embed.near_words import FILE, NearWords
from agentctx.embed.static import DATA
from agentctx.errors import FailedPrecondition
from agentctx.index import lexical_meet
from agentctx.index import live_view as live_view_module
from agentctx.index.attributes import AttributeIndex
from agentctx.index.expiry import Expiry
from agentctx.index.growable import Growable
from agentctx.index.lexical import LexicalIndex
from agentctx.index.live_view import LiveView
from agentctx.index.names import Names
from agentctx.index.texts import Texts
from agentctx.index.view import NOBODY
from agentctx.text.hashes import hash_of
from agentctx.text.terms import analyze
from tests.fixtures_memory import MADE_UP_WORDS

FOREVER = np.iinfo(np.int64).max
DOCUMENTS = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 70_000), max_size=4), max_size=12)


@given(st.lists(st.lists(st.integers(-9, 9), max_size=40), max_size=8), st.booleans())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_growable_holds_all_rows_and_leaves_older_views_alone(batches: list[list[int]], wide: bool) -> None:
    grown = Growable(np.int64, 2 if wide else 0)
    expected: list[Any] = []
    views = []
    for batch in batches:
        rows = [[value, -value] for value in batch] if wide else batch
        grown.extend(rows)
        expected += rows
        views.append((grown.array, list(expected)))
        assert len(grown) == len(expected)
    for array, known in views:
        assert array.tolist() == known
    if expected:
        grown.array[0] = 7
        assert grown.array.ravel()[0] == 7


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


def live_view() -> tuple[LiveView, list[Growable[Any]]]:
    """An empty view of rows that are added one by one, and their columns."""
    columns: list[Growable[Any]] = [Growable(np.int32), Growable(np.int64), Growable(np.float32)]
    return LiveView(*columns), columns


@given(ROWS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_view_knows_neighbours_and_sessions(rows: list[tuple[int, int, bool]]) -> None:
    live, columns = live_view()
    for row, (session, position, _) in enumerate(rows):
        for column, value in zip(columns, (session, position, row + 1), strict=True):
            column.append(value)
        live.add(row)
    for row, (_, _, shown) in enumerate(rows):
        if not shown:
            live.hide(row)
    live.check_invariants()
    session, position = columns[0].array, columns[1].array
    view = live.view(7)
    shown = [row for row, (_, _, one) in enumerate(rows) if one]
    assert view.count == len(shown)
    assert view.valid_until == 7
    assert (view.visible is None) == (len(shown) == len(rows))
    assert view.of(np.arange(len(rows), dtype=np.int32)).tolist() == shown
    groups = [[row for row in shown if session[row] == number] for number in (1, 2)]
    groups = [sorted(group, key=lambda row: (position[row], row)) for group in groups if group]
    groups += [[row] for row in shown if session[row] == 0]
    for group in groups:
        for row, before, after in zip(group, [NOBODY, *group], [*group[1:], NOBODY], strict=False):
            assert (view.previous[row], view.following[row]) == (before, after)
        run = int(view.run[group[0]])
        assert {int(view.run[row]) for row in group} == {run}
        assert (view.run_rows[run], view.run_length[run]) == (len(group), sum(row + 1 for row in group))
    assert len({int(view.run[group[0]]) for group in groups}) == len(groups) == view.filled <= view.runs
    assert view.total_length == sum(row + 1 for row in shown)
    assert all(view.previous[row] == view.following[row] == NOBODY for row in set(range(len(rows))) - set(shown))
    again = live.at(np.array([one for _, _, one in rows], dtype=np.bool_))
    for name in ("previous", "following", "run", "run_rows", "run_length"):
        assert getattr(view, name).tolist() == getattr(again, name).tolist(), name


@given(ROWS, st.lists(st.integers(0, 11), max_size=12), st.integers(0, 3))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_view_kept_row_by_row_is_the_one_made_anew(
    rows: list[tuple[int, int, bool]], toggled: list[int], steps: int
) -> None:
    """Rows come, vanish and come back in any order, also far from the end of a long session."""
    live, columns = live_view()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(live_view_module, "_STEPS", steps)
        for row, (session, position, shown) in enumerate(rows):
            for column, value in zip(columns, (session, position, 1), strict=True):
                column.append(value)
            live.add(row)
            if not shown:
                live.hide(row)
            for toggle in toggled[row::5]:
                if toggle <= row:
                    (live.hide if live.visible.array[toggle] else live.show)(toggle)
            live.check_invariants()


@given(st.lists(st.integers(0, 9) | st.just(int(FOREVER)), max_size=12), st.lists(st.integers(0, 9), max_size=6))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_expiry_names_each_row_once_when_its_time_has_come(times: list[int], later: list[int]) -> None:
    expiry = Expiry()
    expiry.start(np.array(times, dtype=np.int64), 2)
    waiting = {(row, moment) for row, moment in enumerate(times) if 2 < moment < FOREVER}
    for row, moment in enumerate(later, len(times)):
        expiry.add(row, moment)
        waiting.add((row, moment))
    for now in range(10):
        assert expiry.next() == min((moment for _, moment in waiting), default=FOREVER)
        due = set(expiry.due(now))
        assert due == {one for one in waiting if one[1] <= now}
        waiting -= due


@given(st.lists(st.binary(max_size=6), max_size=20), st.integers(0, 20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_texts_come_back_also_from_what_was_saved(texts: list[bytes], saved: int) -> None:
    held = Texts()
    numbers: list[int] = []
    for place, text in enumerate(texts):
        if place == saved:
            held = Texts.restore({name: np.concatenate(pieces) for name, pieces in held.arrays().items()})
        numbers.append(held.put(text))
    assert [held.get(number) for number in numbers] == texts
    assert all((number == 0) == (text == b"") for number, text in zip(numbers, texts, strict=True))


def metadata_index(*rows: dict[str, Any]) -> AttributeIndex:
    texts, column = Texts(), Growable(np.int32)
    column.extend([texts.put(json.dumps(row).encode()) if row else 0 for row in rows])
    return AttributeIndex(texts, column)


def test_a_filter_finds_the_rows_by_key_and_value() -> None:
    rows: list[dict[str, Any]] = [{"a": {"b": [1, {"c": 2}]}, "x": None}, {"a": {"b": True}, "a.b": 1}, {}]
    index = metadata_index(*rows)
    assert index.having("a.b", 3).tolist() == [True, True, False]
    assert index.having("x", 3).tolist() == [True, False, False]
    assert index.where("a.b", lambda value: value == 1 and value is not True, 3).tolist() == [False, True, False]
    assert not index.having("missing", 3).any()
    index.check_invariants(dict(enumerate(rows)))
    with pytest.raises(AssertionError):
        index.check_invariants({0: rows[0]})


def test_a_key_with_very_many_values_and_very_many_keys_cost_little() -> None:
    rows = [{"n": number, f"k{number % 50}": 1} for number in range(6000)]
    index = metadata_index(*rows)
    assert np.flatnonzero(index.where("n", lambda value: 4090 <= value < 4100, 6000)).tolist() == [*range(4090, 4100)]
    for number in range(50):
        assert index.having(f"k{number}", 6000).sum() == 120
    assert len(index._paths) == 32
    assert index.nbytes < 40 * 32 * 6000


# --- words of like meaning --------------------------------------------------------------------------------------------

WORDS = [a + b for a in "bdkx" for b in "aeiou"]


def lexical_of(*texts: str) -> LexicalIndex:
    columns: list[Growable[Any]] = [Growable(np.int32), Growable(np.int32), Growable(np.float32)]
    columns[0].extend([0] * len(texts))
    columns[1].extend(range(len(texts)))
    columns[2].extend([len(text.split()) for text in texts])
    index = LexicalIndex(*columns)
    index.add([analyze(text).counts for text in texts])
    return index


@given(st.lists(st.sampled_from(WORDS), min_size=1, unique=True), st.integers(1, 20))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_nearest_words_are_those_of_a_full_comparison(asked: list[str], width: int) -> None:
    words = [word for word in WORDS if word[0] != "x"]
    forms = {word: [word] for word in words}
    table = NearWords(NearWords.compare(words, MADE_UP_WORDS.embed(words), forms, width))
    for word, ids, strengths in zip(asked, *table.near(asked), strict=True):
        found = {table.terms[place]: near for place, near in zip(ids, strengths, strict=True) if near > 0}
        near = {other: (MADE_UP_WORDS.cosine(word, other) - 0.3) / 0.7 for other in words} if word in words else {}
        best = sorted((value for value in near.values() if value > 0.002), reverse=True)[:width]
        assert sorted((value for value in found.values() if value > 0.002), reverse=True) == pytest.approx(
            best, abs=0.003
        )
        assert found == pytest.approx({other: near[other] for other in found}, abs=0.003)
        assert strengths.tolist() == sorted(strengths.tolist(), reverse=True)


def test_terms_of_the_table_are_found_in_a_namespace_however_it_grew() -> None:
    table = MADE_UP_WORDS.near(WORDS)
    texts = ["ba be", "ki ki du", "xa", "do", "di ko"]
    for folded in range(len(texts) + 1):
        index, known = lexical_of(), 0
        for row, text in enumerate(texts):
            index._session.append(0)
            index._run.append(row)
            index._length.append(len(text.split()))
            index.add([analyze(text).counts])
            if row == folded:
                fold = index.fold()
                for _ in fold.steps():
                    pass
                index.publish(fold)
            numbers = index.terms.numbers_of(table)
            assert numbers[-1] == -1
            found = {term: int(number) for term, number in zip(table.terms, numbers, strict=False) if number >= 0}
            assert found == {
                term: index.terms.number(term) for term in table.terms if index.terms.number(term) is not None
            }
            known = max(known, len(found))
        assert known == 5  # two are stop words


def test_the_rows_that_say_terms_are_met_from_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["kod kod kod", "kod lok mip", "kod kod", "gaf", "kod", "kod " * 9, "kod lok nez tup vip rup gaf mip"]
    index = lexical_of(*texts)
    fold = index.fold()
    for _ in fold.steps():
        pass
    index.publish(fold)
    for column, value in ((index._session, 0), (index._run, 7), (index._length, 2)):
        column.append(value)
    index.add([{"kod": 2}])
    kod, gaf, mip = (index.terms.number(term) or 0 for term in ("kod", "gaf", "mip"))
    terms = np.array([gaf, kod, mip], dtype=np.int32)
    sums, weights = np.empty(8, dtype=np.float32), np.ones(3, dtype=np.float32)
    looked = [index.add_up(terms, weights, 1, sums).looked, index.add_up(terms[:2], weights, 100, sums).looked]
    assert looked == [2, 9]  # as many terms as are enough
    monkeypatch.setattr(kernels, "compiled", None)
    again = np.empty(8, dtype=np.float32)
    lists = index.add_up(terms[:2], weights, 100, again).lists
    assert lists is not None
    assert lists.rows.tolist() == [3, 6, 0, 1, 2, 4, 5, 6, 7]
    assert np.array_equal(again, sums)
    assert sums[6] > sums[1] > 0
    assert sums[5] > sums[0] > sums[4]
    rooms = np.zeros(9, dtype=np.int32), np.zeros(len(index.terms), dtype=np.int16)
    rows = np.array([7, 6, 1, 0])
    expected = {(0, 1, 2), (1, 0, 1), (1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1), (3, 1, 3)}
    for either in (0, 1_000):
        monkeypatch.setattr(lexical_meet, "EITHER", either)
        for known in (None, lists):
            met = index.meet(rows, terms, rooms, known)
            assert set(zip(met.place.tolist(), met.code.tolist(), met.counts.tolist(), strict=True)) == expected
            assert not any(room.any() for room in rooms)
    assert index.rows(kod).tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_the_shipped_table_knows_common_words_and_their_terms() -> None:
    table = NearWords.load()
    ids, strengths = table.near(["vet", "Vet", "2024", "zzyzx", "running"])
    assert table.terms[ids[0][0]] == "vet"
    assert "veterinari" in {table.terms[place] for place in ids[0][:4]}
    assert "run" in {table.terms[place] for place in ids[4][:2]}
    assert not strengths[1:4].any()  # words are asked for in lower case, and digits mean nothing
    assert table.hashes.tolist() == [hash_of(term) for term in table.terms]


def test_a_word_that_is_not_listed_has_what_the_commonest_word_with_its_term_has() -> None:
    table = NearWords.load()
    asked, stems = ["digestive", "running", "zzyzx", "xyruns"], ["digest", "run", "zzyzx", "run"]
    ids, strengths = table.near(asked, stems)
    listed, how = table.near(["digest", "running", "zzyzx", "run"])
    assert ids[strengths > 0].tolist() == listed[how > 0].tolist()
    assert strengths.tolist() == how.tolist()
    assert not table.near(asked)[1][[0, 2, 3]].any()
    assert table.row_of("digestive") == -1


@pytest.mark.parametrize("damage", ["missing", "changed", "unnamed"])
def test_a_damaged_table_is_refused(tmp_path: Path, damage: str) -> None:
    for name in ("manifest.json", FILE):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    if damage == "missing":
        (tmp_path / FILE).unlink()
    elif damage == "changed":
        (tmp_path / FILE).write_bytes((DATA / FILE).read_bytes()[:-1] + b"\x07")
    else:
        (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(FailedPrecondition, match=FILE):
        NearWords.load(tmp_path)


def test_a_name_is_one_while_somebody_who_bears_it_is_heard() -> None:
    names = Names()
    names.meet(["", "Mary-Ann O'Hara", "assistant", "Ann Lee"])
    assert names.named(["mary", "ann"]) == []
    names.hear(np.array([1, 1, 2, 3]))
    assert sorted(names.named(["mary", "ann", "assistant"])) == [1, 3]
    assert names.said(["mari", "lee", "hara", "assist", "bo"]) == [True, True, True, False, False]
    names.hear(np.array([1, 3]), -1)
    assert names.named(["mary", "ann"]) == [1]
    assert names.said(["lee"]) == [False]
    names.check_invariants({"": 0, "Mary-Ann O'Hara": 1, "assistant": 2, "Ann Lee": 3}, [1, 2])
