"""The public surface: few names, light to import, fakes included."""

from __future__ import annotations

import importlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import agentctx
import agentctx.testing
from agentctx.testing import ManualClock, SequentialIds

HEAVY = ("BTrees", "alembic", "faiss", "google.protobuf", "grpc", "httpx", "numpy", "rich", "sqlalchemy", "structlog",
         "tokenizers", "torch", "typer")  # fmt: skip


class TestNames:
    def test_the_package_has_at_most_twenty_public_names_in_order(self) -> None:
        assert len(agentctx.__all__) <= 20
        assert agentctx.__all__ == sorted(agentctx.__all__)

    @pytest.mark.parametrize("name", agentctx.__all__)
    def test_every_public_name_can_be_imported(self, name: str) -> None:
        assert getattr(agentctx, name) is not None

    def test_every_lazy_name_is_public(self) -> None:
        assert set(agentctx._LAZY) <= set(agentctx.__all__)

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            agentctx.nothing  # noqa: B018 - reading it is the test

    @pytest.mark.parametrize(
        "module", ["agentctx.testing", "agentctx.client", "agentctx.embed", "agentctx.store", "agentctx_server"]
    )
    def test_every_name_that_a_package_exports_exists(self, module: str) -> None:
        package = importlib.import_module(module)
        assert [name for name in package.__all__ if not hasattr(package, name)] == []

    def test_the_version_is_that_of_the_project(self) -> None:
        pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
        assert f'version = "{agentctx.__version__}"' in pyproject


class TestImports:
    """Speed is measured by benchmarks/import_time.py; what makes it slow is refused here."""

    @pytest.mark.parametrize(
        ("module", "allowed"),
        [
            ("agentctx", ()),
            ("agentctx.errors", ()),
            ("agentctx.types", ()),
            ("agentctx.config", ()),
            ("agentctx.testing", ()),
            ("agentctx.cli", ()),
            ("agentctx.client", ("grpc", "google.protobuf")),
            ("agentctx.engine", ("numpy", "sqlalchemy", "alembic", "BTrees", "tokenizers", "httpx")),
        ],
    )
    def test_importing_loads_nothing_heavy_that_it_does_not_need(self, module: str, allowed: tuple[str, ...]) -> None:
        unwanted = [name for name in HEAVY if name not in allowed]
        code = f"import sys, {module}; print([name for name in {unwanted!r} if name in sys.modules])"
        # -I: whatever the current directory and the environment hold must not help.
        loaded = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
        assert loaded.stdout.strip() == "[]"


class TestManualClock:
    def test_stands_still_until_moved(self) -> None:
        clock = ManualClock()
        assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)

    def test_advance_adds_up_its_parts(self) -> None:
        clock = ManualClock()
        clock.advance(timedelta(days=1), hours=2, minutes=3, seconds=4)
        assert clock.now() == datetime(2026, 1, 2, 2, 3, 4, tzinfo=UTC)

    def test_set_turns_any_zone_into_utc(self) -> None:
        moment = ManualClock().set(datetime(2026, 5, 1, 2, tzinfo=timezone(timedelta(hours=2))))
        assert moment == datetime(2026, 5, 1, tzinfo=UTC)
        assert moment.tzinfo is UTC

    def test_a_time_without_a_zone_is_refused(self) -> None:
        naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
        with pytest.raises(ValueError, match="timezone-aware"):
            ManualClock(naive)
        with pytest.raises(ValueError, match="timezone-aware"):
            ManualClock().set(naive)


class TestSequentialIds:
    def test_ids_count_up_and_sort(self) -> None:
        ids = SequentialIds()
        made = [ids.new_id() for _ in range(12)]
        assert made[0] == "ep-000001"
        assert made == sorted(made)

    def test_prefix_start_and_width_are_free(self) -> None:
        assert SequentialIds("turn.", start=9, width=2).new_id() == "turn.09"
