"""`agentctx bench index`: what a map of a code base costs to make, to keep up to date, to hold and to ask.

Works on a copy of the tree, which it edits. Every measurement is a process of its own, so that what one holds in memory
is not counted for the next, and opening is part of each.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx_bench import host, report
from agentctx_bench.indexing_peers import peers
from agentctx_bench.indexing_work import ask, index
from agentctx_bench.scale_work import apart

_MANY: Final = 100
_COMMENTS: Final = {".py": "#", ".rb": "#", ".sh": "#"}
_EDITED: Final = (".py", ".js", ".ts", ".tsx", ".go", ".java", ".rs", ".c", ".cpp", ".cc", ".cs", ".rb", ".php", ".sh")
_UNDECIDED: Final = ("unknown", "ambiguous")
_OUTSIDE: Final = ("external", "builtin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How it is run: the tree, queries of each kind, a seed for what is edited and asked, and where the report goes."""

    repo: Path
    queries: int = 200
    seed: int = 0
    peers: bool = True
    json_out: Path | None = None


def measure(options: Options) -> dict[str, Any]:
    """Measure and return the report. Raises InvalidArgument where there is no folder."""
    if not options.repo.is_dir():
        raise InvalidArgument(f"no folder at {options.repo}", field="repo")
    with tempfile.TemporaryDirectory(prefix="agentctx-index-") as made:
        tree, store = Path(made, "tree"), Path(made, "store", "map.db")
        shutil.copytree(options.repo, tree, symlinks=True, ignore_dangling_symlinks=True)
        store.parent.mkdir()
        randomly = random.Random(options.seed)  # noqa: S311 - a sample, no secret
        first = apart(index, store, tree)
        disk = sum(file.stat().st_size for file in store.parent.rglob("*") if file.is_file())
        unchanged = apart(index, store, tree)
        candidates = _editable(tree)
        one = randomly.sample(candidates, min(1, len(candidates)))
        _edit(tree, one, 1)
        after_one = apart(index, store, tree)
        many = randomly.sample(candidates, min(_MANY, len(candidates)))
        _edit(tree, many, 2)
        after_many = apart(index, store, tree)
        asked = apart(ask, store, first["name"], options.queries, options.seed)
        beside = peers(tree) if options.peers else {}
    result: dict[str, Any] = {
        "benchmark": "index",
        "repository": options.repo.resolve().name,
        "files": first["files"],
        "symbols": first["symbols"],
        "languages": first["languages"],
        "edges": first["edges"],
        "calls": calls(first["calls"]),
        "runs": {
            "from nothing": _run(first),
            "nothing changed": _run(unchanged),
            f"{len(one)} file changed": _run(after_one),
            f"{len(many)} files changed": _run(after_many),
        },
        "disk_mib": round(disk / 2**20, 1),
        "latency_ms": asked["latency_ms"],
        "open_and_first_answer_s": asked["first_s"],
        "queries": options.queries,
        "seed": options.seed,
        "peers": beside,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    if options.json_out is not None:
        report.write_json(result, options.json_out)
    return result


def calls(outcomes: Mapping[str, int]) -> dict[str, Any]:
    """Calls by outcome, and the shares: of all that are bound, and of those that do not lead outside for certain."""
    every = sum(outcomes.values())
    outside = sum(outcomes.get(name, 0) for name in _OUTSIDE)
    bound = every - outside - sum(outcomes.get(name, 0) for name in _UNDECIDED)
    return {
        "by_outcome": dict(sorted(outcomes.items(), key=lambda one: -one[1])),
        "bound_of_all": round(bound / every, 4) if every else None,
        "outside_of_all": round(outside / every, 4) if every else None,
        "bound_of_inside": round(bound / (every - outside), 4) if every > outside else None,
    }


def _run(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("wall_s", "cpu_s", "peak_mib", "open_s", "parsed", "reused", "resolved", "seconds", "problems")
    return {name: row[name] for name in names}


def _editable(tree: Path) -> list[str]:
    """The source files that git tracks, else all; a seeded sample of them is edited."""
    try:
        told = subprocess.run(["git", "ls-files", "-z"], cwd=tree, capture_output=True, check=True, timeout=60).stdout  # noqa: S607
        names = [name for name in told.decode("utf-8", "replace").split("\0") if name]
    except (OSError, subprocess.SubprocessError):
        names = [str(path.relative_to(tree)) for path in tree.rglob("*") if ".git" not in path.parts]
    return sorted(
        name
        for name in names
        if name.endswith(_EDITED) and (tree / name).is_file() and 500 < (tree / name).stat().st_size < 200_000
    )


def _edit(tree: Path, names: list[str], number: int) -> None:
    """Add a definition at the end of each file, and a comment where the language is not Python."""
    for name in names:
        path = tree / name
        mark = _COMMENTS.get(path.suffix, "//")
        text = f"\n{mark} edited {number}\n"
        if path.suffix == ".py":
            text += f"\n\ndef edited_{number}():\n    return {number}\n"
        with path.open("ab") as file:
            file.write(text.encode())
