"""RoutingService and Complete on a real port, over backends that are real HTTP servers: faces, grants, commands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agentctx import connect, connect_async
from agentctx.aio import AsyncContext, AsyncRouting
from agentctx.cli import main
from agentctx.config import Settings
from agentctx.config.backends import BackendSettings
from agentctx.engine import ContextEngine
from agentctx.errors import AgentctxError, NotFound
from agentctx.testing import HashingEmbedder, ManualClock, SequentialIds
from agentctx.testing.streaming import Script, StreamServer
from agentctx.types import AsyncRoutingAPI, Done, RouteDecided, RoutingAPI, TextPart
from agentctx.v1 import routing_service_pb2
from tests.fixtures_server import NOW, Blocking, Served, running_loop, serving

NS = "acme/user-42"
EASY = "What is our policy on parental leave?"


@pytest.fixture
def low() -> Iterator[StreamServer]:
    with StreamServer() as server:
        yield server


@contextmanager
def opened(folder: Path, low: StreamServer) -> Iterator[ContextEngine]:
    def one(precision: str, price: float) -> BackendSettings:
        return BackendSettings(
            low.base_url,
            "test",
            precision,
            input_per_1m=price,
            output_per_1m=4 * price,
            counter="o200k_base",
            retries=0,
            context_window=8000,
            billions=70.0,
        )

    settings = Settings(backends={"four": one("nvfp4", 1.0), "full": one("bf16", 2.0)})
    folder.mkdir(exist_ok=True)
    with ContextEngine.open(
        folder / "memory.db",
        embedder=HashingEmbedder(),
        settings=settings,
        clock=ManualClock(NOW),
        ids=SequentialIds(),
    ) as engine:
        engine.memory.add(NS, "Parental leave is sixteen weeks.")
        yield engine


@pytest.fixture
def engine(tmp_path: Path, low: StreamServer) -> Iterator[ContextEngine]:
    with opened(tmp_path / "one", low) as found:
        yield found


@pytest.fixture
def served(engine: ContextEngine) -> Iterator[Served]:
    with serving(engine) as running:
        yield running


@contextmanager
def faces(tmp_path: Path, low: StreamServer) -> Iterator[dict[str, tuple[Any, Any]]]:
    """(context, routing) by face; each has a store of its own."""
    with (
        opened(tmp_path / "a", low) as plain,
        opened(tmp_path / "b", low) as threaded,
        opened(tmp_path / "c", low) as sync,
        opened(tmp_path / "d", low) as awaited,
        running_loop() as loop,
        serving(sync) as first,
        serving(awaited) as second,
        connect(first.address) as client,
    ):

        async def start() -> Any:
            return connect_async(second.address)

        aio = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield {
            "library": (plain.context, plain.routing),
            "asyncio library": (
                Blocking(AsyncContext(threaded.context), loop),
                Blocking(AsyncRouting(threaded.routing), loop),
            ),
            "sync client": (client.context, client.routing),
            "asyncio client": (Blocking(aio.context, loop), Blocking(aio.routing, loop)),
        }
        asyncio.run_coroutine_threadsafe(aio.close(), loop).result(10)


def timeless(result: Any) -> Any:
    """A result without what took how long."""
    if isinstance(result, Done):
        return replace(result, latency_ms=0.0, first_token_ms=0.0)
    if isinstance(result, RouteDecided) and result.bundle is not None:
        receipt = replace(result.bundle.receipt, stages_ms={})
        return replace(result, bundle=replace(result.bundle, receipt=receipt))
    if hasattr(result, "savings"):
        return replace(result, rows=tuple(replace(row, latency_ms=0.0, first_token_ms=0.0) for row in result.rows))
    return result


def outcome(step: Callable[[Any, Any], Any], face: tuple[Any, Any]) -> Any:
    try:
        result = step(*face)
        if isinstance(result, list) or hasattr(result, "__next__"):
            return [timeless(one) for one in result]
        return timeless(result)
    except AgentctxError as error:
        return (type(error), error.code, error.field, error.details)


STEPS: list[Callable[[Any, Any], Any]] = [
    lambda c, r: r.decide(EASY),
    lambda c, r: r.decide(EASY, input_tokens=900, namespace=NS, session="s", policy="auto:cost", output_tokens=50),
    lambda c, r: r.decide("x", task_type="coding", quality_floor=0.5, max_cost=1, min_tier=16),
    lambda c, r: r.decide("x", earlier=["before"], turns_left=3, allow=["full"], deny=()),
    lambda c, r: r.backends(),
    lambda c, r: c.complete(EASY, namespace=NS, request_id="r-1", max_tokens=50, temperature=0.5, budget=300),
    lambda c, r: c.complete(EASY, system="", min_tier=16, request_id="r-2"),
    lambda c, r: c.complete(EASY, request_id="r-1"),
    lambda c, r: r.feedback("r-1", 0.75),
    lambda c, r: r.feedback("r-1", 1),
    lambda c, r: r.usage(),
    lambda c, r: r.usage(by=("namespace", "outcome"), namespace=NS, since=NOW),
    lambda c, r: r.usage(by=(), session="nothing"),
]
BAD: list[Callable[[Any, Any], Any]] = [
    lambda c, r: r.decide(None),
    lambda c, r: r.decide("x", input_tokens=-1),
    lambda c, r: r.decide("x", input_tokens="9"),
    lambda c, r: r.decide("x", policy="cheap"),
    lambda c, r: r.decide("x", namespace="a//b"),
    lambda c, r: r.decide("x", turns_left=0),
    lambda c, r: r.decide("x", quality_floor="half"),
    lambda c, r: r.decide("x", quality_floor=float("nan")),
    lambda c, r: r.decide("x", min_tier=5),
    lambda c, r: r.decide("x", regions="eu"),
    lambda c, r: r.decide("x", regions=["nowhere"]),
    lambda c, r: r.decide("x", tier=4),
    lambda c, r: r.backends(check=1),
    lambda c, r: r.feedback("nothing", 0.5),
    lambda c, r: r.feedback("r-1", 2),
    lambda c, r: r.feedback("r-1", "good"),
    lambda c, r: r.feedback(3, 0.5),
    lambda c, r: r.usage(by=["colour"]),
    lambda c, r: r.usage(by="backend"),
    lambda c, r: r.usage(since="now"),
    lambda c, r: r.usage(namespace="a//b"),
    lambda c, r: c.complete(""),
    lambda c, r: c.complete(EASY, max_tokens=0),
    lambda c, r: c.complete(EASY, temperature=9),
    lambda c, r: c.complete(EASY, budget=0, namespace=NS),
    lambda c, r: c.complete(EASY, namespace="acme/nobody"),
    lambda c, r: c.complete(EASY, repositories=["nobody"]),
    lambda c, r: c.complete(EASY, counter="o200k_base"),
    lambda c, r: c.complete(EASY, format="html", namespace=NS),
]


def test_every_face_routes_completes_and_refuses_the_same(tmp_path: Path, low: StreamServer) -> None:
    with faces(tmp_path, low) as opened_faces:
        for number, step in enumerate([*STEPS, *BAD]):
            expected = outcome(step, opened_faces["library"])
            refused = isinstance(expected, tuple) and bool(expected) and isinstance(expected[0], type)
            assert refused == (number >= len(STEPS) or number == 7), (number, expected)
            if refused:
                assert expected[1] != "internal", number
            for name, face in opened_faces.items():
                if name != "library":
                    assert outcome(step, face) == expected, f"step {number} on the {name}"


def test_every_method_of_the_api_has_its_call() -> None:
    calls = {method.name for method in routing_service_pb2.DESCRIPTOR.services_by_name["RoutingService"].methods}
    for api in (RoutingAPI, AsyncRoutingAPI):
        assert {name.title() for name in vars(api) if not name.startswith("_")} == calls


def test_text_arrives_while_the_backend_still_writes_and_leaving_ends_its_request(
    served: Served, low: StreamServer
) -> None:
    low.usual = Script(("word ",), ending="endless")
    with connect(served.address) as client:
        with closing(cast("Any", client.context.complete(EASY, request_id="r-9"))) as events:
            seen = 0
            for event in events:
                seen += isinstance(event, TextPart)
                if seen == 3:
                    break
        end = time.monotonic() + 10
        while time.monotonic() < end:
            rows = client.routing.usage(by=("outcome",)).rows
            if [row.key for row in rows] == [("cancelled",)]:
                return
            time.sleep(0.05)
    pytest.fail("the request was not ended")


class TestGrants:
    TOKENS = """
