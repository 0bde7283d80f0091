"""The traps of the published data, on small files of our own in the same formats."""

from __future__ import annotations

import json
import lzma
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from agentctx_bench import locomo, locomo_audit, longmemeval
from agentctx_bench.dataset import Dataset, Question
from agentctx_bench.files import storable

from agentctx.errors import InvalidArgument

DATA = Path(__file__).parent / "test_bench_data"
LOCOMO, AUDIT, LONGMEMEVAL = DATA / "locomo.json", DATA / "locomo_audit.json", DATA / "longmemeval.json"


def handed_over(dataset: Dataset) -> str:
    """All that the system under test can see of a dataset."""
    seen: list[object] = []
    for haystack in dataset.haystacks:
        seen.append(haystack.namespace)
        seen += [turn.episode() for turn in haystack.turns]
        seen += [(question.text, question.reference_time) for question in haystack.questions]
    return repr(seen)


class TestLoCoMo:
    @pytest.fixture
    def dataset(self) -> Dataset:
        return locomo.load(LOCOMO)

    @pytest.fixture
    def questions(self, dataset: Dataset) -> dict[str, Question]:
        return {question.key: question for question in dataset.questions()}

    def test_sessions_are_ordered_by_number_and_turns_numbered_in_that_order(self, dataset: Dataset) -> None:
        turns = dataset.haystacks[0].turns
        assert [(t.id, t.session, t.position) for t in turns] == [
            ("t00000", "s001", 0),
            ("t00001", "s001", 1),
            ("t00002", "s001", 2),
            ("t00003", "s002", 0),
            ("t00004", "s002", 1),
            ("t00005", "s010", 0),
            ("t00006", "s010", 1),
        ]

    def test_a_caption_follows_the_text_and_stands_alone_where_there_is_none(self, dataset: Dataset) -> None:
        turns = dataset.haystacks[0].turns
        assert turns[1].text == "Look at this! [image: a photo of a red kayak on a lake]"
        assert turns[2].text == "[image: a bowl of lentil soup]"
        assert turns[1].speaker == "Otto"

    def test_query_and_digests_never_leave_the_loader(self, dataset: Dataset) -> None:
        seen = handed_over(dataset)
        assert "zanzibar" in LOCOMO.read_text(encoding="utf-8")
        assert "zanzibar" not in seen
        assert "re-download" not in seen
        assert "D1:" not in seen
        assert "conv-26" not in seen

    def test_session_dates_become_event_times(self, dataset: Dataset) -> None:
        turns = dataset.haystacks[0].turns
        assert turns[0].occurred_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
        assert turns[3].occurred_at == datetime(2023, 6, 1, tzinfo=UTC)

    def test_questions_are_asked_at_the_end_of_the_last_session_that_is_there(self, dataset: Dataset) -> None:
        """The file also has the date of a session that is not in it."""
        asked = dataset.haystacks[0].questions[0].reference_time
        assert asked == datetime(2024, 3, 3, 23, 59, 59, 999_999, tzinfo=UTC)

    def test_evidence_is_mended(self, questions: dict[str, Question]) -> None:
        assert questions["conv-26/1"].gold_turns == {"t00000", "t00004"}
        assert questions["conv-26/2"].gold_turns == {"t00005", "t00001", "t00003", "t00004"}
        assert questions["conv-26/2"].gold_sessions == {"s001", "s002", "s010"}

    def test_what_matches_no_turn_is_dropped_and_counted(
        self, dataset: Dataset, questions: dict[str, Question]
    ) -> None:
        assert questions["conv-26/3"].gold_turns == frozenset()
        assert questions["conv-26/3"].headline
        assert dataset.excluded == {
            "turns without text or caption, skipped": 1,
            "evidence references that match no turn, dropped": 2,
            "questions without usable evidence (category 3), no retrieval metrics": 1,
            "questions of category 5 (adversarial), reported apart": 2,
        }

    def test_the_wrong_answer_of_category_5_is_nobodys_answer(self, questions: dict[str, Question]) -> None:
        for key in ("conv-26/5", "conv-26/6"):
            question = questions[key]
            assert (question.headline, question.abstention, question.answer) == (False, True, "")
            assert question.category == "5 adversarial"

    def test_answers_are_text(self, questions: dict[str, Question]) -> None:
        assert questions["conv-26/3"].answer == "1"

    def test_a_question_that_occurs_twice_is_two_questions(self, questions: dict[str, Question]) -> None:
        assert questions["conv-30/0"].text == questions["conv-30/1"].text
        assert questions["conv-30/0"].gold_turns != questions["conv-30/1"].gold_turns

    def test_limit_keeps_the_first_questions_and_says_so(self, dataset: Dataset) -> None:
        limited = dataset.limited(2)
        assert [q.key for q in limited.questions()] == ["conv-26/0", "conv-26/1"]
        assert len(limited.haystacks) == 1
        assert "not a result" in limited.notes[-1]

    def test_the_audit_changes_evidence_by_place_and_only_where_the_text_agrees(self, dataset: Dataset) -> None:
        audit = locomo_audit.audited(dataset, LOCOMO, AUDIT)
        questions = {question.key: question for question in audit.dataset.questions()}
        assert questions["conv-30/1"].gold_turns == {"t00000"}
        assert not questions["conv-30/1"].answer_disputed
        assert questions["conv-26/4"].answer_disputed
        assert questions["conv-26/0"].gold_turns == {"t00000"}
        assert (audit.changed, audit.unmatched) == (1, 2)


