"""`[backends.NAME]`: what is read, and that every refusal names its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentctx.config import RoutingSettings
from agentctx.config.backends import BackendSettings, read_backends
from agentctx.errors import InvalidArgument
from agentctx.llm.backends import Backends

LEAST: dict[str, Any] = {"base_url": "http://gpu:8000/v1", "model": "m"}


def test_what_is_given_is_taken_and_the_rest_has_defaults() -> None:
    found = read_backends(
        {
            "a": LEAST | {"input_per_1m": 1, "output_per_1m": 0, "capabilities": ["tools"], "fallback": ["b"]},
            "b": LEAST,
        }
    )
    assert found["a"] == BackendSettings(
        "http://gpu:8000/v1", "m", input_per_1m=1.0, output_per_1m=0.0, capabilities=("tools",), fallback=("b",)
    )
    assert found["b"].retries == 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"base_url": ""}, "base_url"), ({"base_url": 5}, "base_url"), ({"model": ""}, "model"),
        ({"api_key": "sk-1"}, "api_key"), ({"modle": "x"}, "modle"), ({"precision": 4}, "precision"),
        ({"tier": 5}, "tier"), ({"tier": 4.0}, "tier"), ({"tier": True}, "tier"),
        ({"input_per_1m": 1}, "output_per_1m"), ({"cached_input_per_1m": 1}, "cached_input_per_1m"),
        ({"input_per_1m": -1, "output_per_1m": 1}, "input_per_1m"),
        ({"input_per_1m": float("nan"), "output_per_1m": 1}, "input_per_1m"),
        ({"input_per_1m": float("inf"), "output_per_1m": 1}, "input_per_1m"),
        ({"context_window": -1}, "context_window"), ({"context_window": 10**400}, "context_window"),
        ({"timeout": 0}, "timeout"), ({"timeout": 1e300}, "timeout"), ({"max_seconds": -1}, "max_seconds"),
        ({"concurrency": 0}, "concurrency"), ({"retries": 1.5}, "retries"), ({"reasoning": "yes"}, "reasoning"),
        ({"capabilities": "tools"}, "capabilities"), ({"capabilities": [""]}, "capabilities"),
        ({"fallback": ["nobody"]}, "fallback"), ({"fallback": ["a"]}, "fallback"),
        ({"api_key_env": "A", "api_key_file": "b"}, "api_key_file"),
    ],
    ids=str,
)  # fmt: skip
def test_every_refusal_names_its_field_and_no_key(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as told:
        read_backends({"a": LEAST | given})
    assert told.value.field == f"backends.a.{field}"
    assert "sk-1" not in told.value.message


@pytest.mark.parametrize("table", [5, {"a": 5}, {"": LEAST}, {"a\nb": LEAST}, {"x" * 300: LEAST}], ids=repr)
def test_what_is_no_table_of_backends_is_refused(table: object) -> None:
    with pytest.raises(InvalidArgument) as told:
        read_backends(table)
    assert (told.value.field or "").startswith("backends")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"precision": "very sharp"}, "precision"), ({"base_url": "gpu:8000"}, "base_url"),
        ({"base_url": "http://u:secret@gpu/v1"}, "base_url"), ({"base_url": "http://gpu/v1?key=secret"}, "base_url"),
    ],
    ids=str,
)  # fmt: skip
def test_values_that_make_no_sense_are_refused_where_they_are_used(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as told:
        Backends(read_backends({"a": LEAST | given}), RoutingSettings(), {})
    assert told.value.field == f"backends.a.{field}"
    assert "secret" not in told.value.message


class TestKeys:
    def test_come_from_the_environment_or_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("sk-file\n")
        for given in ({"api_key_env": "KEY"}, {"api_key_file": str(tmp_path / "key")}):
            Backends(read_backends({"a": LEAST | given}), RoutingSettings(), {"KEY": "sk-env"})

    def test_one_that_is_missing_is_told_and_never_replaced_by_none(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n")
        for given in (
            {"api_key_env": "KEY"},
            {"api_key_file": str(tmp_path / "none")},
            {"api_key_file": str(tmp_path / "empty")},
        ):
            with pytest.raises(InvalidArgument, match=r"backends\.a"):
                Backends(read_backends({"a": LEAST | given}), RoutingSettings(), {"KEY": " "})

    def test_stay_out_of_what_is_printed(self) -> None:
        backends = Backends(read_backends({"a": LEAST | {"api_key_env": "KEY"}}), RoutingSettings(), {"KEY": "sk-env"})
        assert "sk-env" not in repr((backends, backends.endpoint("a"), backends.status(), backends.counter("a")))
        with pytest.raises(InvalidArgument) as told:
            Backends(read_backends({"a": LEAST | {"api_key_env": "KEY"}}), RoutingSettings(), {"KEY": "sk-\u00e9nv"})
        assert "sk-" not in told.value.message
