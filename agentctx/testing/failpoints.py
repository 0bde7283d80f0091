"""Named points at which a test makes a component fail. Production code knows only the hook that it is given.

>>> from agentctx.testing.failpoints import Failpoints
>>> failpoints = Failpoints()
>>> failpoints.set("store.before_commit", lambda: print("about to commit"))
>>> failpoints("store.before_commit")
about to commit
>>> failpoints.clear()
>>> failpoints("store.before_commit")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


class Failpoints:
    """A registry of actions by point; the registry itself is the hook to hand to `open_store(..., hook=...)`.

    The store's points: `store.before_commit` and `store.after_commit` (before anyone is told of it), `store.scrubbed`.
    """

    def __init__(self) -> None:
        self._actions: dict[str, Callable[[], object]] = {}
        self.passed: list[str] = []

    def set(self, point: str, action: Callable[[], object]) -> None:
        """Call `action` whenever `point` is passed: it may raise, sleep, or end the process."""
        self._actions[point] = action

    def clear(self, point: str | None = None) -> None:
        """Forget the action of a point, or of all."""
        if point is None:
            self._actions.clear()
        else:
            self._actions.pop(point, None)

    def __call__(self, point: str) -> None:
        """Pass a point."""
        self.passed.append(point)
        action = self._actions.get(point)
        if action is not None:
            action()


failpoints: Final = Failpoints()
"""A registry for those who need only one."""
