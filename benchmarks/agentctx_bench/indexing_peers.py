"""What others take for the same tree, where they are installed: universal-ctags, and aider's repository map."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

_TIMEOUT: Final = 900
_AIDER: Final = """
import sys, time
from pathlib import Path
from aider.repomap import RepoMap
class Said:
    def tool_output(self, *a, **k): pass
    tool_warning = tool_error = tool_output
    def read_text(self, name): return Path(name).read_text(errors="replace")
class Model:
    def token_count(self, text): return len(text) / 4
root = sys.argv[1]
files = [str(path) for path in Path(root).rglob("*") if path.is_file() and ".git" not in path.parts]
for _ in range(2):
    started = time.perf_counter()
    made = RepoMap(map_tokens=2000, root=root, main_model=Model(), io=Said()).get_repo_map([], files)
    print(f"{time.perf_counter() - started:.3f}")
"""


def peers(tree: Path) -> dict[str, Any]:
    """Seconds of each peer, or why there are none."""
    return {"universal-ctags": _ctags(tree), "aider repository map": _aider(tree)}


def _ctags(tree: Path) -> dict[str, Any]:
    found = shutil.which("ctags")
    if found is None:
        return {"skipped": "ctags is not installed"}
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    if "Universal Ctags" not in version:
        return {"skipped": "the installed ctags is not universal-ctags"}
    output = tree.parent / "tags"
    started, before = time.perf_counter(), os.times()
    command = [found, "-R", "--fields=+ne", "--links=no", "-f", str(output), str(tree)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
    except (OSError, subprocess.SubprocessError) as error:
        return {"skipped": f"it failed: {type(error).__name__}"}
    wall, after = time.perf_counter() - started, os.times()
    with output.open("rb") as file:
        tags = sum(1 for _ in file)
    number = re.search(r"Universal Ctags ([\w.+-]+)", version)
    return {
        "version": number[1] if number else "",
        "wall_s": round(wall, 2),
        "cpu_s": round(after.children_user + after.children_system - before.children_user - before.children_system, 2),
        "tags": tags,
        "note": "definitions only",
    }


def _aider(tree: Path) -> dict[str, Any]:
    if importlib.util.find_spec("aider") is None:
        return {"skipped": "aider-chat is not installed"}
    try:
        told = subprocess.run(
            [sys.executable, "-c", _AIDER, str(tree)], check=True, capture_output=True, text=True, timeout=_TIMEOUT
        ).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        return {"skipped": f"it failed: {type(error).__name__}"}
    return {"first_map_s": float(told[-2]), "second_map_s": float(told[-1]), "tokens": 2000}
