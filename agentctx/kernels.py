"""The compiled inner loops of search, where there are any.

`compiled` is the module of them, or None: then numpy does their work, to the same results but for the last bits of a
float, and more slowly (docs/kernels.md). A part that has a kernel asks here at each call, so that tests and
measurements can do without.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

INTERFACE: Final = 1
"""Of what kernels take and give; one more with every change of that, here and in native/kernels.h."""


def _load() -> tuple[ModuleType | None, str]:
    try:
        found = import_module("agentctx._kernels")
    except ImportError as error:
        return None, f"they were not built when agentctx was installed ({error})"
    if found.INTERFACE != INTERFACE:
        return None, "they were built of other sources than these: install agentctx again"
    return found, ""


compiled, problem = _load()
"""The kernels, and why there are none; the latter is empty where there are."""
