"""Calls of real code in every language, judged by reading the code: draw some to judge, look judged ones up again.

    python benchmarks/call_labels.py draw --language go --repository gin-gonic/gin --clone CLONE [--under FOLDER]
    python benchmarks/call_labels.py check --clone gin-gonic/gin=CLONE ... tests/code_labels/*_calls.jsonl

A clone may be bare. `draw` prints rows to judge: call edges (each pair of symbols once), calls that stayed unbound
though the tree defines something callable of that name, and more of those that were not put down to something outside.
Each row names the call (`at`, `name`) and what it was bound to (`callee`); who judges adds `expected`, the symbols any
of which is right (several where a condition chooses, or for a class and its constructor; none for a call that leads
outside), and the `verdict`: right, wrong, missed or outside.

`check` resolves the same commits again and prints, for every file of labels, what is bound now: of the calls that lead
inside, how many are bound right, wrong and not at all; of those that lead outside, how many are bound all the same.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agentctx.code.extract import extract
from agentctx.code.facts import CALLABLES, CLASSES, FileFacts
from agentctx.code.resolve.edges import CALLS, Edge, FileEdges, Unresolved
from agentctx.code.resolve.resolver import Resolver
from agentctx.code.walk import walk

SEED: Final = 20261122
SAMES: Final = {"typescript": ("typescript", "tsx"), "cpp": ("cpp", "c")}
OUTSIDE: Final = ("external", "builtin")
HEADER: Final = "| language | repository | n | right | wrong | unbound | outside | bound all the same |"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A tree at a commit: the facts and the edges of its files, by path."""

    facts: dict[str, FileFacts]
    edges: dict[str, FileEdges]


def resolved(clone: str, commit: str, under: str) -> Resolved:
    """Resolve a commit, or a folder of it. Raises CalledProcessError where git cannot read it."""
    with tempfile.TemporaryDirectory() as folder:
        archive, tree = Path(folder, "tree.tar"), Path(folder, "tree")
        tree.mkdir()
        command = ["git", "-C", clone, "archive", "--output", str(archive), commit, *([under] if under else [])]
        subprocess.run(command, check=True)
        with tarfile.open(archive) as held:
            held.extractall(tree, filter="data")
        facts = {one.path: extract(one.path, (tree / one.path).read_bytes()) for one in walk(tree).files}
    return Resolved(facts, {one.path: one for one in Resolver(facts).resolve()})


def draw(arguments: argparse.Namespace) -> None:
    """Print rows to judge."""
    command = ["git", "-C", arguments.clone, "rev-parse", arguments.commit]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    found = resolved(arguments.clone, commit, arguments.under)
    more = {"under": arguments.under} if arguments.under else {}
    for kind, drawn in _drawn(found, SAMES.get(arguments.language, (arguments.language,)), arguments.seed):
        bound = isinstance(drawn, Edge)
        row = {
            "draw": kind,
            "seed": arguments.seed,
            "repository": arguments.repository,
            "commit": commit,
            "rung": drawn.rung if isinstance(drawn, Edge) else drawn.why,
            "at": f"{drawn.source.partition('::')[0]}:{drawn.line}",
            "caller": drawn.source.partition("::")[2],
            "name": called(drawn.target) if isinstance(drawn, Edge) else drawn.name,
            "callee": drawn.target if isinstance(drawn, Edge) else None,
            "expected": [drawn.target] if isinstance(drawn, Edge) else [],
            "verdict": "right" if bound else "outside",
            **more,
        }
        print(json.dumps(row, ensure_ascii=False))


def _drawn(found: Resolved, languages: tuple[str, ...], seed: int) -> Iterator[tuple[str, Edge | Unresolved]]:
    names: set[str] = set()
    edges: dict[tuple[str, str], Edge] = {}
    unbound: set[Unresolved] = set()
    for facts in found.facts.values():
        if facts.language in languages:
            names |= {one.name for one in facts.definitions if one.kind in CALLABLES | CLASSES}
    for path in sorted(found.edges):
        if found.facts[path].language in languages:
            for edge in found.edges[path].edges:
                if edge.kind == CALLS:
                    edges.setdefault((edge.source, edge.target), edge)
            unbound |= {one for one in found.edges[path].unresolved if one.name in names}
    chance = random.Random(seed)  # noqa: S311
    pairs, calls = sorted(edges), sorted(unbound)
    yield from (("edge", edges[pair]) for pair in chance.sample(pairs, min(15, len(pairs))))
    first = chance.sample(calls, min(10, len(calls)))
    yield from (("unbound", one) for one in first)
    rest = [one for one in calls if one.why not in OUTSIDE and one not in first]
    yield from (("not_external", one) for one in chance.sample(rest, min(6, len(rest))))


def called(symbol: str) -> str:
    """The bare name of a symbol."""
    return symbol.partition("::")[2].rpartition(":")[0].rpartition(".")[2]


def outcome(row: dict[str, Any], bound: set[str]) -> str:
    """What became of a judged call, given all that is bound on its line: right, wrong or unbound."""
    if bound & set(row["expected"]):
        return "right"
    if any(called(one) == row["name"] or one == row["callee"] for one in bound):
        return "wrong"
    return "unbound"


def check(arguments: argparse.Namespace) -> None:
    """Print a row of a table for every file of labels, and every call that is not bound as it was judged."""
    clones = dict(one.split("=", 1) for one in arguments.clone)
    print(HEADER, "|---|---|---|---|---|---|---|---|", sep="\n")
    for name in arguments.labels:
        rows = [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]
        first = rows[0]
        if first["repository"] not in clones:
            print(f"{name}: no clone of {first['repository']} given", file=sys.stderr)
            continue
        edges = resolved(clones[first["repository"]], first["commit"], first.get("under", "")).edges
        inside: Counter[str] = Counter()
        outside: Counter[str] = Counter()
        for row in rows:
            path, _, line = row["at"].rpartition(":")
            here = edges[path].edges if path in edges else []
            now = outcome(row, {one.target for one in here if one.kind == CALLS and one.line == int(line)})
            (inside if row["expected"] else outside)[now] += 1
            if arguments.verbose and now != ("right" if row["expected"] else "unbound"):
                print(now, row["at"], row["name"], *row["expected"], sep="\t", file=sys.stderr)
        language = Path(name).name.removesuffix("_calls.jsonl")
        cells = [language, first["repository"], inside.total(), inside["right"], inside["wrong"], inside["unbound"]]
        print("|", " | ".join(str(one) for one in [*cells, outside.total(), outside["wrong"]]), "|")


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    drawing = commands.add_parser("draw")
    drawing.set_defaults(function=draw)
    drawing.add_argument("--language", required=True)
    drawing.add_argument("--repository", required=True, help="owner/name")
    drawing.add_argument("--clone", required=True, help="a clone of it")
    drawing.add_argument("--commit", default="HEAD")
    drawing.add_argument("--under", default="", help="a folder, where the whole tree is too much")
    drawing.add_argument("--seed", type=int, default=SEED)
    checking = commands.add_parser("check")
    checking.set_defaults(function=check)
    checking.add_argument("--clone", action="append", default=[], metavar="OWNER/NAME=CLONE")
    checking.add_argument("--verbose", action="store_true", help="print the calls that are not bound as judged")
    checking.add_argument("labels", nargs="+")
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
