"""`agentctx index` and `agentctx code` over canned answers: what is asked, what is shown, which repository is meant."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agentctx.cli import main
from agentctx.types import MemoryAPI, Repository
from tests.fixtures_code import REPORT, RUN, WEBSITE, FakeCode
from tests.fixtures_server import Holder, serving

Run = Callable[..., str]


@pytest.fixture
def fake() -> FakeCode:
    return FakeCode("website")


@pytest.fixture
def run(
    fake: FakeCode, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Runs a command on a server with the canned answers; returns stdout, or stderr where it fails."""
    (tmp_path / "website").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTCTX_SERVER", raising=False)
    with serving(Holder(cast("MemoryAPI", None), fake), code_roots=(tmp_path,)) as server:

        def command(*args: str, code: int = 0, stdin: bytes = b"") -> str:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            ended = main([*args, "--server", server.address])
            out, err = capsys.readouterr()
            assert "Traceback" not in err
            assert ended == code, err
            return out if code == 0 else err

        yield command


def last(fake: FakeCode) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return fake.calls[-1]


class TestIndex:
    def test_reports_what_it_did_to_people(self, run: Run) -> None:
        shown = run("index", "website")
        for part in (
            "website: generation 3 at main 1a2b3c4d5e",
            "3: python 2  markdown 1",
            "1 parsed, 2 reused, 2 resolved again, 0 gone",
            "calls 30  contains 4",
            "30: scope 66.7%  import 30.0%  unresolved 3.3%",
            "1.750: walk 0.250  facts 1.500",
            "binary (1): a.bin",
            "syntax error at line 3 (1): broken.py",
        ):
            assert part in shown

    def test_gives_programs_the_report_and_nothing_else(self, run: Run) -> None:
        report = json.loads(run("index", "website", "--json"))
        assert report["repository"]["name"] == "website"
        assert report["parsed"] == REPORT.parsed
        assert report["problems"] == [{"path": "broken.py", "reason": "syntax error at line 3"}]

    def test_a_server_on_this_machine_gets_the_whole_path(self, run: Run, fake: FakeCode, tmp_path: Path) -> None:
        run("index", "website", "--name", "w", "--commit", "HEAD~1")
        assert last(fake) == ("index", (str(tmp_path / "website"),), {"name": "w", "commit": "HEAD~1"})

    def test_a_path_outside_of_the_roots_is_refused(self, run: Run, fake: FakeCode) -> None:
        error = json.loads(run("index", "/", "--json", code=6))["error"]
        assert (error["code"], error["field"]) == ("permission_denied", "path")
        assert fake.calls == []

    def test_ctrl_c_ends_it_and_says_that_nothing_is_lost(
        self, run: Run, fake: FakeCode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object, **__: object) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr("agentctx.cli.progress.Bar.to", interrupted)
        assert "is as it was" in run("index", "website", code=130)


