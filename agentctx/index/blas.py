"""Small matrix products on one thread.

A BLAS that splits a product of some megabytes over all cores saves a fraction of a millisecond on an idle machine and
loses tens of them on a busy one, where its threads wait for each other (docs/search.md has the figures). Searches run
beside each other instead.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from threadpoolctl import LibController, ThreadpoolController


class _Gate:
    """Holds BLAS at one thread while anyone is inside. The last one out restores what the process had."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._libraries: list[LibController] | None = None
        self._restore: list[tuple[LibController, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            if self._libraries is None:
                self._libraries = ThreadpoolController().select(user_api="blas").lib_controllers
            for library in self._libraries:
                threads = library.get_num_threads()
                if threads is not None and threads > 1:
                    library.set_num_threads(1)
                    self._restore.append((library, threads))

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                while self._restore:
                    library, threads = self._restore.pop()
                    library.set_num_threads(threads)


_gate = _Gate()


def one_thread() -> AbstractContextManager[None]:
    """Within it, numpy's matrix products use one thread. Reentrant, thread-safe; some microseconds."""
    return _gate
