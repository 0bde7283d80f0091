"""`agentctx doctor`: looks at everything that agentctx stands on, and says what to do about what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from agentctx.cli import exits
from agentctx.cli.output import one_line
from agentctx.cli.spread import spread
from agentctx.cli.target import Target

if TYPE_CHECKING:
    from rich.console import Console

    from agentctx.cli.checks import Check

_STYLES = {"ok": "green", "note": "yellow", "failed": "red"}


@spread
def doctor(*, target: Target) -> None:
    """Look for what is wrong, and say what to do.

    It checks the environment, the parsers, the store, its embedder and, where one is named, a server. It looks only: no
    file is made or changed. (An empty PostgreSQL database gets its tables.) The exit code is 1 where a check failed.
    """
    checks: list[Check] = []
    if target.json:
        checks.extend(_checks(target))
    else:
        target.out.people(lambda console: checks.extend(_shown(console, _checks(target))))
    failed = [check for check in checks if check.status == "failed"]
    answer = {"ok": not failed, "checks": checks}
    summary = f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed"
    target.out.result(answer, lambda console: console.print(summary))
    if failed:
        raise typer.Exit(exits.PARTLY)


def _checks(target: Target) -> Iterator[Check]:
    from agentctx.cli import checks, checks_backends, checks_code, checks_store  # noqa: PLC0415 - other commands do without

    address = target.server if target.store is not None else target.address()
    yield from checks.environment(target)
    if address is None or target.store is not None:
        yield from checks_code.code()
        yield from checks_store.store(target)
        yield from checks_backends.backends(target)
    if address is not None:
        yield from checks.server(target, address)


def _shown(console: Console, checks: Iterator[Check]) -> Iterator[Check]:
    """Pass the checks on, each drawn as soon as it is done."""
    from rich.text import Text  # noqa: PLC0415

    for check in checks:
        line = Text.assemble(
            (f"{check.status:<7}", _STYLES[check.status]), f"{check.area}: {check.name}", "  ", (check.detail, "dim")
        )
        console.print(line, soft_wrap=True)
        if check.fix:
            console.print(Text(f"       -> {one_line(check.fix)}"), soft_wrap=True)
        yield check
