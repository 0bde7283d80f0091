"""The commands that move memory: export, import, reembed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from agentctx.cli.files import written
from agentctx.cli.lines import numbered, opened, texts
from agentctx.cli.memory.options import Namespace
from agentctx.cli.progress import Bar, progress
from agentctx.cli.spread import spread
from agentctx.cli.target import Target, must_exist
from agentctx.errors import Cancelled, InvalidArgument
from agentctx.types import Progress


@spread
def export(
    namespace: Namespace,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is stdout.")] = "-",
    live_only: Annotated[bool, typer.Option("--live-only", help="Leave out deleted episodes and the history.")] = False,
    *,
    target: Target,
) -> None:
    """Write a namespace's log as JSON lines.

    `import` reads them, here or elsewhere: history, deletions and times survive the trip. A FILE appears whole or not
    at all. With --json and a FILE the answer says how many records it holds.
    """
    with target.open() as memory, progress(f"exporting {namespace}", beside_lines=output == "-") as bar:
        lines = memory.export(namespace, live_only=live_only)
        if output == "-":
            for done, line in enumerate(lines, 1):
                target.out.text(line, flush=False)
                bar.to(done)
            return
        done = 0
        with written(output) as file:
            for done, line in enumerate(lines, 1):
                file.write(line.encode() + b"\n")
                bar.to(done)
    answer = {"namespace": namespace, "records": done - 1, "output": output}
    target.out.result(answer, lambda console: console.print(f"{done - 1} records written to {output}"))


@spread
def import_(
    namespace: Namespace,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="What `export` wrote; - is stdin.", show_default=False)
    ] = "-",
    *,
    target: Target,
) -> None:
    """Apply what `export` wrote.

    The namespace may be another one. Running it again adds nothing twice, so that a broken import can be repeated.
    """
    with (
        opened(file) as source,
        target.open(create=True) as memory,
        progress(f"importing into {namespace}") as bar,
    ):
        done = memory.import_(namespace, _counted(texts(numbered(source)), bar))
    target.out.result(
        done, lambda console: console.print(f"{done.imported} records imported, {done.skipped} were there already")
    )


def _counted(lines: Iterator[str], bar: Bar) -> Iterator[str]:
    for done, line in enumerate(lines, 1):
        bar.to(done)
        yield line


@spread
def reembed(*, target: Target) -> None:
    """Change the embedder of a store.

    Gives every episode a vector of --embedder, then switches the store to it. Ctrl-C is safe: the same command goes on
    where it stopped. Until the switch, searches use the old vectors. It works also where the embedder that filled the
    store is gone. With --json each line is the progress.
    """
    spec = target.embedder
    if not spec:
        raise InvalidArgument("say which: --embedder static, for example", field="embedder")
    last = Progress(0, None)
    try:
        with progress(f"re-embedding with {spec}", beside_lines=target.json) as bar:
            for last in _steps(target, spec):
                bar.to(last.done, last.total)
                if target.json:
                    target.out.line(last)
    except KeyboardInterrupt:
        raise Cancelled("stopped; nothing is lost: the same command goes on where this one stopped") from None
    target.out.people(lambda console: console.print(f"{last.done} re-embedded; the store now uses {spec}"))


def _steps(target: Target, spec: str) -> Iterator[Progress]:
    address = target.address()
    if address is not None:
        with target.connect(address, embedder_is_ours=False) as client:
            yield from client.memory.reembed(spec)
        return
    from agentctx.engine import reembed_store  # noqa: PLC0415 - the engine is not for `--help`

    location = target.location()
    must_exist(location)
    yield from reembed_store(location, spec, target.settings())