[[tokens]]
token = "asker"
grants = [{ verbs = ["complete", "build", "decide", "usage", "feedback"], namespaces = ["acme/user-42"] }]

[[tokens]]
token = "other"
grants = [{ verbs = ["all"], namespaces = ["beta"] }]

[[tokens]]
token = "reader"
grants = [{ verbs = ["read"], namespaces = ["acme/user-42"] }]

[[tokens]]
token = "operator"
grants = [{ verbs = ["all"], namespaces = ["*"] }]
"""

    @pytest.fixture
    def guarded(self, engine: ContextEngine, tmp_path: Path) -> Iterator[Served]:
        file = tmp_path / "tokens.toml"
        file.write_text(self.TOKENS)
        file.chmod(0o600)
        with serving(engine, tokens=file) as running:
            yield running

    def test_each_call_is_granted_on_the_namespace_that_it_is_made_for(self, guarded: Served) -> None:
        with connect(guarded.address, token="asker") as client:
            assert client.routing.decide(EASY, namespace=NS).backend
            assert list(client.context.complete(EASY, namespace=NS, request_id="r-1"))
            assert client.routing.usage(namespace=NS).rows
            for call in (
                lambda: client.routing.decide(EASY),
                lambda: client.routing.decide(EASY, namespace="beta"),
                lambda: list(client.context.complete(EASY)),
                client.routing.usage,
                client.routing.backends,
            ):
                with pytest.raises(NotFound):
                    call()
        with connect(guarded.address, token="reader") as client:
            assert client.routing.decide(EASY, namespace=NS)
            with pytest.raises(NotFound):
                list(client.context.complete(EASY, namespace=NS))
        with connect(guarded.address, token="operator") as client:
            assert client.routing.backends()
            assert client.routing.usage().rows

    def test_nobody_judges_the_answers_of_others_or_learns_that_there_are_any(self, guarded: Served) -> None:
        with connect(guarded.address, token="asker") as client:
            list(client.context.complete(EASY, namespace=NS, request_id="r-1"))
        with connect(guarded.address, token="other") as client:
            said = []
            for id in ("r-1", "r-0"):
                with pytest.raises(NotFound) as caught:
                    client.routing.feedback(id, 0.0)
                assert repr(id) in caught.value.message
                said.append((caught.value.message.replace(id, "X"), caught.value.field, caught.value.details))
            assert said[0] == said[1]
        with connect(guarded.address, token="asker") as client:
            assert client.routing.feedback("r-1", 1.0)


class TestCommands:
    def test_on_a_server(self, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
        def run(*args: str, code: int = 0) -> tuple[str, str]:
            assert main([*args, "--server", served.address]) == code
            out, err = capsys.readouterr()
            assert "Traceback" not in err
            return out, err

        out, _ = run("routing", "decide", EASY, "--explain", "--min-tier", "16", "--deny", "four", "-n", NS)
        assert "full (bf16, 16 bit)" in out
        assert "four" in out
        assert "four" in run("routing", "backends", "--check")[0]
        out, err = run("context", "complete", EASY, "-n", NS, "--request-id", "r-1", "--budget", "300")
        assert out == "hello world\n"
        assert "1 items of context" in err
        assert "request r-1" in err
        lines = [json.loads(line) for line in run("context", "complete", EASY, "--json")[0].splitlines()]
        assert (lines[0]["event"], lines[-1]["event"]) == ("RouteDecided", "Done")
        assert "noted" in run("routing", "feedback", "r-1", "0.9")[0]
        assert "judged before" in run("routing", "feedback", "r-1", "0.9")[0]
        out, _ = run("routing", "usage", "--by", "backend", "--by", "outcome")
        assert "0.90 (1)" in out
        assert "requests with known prices" in out
        assert json.loads(run("routing", "usage", "--json")[0])["by"] == ["backend"]
        run("routing", "decide", "x", "--policy", "cheap", code=2)

    def test_without_a_store_routing_leaves_none_behind(
        self, tmp_path: Path, low: StreamServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AGENTCTX_SERVER", raising=False)
        file = tmp_path / "settings.toml"
        file.write_text(f'[backends.one]\nbase_url = "{low.base_url}"\nmodel = "test"\nprecision = "int4"\n')
        store = ("--store", str(tmp_path / "none.db"), "--config", str(file))
        assert main(["routing", "backends", *store]) == 0
        assert "one" in capsys.readouterr().out
        assert main(["routing", "usage", *store]) == 0
        assert "no requests" in capsys.readouterr().out
        assert not (tmp_path / "none.db").exists()
