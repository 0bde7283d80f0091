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


@app.command(name="time")
def time_(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder with DateTimeModel.json.")],
    json_out: JsonOut = None,
    seed: Seed = 0,
) -> None:
    """Exact intervals, false positives and microseconds of time expressions on Recognizers-Text's English cases."""
    from rich.console import Console  # noqa: PLC0415

    from agentctx_bench import tables, time_expressions  # noqa: PLC0415

    tables.show_time(time_expressions.run(data, json_out, seed=seed), Console())


@app.command()
def routing(
    *,
    data: Data,
    json_out: JsonOut = None,
    policy: Annotated[str, typer.Option("--policy", metavar="NAME", help="Policy of the replay.")] = "auto:value",
    requests: Annotated[int, typer.Option("--requests", metavar="N", help="Requests of the replay.")] = 2_000,
    seed: Seed = 0,
) -> None:
    """Task types told, what went to 4 bit by mistake, and what learning by feedback saves, on labelled prompts."""
    from agentctx_bench import routing as runner  # noqa: PLC0415

    runner.show(runner.run(data, json_out, policy=policy, requests=requests, seed=seed), typer.echo)


Sizes = Annotated[str, typer.Option("--sizes", metavar="N,N", help="Episodes in the namespace, separated by commas.")]
Conversations = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="A LongMemEval file: its turns come first.")
]
Git = Annotated[
    list[Path] | None,
    typer.Option("--git", metavar="DIR", help="A git repository: its commit messages come next. Give it again."),
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", metavar="DIR", help="Build the stores there, and go on with those that are there."),
]
Queries = Annotated[int, typer.Option("--queries", metavar="N", help="Queries of each family.")]
Repeat = Annotated[int, typer.Option("--repeat", metavar="N", help="Fresh processes that ask; the median counts.")]
OneEmbedder = Annotated[str, typer.Option("--embedder", metavar="SPEC", help="Embedder of all systems.")]


@app.command()
def scale(
    *,
    sizes: Sizes = "10000,100000,1000000",
    data: Conversations = None,
    git: Git = None,
    json_out: JsonOut = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also without time, tags, consolidation, one by one.")
    ] = False,
    baseline: Annotated[bool, typer.Option(help="Also faiss Flat and a full BM25 scan, fused.")] = True,
    rebuild: Annotated[bool, typer.Option(help="Also open without a snapshot.")] = True,
    keep: Keep = None,
    queries: Queries = 100,
    repeat: Repeat = 3,
    embedder: OneEmbedder = "static",
    seed: Seed = 0,
) -> None:
    """Latency, rows touched, recall against exhaustive search, memory and opening, by the size of one namespace."""
    from agentctx_bench import scale as runner  # noqa: PLC0415
    from agentctx_bench.scale_data import parse_sizes  # noqa: PLC0415
    from agentctx_bench.scale_tables import show_scale  # noqa: PLC0415

    options = runner.Options(
        sizes=parse_sizes(sizes),
        data=data,
        git=git or (),
        queries=queries,
        repeat=repeat,
        ablate=ablate,
        baseline=baseline,
        rebuild=rebuild,
        keep=keep,
        embedder=embedder,
        seed=seed,
        json_out=json_out,
    )
    show_scale(runner.scale(options))


@app.command()
def peers(
    *,
    sizes: Sizes = "10000,100000",
    data: Conversations = None,
    git: Git = None,
    json_out: JsonOut = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw latency against size there (SVG).")
    ] = None,
    keep: Keep = None,
    queries: Queries = 50,
    systems: Annotated[str, typer.Option("--systems", metavar="NAME,NAME", help="Only these.")] = "",
    embedder: OneEmbedder = "static",
    seed: Seed = 0,
) -> None:
    """The same episodes, queries and vectors through LanceDB, Chroma, SQLite with numpy, and agentctx."""
    from agentctx_bench import peers as runner  # noqa: PLC0415
    from agentctx_bench.scale_data import parse_sizes  # noqa: PLC0415
    from agentctx_bench.scale_tables import show_peers  # noqa: PLC0415

    options = runner.Options(
        sizes=parse_sizes(sizes),
        data=data,
        git=git or (),
        queries=queries,
        plot=plot,
        keep=keep,
        systems=tuple(name for name in systems.split(",") if name),
        embedder=embedder,
        seed=seed,
        json_out=json_out,
    )
    show_peers(runner.peers(options))


