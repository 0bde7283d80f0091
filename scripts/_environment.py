"""Make or refresh a virtual environment with this checkout installed in it. Standard library only.

    python scripts/_environment.py .venv [--extras dev] [--fresh]

The project is installed in editable form, so only a change of pyproject.toml, of the Python or of the checkout's
place makes the environment out of date; a change of the kernels' sources has them compiled again. The stamp is written
last: an installation that broke off is done again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".agentctx-stamp"
LOG = "install.log"


class Failure(Exception):
    """Something that the person at the terminal has to mend."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extras", default="")
    parser.add_argument("--fresh", action="store_true", help="begin with an empty environment")
    options = parser.parse_args()
    folder = ROOT / options.folder
    try:
        prepare(folder, options.extras, fresh=options.fresh)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next run starts the installation anew", file=sys.stderr)
        return 130
    return 0


def prepare(folder: Path, extras: str, *, fresh: bool) -> None:
    """Bring the environment in `folder` up to date."""
    wanted, sources = stamp(extras), kernels()
    installed = [] if fresh else current(folder)
    if installed == [wanted, sources]:
        return
    if installed[:1] == [wanted]:
        pip(folder, ["install", "--no-deps", "--editable", "."])
        tell_of_kernels()
        (folder / STAMP).write_text(f"{wanted}\n{sources}\n", encoding="utf-8")
        return
    if folder.exists():
        if not (folder / "pyvenv.cfg").exists() and any(folder.iterdir()):
            raise Failure(f"{folder} exists and is not a virtual environment; move it out of the way")
        shutil.rmtree(folder)
    began = time.monotonic()
    shown = folder.relative_to(ROOT)
    with Line(f"installing agentctx and what it needs into {shown} (first run only)"):
        create(folder)
        target = f".[{extras}]" if extras else "."
        pip(folder, ["install", "--editable", target])
    (folder / STAMP).write_text(f"{wanted}\n{sources}\n", encoding="utf-8")
    tell_of_kernels()
    print(f"installed into {shown} in {time.monotonic() - began:.0f} s", file=sys.stderr)


def tell_of_kernels() -> None:
    """Say so where nothing was compiled: pip keeps to itself what the build told."""
    if not any((ROOT / "agentctx").glob("_kernels.*.so")):
        print("no C compiler: numpy does the work of the kernels, see docs/kernels.md", file=sys.stderr)


def stamp(extras: str) -> str:
    """What the environment depends on, as a hash."""
    parts = [(ROOT / "pyproject.toml").read_text(encoding="utf-8"), extras, str(ROOT), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def kernels() -> str:
    """What the compiled kernels are made of, as a hash."""
    sources = sorted((ROOT / "native").glob("*.[ch]"))
    parts = [path.read_text(encoding="utf-8") for path in (ROOT / "hatch_build.py", *sources)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def current(folder: Path) -> list[str]:
    """The lines of the stamp of an environment that can be used; none otherwise."""
    try:
        found = (folder / STAMP).read_text(encoding="utf-8").split()
    except OSError:
        return []
    return found if os.access(python_of(folder), os.X_OK) else []


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def create(folder: Path) -> None:
    """A virtual environment with pip, or one that a pip outside of it can install into."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    if not with_pip and importlib.util.find_spec("pip") is None:
        raise Failure(
            f"{sys.executable} has neither ensurepip nor pip, so it cannot install anything. "
            "On Debian and Ubuntu: apt install python3-venv. Or name another Python: PYTHON=... "
        )
    arguments = [sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), str(folder)]
    run(arguments, folder, "the virtual environment could not be made")


def pip(folder: Path, arguments: list[str]) -> None:
    """Run pip for the environment; its own, where it has one."""
    own = importlib.util.find_spec("ensurepip") is not None
    command = [str(python_of(folder)), "-m", "pip"] if own else [
        sys.executable, "-m", "pip", "--python", str(python_of(folder))
    ]  # fmt: skip
    quiet = ["--disable-pip-version-check", "--no-input", "--quiet"]
    run([*command, *arguments, *quiet], folder, "pip could not install agentctx")


def run(command: list[str], folder: Path, problem: str) -> None:
    """Run a command with its output in the log; on failure, say what is at the log's end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    with log.open("ab") as sink:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False)
    if done.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:])
        raise Failure(
            f"{problem} (exit status {done.returncode}). The end of {log.relative_to(ROOT)}:\n\n{tail}\n\n"
            "pip needs to reach a package index: check the network, the proxy and the PIP_* variables, and run again."
        )


class Line:
    """One line that says what is going on: with running seconds on a terminal, once and plain elsewhere."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        if not sys.stderr.isatty():
            print(f"{self._text} ...", file=sys.stderr, flush=True)
            return
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def _show(self) -> None:
        began = time.monotonic()
        while not self._done.wait(0.2):
            print(f"\r{self._text} ... {time.monotonic() - began:.0f} s", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
