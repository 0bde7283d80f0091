"""The committed stubs are those of the protos, and the protos pass their linter."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from agentctx.types import AsyncMemoryAPI, MemoryAPI
from agentctx.v1 import memory_service_pb2

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools is not installed")
def test_stubs_are_fresh_and_protos_are_clean() -> None:
    script = ROOT / "scripts" / "gen_protos.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_method_of_the_api_has_its_call() -> None:
    calls = {method.name for method in memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"].methods}
    for api in (MemoryAPI, AsyncMemoryAPI):
        methods = {name for name in vars(api) if not name.startswith("_")}
        assert {"".join(word.title() for word in name.split("_")) for name in methods} == calls