class TestWhichRepository:
    def test_the_only_one_need_not_be_named(self, run: Run, fake: FakeCode) -> None:
        run("code", "search", "run")
        assert last(fake)[1] == ("website", "run")

    def test_of_several_the_one_around_the_current_folder_is_meant_and_of_those_the_innermost(
        self, run: Run, fake: FakeCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake.names = ["all", "other", "website"]
        roots = {"all": tmp_path, "other": tmp_path / "other", "website": tmp_path / "website"}

        def placed(name: str, *, changed: bool | None = None) -> Repository:
            return replace(WEBSITE, name=name, root=str(roots[name]))

        monkeypatch.setattr(fake, "_repository", placed)
        monkeypatch.chdir(tmp_path / "website")
        run("code", "outline")
        assert last(fake)[1][0] == "website"
        monkeypatch.chdir(tmp_path)
        run("code", "outline")
        assert last(fake)[1][0] == "all"
        monkeypatch.chdir("/")
        error = run("code", "outline", code=2)
        assert "all, other, website" in error
        assert "--repo" in error

    def test_none_is_indexed(self, run: Run, fake: FakeCode) -> None:
        fake.names = []
        assert "agentctx index PATH" in run("code", "search", "run", code=3)

    def test_an_unknown_one_is_answered_with_the_nearest(self, run: Run, fake: FakeCode) -> None:
        error = json.loads(run("code", "search", "run", "--repo", "webste", "--json", code=3))["error"]
        assert "the nearest: website" in error["message"]
        assert (error["field"], error["details"]) == ("repository", {"repository": "webste"})
        assert "agentctx code list" in run("code", "map", "-r", "zzz", code=3)
        fake.names = []
        assert "agentctx index PATH" in run("code", "map", "-r", "zzz", code=3)


class TestFinding:
    def test_a_search_says_what_it_was_asked(self, run: Run, fake: FakeCode) -> None:
        shown = run(
            "code", "search", "run", "-k", "3", "-g", "file", "--path", "src", "--language", "python", "--kind",
            "class", "--kind", "function", "--no-tests", "--no-vendored", "--explain",
        )  # fmt: skip
        assert last(fake)[2] == {
            "k": 3,
            "granularity": "file",
            "path": "src",
            "language": "python",
            "kinds": ("class", "function"),
            "tests": False,
            "vendored": False,
            "explain": True,
        }
        for part in ("1.500", "src/app.py:10-12", "def run(self)", "it bears the name", "name 1.000", "generation 3"):
            assert part in shown

    def test_a_symbol_is_shown_where_an_editor_can_open_it(self, run: Run, fake: FakeCode) -> None:
        shown = run("code", "symbol", "run", "--kind", "method", "--path", "src", "-k", "2")
        assert last(fake)[2] == {"kinds": ("method",), "path": "src", "k": 2}
        assert "src/app.py:10-20  def run(self)  Runs." in shown
        assert "none of them bears just that name" in run("code", "symbol", "ru")

    def test_refs_are_grouped_by_what_they_are(self, run: Run, fake: FakeCode) -> None:
        shown = run("code", "refs", "run", "--kind", "calls", "--direction", "in", "--depth", "2", "--limit", "5")
        assert last(fake)[2] == {"kinds": ("calls",), "direction": "in", "depth": 2, "limit": 5}
        assert shown.index("called by:") < shown.index("tests:")
        assert "line 15, 90% import" in shown
        assert f"via {RUN.id}" in shown
        assert "--limit" in shown

    def test_an_outline(self, run: Run, fake: FakeCode) -> None:
        shown = run("code", "outline", "src", "--depth", "2", "--limit", "9")
        assert last(fake) == ("outline", ("website", "src"), {"depth": 2, "limit": 9})
        assert "src/  100 tokens" in shown
        assert "  10-20  def run(self)  7 tokens" in shown

    def test_a_map_is_its_text_and_what_it_costs_goes_to_stderr(
        self, run: Run, fake: FakeCode, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("code", "map", "-b", "50", "--query", "x", "--counter", "cl100k_base") == (
            "src/app.py\n  def run(self)\n"
        )
        assert last(fake)[2] == {"budget": 50, "query": "x", "counter": "cl100k_base"}
        assert json.loads(run("code", "map", "--json"))["tokens"] == 9
        assert capsys.readouterr().err == ""

    def test_scouting_takes_an_issue_from_the_line_a_file_or_stdin(
        self, run: Run, fake: FakeCode, tmp_path: Path
    ) -> None:
        issue = "It breaks.\nTraceback: x"
        (tmp_path / "issue.md").write_text(issue)
        for args, stdin in (([issue], b""), (["--file", "issue.md"], b""), (["-"], issue.encode())):
            shown = run("code", "scout", *args, "--budget", "90", "--tests", "--llm", "--path", "src", stdin=stdin)
            assert last(fake)[1] == ("website", issue)
            assert last(fake)[2] == {"budget": 90, "k": 20, "path": "src", "tests": True, "llm": True}
            assert "note: no model is configured" in shown
            assert "confidence 0.50; sure enough; 120 tokens of structure" in shown
        explained = run("code", "scout", "x", "--explain")
        assert "identifier run  (2 places)" in explained
        assert "1  search: 4 new of 9" in explained
        for args in ([], ["x", "--file", "issue.md"], ["--file", "nowhere"]):
            run("code", "scout", *args, code=2)

    @pytest.mark.parametrize(
        ("what", "asked"),
        [
            ("src/app.py", {"start_line": 1, "end_line": 0}),
            ("src/app.py:3", {"start_line": 3, "end_line": 3}),
            ("src/app.py:3-9", {"start_line": 3, "end_line": 9}),
            ("run", {"start_line": 10, "end_line": 20}),
        ],
    )
    def test_show_takes_a_file_lines_of_it_or_a_symbol(
        self, run: Run, fake: FakeCode, what: str, asked: dict[str, int]
    ) -> None:
        assert run("code", "show", what) == "def run(self):\n    pass\n"
        assert last(fake) == ("source", ("website", "src/app.py"), asked)

    @pytest.mark.parametrize("lines", ["0", "0-3", "9-3"])
    def test_lines_that_cannot_be_are_refused_with_how_to_write_them(self, run: Run, lines: str) -> None:
        assert "app.py:10-40" in run("code", "show", f"src/app.py:{lines}", code=2)

    def test_what_cannot_be_shown_names_what_is_near(self, run: Run) -> None:
        error = run("code", "show", "runn", code=3)
        assert RUN.id in error
        assert RUN.id in run("code", "show", "src/app.py::nothing", code=3)

    @pytest.mark.parametrize(
        ("args", "field"),
        [
            (("search", "x", "-g", "line"), "granularity"),
            (("refs", "x", "--kind", "likes"), "kind"),
            (("refs", "x", "--direction", "up"), "direction"),
        ],
    )
    def test_what_there_is_not_is_refused_with_what_there_is(self, run: Run, args: tuple[str, ...], field: str) -> None:
        error = json.loads(run("code", *args, "--json", code=2))["error"]
        assert error["field"] == field
        assert "must be one of" in error["message"]

    @pytest.mark.parametrize(
        ("args", "key"),
        [
            (("search", "x"), "hits"),
            (("symbol", "run"), "symbols"),
            (("refs", "run"), "relations"),
            (("outline",), "entries"),
            (("map",), "text"),
            (("scout", "x"), "trace"),
            (("show", "src/app.py"), "stale"),
            (("list",), "repositories"),
        ],
    )
    def test_every_answer_names_its_generation_to_programs(self, run: Run, args: tuple[str, ...], key: str) -> None:
        answer = json.loads(run("code", *args, "--json"))
        assert key in answer
        one = answer["repositories"][0] if key == "repositories" else answer
        assert one["generation"]["commit"] == "1a2b3c4d5e6f7a8b9c0d"


class TestManaging:
    def test_the_list_can_look_whether_trees_have_changed(self, run: Run, fake: FakeCode) -> None:
        assert "changed" not in run("code", "list")
        assert "changed since" in run("code", "list", "--changed")
        fake.names = ["a", "b", "c"]
        assert "more: --page-token b" in run("code", "list", "--page-size", "2")
        lines = run("code", "list", "--all", "--page-size", "2", "--json").splitlines()
        assert [json.loads(line)["name"] for line in lines] == ["a", "b", "c"]
        shown = run("code", "list", "--all", "--page-size", "2")
        assert "more" not in shown

    def test_removing_asks_first(self, run: Run, fake: FakeCode) -> None:
        run("code", "remove", "website", code=2)
        assert "website is forgotten" in run("code", "remove", "website", "--yes")
        assert fake.names == []
        assert "no repository" in run("code", "remove", "website", "--yes", code=3)


def test_looking_something_up_makes_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTCTX_SERVER", raising=False)
    assert main(["code", "list", "--store", str(tmp_path / "m.db")]) == 3
    assert "agentctx index" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
