"""Progress on stderr: for people at a terminal, and only once something has taken longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

PATIENCE: Final = 1.0  # seconds


class Bar:
    """A bar that appears late. `to` says how far the work is."""

    def __init__(self, description: str, *, beside_lines: bool = False) -> None:
        self._description = description
        # Lines of results on the same terminal would be torn by a bar, and show the progress themselves.
        self._wanted = sys.stderr.isatty() and not (beside_lines and sys.stdout.isatty())
        self._began = time.monotonic()
        self._shown: Any = None
        self._task: Any = None

    def to(self, done: int, total: int | None = None, description: str = "") -> None:
        """`done` of `total` (None: nobody knows) are finished. description: of what, from now on."""
        self._description = description or self._description
        if self._wanted and self._shown is None and time.monotonic() - self._began > PATIENCE:
            self._show()
        if self._shown is not None:
            self._shown.update(self._task, description=self._description, completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - most commands are done before it is needed
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._shown = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f}", markup=False),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # rich would send it to stderr
        )
        self._task = self._shown.add_task(self._description, total=None)
        self._shown.start()


@contextmanager
def progress(description: str, *, beside_lines: bool = False) -> Iterator[Bar]:
    """A bar for the time of a block; the terminal is left as it was, also after Ctrl-C.

    `beside_lines`: the block prints results line by line.
    """
    bar = Bar(description, beside_lines=beside_lines)
    try:
        yield bar
    finally:
        bar.close()
