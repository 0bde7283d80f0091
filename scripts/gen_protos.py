#!/usr/bin/env python3
"""Generate the committed stubs in agentctx/v1 from protos/; `--check` compares and changes nothing.

Both lint the protos and check their format with buf. The generator is pinned: stubs of a newer grpcio-tools would
refuse to load beside the grpcio and protobuf that we declare as floors. Nothing is rewritten, because the path of a
proto under protos/ is the path of its stub in the repository.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

GENERATOR = "1.76.0"
ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
STUBS = Path("agentctx/v1")
INIT = '"""Generated from protos/agentctx/v1 by scripts/gen_protos.py; do not edit."""\n'


def main() -> int:
    """Run the script; the exit code is 1 where something differs or does not pass."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed stubs instead of writing them")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = generate(Path(folder))
        problems = lint()
        if check:
            problems += differences(fresh, ROOT / STUBS)
        else:
            install(fresh, ROOT / STUBS)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def generate(target: Path) -> Path:
    """Fresh stubs below `target`; returns the folder that holds them."""
    try:
        installed = version("grpcio-tools")
    except PackageNotFoundError:
        installed = "none"
    if installed != GENERATOR:
        sys.exit(f"grpcio-tools {GENERATOR} is needed, not {installed}: pip install 'grpcio-tools=={GENERATOR}'")
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    services = [name for name in sources if name.endswith("_service.proto")]
    well_known = str(files("grpc_tools") / "_proto")
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{well_known}"]
    subprocess.run([*protoc, f"--python_out={target}", f"--pyi_out={target}", *sources], check=True)
    subprocess.run([*protoc, f"--grpc_python_out={target}", *services], check=True)
    (target / STUBS / "__init__.py").write_text(INIT, encoding="utf-8")
    return target / STUBS


def lint() -> list[str]:
    """What buf has against the protos: lint rules and format."""
    buf = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
    if buf is None:
        return ["buf is not installed: pip install buf-bin"]
    problems = []
    for arguments in (["lint"], ["format", "--diff", "--exit-code"]):
        done = subprocess.run([buf, *arguments], cwd=PROTOS, capture_output=True, text=True, check=False)
        if done.returncode:
            problems.append(f"buf {arguments[0]}:\n{done.stdout}{done.stderr}".rstrip())
    return problems


def differences(fresh: Path, committed: Path) -> list[str]:
    """How the committed stubs differ from fresh ones."""
    names = {path.name for folder in (fresh, committed) for path in folder.glob("*.py*") if path.is_file()}
    _, unequal, missing = filecmp.cmpfiles(fresh, committed, sorted(names), shallow=False)
    return [f"{STUBS / name} is not what the protos give: run scripts/gen_protos.py" for name in unequal + missing]


def install(fresh: Path, committed: Path) -> None:
    """Replace the committed stubs by fresh ones."""
    committed.mkdir(parents=True, exist_ok=True)
    for old in committed.glob("*.py*"):
        old.unlink()
    for new in fresh.iterdir():
        shutil.copyfile(new, committed / new.name)


if __name__ == "__main__":
    sys.exit(main())
