"""The benchmarks as plain functions: what `agentctx bench` calls, and what a script may call as well."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agentctx.config import SearchSettings, Settings
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument
from agentctx_bench import answering, host, locomo_audit, report
from agentctx_bench import locomo as locomo_loader
from agentctx_bench import longmemeval as longmemeval_loader
from agentctx_bench.chat import Chat
from agentctx_bench.dataset import Dataset
from agentctx_bench.progress import bar
from agentctx_bench.runner import Cutoffs, Run, by_category, run, work
from agentctx_bench.systems import BATCH, BM25System, EngineSystem, System

# What each ablation leaves switched on; the default has everything.
ABLATIONS: Final = {
    "bm25 only": SearchSettings(lexical=True, dense=False, context=True),
    "dense only": SearchSettings(lexical=False, dense=True, context=True),
    "turn only": SearchSettings(lexical=True, dense=True, context=False),
}
_URL = re.compile(r"[a-z][a-z0-9+]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a benchmark is run.

    k: the cut-offs. embedder: specs; the first one's full search is the headline, the others are compared with it.
    ablate: also bm25 only, dense only and turn only. baseline: also plain BM25. json_out: write the report there.
    answer, judge: `<base URL>#<model>`; judge defaults to answer. answer_k: turns the model reads (default: the
    largest k). predictions: keep replies there and go on from it. store: a path or URL to measure on (default: a
    temporary file); what the run adds there is removed at its end. limit: only the first questions. api_key: for
    answer and judge (default: OPENAI_API_KEY).
    """

    k: Sequence[int] = (5, 10)
    embedder: Sequence[str] = ("static",)
    ablate: bool = False
    baseline: bool = True
    json_out: str | Path | None = None
    answer: str | None = None
    judge: str | None = None
    answer_k: int | None = None
    predictions: str | Path | None = None
    store: str | Path | None = None
    limit: int | None = None
    seed: int = 0
    api_key: str | None = None


def locomo(data: str | Path, options: Options | None = None, *, audit: str | Path | None = None) -> dict[str, Any]:
    """Measure on a LoCoMo file; with `audit`, score the same rankings once more against the audited evidence.

    Returns the report. Raises InvalidArgument for wrong options or data, Unavailable where a model does not reply.
    """
    options = _checked(options or Options())
    dataset = _limited(locomo_loader.load(data), options)
    corrected = locomo_audit.audited(dataset, data, audit) if audit else None
    return _measure(dataset, data, options, corrected)


def longmemeval(data: str | Path, options: Options | None = None) -> dict[str, Any]:
    """Measure on a LongMemEval file, plain or packed with xz. Returns the report; raises as `locomo` does."""
    options = _checked(options or Options())
    return _measure(_limited(longmemeval_loader.load(data), options), data, options, None)


def _checked(options: Options) -> Options:
    if not options.k or not all(1 <= k <= 1000 for k in options.k):
        raise InvalidArgument("k must be whole numbers from 1 to 1000", field="k")
    if not options.embedder or len(set(options.embedder)) < len(options.embedder):
        raise InvalidArgument("name at least one embedder, and none twice", field="embedder")
    if options.store is not None and len(options.embedder) > 1:
        raise InvalidArgument("a store has one embedder: with a store, name one embedder", field="store")
    if options.limit is not None and options.limit < 1:
        raise InvalidArgument("limit must be at least 1", field="limit")
    if options.answer_k is not None and not 1 <= options.answer_k <= 50:
        raise InvalidArgument("answer_k must be from 1 to 50, which is what is retrieved", field="answer_k")
    if options.judge and not options.answer:
        raise InvalidArgument("judge needs answer", field="judge")
    if options.answer is not None:
        Chat(options.answer).close()  # a typing mistake should not cost an hour of measuring first
    if options.judge is not None:
        Chat(options.judge, field="judge").close()
    return options


def _limited(dataset: Dataset, options: Options) -> Dataset:
    return dataset if options.limit is None else dataset.limited(options.limit)


