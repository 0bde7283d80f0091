"""Where and with what a figure was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "sqlalchemy", "tokenizers", "grpcio")


def machine() -> dict[str, Any]:
    """The machine in a few facts, with its load: timings of a busy machine are good as ratios only."""
    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or "default",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if hasattr(os, "sysconf"):
        facts["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return facts


def versions() -> dict[str, str]:
    """Versions of agentctx, Python, SQLite and what does the work in an engine; and whether kernels are compiled."""
    import agentctx  # noqa: PLC0415 - `agentctx bench --help` needs none of this
    from agentctx import kernels  # noqa: PLC0415

    found = {"agentctx": agentctx.__version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return found | versions_of(*_PACKAGES) | {"kernels": "none" if kernels.compiled is None else "compiled"}


def versions_of(*packages: str) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package.lower()] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_memory_mib() -> float | None:
    """The most memory that this process has held."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def resident_mib() -> dict[str, float]:
    """The memory that this process holds now: in all, of its own, and pages of files that are mapped."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"total": peak_memory_mib() or 0.0}
    kib = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in lines)
        if "Rss" in name or name == "VmRSS"
    }
    told = {"total": "VmRSS", "anonymous": "RssAnon", "files": "RssFile"}
    return {name: round(kib.get(key, 0) / 1024, 1) for name, key in told.items()}


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
