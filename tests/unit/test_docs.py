"""The docs are true: links lead somewhere, tables agree with the code, commands exist, and Python blocks run."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
import typer
from agentctx_server import ServerConfig, serve

from agentctx import ContextEngine, Settings
from agentctx.cli.app import app
from agentctx.errors import AgentctxError, error_classes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: \S.{9,} -->")
NEEDS_SERVER = "<!-- needs a server -->"
SERVER = "127.0.0.1:50551"


class Block(NamedTuple):
    page: Path
    line: int
    before: str
    language: str
    body: str


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, with the line before each."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text[: found.start("body")].count("\n"), found["before"], found["language"], found["body"])
        for found in FENCE.finditer(text)
        if found["language"] in languages
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


class TestPages:
    def test_every_page_is_linked_from_the_index(self) -> None:
        index = (DOCS / "index.md").read_text(encoding="utf-8")
        linked = set(re.findall(r"\]\(([\w/-]+\.md)\)", index))
        assert linked == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"index.md"}

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_every_link_within_the_project_leads_somewhere(self, page: Path) -> None:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        broken = []
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            other = (page.parent / path) if path else page
            if not other.exists() or (anchor and anchor not in anchors(other)):
                broken.append(target)
        assert broken == []

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_every_page_has_one_title_and_no_gap_to_fill(self, page: Path) -> None:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
        assert not re.search(r"\b(TODO|FIXME|TBD|to be completed)\b", text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


class TestTables:
    def test_the_errors_page_has_every_class_with_its_code(self) -> None:
        text = (DOCS / "errors.md").read_text(encoding="utf-8")
        for cls in error_classes():
            if cls is not AgentctxError:
                assert f"| `{cls.__name__}` | `{cls.code}` |" in text

    def test_the_configuration_page_has_every_setting_and_no_other(self) -> None:
        text = (DOCS / "configuration.md").read_text(encoding="utf-8")
        documented = re.findall(r"^\| `(\w+\.\w+)` \| `([^`]*)` \| `(\w+)` \|", text, re.MULTILINE)
        defaults = Settings()
        actual = []
        for section in fields(defaults):
            if section.name == "backends":  # tables by name, described in complete.md
                continue
            for setting in fields(getattr(defaults, section.name)):
                value = getattr(getattr(defaults, section.name), setting.name)
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                variable = f"AGENTCTX_{section.name}_{setting.name}".upper()
                actual.append((f"{section.name}.{setting.name}", shown, variable))
        assert documented == actual

    def test_every_documented_variable_is_read(self) -> None:
        text = (DOCS / "configuration.md").read_text(encoding="utf-8")
        known = re.findall(r"^\| `\w+\.\w+` \| `([^`]*)` \| `(\w+)` \|", text, re.MULTILINE)
        assert Settings.load(environ={variable: value for value, variable in known}) == Settings()


class TestCommands:
    """Every `agentctx ...` line in a shell block names a command and options that exist."""

    LINES: ClassVar = [
        pytest.param(line, id=f"{name_of(page)}: {line[:70]}")
        for page in PAGES
        for block in blocks(page, "sh", "console", "bash", "")
        for line in re.sub(r"\\\n\s*", " ", block.body).splitlines()
        if re.match(r"(\$ )?(\w+=\S+ )*agentctx ", line)
    ]

    @pytest.mark.parametrize("line", LINES)
    def test_exists(self, line: str) -> None:
        words = shlex.split(re.sub(r"^(\$ )?(\w+=\S+ )*agentctx ", "", line), comments=True)
        command: Any = typer.main.get_command(app)
        path, at = "agentctx", 0
        while at < len(words) and hasattr(command, "commands") and not words[at].startswith("-"):
            assert words[at] in command.commands, f"{path} has no command {words[at]!r}"
            command, path, at = command.commands[words[at]], f"{path} {words[at]}", at + 1
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        for word in words[at:]:
            if word in ("|", ">", "<", "&&", "&", ";"):
                break
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"{path} has no option {word}"


class TestSnippets:
    """The Python blocks of a page run one after the other in one fresh folder; `# -> ` lines are what they print."""

    @pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
    def test_run_and_print_what_they_say(
        self, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        names: dict[str, Any] = {"__name__": "snippet"}
        for block in blocks(page, "python"):
            if block.before.startswith("<!-- not run"):
                assert NOT_RUN.fullmatch(block.before), (
                    f"{name_of(page)}:{block.line} needs a reason: <!-- not run: why -->"
                )
                continue
            body = block.body
            if block.before == NEEDS_SERVER:
                body = body.replace(SERVER, request.getfixturevalue("server"))
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * block.line + body, name_of(page), "exec", dont_inherit=True), names)
            expected = [line.strip()[5:] for line in body.splitlines() if line.strip().startswith("# -> ")]
            if expected:
                assert printed.getvalue().splitlines() == expected, f"{name_of(page)}:{block.line}"

    def test_the_export_page_shows_what_an_export_prints(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        page = DOCS / "formats" / "export.md"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(blocks(page, "python")[0].body, {})
        shown = blocks(page, "json")[0].body.replace("\n ", "")
        assert [json.loads(line) for line in shown.splitlines()] == list(
            map(json.loads, printed.getvalue().splitlines())
        )

    def test_every_python_block_of_the_readme_runs(self) -> None:
        assert [block.line for block in blocks(ROOT / "README.md", "python") if "not run" in block.before] == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real server on a fresh store."""
    with (
        ContextEngine.open(tmp_path / "server.db") as engine,
        serve(engine, ServerConfig(port=0), log_stream=io.StringIO()) as running,
    ):
        yield running.address
