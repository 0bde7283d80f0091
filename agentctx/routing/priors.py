"""What is believed about precisions before any feedback, from the table `data/priors.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from agentctx.errors import InvalidArgument
from agentctx.routing.tables import Table, number, overlay, shipped
from agentctx.types.precisions import PRECISIONS, Precision
from agentctx.types.routing import Backend, Sensitivity, TaskType

# The format that the published gains were measured with: a task's own deviation is scaled by how much worse or better
# another format is.
_MEASURED_WITH: Final = "nvfp4"
_DOMAINS: Final = ("general", "code", "reasoning")


@dataclass(frozen=True, slots=True)
class Priors:
    """Beliefs about quality and length at each precision. Immutable; open with `load`."""

    retention: dict[Precision, dict[str, float]]
    sizes: tuple[tuple[float, float], ...]
    floors: dict[Sensitivity, float]
    mean_gain: float
    shrinkage: float
    quality: float
    strength: float
    pool: float
    growth: dict[str, dict[Precision, float]]

    @classmethod
    def load(cls, custom: Table | None = None) -> Self:
        """The shipped table with a user's laid over it. InvalidArgument, naming the place, for a value out of range."""
        table = overlay(shipped("priors"), custom or {})
        unknown = set(table) - set(shipped("priors"))
        if unknown:
            raise InvalidArgument(f"unknown table [{min(unknown)}] in the priors", field="priors")
        try:
            retention = {
                precision: {
                    domain: number(table["retention"][precision], domain, f"priors.retention.{precision}", 0, 1)
                    for domain in _DOMAINS
                }
                for precision in PRECISIONS
            }
            floors: dict[Sensitivity, float] = {
                name: number(table["floors"], name, "priors.floors", 0, 1) for name in ("high", "moderate", "low")
            }
            growth = {
                kind: {
                    precision: number(
                        {"x": table["output_growth"][kind].get(precision, 1.0)}, "x", "priors.growth", 0.1
                    )
                    for precision in PRECISIONS
                }
                for kind in ("plain", "reasoning")
            }
            return cls(
                retention,
                _sizes(table["size"]["steps"]),
                floors,
                number(table["task"], "mean_gain", "priors.task", -1, 1),
                number(table["task"], "shrinkage", "priors.task"),
                number(table["posterior"], "quality", "priors.posterior", 0.01, 0.99),
                number(table["posterior"], "strength", "priors.posterior", 0.1),
                number(table["posterior"], "pool", "priors.posterior", 0.1),
                growth,
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise InvalidArgument(f"the priors lack or garble {error}", field="priors") from error

    def kept(self, task: TaskType, backend: Backend) -> float:
        """The share (0 to 1) of a 16 bit model's quality that `backend` is expected to keep on `task`.

        The format's retention in the task's domain, shifted by how far the task's own gain, shrunk towards the mean,
        departs from it, and for models of few parameters a factor below 8 bit.
        """
        kept = self.retention[backend.precision][task.domain]
        own = task.tasks / (task.tasks + self.shrinkage) if task.tasks else 0.0
        if task.tasks == 0 and task.gain != self.mean_gain:
            own = 1.0  # stated by the user rather than measured
        departure = own * (task.gain - self.mean_gain)
        severity = (1 - self.retention[backend.precision]["general"]) / (1 - self.retention[_MEASURED_WITH]["general"])
        kept -= severity * departure
        if backend.tier == 4 and backend.billions:
            kept *= next((factor for limit, factor in self.sizes if backend.billions <= limit), 1.0)
        return min(max(kept, 0.0), 1.0)

    def floor(self, sensitivity: Sensitivity) -> float:
        """The share of the best backend's quality that tasks of that class must keep."""
        return self.floors[sensitivity]

    def output_growth(self, backend: Backend) -> float:
        """Expected output tokens on `backend` over those of a 16 bit one; reasoning runs longer at few bits."""
        return self.growth["reasoning" if backend.reasoning else "plain"][backend.precision]


def _sizes(steps: Any) -> tuple[tuple[float, float], ...]:
    if not isinstance(steps, Sequence) or isinstance(steps, str):
        raise InvalidArgument("priors.size.steps is a list of [billions, factor]", field="priors.size")
    return tuple(
        sorted(
            (
                number({"billions": step[0]}, "billions", "priors.size"),
                number({"factor": step[1]}, "factor", "priors.size", 0, 1),
            )
            for step in steps
        )
    )