@app.command(name="index")
def index_(
    *,
    repo: Annotated[Path, typer.Option("--repo", metavar="DIR", help="A tree; the run works on a copy of it.")],
    json_out: JsonOut = None,
    queries: Annotated[int, typer.Option("--queries", metavar="N", help="Queries of each kind.")] = 200,
    beside: Annotated[bool, typer.Option("--peers/--no-peers", help="Also universal-ctags and aider's map.")] = True,
    seed: Seed = 0,
) -> None:
    """Time, memory and disk of a map of a code base: from nothing, unchanged, after edits; edges and query latency."""
    from agentctx_bench import indexing  # noqa: PLC0415
    from agentctx_bench.indexing_tables import show_index  # noqa: PLC0415

    options = indexing.Options(repo=repo, queries=queries, seed=seed, peers=beside, json_out=json_out)
    show_index(indexing.measure(options))


@app.command()
def localization(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="Issues with the code that their fixes edit.")],
    repos: Annotated[Path, typer.Option("--repos", metavar="DIR", help="Clones with full history, named owner__name.")],
    json_out: JsonOut = None,
    only: Annotated[
        list[str] | None, typer.Option("--repos-only", metavar="OWNER/NAME", help="Only its issues. Give it again.")
    ] = None,
    limit: Limit = None,
    baseline: Annotated[bool, typer.Option(help="Also BM25 over files and over units, paired.")] = True,
    context: Annotated[bool, typer.Option(help="Also bundles of 2,000 to 16,000 tokens.")] = True,
    cold: Annotated[
        int, typer.Option("--cold", metavar="N", help="Commits of each repository that are indexed without the cache.")
    ] = 1,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the store there.")] = None,
    resume: Annotated[
        list[Path] | None,
        typer.Option("--resume", metavar="FILE", help="A report of before: its issues are not run again."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """From an issue to the files and functions to change: Acc@k, gold in context, index time, beside BM25."""
    from rich.console import Console  # noqa: PLC0415

    from agentctx_bench import localization as runner  # noqa: PLC0415
    from agentctx_bench.localization_tables import show_localization  # noqa: PLC0415

    options = runner.Options(
        only=tuple(only or ()),
        limit=limit,
        baseline=baseline,
        context=context,
        cold=cold,
        keep=keep,
        resume=tuple(resume or ()),
        seed=seed,
        json_out=json_out,
    )
    show_localization(runner.localization(data, repos, options), Console())


@app.command()
def context(
    *,
    locomo: Annotated[Path | None, typer.Option("--locomo", metavar="FILE", help="A LoCoMo file.")] = None,
    longmemeval: Annotated[
        Path | None, typer.Option("--longmemeval", metavar="FILE", help="A LongMemEval file.")
    ] = None,
    localization: Annotated[
        Path | None, typer.Option("--localization", metavar="FILE", help="Issues with the functions that fix them.")
    ] = None,
    repos: Annotated[
        Path | None, typer.Option("--repos", metavar="DIR", help="The folder with clones of their repositories.")
    ] = None,
    latency: Annotated[
        Path | None,
        typer.Option("--latency", metavar="DIR", help="Time builds over 10,000 episodes and the code in this folder."),
    ] = None,
    budgets: Annotated[
        str, typer.Option("--budgets", metavar="N,N", help="Budgets in tokens, separated by commas.")
    ] = "1000,2000,4000,8000",
    counter: Annotated[
        str, typer.Option("--counter", metavar="NAME", help="An exact counter; see docs/tokens.md.")
    ] = "o200k_base",
    json_out: JsonOut = None,
    embedder: OneEmbedder = "static",
    limit: Limit = None,
    seed: Seed = 0,
) -> None:
    """Evidence that bundles keep at a budget, beside plain concatenation and whole sessions or files, and latency."""
    from rich.console import Console  # noqa: PLC0415

    from agentctx_bench import context as runner  # noqa: PLC0415
    from agentctx_bench.context_tables import show_context  # noqa: PLC0415
    from agentctx_bench.scale_data import parse_sizes  # noqa: PLC0415

    options = runner.Options(
        locomo=locomo,
        longmemeval=longmemeval,
        localization=localization,
        repos=repos,
        latency=latency,
        budgets=parse_sizes(budgets),
        counter=counter,
        embedder=embedder,
        limit=limit,
        seed=seed,
        json_out=json_out,
    )
    show_context(runner.context(options), Console())


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