class TestLongMemEval:
    @pytest.fixture
    def dataset(self) -> Dataset:
        return longmemeval.load(LONGMEMEVAL)

    def test_nothing_that_gives_the_gold_away_leaves_the_loader(self, dataset: Dataset) -> None:
        seen = handed_over(dataset)
        for leak in ("answer_", "sharegpt", "ultrachat", "has_answer", "_abs", "aa11", "bb22", "single-session"):
            assert leak not in seen

    def test_sessions_are_sorted_by_date_and_named_by_place(self, dataset: Dataset) -> None:
        """Two sessions of one moment keep their order; one id that occurs twice is two sessions."""
        turns = dataset.haystacks[0].turns
        assert list(dict.fromkeys(t.session for t in turns)) == ["s001", "s002", "s003", "s000"]

    def test_evidence_later_on_the_day_of_the_question_is_seen(self, dataset: Dataset) -> None:
        haystack = dataset.haystacks[0]
        (question,) = haystack.questions
        evidence = next(t for t in haystack.turns if t.id in question.gold_turns)
        assert evidence.session == "s000"
        assert evidence.occurred_at < question.reference_time
        assert question.gold_sessions == {"s000"}

    def test_a_later_day_is_not_seen_and_empty_turns_are_not_ingested(self, dataset: Dataset) -> None:
        assert all("next day" not in t.text for t in dataset.haystacks[0].turns)
        assert dataset.excluded == {
            "sessions after the day of the question, skipped": 1,
            "turns with empty content, skipped": 1,
            "abstention questions, no retrieval metrics": 1,
        }

    def test_places_in_a_session_count_empty_turns_too(self, dataset: Dataset) -> None:
        turn = next(t for t in dataset.haystacks[0].turns if t.session == "s002")
        assert (turn.position, turn.role) == (1, "assistant")

    def test_abstention_questions_have_no_gold(self, dataset: Dataset) -> None:
        (question,) = dataset.haystacks[1].questions
        assert question.abstention
        assert question.headline
        assert not question.gold_turns
        assert not question.gold_sessions

    def test_one_namespace_a_question_and_answers_are_text(self, dataset: Dataset) -> None:
        assert [h.namespace for h in dataset.haystacks] == ["q0000", "q0001", "q0002"]
        assert dataset.haystacks[2].questions[0].answer == "5"
        assert dataset.haystacks[2].questions[0].gold_sessions == {"s000", "s001"}

    def test_a_packed_file_reads_the_same(self, tmp_path: Path, dataset: Dataset) -> None:
        packed = tmp_path / "data.json.xz"
        packed.write_bytes(lzma.compress(LONGMEMEVAL.read_bytes()))
        assert longmemeval.load(packed).haystacks == dataset.haystacks


