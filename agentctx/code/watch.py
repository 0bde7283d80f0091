"""Indexes a folder again whenever it changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from agentctx.code.tree import is_own
from agentctx.code.walk import NEVER, UNTRACKED_NEVER
from agentctx.errors import Unavailable
from agentctx.types.code import IndexProgress

_POLL: Final = 2.0  # seconds between two looks where the system tells of no changes
_SHARE: Final = 20  # looking takes at most one part in so many of the time
_QUIET_MS: Final = 100
_LONGEST_MS: Final = 1_600
_SOON: Final = 0.25
_UNSEEN: Final = NEVER | UNTRACKED_NEVER


class Indexing(Protocol):
    """What `watch` needs of `engine.code`."""

    def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
        """See `CodeAPI.index`."""
        ...


def watch(code: Indexing, path: str, *, name: str = "", stop: threading.Event | None = None) -> Iterator[IndexProgress]:
    """Index the folder at `path`, and again after each change, until `stop` is set or the iterator is closed.

    Changes that come while it is indexed are not lost: another run follows. A burst of them makes one run. With the
    package watchfiles the system tells of changes; without it, or where it cannot, the folder is looked at every two
    seconds or so. Raises what `index` raises, but waits while another run over the same repository goes on.
    """
    stop = stop or threading.Event()
    signal = _signal(Path(path), getattr(code, "own_files", ""), stop)
    try:
        while not stop.is_set():
            signal.clear()
            started = time.monotonic()
            try:
                yield from code.index(path, name=name)
            except Unavailable:
                signal.again()
            signal.wait(time.monotonic() - started)
    finally:
        signal.close()


class _Polling:
    """Looks again after a while."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def clear(self) -> None:
        """Nothing is remembered."""

    def again(self) -> None:
        """It looks again anyway."""

    def wait(self, took: float) -> None:
        """Until it is time for another look."""
        self._stop.wait(max(_POLL, took * _SHARE))

    def close(self) -> None:
        """Nothing to end."""


class _Told:
    """A thread that the system tells of changes, and the latch that it sets."""

    def __init__(self, root: Path, own: str, stop: threading.Event) -> None:
        self._root = root.resolve()
        self._own = own
        self._stop = stop
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._changed = threading.Event()
        self.failed = False
        self._thread = threading.Thread(target=self._listen, name="agentctx-code-watch", daemon=True)
        self._thread.start()
        # Only what changes from now on is told, so the first index must come after.
        while not self._ready.wait(_SOON) and self._thread.is_alive():
            pass

    def clear(self) -> None:
        """Forget what was told: whoever calls looks at everything next."""
        self._changed.clear()

    def again(self) -> None:
        """Look again soon."""
        self._stop.wait(_POLL)
        self._changed.set()

    def wait(self, took: float) -> None:
        """Until something changed."""
        del took
        while not self._stop.is_set() and not self._changed.wait(_SOON):
            if not self._thread.is_alive():  # the system no longer tells
                self._stop.wait(_POLL)
                return

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _listen(self) -> None:
        from watchfiles import watch as told  # noqa: PLC0415 - an extra

        changes = told(
            self._root,
            watch_filter=lambda _, path: self._counts(path),
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            stop_event=self._closed,
            rust_timeout=200,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        try:
            for some in changes:
                self._ready.set()
                if some:
                    self._changed.set()
                if self._stop.is_set():
                    return
        except (OSError, RuntimeError):  # too many folders to be told of
            self.failed = True

    def _counts(self, path: str) -> bool:
        if self._own and is_own(path, self._own):
            return False
        parts = os.path.relpath(path, self._root).split(os.sep)
        if parts[0] == ".git":  # a commit or a switch that leaves all files as they are
            return parts[1:2] == ["HEAD"] or parts[1:3] == ["refs", "heads"]
        return _UNSEEN.isdisjoint(parts)


def _signal(root: Path, own: str, stop: threading.Event) -> _Told | _Polling:
    try:
        import watchfiles  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return _Polling(stop)
    if not root.is_dir():
        return _Polling(stop)  # indexing says what is wrong with it
    signal = _Told(root, own, stop)
    if signal.failed:
        signal.close()
        return _Polling(stop)
    return signal
