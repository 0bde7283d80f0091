"""Call edges against what really runs: a repository's own test suite is traced, and its calls are looked up in ours.

    python benchmarks/call_trace.py record --repo REPO --python VENV/bin/python --out calls.json -- -q tests
    python benchmarks/call_trace.py compare --repo REPO --trace calls.json [--json OUT] [--missed 40]
    python benchmarks/call_trace.py sample --repo REPO --seed 1 --size 200 > sample.tsv

    python benchmarks/call_trace.py check --repo REPO --labels tests/code_labels/python_calls.jsonl --name Django

`record` runs pytest with a profiler in every thread (subprocesses are not followed) and keeps the pairs of functions,
caller and callee, that both lie in the repository and of which one called the other directly. What runs inside lambdas
and comprehensions counts for the function around them. `compare` prints the share of the pairs that the edges have.
`sample` prints a seeded sample of our call edges with the lines that they stand on, to be judged by eye; runs of the
suite say nothing of those that it never runs. `check` looks up edges that were judged so before.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agentctx.code.extract import extract
from agentctx.code.facts import FileFacts, symbol_id
from agentctx.code.resolve.edges import Edge, FileEdges
from agentctx.code.resolve.resolver import Resolver
from agentctx.code.walk import walk

PLUGIN = """
import atexit, json, os, sys, threading, time
ROOT = os.path.realpath(os.environ["CALL_TRACE_ROOT"]) + os.sep
OUT = os.environ["CALL_TRACE_OUT"]
FUNCTION, GENERATOR = 0x1, 0x20 | 0x80 | 0x200
pairs, inside, pid = set(), {}, os.getpid()

def look(code):
    path = os.path.realpath(code.co_filename)
    held = path.startswith(ROOT) and os.sep + "site-packages" + os.sep not in path
    found = inside[code] = (path[len(ROOT):] if held else "")
    return found

def watch(frame, event, argument):
    if event != "call":
        return
    code = frame.f_code
    path = inside.get(code)
    if path is None:
        path = look(code)
    if not path:
        return
    caller = frame.f_back
    if caller is None:
        return
    by = caller.f_code
    source = inside.get(by)
    if source is None:
        source = look(by)
    if source and (by, code) not in pairs:
        if code.co_flags & GENERATOR and frame.f_lasti > 4 + 2 * len(code.co_cellvars) + 2 * bool(code.co_freevars):
            return  # resumed, not called
        pairs.add((by, code))

def write():
    if os.getpid() != pid:
        return
    rows = {(inside[a], a.co_qualname, a.co_firstlineno, a.co_flags & FUNCTION, inside[b], b.co_qualname,
             b.co_firstlineno, b.co_flags & FUNCTION) for a, b in list(pairs)}
    part = f"{OUT}.{threading.get_ident()}"
    with open(part, "w") as file:
        json.dump(sorted(rows), file)
    os.replace(part, OUT)

def keep_writing():  # a run that is killed leaves what it has
    while True:
        time.sleep(30)
        write()

