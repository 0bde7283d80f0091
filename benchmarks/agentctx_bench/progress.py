"""Progress bars on stderr for what takes longer than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 1.0  # seconds


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that moves by what its function is called with. It appears after a second, and only on a terminal."""
    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = shown.add_task(description, total=total)
    began = time.monotonic()
    started = False

    def advance(steps: int) -> None:
        nonlocal started
        shown.update(task, advance=steps)
        if not started and time.monotonic() - began > PATIENCE:
            started = True
            shown.start()

    try:
        yield advance
    finally:
        if started:
            shown.stop()
