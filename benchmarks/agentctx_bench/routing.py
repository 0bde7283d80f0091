"""Task types, calibration, the two costly mistakes, and what learning saves (`agentctx bench routing`)."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

from agentctx.config import Settings
from agentctx.config.backends import BackendSettings
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument
from agentctx_bench import host, report
from agentctx_bench.files import expect
from agentctx_bench.progress import bar
from agentctx_bench.quantclaw import SENSITIVITY
from agentctx_bench.routing_replay import REQUESTS, replay
from agentctx_bench.stats import paired_bootstrap

POLICY: Final = "auto:value"
_INPUT: Final = 2_000
_BINS: Final = 10
_THRESHOLDS: Final = (0.0, 0.35, 0.5, 0.7, 0.9)
NOTES: Final = (
    (
        "Strict: the label alone counts; lenient: also the other types that the data allows. A guess counts also where "
        "the classifier abstains; the abstention curve tells what is right among the surer ones."
    ),
    (
        "Sent to 4 bit: three backends of one large model (400 billion parameters: bf16, fp8, nvfp4; 1, .8, .5 "
        f"dollars), {_INPUT} tokens of input, policy auto. Classes are QuantClaw's, by the label."
    ),
    (
        "Replay: kinds drawn evenly from QuantClaw's 24, outcomes from its table around a score of .65; the router "
        "starts from priors of format and size and gets feedback after each request. pass_or_fail is the headline."
    ),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A labelled prompt."""

    id: str
    text: str
    label: str
    also: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the router made of a prompt. top: its probability of the guess."""

    prompt: Prompt
    guess: str
    top: float
    abstained: bool
    tier: int
    ms: float

    @property
    def right(self) -> bool:
        """Whether it is the label."""
        return self.guess == self.prompt.label

    @property
    def defensible(self) -> bool:
        """Whether it is the label, or another type that the data allows."""
        return self.right or self.guess in self.prompt.also


def load(path: Path) -> list[Prompt]:
    """The prompts of a JSON lines file. Raises InvalidArgument, naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"cannot read {path}: {error}", field="data") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidArgument(f"{where} is no JSON", field="data") from error
        row = expect(row, dict, where)
        label = expect(row.get("task_type"), str, f"{where}.task_type")
        if label not in SENSITIVITY:
            raise InvalidArgument(f"{where}: {label!r} is none of the 24 task types", field="data")
        found.append(
            Prompt(
                str(row.get("id", number)),
                expect(row.get("prompt"), str, f"{where}.prompt"),
                label,
                frozenset(row.get("also", ())),
                str(row.get("source", "")),
            )
        )
    if not found:
        raise InvalidArgument(f"{path} holds no prompts", field="data")
    return found