def test_what_no_store_keeps_is_replaced() -> None:
    """JSON can hold NUL and half a character; neither may cost a whole run."""
    assert storable("a\0b") == "a\ufffdb"
    assert storable("x\ud83dy").startswith("x\ufffd")
    assert storable("x\ud83dy").encode().endswith(b"y")
    assert storable("Grüße 🎉") == "Grüße 🎉"


class TestBadFiles:
    @pytest.mark.parametrize("load", [locomo.load, longmemeval.load])
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("cut.json", b'[{"sample_id": "conv-1"'),
            ("not_text.json", b"\xff\xfe\x00["),
            ("not_xz.json.xz", b"[]"),
            ("cut.json.xz", lzma.compress(b"[1]")[:-20]),
            ("table.json", b"{}"),
            ("empty.json", b"[]"),
            ("number.json", b"[1]"),
            ("deep.json", b"[" * 200_000),
        ],
    )
    def test_a_wrong_file_names_the_option(self, load: Any, name: str, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InvalidArgument) as caught:
            load(path)
        assert caught.value.field.startswith("data")

    @pytest.mark.parametrize("load", [locomo.load, longmemeval.load])
    def test_a_missing_file_or_a_folder(self, load: Any, tmp_path: Path) -> None:
        for path in (tmp_path / "absent.json", tmp_path):
            with pytest.raises(InvalidArgument) as caught:
                load(path)
            assert caught.value.field == "data"

    def test_one_benchmark_is_not_taken_for_the_other(self) -> None:
        with pytest.raises(InvalidArgument, match="sample_id is missing"):
            locomo.load(LONGMEMEVAL)
        with pytest.raises(InvalidArgument, match="question_date is missing"):
            longmemeval.load(LOCOMO)

    @pytest.mark.parametrize(
        ("place", "value", "field"),
        [
            (("qa", 0, "category"), 9, "data[0].qa[0].category"),
            (("qa", 0, "category"), "4", "data[0].qa[0].category"),
            (("qa", 0, "category"), True, "data[0].qa[0].category"),
            (("qa", 1, "evidence"), "D1:1", "data[0].qa[1].evidence"),
            (("qa", 1, "evidence"), [None], "data[0].qa[1].evidence[0]"),
            (("conversation", "session_2_date_time"), "yesterday", "data[0].conversation.session_2_date_time"),
            (("conversation", "session_2", 0, "speaker"), None, "data[0].conversation.session_2[0].speaker"),
            (("conversation", "session_2", 1, "dia_id"), "x", "data[0].conversation.session_2[1].dia_id"),
        ],
    )
    def test_a_wrong_field_of_locomo_is_named(
        self, place: tuple[Any, ...], value: object, field: str, tmp_path: Path
    ) -> None:
        assert self.field_of(locomo.load, LOCOMO, place, value, tmp_path) == field

    @pytest.mark.parametrize(
        ("place", "value", "field"),
        [
            (("question_date",), "2023-05-20", "data[0].question_date"),
            (("haystack_dates",), [], "data[0].haystack_sessions"),
            (("haystack_dates", 1), 5, "data[0].haystack_dates[1]"),
            (("haystack_sessions", 0, 1, "role"), "narrator", "data[0].haystack_sessions[0][1].role"),
            (("haystack_sessions", 0, 1, "content"), None, "data[0].haystack_sessions[0][1].content"),
        ],
    )
    def test_a_wrong_field_of_longmemeval_is_named(
        self, place: tuple[Any, ...], value: object, field: str, tmp_path: Path
    ) -> None:
        assert self.field_of(longmemeval.load, LONGMEMEVAL, place, value, tmp_path) == field

    def test_a_wrong_audit_is_named_apart_from_the_data(self, tmp_path: Path) -> None:
        audit = tmp_path / "audit.json"
        audit.write_text('[{"question_id": "7"}]', encoding="utf-8")
        with pytest.raises(InvalidArgument) as caught:
            locomo_audit.audited(locomo.load(LOCOMO), LOCOMO, audit)
        assert caught.value.field == "audit[0].question_id"

    @staticmethod
    def field_of(load: Any, source: Path, place: tuple[Any, ...], value: object, folder: Path) -> str:
        document = json.loads(source.read_text(encoding="utf-8"))
        target = document[0]
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = value
        path = folder / "data.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(InvalidArgument) as caught:
            load(path)
        return caught.value.field
