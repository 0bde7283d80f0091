"""How long imports and a first command take, each in a fresh process.

    python benchmarks/import_time.py [--runs 15] [--json FILE]

Files are in the page cache and bytecode is compiled: a first run warms both. The median of the runs counts; an empty
interpreter is measured beside them and taken off the imports.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from agentctx_bench import host, report

IMPORTS = {
    "import agentctx": "import agentctx",
    "import numpy": "import numpy",
    "import agentctx.client": "import agentctx.client",
    "import agentctx.engine": "import agentctx.engine",
}
WHOLE = {
    "open a new store": "from agentctx import ContextEngine; ContextEngine.open('new.db').close()",
    "open a store, add one episode, find it": (
        "from agentctx import ContextEngine\n"
        "with ContextEngine.open('used.db') as engine:\n"
        "    engine.memory.add('n', 'The ferry leaves at seven.')\n"
        "    engine.memory.search('n', 'When does the ferry leave?')"
    ),
    "agentctx --version": "import sys; from agentctx.cli import main; sys.exit(main(['--version']))",
}


def milliseconds(code: str) -> float:
    """The wall time of a fresh interpreter that runs `code`, in a new empty folder."""
    with tempfile.TemporaryDirectory(prefix="agentctx-import-") as folder:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    codes = {"an empty interpreter": "pass"} | IMPORTS | WHOLE
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for code in codes.values():
        milliseconds(code)
    for _ in range(given.runs):  # the measures take turns, so that a busy moment slows all of them
        for name, code in codes.items():
            taken[name].append(milliseconds(code))
    medians = {name: median(values) for name, values in taken.items()}
    empty = medians["an empty interpreter"]
    result = {
        "benchmark": "import_time",
        "milliseconds": {name: round(ms - (empty if name in IMPORTS else 0), 1) for name, ms in medians.items()},
        "runs": given.runs,
        "machine": host.machine(),
        "versions": host.versions(),
    }
    for name, ms in result["milliseconds"].items():
        print(f"{ms:8.1f} ms  {name}")
    if given.json:
        report.write_json(result, given.json)


if __name__ == "__main__":
    main()
