"""Compiles the kernels of `native/` into `agentctx/` when the package is built or installed in editable form.

Without a C compiler the package is built all the same and uses numpy in their place: the same answers, in two to
three times the time. AGENTCTX_KERNELS=require makes a missing compiler an error, AGENTCTX_KERNELS=skip builds none.

    python hatch_build.py       compile in place, for work on the kernels
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "native"
TARGET = ROOT / "agentctx" / "_kernels.abi3.so"
FLAGS = ["-O3", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-Wall"]
SETTING = "AGENTCTX_KERNELS"


class NoKernels(Exception):
    """Why nothing was compiled."""


def compile_kernels() -> None:
    """Compile the sources in place. Raises NoKernels where that cannot be done here."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NoKernels("a Python without the global lock has no stable ABI")
    if sys.platform == "win32":
        raise NoKernels("not built on Windows yet")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    extra = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    include = sysconfig.get_paths()["include"]
    sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
    made = SOURCES / f"{os.getpid()}.tmp"
    command = [*compiler, *FLAGS, *extra, f"-I{include}", "-o", str(made), *sources, "-lm"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoKernels(f"{compiler[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        made.unlink(missing_ok=True)
        raise NoKernels(f"{compiler[0]} failed:\n{done.stderr.strip()}")
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    made.replace(TARGET)  # a process that has the old file loaded keeps it


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, where hatchling is not installed
    BuildHookInterface = object  # type: ignore[assignment,misc]


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled kernels to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say which machines the wheel is for."""
        if self.target_name != "wheel":
            return
        wanted = os.environ.get(SETTING, "")
        if wanted not in ("", "require", "skip"):
            raise ValueError(f"{SETTING} must be require or skip, or not be set; it is {wanted!r}")
        try:
            if wanted == "skip":
                raise NoKernels(f"{SETTING}=skip")
            compile_kernels()
        except NoKernels as problem:
            if wanted == "require":
                raise
            TARGET.unlink(missing_ok=True)  # one of other sources
            self.app.display_warning(f"no compiled kernels, numpy will do their work: {problem}")
            return
        # A Python for two processors compiles for the one that it runs on.
        system = sysconfig.get_platform().replace("universal2", platform.machine())
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{system.replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(f"/{TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    compile_kernels()
    print(f"made {TARGET.relative_to(ROOT)}")
