"""Going on with an earlier run: its outcomes, read back from its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from agentctx.errors import InvalidArgument
from agentctx_bench.files import expect, read_json
from agentctx_bench.localization_data import Localization, Row

T = TypeVar("T")
_KEPT = ("scores", "stopped", "confidence", "scout_ms", "index_s", "parsed", "reused", "bundles", "baselines")


def told(reports: Iterable[Path], rows: Localization, make: Callable[[Row, Mapping[str, Any]], T]) -> dict[str, T]:
    """What `make` makes of the outcomes that reports of the same data hold, by instance.

    Raises InvalidArgument for a file that is no report of this benchmark, or one of other data.
    """
    known = {row.key: row for row in rows.rows}
    found: dict[str, T] = {}
    for path in reports:
        report, _ = read_json(path, field="resume")
        report = expect(report, dict, path.name)
        data = report.get("environment", {}).get("data", {})
        if report.get("benchmark") != "localization" or data.get("sha256") != rows.sha256:
            raise InvalidArgument(f"{path} is no report of this benchmark on the same data", field="resume")
        for line in report["outcomes"]:
            row = known.get(line["instance_id"])
            if row is not None:
                found[row.key] = make(row, {name: line[name] for name in _KEPT} | _lists(line))
    return found


def _lists(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "files": tuple(line["files"]),
        "functions": tuple(line["functions"]),
        "structure_tokens": line.get("structure_tokens", {}),
    }
