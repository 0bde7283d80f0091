"""docs/cli.md and the help say the same: every command, every option, every exit code, every variable."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from agentctx.cli import exits
from agentctx.cli.app import command
from agentctx.cli.memory.options import Narrowed
from agentctx.cli.target import Target

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SHARED = {field.name for field in fields(Target)}
NARROWED = {field.name for field in fields(Narrowed)}


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in group.commands.items():
        if hasattr(one, "commands") and name != "bench":  # the runner documents its own commands
            yield from commands(one, f"{path}{name} ")
        else:
            yield path + name, one


COMMANDS = dict(commands(command()))


def names(one: Any, skipped: set[str]) -> list[str]:
    return [name for p in one.params if p.param_type_name == "option" and p.name not in skipped for name in p.opts]


def test_the_commands_are_those_of_the_design() -> None:
    assert set(COMMANDS) == {
        *(f"memory {verb}" for verb in ("add", "search", "list", "get", "update", "delete", "purge", "history")),
        *(f"memory {verb}" for verb in ("tags", "edit-tags", "retag")),
        *(
            f"memory {verb}"
            for verb in ("namespaces", "delete-namespace", "export", "import", "reembed", "consolidate")
        ),
        "index",
        *(f"code {verb}" for verb in ("search", "symbol", "refs", "outline", "map", "scout", "show", "list", "remove")),
        "context build",
        "context complete",
        *(f"routing {verb}" for verb in ("decide", "backends", "usage", "feedback", "demo")),
        "serve",
        "doctor",
        "bench",
    }


@pytest.mark.parametrize("name", COMMANDS)
class TestCommand:
    def test_has_a_section_of_the_page(self, name: str) -> None:
        assert name in SECTIONS

    def test_has_a_help_whose_first_sentence_fits_a_line(self, name: str) -> None:
        first = COMMANDS[name].get_short_help_str(56)
        assert first
        assert not first.endswith("...")

    def test_explains_every_option_in_the_help_and_on_the_page(self, name: str) -> None:
        one = COMMANDS[name]
        assert all(p.help for p in one.params if p.name != "arguments")
        skipped = SHARED if name != "serve" else set()
        for option in names(one, skipped | (NARROWED if name == "memory list" else set()) | {"help"}):
            assert f"`{option}`" in SECTIONS[name], f"{name} {option}"

    def test_takes_json(self, name: str) -> None:
        assert name == "bench" or "--json" in names(COMMANDS[name], set())


def test_the_shared_options_are_explained_once() -> None:
    for option in names(COMMANDS["memory get"], {"as_of", "help"}):
        assert f"`{option}`" in SECTIONS["Where a command works"], option


def test_the_page_has_every_exit_code() -> None:
    for one in exits.EXITS:
        assert f"| {one.code} | {one.meaning} | {', '.join(f'`{code}`' for code in one.errors)} |" in PAGE


def test_help_is_quick_and_loads_no_engine() -> None:
    program = (
        "import sys; from agentctx.cli import main; code = main(['--help']); "
        "print(code, *sorted({'sqlalchemy', 'grpc', 'numpy', 'pydantic', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "80"}
    )
    shown, _, last = done.stdout.rstrip().rpartition("\n")
    assert last == "0"
    for one in exits.EXITS:
        assert re.search(rf"^ *{one.code}  {re.escape(one.meaning)}$", shown, re.MULTILINE)
