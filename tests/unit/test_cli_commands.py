"""The commands, run in this process on a real embedded store: flows, output, errors and their exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from agentctx import __version__
from agentctx.cli import app, bench, exits, main, target
from agentctx.cli.memory import options as memory_options
from agentctx.errors import AgentctxError, error_classes
from agentctx.memory.service import Memory
from agentctx.store import migrations
from agentctx.types import ListOptions, Progress, SearchOptions, UpdateOptions


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        assert self.out == ""
        assert self.err.count("\n") == 1
        return json.loads(self.err)["error"]


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in a folder of its own, in an environment without settings of ours."""
    for name in [name for name in os.environ if name.startswith("AGENTCTX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def call(*args: str, stdin: bytes | None = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(args)
        sys.stdin.close()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return call


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three episodes, filled by the command line: a, b, c. To be copied."""
    store = tmp_path_factory.mktemp("filled") / "m.db"
    for key, text, who, at in (
        ("a", "We moved to Lisbon last week.", "Ana", "2026-05-04"),
        ("b", "The ferry to Cacilhas leaves at seven.", "Ben", "2026-05-05T10:00"),
        ("c", "I like green tea.", "Ana", "2026-05-06T10:00+02:00"),
    ):
        more = ("--tag", "travel", "--metadata", '{"stars": 3}') if key != "c" else ()
        args = ("add", "acme/u", text, "--id", key, "--speaker", who, "--occurred-at", at, *more)
        assert main(["memory", *args, "--store", str(store)]) == 0
    return store


@pytest.fixture
def memory(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `memory` commands on a copy of the filled store."""
    shutil.copy(filled, "m.db")
    monkeypatch.setenv("AGENTCTX_STORE", "m.db")
    return lambda *args, **given: run("memory", *args, **given)


class TestFlows:
    def test_what_is_added_is_found(self, memory: Run) -> None:
        found = memory("search", "acme/u", "when does the ferry leave?", "-k", "2", "--explain", "--json").json
        assert list(found) == ["hits", "revision", "degraded", "explanation"]
        assert found["hits"][0]["episode"]["id"] == "b"
        assert found["hits"][0]["episode"]["occurred_at"] == "2026-05-05T10:00:00+00:00"
        assert found["revision"] == "1.3"
        assert found["explanation"]["stages_ms"]
        shown = memory("search", "acme/u", "when does the ferry leave?", "--explain").out
        assert "1" in shown
        assert "2026-05-05 10:00Z" in shown
        assert "The ferry to Cacilhas leaves at seven." in shown
        assert "dense" in shown

    def test_every_option_that_narrows(self, memory: Run) -> None:
        def ids(*args: str) -> list[str]:
            return [one["id"] for one in memory("list", "acme/u", "--json", *args).json["episodes"]]

        assert ids() == ["a", "b", "c"]
        assert ids("--speaker", "Ana") == ["a", "c"]
        assert ids("--tag", "travel", "--speaker", "Ana") == ["a"]
        assert ids("--from", "2026-05-05") == ["b", "c"]
        assert ids("--to", "2026-05-05T10:00Z") == ["a"]
        assert ids("--filter", '{"stars": {"gte": 3}}') == ["a", "b"]
        assert ids("--as-of", "2020-01-01") == []
        assert ids("--as-of", "now", "--valid-at", "now", "--include-invalid") == ["a", "b", "c"]
        assert ids("--min-revision", "1.3", "--session", "", "--role", "") == ["a", "b", "c"]
        assert ids("--session", "none") == ids("--role", "tool") == []
        hits = memory("search", "acme/u", "tea", "--json", "--tag", "travel", "--reference-time", "2026-05-06").json
        assert {hit["episode"]["id"] for hit in hits["hits"]} <= {"a", "b"}

    def test_lists_go_page_by_page_or_all_at_once(self, memory: Run) -> None:
        first = memory("list", "acme/u", "--page-size", "2", "--json").json
        token = first["next_page_token"]
        rest = memory("list", "acme/u", "--page-size", "2", "--page-token", token, "--json").json
        assert [one["id"] for one in first["episodes"] + rest["episodes"]] == ["a", "b", "c"]
        assert rest["next_page_token"] == ""
        every = memory("list", "acme/u", "--page-size", "1", "--all", "--json").lines
        assert [one["id"] for one in every] == ["a", "b", "c"]
        assert f"--page-token {token}" in memory("list", "acme/u", "--page-size", "2").out
        assert memory("list", "acme/u", "--page-size", "1", "--all").out.count("2026-05-0") == 3
        assert memory("list", "acme/u", "--speaker", "Zoe").out == "no episodes\n"

    def test_get_update_history(self, memory: Run) -> None:
        changed = memory(
            *("update", "acme/u", "a", "--metadata", '{"x": [1]}', "--clear-tags", "--valid-to", "2030-01-01"),
            *("--expires-at", "2040-01-01", "--if-revision", "1.1", "--json"),
        ).json
        assert (changed["metadata"], changed["tags"]) == ({"x": [1]}, [])
        again = memory("update", "acme/u", "a", "--valid-to", "none", "--tag", "x", "--tag", "y", "--json").json
        assert (again["valid_to"], again["tags"]) == (None, ["x", "y"])
        assert memory("get", "acme/u", "a", "--json").json == again
        assert [one["kind"] for one in memory("history", "acme/u", "a", "--json").json["changes"]] == [
            "add",
            "update",
            "update",
        ]
        assert "We moved to Lisbon last week." in memory("get", "acme/u", "a").out
        assert "2030-01-01" in memory("history", "acme/u", "a").out
        assert memory("update", "acme/u", "a", "--tag", "z", "--if-revision", "1.1").code == 5

    def test_delete_hides_and_purge_removes(self, memory: Run) -> None:
        before = memory("get", "acme/u", "b", "--json").json["recorded_at"]
        assert memory("delete", "acme/u", "a", "b", "--json").json == {"ids": ["a", "b"], "revision": "1.5"}
        assert memory("get", "acme/u", "b").code == 3
        assert memory("get", "acme/u", "b", "--as-of", before).code == 0
        purged = memory("purge", "acme/u", "b", "--yes", "--json").json
        assert purged["ids"] == ["b"]
        assert int(purged["revision"].split(".")[0]) > 1
        assert memory("get", "acme/u", "b", "--as-of", before).code == 3
        assert memory("delete-namespace", "acme/u", "--yes").out == "acme/u is gone\n"
        assert memory("list", "acme/u").code == 3

    def test_namespaces(self, memory: Run, run: Run) -> None:
        run("memory", "add", "acme/user-42", "x")
        run("memory", "add", "bolt", "x")
        assert [one["name"] for one in memory("namespaces", "--json").json["namespaces"]] == [
            "acme/u",
            "acme/user-42",
            "bolt",
        ]
        assert [one["name"] for one in memory("namespaces", "acme", "--all", "--page-size", "1", "--json").lines] == [
            "acme/u",
            "acme/user-42",
        ]
        assert "bolt" in memory("namespaces").out
        assert "--page-token" in memory("namespaces", "--page-size", "1").out
        assert memory("namespaces", "nobody").out == "no namespaces\n"

    def test_export_and_import_round_trip(self, memory: Run) -> None:
        memory("delete", "acme/u", "c")
        exported = memory("export", "acme/u").out
        assert memory("export", "acme/u", "--output", "e.jsonl", "--json").json == {
            "namespace": "acme/u",
            "records": 4,
            "output": "e.jsonl",
        }
        assert Path("e.jsonl").read_text(encoding="utf-8") == exported
        assert memory("import", "copy", "e.jsonl", "--json").json["imported"] == 4
        assert (
            memory(
                "import",
                "copy",
                stdin=exported.encode(),
            ).out
            == "0 records imported, 4 were there already\n"
        )
        assert memory("export", "copy").out.splitlines()[1:] == exported.splitlines()[1:]
        assert "c" not in [
            json.loads(one).get("id") for one in memory("export", "copy", "--live-only").out.splitlines()
        ]

    def test_a_file_of_episodes(self, memory: Run) -> None:
        text = b'{"content": "x", "id": "x"}\n{"content": "", "id": "y"}\n\n{"content": "z", "id": "a"}\n"w"\n'
        done = memory("add", "acme/u", "-f", "-", "--session", "s", "--json", stdin=text)
        assert done.code == 1
        assert [(one["line"], one["error_code"]) for one in done.lines] == [
            (1, ""),
            (2, "invalid_argument"),
            (4, "already_exists"),
            (5, ""),
        ]
        assert "lines[4]" in done.lines[2]["error_field"]
        assert memory("get", "acme/u", "x", "--json").json["session"] == "s"
        Path("good.jsonl").write_text('"1"\n"2"', encoding="utf-8")
        assert memory("add", "acme/u", "--file", "good.jsonl") == (0, "2 added, 0 refused\n", "")
        shown = memory("add", "acme/u", "--file", "-", stdin=b"nope\n")
        assert (shown.code, shown.out) == (1, "0 added, 1 refused\n")
        assert shown.err.startswith("line 1: invalid_argument: lines[1] is not JSON")

    def test_a_text_from_stdin_and_a_replay(self, memory: Run) -> None:
        args = ("add", "acme/u", "-", "--request-id", "r1", "--json")
        first = memory(*args, stdin=b"two\nlines\n").json
        again = memory(*args, stdin=b"two\nlines\n").json
        assert again == first | {"replayed": True}
        assert memory("get", "acme/u", first["ids"][0], "--json").json["content"] == "two\nlines"
        assert memory(*args, stdin=b"other").error["code"] == "request_conflict"

    def test_reembed_says_how_far_it_is(self, memory: Run) -> None:
        steps = memory("reembed", "--embedder", "static", "--json").lines
        assert steps[-1] == {"done": 0, "total": 0, "message": "the store now uses static"}
        assert memory("reembed", "--embedder", "static").out == "0 re-embedded; the store now uses static\n"

    def test_tags_are_shown_edited_and_drawn(self, memory: Run) -> None:
        memory("add", "acme/u", "The support group meets.", "A support group, again.", "One more group.", "A note.")
        memory("add", "acme/u", "Paid the rent.", "--tag", "money \x1b[31m")
        assert memory("edit-tags", "acme/u", "rename", "group", 'the "club"').out.startswith("done; revision 1.")
        page = memory("tags", "acme/u", "--json").json
        assert page["tags"][0] == {
            "name": 'the "club"',
            "episodes": 3,
            "broader": [],
            "narrower": ["support_group"],
            "aliases": ["group"],
            "origin": "given",
        }
        shown = memory("tags", "acme/u").out
        assert "support_group" in shown
        assert "\x1b" not in shown
        drawn = memory("tags", "acme/u", "--format", "dot", "--under", "group").out.splitlines()
        assert (drawn[0], drawn[-1]) == ("digraph tags {", "}")
        assert '  "the \\"club\\"" -> "support_group";' in drawn
        graph = memory("tags", "acme/u", "--format", "json").json
        assert {"broader": 'the "club"', "narrower": "support_group"} in graph["edges"]
        names = [one["name"] for one in memory("tags", "acme/u", "--all", "--page-size", "2", "--json").lines]
        assert names == [one["name"] for one in page["tags"]]
        narrowed = memory("list", "acme/u", "--tag", "group", "--narrower", "--json").json["episodes"]
        assert len(narrowed) == 3
        assert memory("retag", "acme/u").out == "0 episodes; tags come from the rules\n"
        assert memory("retag", "acme/u", "--json").lines[-1]["done"] == 0

    @pytest.mark.parametrize(
        ("args", "code", "field"),
        [
            (("tags", "acme/u", "--format", "xml"), "invalid_argument", "format"),
            (("tags", "acme/u", "--under", "nothing"), "not_found", "under"),
            (("tags", "acme/none"), "not_found", "namespace"),
            (("edit-tags", "acme/u", "explode", "x"), "invalid_argument", "op"),
            (("edit-tags", "acme/u", "delete", "nothing"), "not_found", "edits[0].tag"),
            (("edit-tags", "acme/u", "add", "x" * 10_000), "invalid_argument", "edits[0].tag"),
            (("retag", "acme/u", "--tagger", "nonsense"), "invalid_argument", "tagger"),
            (("retag", "acme/u", "--tagger", "llm"), "invalid_argument", "llm.model"),
        ],
    )
    def test_tags_that_make_no_sense(self, memory: Run, args: tuple[str, ...], code: str, field: str) -> None:
        memory("add", "acme/u", "A note.")
        error = memory(*args, "--json").error
        assert (error["code"], error["field"]) == (code, field)

    def test_consolidate_says_how_far_it_is(self, memory: Run) -> None:
        memory("add", "acme/u", "Ana moved to Lisbon.", "Ben likes boats.")
        steps = memory("consolidate", "acme/u", "--json").lines
        assert (steps[0]["done"], steps[-1]["done"], steps[-1]["total"]) == (0, 5, 5)
        assert memory("consolidate", "acme/u").out == steps[-1]["message"] + "\n"
        assert memory("consolidate", "acme/none", "--json").error["code"] == "not_found"

    def test_consolidate_can_be_interrupted(self, memory: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        closed: list[bool] = []

        def slow(_memory: object, _namespace: str) -> Iterator[Progress]:
            try:
                yield Progress(0, 5, "tags")
                raise KeyboardInterrupt
            finally:
                closed.append(True)

        monkeypatch.setattr(Memory, "consolidate", slow)
        done = memory("consolidate", "acme/u")
        assert (done.code, done.err) == (130, "agentctx: cancelled: stopped; everything is as it was\n")
        assert closed

    def test_stored_text_does_not_drive_the_terminal(self, memory: Run) -> None:
        memory(
            "add", "acme/u", "red \x1b[31malert\x07 \u202eolleh", "--id", "evil", "--metadata", '{"k": "\\u001b[2J"}'
        )
        for args in (("get", "acme/u", "evil"), ("list", "acme/u"), ("search", "acme/u", "red alert")):
            shown = memory(*args).out
            assert "alert" in shown
            assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert memory("get", "acme/u", "evil", "--json").json["content"] == "red \x1b[31malert\x07 \u202eolleh"

    def test_long_texts_are_cut_unless_asked_for(self, memory: Run) -> None:
        memory("add", "acme/u", "word " * 200 + "END", "--id", "long")
        for args in (("list", "acme/u"), ("search", "acme/u", "word")):
            assert "END" not in memory(*args).out
            assert "END" in memory(*args, "--full").out
        assert "END" in memory("get", "acme/u", "long").out


class TestStores:
    def test_looking_something_up_makes_no_store(self, run: Run, tmp_path: Path) -> None:
        for args in (
            ("search", "a", "b"), ("list", "a"), ("get", "a", "b"), ("history", "a", "b"), ("namespaces",),
            ("export", "a"), ("update", "a", "b", "--tag", "c"), ("delete", "a", "b"), ("purge", "a", "b", "--yes"),
            ("delete-namespace", "a", "--yes"), ("reembed", "--embedder", "static"),
            ("consolidate", "a"),
        ):  # fmt: skip
            for location in (
                "none.db",
                "sub/none.db",
                f"sqlite:///{tmp_path}/none.db",
                "~/no-such-folder-here/none.db",
            ):
                done = run("memory", *args, "--store", location, "--json")
                assert (done.code, done.error["code"], done.error["field"]) == (3, "not_found", "store")
        assert run("doctor", "--store", "none.db").code == 0
        assert os.listdir() == []

    def test_the_default_is_in_the_data_folder(self, run: Run, tmp_path: Path) -> None:
        assert run("memory", "add", "a", "hello").code == 0
        assert (tmp_path / "data" / "agentctx" / "memory.db").exists()

    @pytest.mark.parametrize(
        ("location", "code"),
        [
            ("", 2),
            (":memory:", 2),
            ("mysql://x", 2),
            ("nope://", 2),
            (".", 2),
            ("a\0b", 2),
            ("://", 2),
            ("x" * 5000, 5),
        ],
    )
    def test_what_is_no_store_is_told(self, run: Run, location: str, code: int) -> None:
        for args in (("add", "a", "b"), ("search", "a", "b")):
            done = run("memory", *args, "--store", location, "--json")
            assert (done.code, done.error["field"]) == (code, "store")

    def test_a_file_of_something_else_is_left_alone(self, run: Run, tmp_path: Path) -> None:
        Path("other.db").write_bytes(b"this is not a database at all" * 100)
        before = Path("other.db").read_bytes()
        assert run("memory", "add", "a", "b", "--store", "other.db").code == 11
        assert run("doctor", "--store", "other.db").code == 1
        assert Path("other.db").read_bytes() == before

    def test_the_command_line_outdoes_the_environment(self, memory: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AGENTCTX_SERVER", "127.0.0.1:1")
        assert memory("namespaces", "--store", "m.db").code == 0
        assert memory("namespaces").code == 9
        monkeypatch.setenv("AGENTCTX_SERVER", "")
        assert memory("namespaces").code == 0
        assert memory("namespaces", "--store", "m.db", "--server", "127.0.0.1:1").code == 2


class TestWrongUse:
    @pytest.mark.parametrize(
        ("args", "field"),
        [
            (("add", "acme/u"), "episodes"),
            (("add", "acme/u", ""), "episodes[0].content"),
            (("add", "acme/u", "  "), "episodes[0].content"),
            (("add", "acme//u", "x"), "namespace"),
            (("add", "../u", "x"), "namespace"),
            (("add", "", "x"), "namespace"),
            (("add", "acme/u", "x", "y", "--id", "z"), "id"),
            (("add", "acme/u", "x", "y", "--supersedes", "z"), "supersedes"),
            (("add", "acme/u", "x", "--file", "-"), "file"),
            (("add", "acme/u", "--file", "none.jsonl"), "file"),
            (("add", "acme/u", "--file", "."), "file"),
            (("add", "acme/u", "--file", "a\0b"), "file"),
            (("add", "acme/u", "x", "--metadata", "{"), "metadata"),
            (("add", "acme/u", "x", "--metadata", "[]"), "metadata"),
            (("add", "acme/u", "x", "--metadata", '{"a": NaN}'), "episodes[0].metadata.a"),
            (("add", "acme/u", "x", "--role", "king"), "episodes[0].role"),
            (("add", "acme/u", "x", "--occurred-at", "yesterday"), "occurred_at"),
            (("add", "acme/u", "x", "--valid-from", "2026-01-02", "--valid-to", "2026-01-01"), "episodes[0].valid_to"),
            (("add", "acme/u", "x", "--occurred-at", "0001-01-01T00:00+23:00"), "episodes[0].occurred_at"),
            (("add", "acme/u", "x", "--request-id", "a\nb"), "request_id"),
            (("add", "acme/u", "x" * 1_000_001), "episodes[0].content"),
            (("search", "acme/u", "x", "-k", "-1"), "k"),
            (("search", "acme/u", "x", "-k", "100000"), "k"),
            (("search", "acme/u", "x", "-k", "9" * 5000), "k"),
            (("search", "acme/u", "x", "-k", "1.5"), "k"),
            (("search", "acme/u", "x" * 100_000), "query"),
            (("search", "acme/u", "x", "--filter", "nope"), "filter"),
            (("search", "acme/u", "x", "--filter", '{"a": {"near": 1}}'), "filter.a"),
            (("search", "acme/u", "x", "--from", "2026-01-02", "--to", "2026-01-01"), "occurred_to"),
            (("search", "acme/u", "x", "--min-revision", "new"), "min_revision"),
            (("search", "acme/u", "x", "--timeout", "-1"), "timeout"),
            (("search", "acme/u", "x", "--timeout", "nan"), "timeout"),
            (("search", "acme/u", "x", "--tag", ""), "tags[0]"),
            (("list", "acme/u", "--page-size", "0"), "page_size"),
            (("list", "acme/u", "--page-token", "nope"), "page_token"),
            (("namespaces", "--page-token", "nope"), "page_token"),
            (("namespaces", "a b"), "prefix"),
            (("get", "acme/u", ""), "id"),
            (("get", "acme/u", "a", "--as-of", "soon"), "as_of"),
            (("update", "acme/u", "a"), "changes"),
            (("update", "acme/u", "a", "--tag", "x", "--clear-tags"), "tags"),
            (("update", "acme/u", "a", "--valid-to", "never"), "valid_to"),
            (("purge", "acme/u", "a"), "yes"),
            (("delete-namespace", "acme/u"), "yes"),
            (("export", "acme/u", "--output", "none/e.jsonl"), "output"),
            (("import", "acme/u", "none.jsonl"), "file"),
            (("import", "acme/u"), "lines"),
            (("reembed",), "embedder"),
            (("reembed", "--embedder", "nope"), "embedder"),
            (("search", "acme/u", "x", "--embedder", "nope:"), "embedder"),
            (("search", "acme/u", "x", "--config", "none.toml"), "config"),
            (("search", "acme/u", "x", "--server", "nowhere"), "target"),
            (("search", "acme/u", "x", "--server", "http://localhost:1"), "target"),
            (("search", "acme/u", "x", "--server", "localhost:1", "--embedder", "static"), "embedder"),
            (("search", "acme/u", "x", "--server", "localhost:1", "--token-file", "none"), "token_file"),
            (("search", "acme/u", "x", "--server", "localhost:1", "--tls-ca", "none"), "tls.ca"),
            (("search", "acme/u", "x", "--server", "localhost:1", "--tls-key", "none"), "tls"),
        ],
    )  # fmt: skip
    def test_names_the_field_and_changes_nothing(self, memory: Run, args: tuple[str, ...], field: str) -> None:
        before = Path("m.db").read_bytes()
        done = memory(*args, "--json")
        assert (done.code, done.error["code"], done.error["field"]) == (2, "invalid_argument", field)
        assert len(done.err) < 700
        assert Path("m.db").read_bytes() == before

    @pytest.mark.parametrize(
        "args",
        [("nope",), ("memory", "nope"), ("memory", "get", "a"), ("memory", "get", "a", "b", "--nope"), ("--nope",),
         ("memory", "list", "a", "--from"), ("memory", "list", "a", "b"), ("bench", "nope"), ("serve", "extra"),
         ("memory", "list", "a", "--page-size", "many")],
    )  # fmt: skip
    def test_of_the_commands_themselves_points_to_the_help(self, run: Run, args: tuple[str, ...]) -> None:
        done = run(*args)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("agentctx: invalid_argument: ")
        assert done.err.count("\n") == 1
        assert "--help" in done.err or "requires an argument" in done.err

    @pytest.mark.parametrize(
        "args",
        [("get", "acme/u", "nope"), ("get", "nobody", "a"), ("delete", "acme/u", "a", "nope"), ("list", "nobody"),
         ("search", "nobody", "x"), ("history", "acme/u", "nope"), ("export", "nobody"),
         ("delete-namespace", "nobody", "--yes"), ("add", "acme/u", "x", "--supersedes", "nope")],
    )  # fmt: skip
    def test_of_what_is_not_there_is_3(self, memory: Run, args: tuple[str, ...]) -> None:
        assert memory(*args).code == 3
        assert memory(*args, "--json").error["code"] == "not_found"

    def test_a_taken_id_is_4(self, memory: Run) -> None:
        assert memory("add", "acme/u", "x", "--id", "a", "--json").error == {
            "code": "already_exists",
            "field": "episodes[0].id",
            "message": memory("add", "acme/u", "x", "--id", "a", "--json").error["message"],
            "details": {"id": "a"},
        }
        assert memory("add", "acme/u", "x", "--id", "a").code == 4

    def test_a_revision_ahead_is_9(self, memory: Run) -> None:
        assert memory("search", "acme/u", "x", "--min-revision", "1.999").code == 9

    @pytest.mark.parametrize("text", [b"\xff\n", b"nope\n", b"[]\n", b"{}\n", b'{"format": "other"}\n'])
    def test_an_import_of_something_else_names_the_line(self, memory: Run, text: bytes) -> None:
        assert memory("import", "new", "--json", stdin=text).error["field"] == "lines[1]"
        assert memory("list", "new").code == 3

    def test_stdin_that_is_closed_or_no_text(self, memory: Run) -> None:
        assert memory("add", "acme/u", "-", "--json", stdin=b"\xff").error["field"] == "episodes"
        assert memory("add", "acme/u", "-", stdin=None).code == 2
        assert memory("import", "acme/u", stdin=None).code == 2

    def test_json_behind_two_dashes_is_text(self, memory: Run) -> None:
        assert memory("add", "acme/u", "--", "--json").code == 0
        assert memory(
            "get",
            "nobody",
            "x",
            "--",
        ).err.startswith("agentctx: not_found")


class TestConfirming:
    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("", 130)])
    def test_asks_at_a_terminal(self, memory: Run, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        def confirm(question: str, *, err: bool) -> bool:
            assert question == "Remove 1 of acme/u for good?"
            assert err
            if not answer:
                raise typer.Abort
            return answer == "y\n"

        monkeypatch.setattr(typer, "confirm", confirm)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(memory_options, "sys", type("Sys", (), {"stdin": Terminal()}))
            done = memory("purge", "acme/u", "a")
        assert done.code == code
        if code:
            assert done.err == "agentctx: cancelled: not confirmed; nothing was removed\n"


class TestAccidents:
    @pytest.fixture
    def breaking(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Run]:
        def breaks(error: BaseException) -> Run:
            @contextmanager
            def opened(self: target.Target, *, create: bool = False) -> Iterator[Any]:
                raise error
                yield

            monkeypatch.setattr(target.Target, "open", opened)
            return run

        return breaks

    def test_a_bug_is_one_line_without_what_it_says(self, breaking: Callable[[BaseException], Run]) -> None:
        done = breaking(ValueError("the secret\nof Ana"))("memory", "list", "a")
        assert done.code == 70
        assert done.err.startswith("agentctx: internal: a bug in agentctx: ValueError at test_cli_commands.py:")
        assert "AGENTCTX_DEBUG=1" in done.err
        assert "secret" not in done.err
        assert done.err.count("\n") == 1

    def test_a_bug_in_json(self, breaking: Callable[[BaseException], Run]) -> None:
        done = breaking(RecursionError())("memory", "list", "a", "--json")
        assert (done.code, done.error["code"]) == (70, "internal")

    def test_debug_shows_the_traceback(
        self,
        breaking: Callable[[BaseException], Run],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        breaking(ValueError("x"))
        monkeypatch.setenv("AGENTCTX_DEBUG", "1")
        assert main(["memory", "list", "a"]) == 70
        assert "Traceback" in capsys.readouterr().err

    @pytest.mark.parametrize("cls", [cls for cls in error_classes() if cls is not AgentctxError])
    def test_every_error_has_its_exit_code(
        self, breaking: Callable[[BaseException], Run], cls: type[AgentctxError]
    ) -> None:
        done = breaking(cls("so it is"))("memory", "list", "a", "--json")
        assert done.code == exits.exit_code(cls.code)
        assert done.error == {"code": cls.code, "message": "so it is"}

    def test_ctrl_c(self, breaking: Callable[[BaseException], Run]) -> None:
        assert breaking(KeyboardInterrupt())("memory", "list", "a") == (130, "", "agentctx: cancelled: interrupted\n")


class TestDoctor:
    def test_a_sound_store(self, memory: Run, run: Run) -> None:
        done = run("doctor", "--json")
        assert done.code == 0
        assert done.json["ok"] is True
        found = {(one["area"], one["name"]): one for one in done.json["checks"]}
        assert "3 episodes" in found["store", "opens"]["detail"]
        assert "256 dimensions" in found["embedder", "probe"]["detail"]
        shown = run("doctor").out
        assert shown.endswith("checks passed\n")
        assert "store: integrity" in shown

    def test_a_damaged_store_is_found(self, memory: Run, run: Run) -> None:
        raw = bytearray(Path("m.db").read_bytes())
        raw[4096:] = b"\x5a" * (len(raw) - 4096)
        Path("m.db").write_bytes(raw)
        done = run("doctor", "--json")
        assert (done.code, done.json["ok"]) == (1, False)
        assert any(one["area"] == "store" and one["status"] == "failed" for one in done.json["checks"])

    def test_snapshots_that_should_be_gone_are_named(self, memory: Run, run: Run) -> None:
        Path("m.db.index").mkdir(exist_ok=True)
        left = Path("m.db.index", "0" * 32 + "-1.idx")
        left.write_bytes(b"words")
        done = run("doctor", "--json")
        (told,) = [one for one in done.json["checks"] if one["name"] == "snapshots"]
        assert (done.code, told["status"]) == (1, "failed")
        assert left.name in told["detail"]
        assert left.exists()  # it looks only
        run("memory", "add", "a", "next")
        assert not left.exists()
        assert run("doctor").code == 0

    def test_another_embedder_is_found(self, memory: Run, run: Run) -> None:
        done = run("doctor", "--embedder", "nope", "--json")
        assert done.code == 1
        assert "known: static" in next(one["fix"] for one in done.json["checks"] if one["area"] == "embedder")

    def test_an_older_store_is_left_alone(self, memory: Run, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        written_by = migrations.HEAD
        monkeypatch.setattr(migrations, "HEAD", "9999")
        before = Path("m.db").read_bytes()
        done = run("doctor", "--json")
        assert done.code == 0
        assert [one["detail"] for one in done.json["checks"] if one["name"] == "opens"] == [
            f"schema {written_by}, of an older agentctx"
        ]
        assert Path("m.db").read_bytes() == before

    def test_others_may_read_it(self, memory: Run, run: Run) -> None:
        Path("m.db").chmod(0o644)
        notes = [one for one in run("doctor", "--json").json["checks"] if one["status"] == "note"]
        fixes = [(one["name"], one["fix"]) for one in notes if one["area"] == "store"]
        assert fixes == [("permissions", "chmod 600 m.db")]

    def test_an_empty_file_and_a_folder(self, run: Run) -> None:
        Path("empty.db").touch()
        assert run("doctor", "--store", "empty.db").code == 0
        assert Path("empty.db").stat().st_size == 0
        assert run("doctor", "--store", ".").code == 1

    def test_settings_that_are_wrong(self, run: Run) -> None:
        Path("c.toml").write_text("[store]\nsynchronous = 'SOMETIMES'", encoding="utf-8")
        assert run("doctor", "--config", "c.toml", "--json").code == 1

    def test_a_server_that_is_not_there(self, run: Run) -> None:
        done = run("doctor", "--server", "127.0.0.1:1", "--json")
        assert done.code == 1
        assert "agentctx serve" in done.json["checks"][-1]["fix"]


class TestRest:
    def test_version(self, run: Run) -> None:
        assert run("--version") == (0, f"agentctx {__version__}\n", "")

    @pytest.mark.parametrize("args", [(), ("memory",)])
    def test_no_command_shows_the_help(self, run: Run, args: tuple[str, ...]) -> None:
        assert "Commands:" in run(*args).out

    def test_bench_without_its_package_says_what_to_install(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "agentctx_bench.app", raising=False)
        monkeypatch.setitem(sys.modules, "agentctx_bench", None)
        bare = typer.Typer(rich_markup_mode=None)
        bare.callback()(lambda: None)
        bench.mount(bare)
        monkeypatch.setattr(app, "command", lambda: typer.main.get_command(bare))
        done = run("bench", "locomo", "--data", "x")
        assert done.code == 10
        assert "pip install" in done.err

    def test_serve_without_its_package_says_what_to_install(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "agentctx_server", None)
        assert run("serve").code == 10

    def test_every_option_of_the_service_can_be_given(self) -> None:
        verbs = app.command().commands["memory"].commands
        for verb, options in (("list", ListOptions), ("search", SearchOptions), ("update", UpdateOptions)):
            known = {param.name for param in verbs[verb].params} | {"tags"}
            assert set(options.__annotations__) <= known, verb
