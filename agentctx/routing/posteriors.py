"""What feedback has taught: a Beta posterior of quality and a mean of output length, per task type and backend."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agentctx.errors import InvalidArgument
from agentctx.routing.priors import Priors
from agentctx.types.routing import Backend, TaskType

REMEMBERED: Final = 100_000  # ids of feedback that a repetition is recognised by


@dataclass(frozen=True, slots=True)
class Posterior:
    """A Beta distribution: how good answers are, 0 to 1. `observed` counts feedback alone, without the prior."""

    alpha: float
    beta: float
    observed: float = 0.0

    @property
    def mean(self) -> float:
        """The expected quality."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def deviation(self) -> float:
        """Its standard deviation: how unsure the mean is."""
        total = self.alpha + self.beta
        return math.sqrt(self.alpha * self.beta / (total * total * (total + 1)))


@dataclass(frozen=True, slots=True)
class Counts:
    """The sums of one cell, as they are stored: feedback's good and bad shares, and output tokens seen."""

    task_type: str
    backend: str
    good: float = 0.0
    bad: float = 0.0
    answers: int = 0
    output_tokens: int = 0


class Posteriors:
    """Learns from feedback and usage. Thread-safe; `counts` and `restore` carry it through a store.

    Sums are kept, not samples, so a change of the priors re-weighs everything that was learned.
    """

    def __init__(self, priors: Priors, counts: Iterable[Counts] = ()) -> None:
        """counts: what an earlier one gave out."""
        self._priors = priors
        self._lock = threading.Lock()
        self._cells: dict[tuple[str, str], Counts] = {(cell.task_type, cell.backend): cell for cell in counts}
        self._seen: OrderedDict[str, None] = OrderedDict()

    def correction(self, backend: Backend, tasks: Iterable[TaskType]) -> float:
        """How far `backend` is off its priors on all tasks together: observed over expected quality, 1 at first.

        Tasks learn from one another by it: a format that does better than believed on ten tasks is believed to do so
        on the eleventh.
        """
        good = expected = self._priors.pool
        for task in tasks:
            cell = self._cells.get((task.id, backend.name))
            if cell is not None:
                good += cell.good
                expected += (cell.good + cell.bad) * self._prior_mean(task, backend)
        return good / expected

    def _prior_mean(self, task: TaskType, backend: Backend) -> float:
        return self._priors.quality * self._priors.kept(task, backend)

    def quality(self, task: TaskType, backend: Backend, correction: float = 1.0) -> Posterior:
        """How good answers of `backend` to such tasks are believed to be; `correction` scales what is believed before
        the task's own feedback.
        """
        strength = self._priors.strength
        mean = min(max(correction * self._prior_mean(task, backend), 0.001), 0.999)
        cell = self._cells.get((task.id, backend.name))
        good, bad = (cell.good, cell.bad) if cell else (0.0, 0.0)
        return Posterior(strength * mean + good, strength * (1 - mean) + bad, good + bad)

    def output_tokens(self, task: TaskType, backend: Backend) -> int:
        """How many output tokens such a task is expected to take there: the prior's guess, then what was seen."""
        guess = task.output_tokens * self._priors.output_growth(backend)
        cell = self._cells.get((task.id, backend.name))
        answers, tokens = (cell.answers, cell.output_tokens) if cell else (0, 0)
        return round((self._priors.strength * guess + tokens) / (self._priors.strength + answers))

    def feedback(self, request_id: str, task_type: str, backend: str, quality: float) -> bool:
        """Count one judgement of an answer, from 0 (useless) to 1 (as good as it gets).

        The same `request_id` counts once: returns False when it was known. Raises InvalidArgument for a quality out
        of range or an empty id.
        """
        if isinstance(quality, bool):
            quality = float(quality)
        if not isinstance(quality, int | float) or not 0 <= quality <= 1:
            raise InvalidArgument(f"quality is a number from 0 to 1, not {quality!r:.50}", field="quality")
        if not request_id:
            raise InvalidArgument("feedback needs the id of the request that it judges", field="request_id")
        with self._lock:
            if request_id in self._seen:
                return False
            self._seen[request_id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            cell = self._cell(task_type, backend)
            self._cells[task_type, backend] = Counts(
                task_type, backend, cell.good + quality, cell.bad + 1 - quality, cell.answers, cell.output_tokens
            )
            return True

    def usage(self, task_type: str, backend: str, output_tokens: int) -> None:
        """Count the output tokens of one completed answer."""
        if output_tokens < 0:
            raise InvalidArgument("output_tokens is 0 or more", field="output_tokens")
        with self._lock:
            cell = self._cell(task_type, backend)
            self._cells[task_type, backend] = Counts(
                task_type, backend, cell.good, cell.bad, cell.answers + 1, cell.output_tokens + output_tokens
            )

    def counts(self) -> list[Counts]:
        """Every cell with feedback or usage, in a stable order."""
        with self._lock:
            return [self._cells[key] for key in sorted(self._cells)]

    def _cell(self, task_type: str, backend: str) -> Counts:
        return self._cells.get((task_type, backend)) or Counts(task_type, backend)
