"""The command line of the benchmarks: `agentctx bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctx.errors import InvalidArgument

if TYPE_CHECKING:
    from agentctx_bench.commands import Options

app = typer.Typer(
    name="bench",
    help="Measure agentctx on public benchmarks. The data stays where it is and is never copied.",
    no_args_is_help=True,
)

Data = Annotated[Path, typer.Option("--data", metavar="FILE", help="The benchmark's file; .xz is unpacked on the way.")]
K = Annotated[str, typer.Option("--k", metavar="K,K", help="Cut-offs, separated by commas.")]
JsonOut = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report there as JSON.")]
EmbedderSpec = Annotated[
    list[str] | None,
    typer.Option("--embedder", metavar="SPEC", help="Embedder to measure; give it again to compare. Default: static."),
]
Ablate = Annotated[bool, typer.Option("--ablate", help="Also bm25 only, dense only and turn only.")]
Baseline = Annotated[bool, typer.Option(help="Also plain BM25, for comparison.")]
Answer = Annotated[
    str | None,
    typer.Option("--answer", metavar="URL#MODEL", help="Let a model behind an OpenAI-compatible URL answer and judge."),
]
Judge = Annotated[str | None, typer.Option("--judge", metavar="URL#MODEL", help="Another model to judge.")]
AnswerK = Annotated[
    int | None, typer.Option("--answer-k", metavar="N", help="Turns that the model reads. Default: the largest k.")
]
Predictions = Annotated[
    Path | None,
    typer.Option("--predictions", metavar="FILE", help="Keep replies there (JSON lines) and resume from it."),
]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="PATH|URL", help="Store to measure on, a path or URL. Default: a temporary file."),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="Only the first questions: for a quick look.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the bootstrap intervals.")]
Audit = Annotated[
    Path | None, typer.Option("--audit", metavar="FILE", help="Corrected evidence (dial481/locomo-audit): a 2nd table.")
]


@app.callback()
def bench() -> None:
    """Keep sub-commands even if there is one only."""


@app.command()
def locomo(
    *,
    data: Data,
    k: K = "5,10",
    json_out: JsonOut = None,
    embedder: EmbedderSpec = None,
    ablate: Ablate = False,
    baseline: Baseline = True,
    answer: Answer = None,
    judge: Judge = None,
    answer_k: AnswerK = None,
    predictions: Predictions = None,
    audit: Audit = None,
    store: Store = None,
    limit: Limit = None,
    seed: Seed = 0,
) -> None:
    """Recall, latency and ingest rate on LoCoMo: long conversations of two people, single turns to be found."""
    from agentctx_bench import commands  # noqa: PLC0415 - help must not load an engine

    options = _options(
        k,
        embedder,
        json_out=json_out,
        ablate=ablate,
        baseline=baseline,
        answer=answer,
        judge=judge,
        answer_k=answer_k,
        predictions=predictions,
        store=store,
        limit=limit,
        seed=seed,
    )
    _show(commands.locomo(data, options, audit=audit))


@app.command()
def longmemeval(
    *,
    data: Data,
    k: K = "5,10",
    json_out: JsonOut = None,
    embedder: EmbedderSpec = None,
    ablate: Ablate = False,
    baseline: Baseline = True,
    answer: Answer = None,
    judge: Judge = None,
    answer_k: AnswerK = None,
    predictions: Predictions = None,
    store: Store = None,
    limit: Limit = None,
    seed: Seed = 0,
) -> None:
    """Recall, latency and ingest rate on LongMemEval: one question over some 48 chat sessions, S or oracle."""
    from agentctx_bench import commands  # noqa: PLC0415

    options = _options(
        k,
        embedder,
        json_out=json_out,
        ablate=ablate,
        baseline=baseline,
        answer=answer,
        judge=judge,
        answer_k=answer_k,
        predictions=predictions,
        store=store,
        limit=limit,
        seed=seed,
    )
    _show(commands.longmemeval(data, options))


def _options(k: str, embedder: list[str] | None, **others: Any) -> Options:
    from agentctx_bench.commands import Options  # noqa: PLC0415

    try:
        cutoffs = tuple(int(part) for part in k.split(","))
    except ValueError:
        raise InvalidArgument(f"k must be whole numbers separated by commas, not {k!r}", field="k") from None
    return Options(k=cutoffs, embedder=embedder or ["static"], **others)


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415

    from agentctx_bench.tables import show  # noqa: PLC0415

    show(report, Console())