def run(
    data: str | Path,
    json_out: str | Path | None = None,
    *,
    policy: str = POLICY,
    requests: int = REQUESTS,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure on a file of labelled prompts. policy: of the replay. Returns the report; raises InvalidArgument."""
    prompts = load(Path(data))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(backends=_backends())
        with ContextEngine.open(Path(folder) / "bench.db", settings=settings) as engine:
            engine.routing.decide("warm up", input_tokens=_INPUT)
            answers = []
            with bar("prompts", len(prompts)) as advance:
                for prompt in prompts:
                    answers.append(_ask(engine, prompt))
                    advance(1)
    result: dict[str, Any] = {
        "benchmark": "routing",
        **scores(answers, seed),
        "replay": replay(policy, seed, requests),
        "notes": list(NOTES),
        "data": {"file": Path(data).name, "prompts": len(prompts)},
        "versions": host.versions(),
        "machine": host.machine(),
        "seed": seed,
    }
    if json_out is not None:
        report.write_json(result, json_out)
    return result


def scores(answers: Sequence[Answer], seed: int = 0) -> dict[str, Any]:
    """All figures but the replay's."""
    strict = [one.right for one in answers]
    by_type: dict[str, list[bool]] = defaultdict(list)
    by_source: dict[str, list[bool]] = defaultdict(list)
    for one in answers:
        by_type[one.prompt.label].append(one.right)
        by_source[one.prompt.source].append(one.right)
    times = sorted(one.ms for one in answers)
    interval = paired_bootstrap([0.0] * len(strict), [float(one) for one in strict], seed=seed)
    return {
        "task_type_accuracy": _share(strict),
        "task_type_interval_95": [round(interval.low, 3), round(interval.high, 3)],
        "task_type_lenient": _share(one.defensible for one in answers),
        "task_type_macro": round(fmean(fmean(rights) for rights in by_type.values()), 4),
        "by_source": {name: {"n": len(r), "accuracy": _share(r)} for name, r in sorted(by_source.items())},
        "by_type": {name: {"n": len(r), "accuracy": _share(r)} for name, r in sorted(by_type.items())},
        "high_sent_low": _sent_low(answers, "high"),
        "moderate_sent_low": _sent_low(answers, "moderate"),
        "low_sent_low": _sent_low(answers, "low"),
        "calibration_error": _calibration_error(answers),
        "abstention": [_surer(answers, threshold) for threshold in _THRESHOLDS],
        "abstained": _share(one.abstained for one in answers),
        "confusions": _confusions(answers),
        "ms_per_decision": {"p50": round(median(times), 3), "p95": round(times[int(0.95 * (len(times) - 1))], 3)},
    }


def _backends() -> Mapping[str, BackendSettings]:
    prices = {"bf16": 1.0, "fp8": 0.8, "nvfp4": 0.5}
    return {
        precision: BackendSettings(
            "http://127.0.0.1:1/v1", "m", precision, input_per_1m=price, output_per_1m=4 * price, billions=400.0
        )
        for precision, price in prices.items()
    }


def _ask(engine: ContextEngine, prompt: Prompt) -> Answer:
    began = time.perf_counter()
    route = engine.routing.decide(prompt.text, input_tokens=_INPUT)
    ms = (time.perf_counter() - began) * 1000
    return Answer(prompt, route.task.task_type, route.task.confidence, route.task.abstained, route.tier, ms)


def _sent_low(answers: Sequence[Answer], sensitivity: str) -> float | None:
    chosen = [one.tier == 4 for one in answers if SENSITIVITY[one.prompt.label] == sensitivity]
    return _share(chosen) if chosen else None


def _calibration_error(answers: Sequence[Answer]) -> float:
    bins: dict[int, list[Answer]] = defaultdict(list)
    for one in answers:
        bins[min(int(one.top * _BINS), _BINS - 1)].append(one)
    gaps = (len(b) * abs(fmean(one.right for one in b) - fmean(one.top for one in b)) for b in bins.values())
    return round(sum(gaps) / len(answers), 4)


def _surer(answers: Sequence[Answer], threshold: float) -> dict[str, float | int | None]:
    kept = [one.right for one in answers if one.top >= threshold]
    share = round(len(kept) / len(answers), 4)
    return {"confidence": threshold, "kept": share, "accuracy": _share(kept) if kept else None}


def _confusions(answers: Sequence[Answer], most: int = 10) -> list[str]:
    found: dict[tuple[str, str], int] = defaultdict(int)
    for one in answers:
        if not one.right:
            found[one.prompt.label, one.guess] += 1
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [f"{label} taken for {guess}: {count}" for (label, guess), count in ranked[:most]]


def _share(values: Iterable[bool]) -> float:
    listed: list[bool] = list(values)
    return round(sum(listed) / len(listed), 4)


Show = Callable[[str], None]


def show(result: Mapping[str, Any], say: Show) -> None:
    """The report in a few lines."""
    low, high = result["task_type_interval_95"]
    told = result["replay"]
    say(
        f"task type, strict {result['task_type_accuracy']:.3f} ({low:.3f} to {high:.3f}), lenient "
        f"{result['task_type_lenient']:.3f}, macro {result['task_type_macro']:.3f}, {result['data']['prompts']} prompts"
    )
    say(
        f"sent to 4 bit: high sensitivity {_percent(result['high_sent_low'])}, low {_percent(result['low_sent_low'])}; "
        f"calibration error {result['calibration_error']:.3f}; decision p50 {result['ms_per_decision']['p50']:.2f} ms"
    )
    say(f"replay, {told['policy']}, {told['requests']} requests, {len(told['seeds'])} seeds:")
    rows = {"agentctx, pass or fail": told["pass_or_fail"], "agentctx, graded": told["graded"], **told["others"]}
    for name, row in rows.items():
        say(
            f"  {name:24} saves {row['saving_percent']:5.2f} % ({row['share_of_hindsight']:.2f} of hindsight), "
            f"score {row['score_points']:+.2f} points, {row['sent_low']:.0%} to 4 bit"
        )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
