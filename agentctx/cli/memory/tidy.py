"""The command that puts a namespace in order: consolidate."""

from __future__ import annotations

from agentctx.cli.memory.options import Namespace
from agentctx.cli.progress import progress
from agentctx.cli.spread import spread
from agentctx.cli.target import Target
from agentctx.errors import Cancelled
from agentctx.types import Progress


@spread
def consolidate(namespace: Namespace, *, target: Target) -> None:
    """Put the tags and vectors of a namespace in order.

    Tags that say the same are merged, and the vectors of one topic are laid side by side, so that a large namespace is
    searched faster. It happens by itself once it pays; this does it now. Searches go on meanwhile. Ctrl-C is safe:
    everything is left as it was. A merge can be undone by `edit-tags NAMESPACE restore TAG`. With --json each line is
    the progress.
    """
    last = Progress(0, None)
    try:
        with target.open() as memory, progress(f"consolidating {namespace}", beside_lines=target.json) as bar:
            for last in memory.consolidate(namespace):
                bar.to(last.done, last.total)
                if target.json:
                    target.out.line(last)
    except KeyboardInterrupt:
        raise Cancelled("stopped; everything is as it was") from None
    target.out.people(lambda console: console.print(last.message))