def _measure(
    dataset: Dataset, data: str | Path, options: Options, corrected: locomo_audit.Audit | None
) -> dict[str, Any]:
    cutoffs = Cutoffs.of(options.k)
    runs = []
    for system in _systems(dataset, options):
        with contextlib.closing(system), bar(f"{dataset.benchmark}, {system.label}", work(dataset)) as advance:
            runs.append(run(dataset, system, cutoffs, advance))
    base, *others = runs
    result: dict[str, Any] = {
        "benchmark": dataset.benchmark,
        **report.system_report(base, cutoffs),
        "embedder": options.embedder[0],
        "versions": host.versions(),
        "system": base.label,
        "excluded": dict(dataset.excluded),
        "notes": list(dataset.notes),
        "data": {
            "file": Path(data).name,
            "sha256": dataset.sha256,
            "namespaces": len(dataset.haystacks),
            "turns": dataset.turn_count(),
            "questions": sum(1 for _ in dataset.questions()),
        },
        "machine": host.machine() | {"peak_memory_mib": host.peak_memory_mib()},
        "seed": options.seed,
        "settings": {
            "k": list(options.k),
            "timed_k": 10,
            "batch": BATCH,
            "synchronous": Settings.load().store.synchronous,
            "store": "postgresql" if str(options.store or "").startswith("postgres") else "sqlite",
            "limit": options.limit,
        },
    }
    if corrected is not None:
        result["audited"] = _audited(base, corrected, cutoffs)
    if others:
        result["comparison"] = report.comparison(base, others, cutoffs, options.seed)
    if options.answer is not None:
        result["answers"] = _answers(base, corrected, options, options.answer)
    if options.json_out is not None:
        report.write_json(result, options.json_out)
    return result


def _systems(dataset: Dataset, options: Options) -> Iterator[System]:
    """The systems of a run, each opened when its turn has come; ablations ask the store that the full one filled."""
    settings = Settings.load()
    prefix = f"bench/{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="agentctx-bench-") as folder:
        for index, spec in enumerate(options.embedder):
            store = str(options.store) if options.store is not None else str(Path(folder) / f"store-{index}.db")
            if not _URL.match(store):
                Path(store).parent.mkdir(parents=True, exist_ok=True)

            def engine(search: SearchSettings, store: str = store, spec: str = spec) -> ContextEngine:
                return ContextEngine.open(store, embedder=spec, settings=replace(settings, search=search))

            yield EngineSystem(f"{spec}: full", engine(settings.search), prefix=prefix)
            for name, search in ABLATIONS.items() if options.ablate else ():
                # Without the dense evidence no embedder takes part: once is enough.
                if search.dense or index == 0:
                    yield EngineSystem(f"{spec}: {name}", engine(search), prefix=prefix, filled=True)
            if options.store is not None:
                cleaner = EngineSystem("clean-up", engine(settings.search), prefix=prefix, filled=True)
                with contextlib.closing(cleaner):
                    cleaner.drop([haystack.namespace for haystack in dataset.haystacks])
    if options.baseline:
        yield BM25System()


def _audited(base: Run, corrected: locomo_audit.Audit, cutoffs: Cutoffs) -> dict[str, Any]:
    """The rankings of the headline system, scored against the audited evidence."""
    questions = {question.key: question for question in corrected.dataset.questions()}
    rescored = replace(base, outcomes=[o.rescored(questions[o.question.key], cutoffs) for o in base.outcomes])
    return {
        **report.levels(report.headline(rescored)),
        "by_category": report.categories(rescored),
        "changed": corrected.changed,
        "unmatched_entries": corrected.unmatched,
    }


def _answers(base: Run, corrected: locomo_audit.Audit | None, options: Options, answer: str) -> dict[str, Any]:
    """Answer and judge every question, those without evidence and those reported apart too."""
    k = options.answer_k or min(max(options.k), 50)
    key = os.environ.get("OPENAI_API_KEY", "") if options.api_key is None else options.api_key
    with (
        contextlib.closing(Chat(answer, api_key=key)) as model,
        contextlib.closing(Chat(options.judge or answer, field="judge", api_key=key)) as judge,
        bar(f"answers of {model.model}", len(base.outcomes)) as advance,
    ):
        verdicts = answering.answer_all(
            base.outcomes, model=model, judge=judge, k=k, predictions=options.predictions, advance=advance
        )
    questions = [o.question for o in base.outcomes]
    groups = {"all of the headline": [q for q in questions if q.headline]}
    groups |= {name: [o.question for o in group] for name, group in by_category(base.outcomes)}
    # In LoCoMo abstention is a category of its own already; in LongMemEval it is part of the types and of the total.
    groups["abstention (also within the rows above)"] = [q for q in questions if q.headline and q.abstention]
    if corrected is not None:
        disputed = {q.key for q in corrected.dataset.questions() if q.answer_disputed}
        groups["headline without disputed answers"] = [q for q in questions if q.headline and q.key not in disputed]
    rows: Mapping[str, Any] = {name: answering.summary(group, verdicts) for name, group in groups.items() if group}
    return {"model": model.model, "judge": judge.model, "k": k, "prompts": answering.PROMPT_VERSION, "rows": rows}
