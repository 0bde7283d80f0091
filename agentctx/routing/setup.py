"""One file of a user's own for everything that routing believes, and the pieces made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from agentctx.embed.base import Embedder
from agentctx.errors import InvalidArgument
from agentctx.routing.classify import Calibration, Classifier
from agentctx.routing.priors import Priors
from agentctx.routing.rules import RuleSet
from agentctx.routing.tables import Table, number, read
from agentctx.routing.tasks import TaskCatalog

SECTIONS: Final = ("task_types", "rule", "priors", "classifier")


@dataclass(frozen=True, slots=True)
class RoutingTables:
    """Task types, rules, priors and calibration: what ships, with a user's values in their place.

    A file may hold ``[task_types.NAME]``, ``[[rule]]``, ``[priors.…]`` and ``[classifier]`` (sharpness, rule_trust,
    threshold); what it leaves out stays as it ships.
    """

    catalog: TaskCatalog
    rules: RuleSet
    priors: Priors
    calibration: Calibration

    @classmethod
    def load(cls, source: str | Path | Table | None = None) -> Self:
        """source: a TOML file, or its content as a table. Raises InvalidArgument, naming the place, of an error."""
        table = source if isinstance(source, Mapping) else read(source) if source else {}
        unknown = sorted(set(table) - set(SECTIONS))
        if unknown:
            raise InvalidArgument(f"unknown section [{unknown[0]}]; known: {', '.join(SECTIONS)}", field="routing")
        for section in ("task_types", "priors", "classifier"):
            if not isinstance(table.get(section, {}), Mapping):
                raise InvalidArgument(f"[{section}] must be a table", field=section)
        catalog = TaskCatalog.load(table.get("task_types"))
        return cls(
            catalog,
            RuleSet.load(catalog, {"rule": table.get("rule", [])}),
            Priors.load(table.get("priors")),
            _calibration(table.get("classifier", {})),
        )

    def classifier(self, embedder: Embedder) -> Classifier:
        """A classifier of these tables; it learns at its first call."""
        return Classifier(self.catalog, embedder, self.rules, self.calibration)


def _calibration(table: Mapping[str, Any]) -> Calibration:
    known = {field.name: field.default for field in fields(Calibration)}
    for key in table:
        if key not in known:
            raise InvalidArgument(f"unknown key {key!r} in [classifier]; known: {', '.join(known)}", field="classifier")
    filled = known | dict(table)
    return Calibration(
        number(filled, "sharpness", "classifier", 0.1, 1000),
        number(filled, "rule_trust", "classifier", 0, 100),
        number(filled, "threshold", "classifier", 0, 1),
    )
