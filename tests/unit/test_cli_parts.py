"""The parts of the command line: times, values, lines of files, output, the table of exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from agentctx.cli import exits, lines
from agentctx.cli import progress as bars
from agentctx.cli.files import written
from agentctx.cli.output import error_text, one_line, plain, printable
from agentctx.cli.spread import options, spread
from agentctx.cli.times import parse_time, show_time
from agentctx.cli.values import parse_json, parse_object, parse_revision
from agentctx.errors import AgentctxError, InvalidArgument, NotFound, ResourceExhausted, error_classes
from agentctx.types import ItemResult, NewEpisode, Revision


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-05-03", datetime(2026, 5, 3, tzinfo=UTC)),
            ("2026-05-03T10:12", datetime(2026, 5, 3, 10, 12, tzinfo=UTC)),
            (" 2026-05-03 10:12:13.5 ", datetime(2026, 5, 3, 10, 12, 13, 500_000, tzinfo=UTC)),
            ("2026-05-03T10:12Z", datetime(2026, 5, 3, 10, 12, tzinfo=UTC)),
            ("2026-05-03T10:12+02:00", datetime(2026, 5, 3, 10, 12, tzinfo=timezone(timedelta(hours=2)))),
        ],
    )
    def test_iso_8601_is_read_and_no_zone_means_utc(self, text: str, moment: datetime) -> None:
        assert parse_time(text, "as_of") == moment

    def test_now_is_the_present(self) -> None:
        assert abs(parse_time("NOW", "as_of") - datetime.now(UTC)) < timedelta(seconds=5)

    @pytest.mark.parametrize(
        "text", ["", "yesterday", "2026-13-01", "2026-05-03T25:00", "\0", "9" * 500, 5, None, "-7d"]
    )
    def test_anything_else_names_the_field(self, text: object) -> None:
        with pytest.raises(InvalidArgument, match="ISO 8601") as caught:
            parse_time(text, "as_of")
        assert caught.value.field == "as_of"
        assert len(caught.value.message) < 250

    def test_the_ends_of_time_can_be_shown(self) -> None:
        for year, month, day in ((1, 1, 1), (9999, 12, 31)):
            for hours in (-23, 0, 23):
                assert show_time(datetime(year, month, day, tzinfo=timezone(timedelta(hours=hours))))


class TestValues:
    @pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a": }', "\x00", "[" * 100_000, "9" * 5_000, "nope"])
    def test_what_is_no_json_names_the_field(self, text: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            parse_json(text, "filter")
        assert caught.value.field == "filter"

    @pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
    def test_what_is_no_object_names_the_field(self, text: str) -> None:
        with pytest.raises(InvalidArgument, match="object"):
            parse_object(text, "metadata")

    def test_a_revision_is_read_as_it_is_printed(self) -> None:
        assert parse_revision(str(Revision(3, 120)), "min_revision") == Revision(3, 120)

    @pytest.mark.parametrize("text", ["", "3", "3.", "-1.2", "1.2.3", "a.b", "1." + "9" * 40, "١.٢"])
    def test_what_is_no_revision_names_the_field(self, text: str) -> None:
        with pytest.raises(InvalidArgument, match=r"1\.42"):
            parse_revision(text, "min_revision")


class TestExits:
    def test_every_error_has_one_exit_code(self) -> None:
        listed = [error for one in exits.EXITS for error in one.errors]
        assert sorted(listed) == sorted({cls.code for cls in error_classes()})
        assert len({one.code for one in exits.EXITS}) == len(exits.EXITS)

    def test_an_error_of_the_future_is_a_bug(self) -> None:
        assert exits.exit_code("never_heard_of") == exits.BUG


class TestErrorText:
    def test_a_field_is_called_as_the_option_is(self) -> None:
        assert error_text(InvalidArgument("k must be from 0 to 9", field="k"), json=False) == (
            "agentctx: invalid_argument: -k must be from 0 to 9"
        )
        assert "--from: wrong" in error_text(InvalidArgument("wrong", field="occurred_from"), json=False)
        assert "lines[3].content: wrong" in error_text(InvalidArgument("wrong", field="lines[3].content"), json=False)

    def test_it_is_one_line_that_drives_no_terminal(self) -> None:
        text = error_text(NotFound("no \x1b[31m\nsuch\r\n\u202ething\x07", field="id"), json=False)
        assert text.isprintable() or "\ufffd" in text
        assert not {"\n", "\r", "\x1b", "\x07", "\u202e"} & set(text)

    def test_json_holds_everything(self) -> None:
        error = NotFound("no such episode", field="id", id="x")
        assert json.loads(error_text(error, json=True)) == {
            "error": {"code": "not_found", "message": "no such episode", "field": "id", "details": {"id": "x"}}
        }

    def test_it_says_when_to_come_back(self) -> None:
        assert "try again in 1.5 s" in error_text(ResourceExhausted("full", retry_after=1.5), json=False)


class TestOutput:
    def test_plain_has_the_names_of_the_fields(self) -> None:
        result = ItemResult(0, "a", Revision(1, 2))
        assert plain({"r": [result], "t": datetime(2026, 1, 1, tzinfo=UTC)}) == {
            "r": [
                {
                    "index": 0,
                    "id": "a",
                    "revision": "1.2",
                    "error_code": "",
                    "error_message": "",
                    "error_field": "",
                }
            ],
            "t": "2026-01-01T00:00:00+00:00",
        }

    def test_printable_keeps_lines_and_tabs(self) -> None:
        assert printable("a\tb\r\nc\x1b]0;x\x07") == "a\tb\nc\ufffd]0;x\ufffd"
        assert one_line("a\tb\r\nc") == "a b c"


class TestWritten:
    def test_the_file_appears_at_the_end_for_its_owner(self, tmp_path: Path) -> None:
        target = tmp_path / "out"
        with written(str(target)) as file:
            file.write(b"x")
            assert not target.exists()
        assert target.read_bytes() == b"x"
        assert target.stat().st_mode & 0o777 == 0o600
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, InvalidArgument("no")])
    def test_a_break_leaves_what_was_there(self, tmp_path: Path, error: Any) -> None:
        target = tmp_path / "out"
        target.write_text("before")
        with pytest.raises(BaseException), written(str(target)) as file:  # noqa: B017, PT012
            file.write(b"half")
            raise error
        assert target.read_text() == "before"
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.parametrize("name", ["", ".", "missing/out", "a\0b", "x" * 5_000])
    def test_what_cannot_be_written_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidArgument) as caught, written(name):
            pass
        assert caught.value.field == "output"

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("before")
        (tmp_path / "link").symlink_to("real")
        with written(str(tmp_path / "link")) as file:
            file.write(b"after")
        assert (tmp_path / "real").read_text() == "after"
        assert (tmp_path / "link").is_symlink()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
        """Runs a block with progress; returns what stdout and stderr got."""

        def run(
            out: io.StringIO, err: io.StringIO, patience: float = -1, *, beside_lines: bool = True
        ) -> tuple[str, str]:
            monkeypatch.setattr(bars, "PATIENCE", patience)
            monkeypatch.setenv("TERM", "xterm")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "stdout", out)
                patch.setattr(sys, "stderr", err)
                with bars.progress("working", beside_lines=beside_lines) as bar:
                    for done in range(3):
                        bar.to(done, 3)
                        print("a line")
            return out.getvalue(), err.getvalue()

        return run

    def test_a_bar_is_for_a_terminal_and_never_on_stdout(self, shown: Callable[..., tuple[str, str]]) -> None:
        out, err = shown(io.StringIO(), Terminal())
        assert out == "a line\n" * 3
        assert "working" in err

    def test_no_bar_elsewhere(self, shown: Callable[..., tuple[str, str]]) -> None:
        assert shown(io.StringIO(), io.StringIO())[1] == ""

    def test_no_bar_within_a_second(self, shown: Callable[..., tuple[str, str]]) -> None:
        assert shown(io.StringIO(), Terminal(), 1)[1] == ""

    def test_no_bar_between_lines_of_results(self, shown: Callable[..., tuple[str, str]]) -> None:
        assert shown(Terminal(), Terminal())[1] == ""
        assert "working" in shown(Terminal(), Terminal(), beside_lines=False)[1]


class FakeMemory:
    """Refuses contents that begin with "bad", answers in batches of three, as a service would."""

    def __init__(self) -> None:
        self.seen: list[NewEpisode] = []

    def bulk_add(self, _namespace: str, episodes: Iterable[NewEpisode]) -> Iterator[ItemResult]:
        batch: list[ItemResult] = []
        for index, one in enumerate(episodes):
            self.seen.append(one)
            if one.content.startswith("bad"):
                where = f"episodes[{index}]"
                batch.append(ItemResult(index, "", None, "invalid_argument", f"{where} is bad", f"{where}.content"))
            else:
                batch.append(ItemResult(index, one.content, Revision(1, index)))
            if len(batch) == 3:
                yield from batch
                batch = []
        yield from batch


def added(text: bytes, defaults: NewEpisode | None = None) -> list[tuple[int, int, str, str]]:
    memory: Any = FakeMemory()
    results = lines.add_lines(memory, "a", lines.numbered(io.BytesIO(text)), defaults or NewEpisode(""))
    return [(one.line, one.result.index, one.result.id, one.result.error_field) for one in results]


class TestLines:
    def test_results_come_in_the_order_of_the_lines_whoever_refused_them(self) -> None:
        text = b'"a"\nnope\n\n"bad"\n5\n"b"\n"c"\n{}\n"bad too"\n{"content": "d"}\n\xff\n'
        assert added(text) == [
            (1, 0, "a", ""),
            (2, 1, "", "lines[2]"),
            (4, 2, "", "lines[4].content"),
            (5, 3, "", "lines[5]"),
            (6, 4, "b", ""),
            (7, 5, "c", ""),
            (8, 6, "", "lines[8].content"),
            (9, 7, "", "lines[9].content"),
            (10, 8, "d", ""),
            (11, 9, "", "lines[11]"),
        ]

    def test_nothing_in_is_nothing_out(self) -> None:
        assert added(b"") == added(b"\n \n\t\n") == []

    def test_a_byte_order_mark_and_windows_line_ends_are_fine(self) -> None:
        assert [one[2] for one in added(b'\xef\xbb\xbf"a"\r\n"b"\r\n')] == ["a", "b"]

    def test_a_line_too_long_costs_itself_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lines, "_LONGEST", 20)
        text = b'"a"\n"' + b"x" * 100 + b'"\n"b"'
        assert [(one[0], one[2]) for one in added(text)] == [(1, "a"), (2, ""), (3, "b")]

    def test_options_fill_in_what_a_line_leaves_out(self) -> None:
        memory: Any = FakeMemory()
        text = b'"a"\n{"content": "b", "session": "s2", "occurred_at": "2026-01-01", "tags": ["t"], "position": 3}'
        defaults = NewEpisode("", session="s1", speaker="Ana")
        list(lines.add_lines(memory, "a", lines.numbered(io.BytesIO(text)), defaults))
        assert memory.seen == [
            NewEpisode("a", session="s1", speaker="Ana"),
            NewEpisode(
                "b",
                session="s2",
                speaker="Ana",
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
                tags=["t"],
                position=3,
            ),
        ]

    def test_texts_stop_at_what_is_no_text(self) -> None:
        source = lines.texts(lines.numbered(io.BytesIO(b"a\n\xfe\n")))
        assert next(source) == "a\n"
        with pytest.raises(InvalidArgument, match=r"lines\[2\]"):
            next(source)


@options
@dataclass(frozen=True)
class Group:
    size: Annotated[int, typer.Option("--size")] = 3


class TestSpread:
    def test_a_group_of_options_becomes_options(self) -> None:
        seen: list[tuple[str, int]] = []

        @spread
        def command(name: Annotated[str, typer.Argument()], *, group: Group) -> None:
            """Say it."""
            seen.append((name, group.size))

        app = typer.Typer(rich_markup_mode=None)
        app.command()(command)
        for args in (["a"], ["b", "--size", "5"]):
            with typer.main.get_command(app).make_context("x", args) as context:
                context.command.invoke(context)
        assert seen == [("a", 3), ("b", 5)]
        assert command.__doc__ == "Say it."


def test_the_tree_of_errors_is_caught_by_its_root() -> None:
    assert all(issubclass(cls, AgentctxError) for cls in error_classes())
