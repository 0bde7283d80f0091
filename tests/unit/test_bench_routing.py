"""The routing benchmark: its scores by hand, and a replay that is what its table says."""

from __future__ import annotations

from pathlib import Path

import pytest
from agentctx_bench.quantclaw import TABLE
from agentctx_bench.routing import Answer, Prompt, load, scores
from agentctx_bench.routing_replay import fixed, hindsight, learn

from agentctx.errors import InvalidArgument


def answer(label: str, guess: str, top: float, tier: int, also: tuple[str, ...] = ()) -> Answer:
    return Answer(Prompt("x", "text", label, frozenset(also), "here"), guess, top, top < 0.35, tier, 1.0)


def test_scores_are_those_worked_out_by_hand() -> None:
    told = scores(
        [
            answer("coding", "coding", 0.95, 16),
            answer("coding", "terminal", 0.95, 4, ("terminal",)),
            answer("knowledge", "knowledge", 0.55, 4),
            answer("research", "coding", 0.25, 16),
        ]
    )
    assert told["task_type_accuracy"] == 0.5
    assert told["task_type_lenient"] == 0.75
    assert told["task_type_macro"] == pytest.approx((0.5 + 1 + 0) / 3, abs=1e-4)
    assert (told["high_sent_low"], told["low_sent_low"], told["moderate_sent_low"]) == (0.5, 0.5, None)
    # |.5 - .95| over two, |1 - .55| and |0 - .25| over one each
    assert told["calibration_error"] == pytest.approx((2 * 0.45 + 0.45 + 0.25) / 4, abs=1e-4)
    assert told["abstained"] == 0.25
    assert told["abstention"][-1] == {"confidence": 0.9, "kept": 0.5, "accuracy": 0.5}


def test_hindsight_loses_nothing_and_no_fixed_choice_saves_more_without_a_loss() -> None:
    best = hindsight()
    assert best.points == pytest.approx(0.0, abs=1e-9)
    assert all(told.saving <= best.saving + 1e-9 for told in fixed().values() if told.points >= -1e-9)
    assert fixed()["all_low"].saving == pytest.approx(sum(row.saving for row in TABLE) / 24)


def test_a_replay_is_the_same_for_the_same_seed() -> None:
    assert learn("auto:value", "graded", 3, 200) == learn("auto:value", "graded", 3, 200)
    assert learn("auto:value", "graded", 3, 200) != learn("auto:value", "graded", 4, 200)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"prompt": "x"}',
        '{"prompt": 5, "task_type": "coding"}',
        '{"prompt": "x", "task_type": "gardening"}',
        "[]",
    ],
)
def test_data_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidArgument):
        load(path)
    with pytest.raises(InvalidArgument):
        load(tmp_path / "missing")
