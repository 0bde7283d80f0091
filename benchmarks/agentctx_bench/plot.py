"""One picture of a peers report: p50 against size, both axes logarithmic."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agentctx_bench.baseline import require

_COLOURS: Final = ("#c0392b", "#2471a3", "#1e8449", "#b9770e", "#7d3c98", "#566573")


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Write the picture as SVG; the same report gives the same bytes. Raises MissingDependency without matplotlib."""
    matplotlib = require("matplotlib", "matplotlib", "peers")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "agentctx", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

    lines: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    for row in report["sizes"]:
        for one in row["systems"]:
            if "error" not in one:
                point = (row["episodes"], one["latency_ms"]["p50"], one["recall"])
                lines.setdefault((one["system"], one["task"]), []).append(point)
    figure, panes = plt.subplots(1, 2, figsize=(9.5, 4.4), sharey=True)
    names = list(dict.fromkeys(system for system, _ in lines))
    for pane, task in zip(panes, ("dense", "hybrid"), strict=True):
        for (system, kind), points in lines.items():
            if kind == task:
                sizes, taken, recalls = zip(*points, strict=True)
                pane.plot(
                    sizes,
                    taken,
                    marker="o",
                    label=f"{system} ({recalls[-1]:.3f})",
                    color=_COLOURS[names.index(system) % len(_COLOURS)],
                    linewidth=2.4 if system == "agentctx" else 1.2,
                )
        pane.set(xscale="log", yscale="log", title=task, xlabel="episodes")
        pane.grid(visible=True, which="major", alpha=0.3)
        pane.legend(fontsize=7, title="recall@10 at the largest size", title_fontsize=7)
    panes[0].set_ylabel("one search, p50, milliseconds")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
