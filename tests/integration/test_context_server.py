"""ContextService on a real port: the same bundles and errors on four faces, grants on both sides, counters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctx import connect, connect_async
from agentctx.aio import AsyncContext
from agentctx.cli import main
from agentctx.engine import ContextEngine
from agentctx.errors import AgentctxError, NotFound, PermissionDenied
from agentctx.types import Bundle, NewEpisode
from agentctx.v1 import context_service_pb2
from tests.fixtures_server import NOW, Blocking, Served, open_engine, running_loop, serving

NS = "acme/user-42"
CODE = '''class Ferry:
    """A boat that crosses the river."""

    def leave(self, hour: int) -> str:
        """When the ferry leaves."""
        return f"at {hour}"
'''


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ContextEngine]:
    tree = tmp_path / "boats"
    tree.mkdir()
    (tree / "ferry.py").write_text(CODE)
    with open_engine(tmp_path) as opened:
        opened.memory.add(NS, [NewEpisode("The ferry leaves at seven.", id="e-1", speaker="Ana", role="user")])
        opened.memory.add("acme/other", "The ferry of others leaves at nine.")
        list(opened.code.index(str(tree)))
        yield opened


Step = Callable[[Any], Any]

STEPS: list[Step] = [
    lambda c: c.build("When does the ferry leave?", budget=2000, namespace=NS),
    lambda c: c.build("When does the ferry leave?", budget=2000, repositories=["boats"]),
    lambda c: c.build("ferry", budget=300, namespace=NS, repositories=("boats",), format="xml", counter="cl100k_base"),
    lambda c: c.build("ferry", budget=300, namespace=NS, format="messages", memory_budget=50, reference_time=NOW),
    lambda c: c.build("ferry", budget=300, namespace=NS, as_of=NOW, path="", tests=True, llm=False),
    lambda c: c.build("ferry", budget=1, namespace=NS),
    lambda c: c.build("ferry", budget=300, namespace=NS, previous=["nothing"]),
]
BAD: list[Step] = [
    lambda c: c.build("ferry", budget=0, namespace=NS),
    lambda c: c.build("ferry", budget=-1, namespace=NS),
    lambda c: c.build("ferry", budget="9", namespace=NS),
    lambda c: c.build("ferry", budget=2**40, namespace=NS),
    lambda c: c.build("ferry", budget=9),
    lambda c: c.build(None, budget=9, namespace=NS),
    lambda c: c.build("ferry", budget=9, namespace="a//b"),
    lambda c: c.build("ferry", budget=9, namespace="acme/nobody"),
    lambda c: c.build("ferry", budget=9, repositories=["nobody"]),
    lambda c: c.build("ferry", budget=9, repositories="boats"),
    lambda c: c.build("ferry", budget=9, namespace=NS, format="html"),
    lambda c: c.build("ferry", budget=9, namespace=NS, counter="nonsense"),
    lambda c: c.build("ferry", budget=9, namespace=NS, k=3),
    lambda c: c.build("ferry", budget=9, namespace=NS, tests=1),
    lambda c: c.build("ferry", budget=9, namespace=NS, as_of="now"),
    lambda c: c.build("ferry", budget=9, namespace=NS, memory_budget=-1),
    lambda c: c.build("ferry", budget=9, namespace=NS, previous="e-1"),
]


def outcome(context: Any, step: Step) -> Any:
    try:
        bundle = step(context)
    except AgentctxError as error:
        return (type(error), error.code, error.field, error.details)
    receipt = bundle.receipt
    seen = tuple(replace(one, changed=None) for one in receipt.generations)  # whether somebody has just looked
    return replace(bundle, receipt=replace(receipt, stages_ms=dict.fromkeys(receipt.stages_ms), generations=seen))


@contextmanager
def faces(engine: ContextEngine, address: str) -> Iterator[dict[str, Any]]:
    with running_loop() as loop, connect(address) as client:

        async def start() -> Any:
            return connect_async(address)

        aio = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield {
            "asyncio library": Blocking(AsyncContext(engine.context), loop),
            "sync client": client.context,
            "asyncio client": Blocking(aio.context, loop),
        }
        asyncio.run_coroutine_threadsafe(aio.close(), loop).result(10)


@pytest.fixture
def served(engine: ContextEngine) -> Iterator[Served]:
    with serving(engine) as running:
        yield running


def test_every_face_builds_the_same_and_refuses_the_same(engine: ContextEngine, served: Served) -> None:
    with faces(engine, served.address) as opened:
        for number, step in enumerate([*STEPS, *BAD]):
            expected = outcome(engine.context, step)
            assert isinstance(expected, Bundle) == (number < len(STEPS)), number
            if isinstance(expected, tuple):
                assert expected[1] != "internal"
            for name, context in opened.items():
                assert outcome(context, step) == expected, f"step {number} on the {name}"


def test_both_sides_are_in_a_bundle(engine: ContextEngine, served: Served) -> None:
    with connect(served.address) as client:
        bundle = client.context.build("ferry leaves", budget=2000, namespace=NS, repositories=["boats"])
    assert "The ferry leaves at seven." in bundle.text
    assert "class Ferry" in bundle.text
    assert bundle.receipt.tokens <= 2000
    assert {one.repository for one in bundle.receipt.generations} == {"boats"}


@pytest.mark.parametrize("spec", ["file:/etc/passwd", "endpoint:http://169.254.169.254", "o200k_base|file:x"])
def test_a_caller_makes_the_server_read_no_file_and_ask_no_address(served: Served, spec: str) -> None:
    with connect(served.address) as client:
        for call in (
            lambda: client.context.build("ferry", budget=100, namespace=NS, counter=spec),
            lambda: client.code.map("boats", counter=spec),
        ):
            with pytest.raises(PermissionDenied) as caught:
                call()
            assert caught.value.field == "counter"


def test_building_needs_its_grant_on_the_namespace_and_on_each_repository(
    engine: ContextEngine, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(
        '[[tokens]]\ntoken = "both"\n'
        'grants = [{verbs=["build"], namespaces=["acme/user-42"], repositories=["boats"]}]\n'
        '[[tokens]]\ntoken = "memory"\ngrants = [{verbs=["read"], namespaces=["acme/user-42"]}]\n'
    )
    file.chmod(0o600)
    with serving(engine, tokens=file) as running:
        with connect(running.address, token="both") as client:
            assert client.context.build("ferry", budget=900, namespace=NS, repositories=["boats"]).items
            said = []
            for name in ("acme/other", "acme/nobody"):
                with pytest.raises(NotFound) as caught:
                    client.context.build("ferry", budget=900, namespace=name)
                said.append((caught.value.message.replace(name, "X"), caught.value.field))
                assert name in caught.value.message
            assert said[0] == said[1]
            with pytest.raises(NotFound):
                client.memory.search("acme/user-42", "ferry")
        with connect(running.address, token="memory") as client:
            assert client.context.build("ferry", budget=900, namespace=NS).items
            with pytest.raises(NotFound) as caught:
                client.context.build("ferry", budget=900, namespace=NS, repositories=["boats"])
            assert caught.value.details["repository"] == "boats"


def test_the_service_is_in_health_and_has_the_call() -> None:
    service = context_service_pb2.DESCRIPTOR.services_by_name["ContextService"]
    assert "Build" in {method.name for method in service.methods}


def test_the_command_prints_the_text_the_receipt_or_all_of_it(
    served: Served, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "task.md").write_text("When does the ferry leave?")
    base = ["context", "build", "--server", served.address, "-n", NS, "-r", "boats", "-b", "800"]
    assert main([*base, "--file", str(tmp_path / "task.md")]) == 0
    out, err = capsys.readouterr()
    assert "The ferry leaves at seven." in out
    assert "of 800 tokens (o200k_base)" in err
    assert main([*base, "ferry", "--receipt", "--format", "xml", "--memory-budget", "200"]) == 0
    out, _ = capsys.readouterr()
    assert "acme/user-42: e-1 Ana" in out
    assert "boats: ferry.py:" in out
    assert main([*base, "ferry", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["receipt"]["budget"] == 800
    assert err == ""
    assert main(["context", "build", "ferry", "--server", served.address, "-r", "boat"]) == 3
    assert "the nearest: boats" in capsys.readouterr().err
    assert main(["context", "build", "ferry", "--server", served.address]) == 2
    assert "repositories" in capsys.readouterr().err