threading.Thread(target=keep_writing, daemon=True).start()
atexit.register(write)
sys.setprofile(watch)
threading.setprofile(watch)
"""


def record(arguments: argparse.Namespace) -> None:
    """Run the suite under the profiler."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "call_trace_plugin.py").write_text(PLUGIN, encoding="utf-8")
        environment = dict(os.environ, CALL_TRACE_ROOT=arguments.repo, CALL_TRACE_OUT=os.path.abspath(arguments.out))
        environment["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [arguments.python, "-m", "pytest", "-p", "call_trace_plugin", *arguments.rest]
        code = subprocess.run(command, cwd=arguments.repo, env=environment, check=False).returncode
    print(f"pytest ended with {code}; {len(json.loads(Path(arguments.out).read_text()))} pairs", file=sys.stderr)


def resolved(repo: str) -> tuple[dict[str, FileFacts], dict[str, FileEdges]]:
    """The facts and edges of every Python file of the tree."""
    facts = {one.path: extract(one.path, Path(repo, one.path).read_bytes()) for one in walk(repo).files}
    return facts, {one.path: one for one in Resolver(facts).resolve()}


class Code:
    """Which symbol a code object is, and which code a symbol's own text runs in."""

    def __init__(self, facts: dict[str, FileFacts]) -> None:
        self._functions: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._around: dict[str, str] = {}
        for path, one in facts.items():
            running = [path] * len(one.definitions)
            for place, definition in enumerate(one.definitions):
                symbol = symbol_id(path, definition)
                if definition.kind in ("function", "method", "constructor"):
                    running[place] = symbol
                    row = (definition.start_line, symbol)
                    self._functions.setdefault((path, definition.qualname), []).append(row)
                elif definition.parent >= 0:
                    running[place] = running[definition.parent]
                self._around[symbol] = running[place]

    def running(self, symbol: str) -> str:
        """The function that runs the text of a constant or class, or its file."""
        return self._around.get(symbol, symbol)

    def of(self, path: str, qualname: str, line: int) -> str | None:
        """The function of a code object, or the one around a lambda, comprehension or class; the file where none is."""
        parts = [part for part in qualname.split(".") if part != "<locals>"]
        if parts == ["<module>"]:
            return path
        named = not parts[-1].startswith("<")
        while parts and parts[-1].startswith("<"):
            parts.pop()
        while parts:
            found = self._functions.get((path, ".".join(parts)))
            if found:
                return min(found, key=lambda one: abs(one[0] - line) if named else -one[0])[1]
            parts.pop()
        return path


def compare(arguments: argparse.Namespace) -> None:
    """Print which share of the traced pairs the edges have: as they are, and to a method that the callee overrides."""
    facts, edges = resolved(arguments.repo)
    code = Code(facts)
    every = [edge for one in edges.values() for edge in one.edges]
    rungs = {(code.running(e.source), e.target): e.rung for e in every if e.kind == "calls"}
    above: dict[str, set[str]] = {}
    for edge in every:
        if edge.kind == "overrides":
            above.setdefault(edge.source, set()).add(edge.target)
    traced: set[tuple[str, str]] = set()
    outside = 0
    for a, a_name, a_line, _, b, b_name, b_line, b_function in json.loads(Path(arguments.trace).read_text()):
        if not b_function or b_name.endswith(">"):
            continue  # the body of a class, a lambda, a comprehension: no call of something named
        caller, callee = code.of(a, a_name, a_line), code.of(b, b_name, b_line)
        if a not in facts or b not in facts or caller is None or callee is None or callee == b:
            outside += 1
        else:
            traced.add((caller, callee))
    found = traced & rungs.keys()
    dispatched = {(a, b) for a, b in traced - found if any((a, base) in rungs for base in _over(b, above))}
    result = {
        "pairs": len(traced),
        "found": len(found),
        "share": round(len(found) / max(1, len(traced)), 4),
        "found_with_overridden": len(found) + len(dispatched),
        "share_with_overridden": round((len(found) + len(dispatched)) / max(1, len(traced)), 4),
        "callees_made_at_run_time": outside,
        "by_rung": dict(Counter(rungs[pair] for pair in found).most_common()),
    }
    print(json.dumps(result, indent=2))
    missed = sorted(traced - found - dispatched)
    print("missed by name of the callee", Counter(pair[1].rpartition("::")[2] for pair in missed).most_common(25))
    for pair in random.Random(0).sample(missed, min(arguments.missed, len(missed))):  # noqa: S311
        print("missed", *pair, sep="\t")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")


def _over(symbol: str, above: dict[str, set[str]]) -> set[str]:
    """Every method that `symbol` overrides, however far up."""
    found: set[str] = set()
    waiting = [symbol]
    while waiting:
        for base in above.get(waiting.pop(), ()):
            if base not in found:
                found.add(base)
                waiting.append(base)
    return found


def sample(arguments: argparse.Namespace) -> None:
    """Print a seeded sample of our call edges, with the line that each stands on."""
    _, edges = resolved(arguments.repo)
    for edge in drawn(edges, arguments.seed, arguments.size):
        path = edge.source.partition("::")[0]
        text = Path(arguments.repo, path).read_text(errors="replace").splitlines()[edge.line - 1].strip()
        print(edge.rung, f"{path}:{edge.line}", edge.source.partition("::")[2], edge.target, text, sep="\t")


def drawn(edges: dict[str, FileEdges], seed: int, size: int) -> Iterator[Edge]:
    """Some call edges, each pair of symbols once."""
    once: dict[tuple[str, str], Edge] = {}
    for path in sorted(edges):
        for edge in edges[path].edges:
            if edge.kind == "calls":
                once.setdefault((edge.source, edge.target), edge)
    pairs = sorted(once)
    yield from (once[pair] for pair in random.Random(seed).sample(pairs, min(size, len(pairs))))  # noqa: S311


def check(arguments: argparse.Namespace) -> None:
    """Print what became of edges that were judged by eye: right ones that are still there, wrong ones that are not."""
    _, edges = resolved(arguments.repo)
    ours = {(f"{path}:{edge.line}", edge.target) for path, one in edges.items() for edge in one.edges}
    told: Counter[str] = Counter()
    for line in Path(arguments.labels).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["repository"].startswith(arguments.name):
            there = (row["at"], row["callee"]) in ours
            told[f"{'right' if row['right'] else 'wrong'}, {'still there' if there else 'gone'}"] += 1
            if there != row["right"]:
                print("right but gone" if row["right"] else "wrong but there", row["at"], row["callee"], sep="\t")
    print(dict(told))


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("record", record), ("compare", compare), ("sample", sample), ("check", check)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("--repo", required=True)
        if name == "record":
            command.add_argument("--python", default=sys.executable)
            command.add_argument("--out", required=True)
            command.add_argument("rest", nargs="*")
        elif name == "compare":
            command.add_argument("--trace", required=True)
            command.add_argument("--json", default="")
            command.add_argument("--missed", type=int, default=0)
        elif name == "check":
            command.add_argument("--labels", required=True)
            command.add_argument("--name", required=True, help="as in the labels, or how it begins")
        else:
            command.add_argument("--seed", type=int, default=1)
            command.add_argument("--size", type=int, default=200)
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
