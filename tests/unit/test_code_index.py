"""Indexing a tree: what a run does, what it leaves alone, and what it says of bad input."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agentctx.code import comparison
from agentctx.code.pool import Extracted, ExtractionPool
from agentctx.code.service import Code
from agentctx.config import CodeSettings, Settings
from agentctx.errors import (
    AgentctxError,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    StoreCorrupt,
    Unavailable,
)
from agentctx.ids import SystemClock, TimeOrderedIds
from agentctx.store import Store, open_store
from agentctx.store.code import CodeStore
from agentctx.types.code import IndexProgress, IndexReport
from tests.fixtures_store import sqlite_template

CALLER = "from lib import helper\n\ndef main():\n    helper()\n"
LIB = "def helper():\n    return 1\n"


class Fails:
    """A failpoint of the store: raises `error` at the commit that comes after `arm`."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self, point: str) -> None:
        error = self.error
        if point == "store.before_commit" and error is not None:
            self.error = None
            raise error


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    with ExtractionPool(1) as made:
        yield made


@pytest.fixture
def hook() -> Fails:
    return Fails()


@pytest.fixture
def store(tmp_path: Path, hook: Fails) -> Iterator[Store]:
    (tmp_path / "store.db").write_bytes(sqlite_template())
    settings = Settings().store
    made = open_store(tmp_path / "store.db", clock=SystemClock(), ids=TimeOrderedIds(), settings=settings, hook=hook)
    with made:
        yield made


@pytest.fixture
def make(store: Store, pool: ExtractionPool) -> Callable[..., Code]:
    def made(**settings: object) -> Code:
        given = replace(CodeSettings(wait=0.3), **settings)  # type: ignore[arg-type]
        return Code(store, Settings(code=given), pool=pool)

    return made


@pytest.fixture
def code(make: Callable[..., Code]) -> Code:
    return make()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "lib.py").write_text(LIB)
    (root / "main.py").write_text(CALLER)
    return root


def index(code: Code, root: Path | str, **options: str) -> IndexReport:
    last = list(code.index(str(root), **options))[-1]
    assert last.report is not None
    return last.report


def calls(code: Code, name: str) -> list[tuple[str, str]]:
    base = code.codebase(name)
    return [
        (base.id_of(edge.source), base.id_of(edge.target))
        for unit in range(len(base))
        for edge in base.out_edges(unit)
        if edge.kind == "calls"
    ]


class TestRuns:
    def test_the_first_publishes_what_is_there(self, code: Code, tree: Path) -> None:
        report = index(code, tree)
        assert (report.published, report.parsed, report.resolved, report.removed) == (True, 2, 2, 0)
        assert report.repository.name == "tree"
        assert report.repository.generation.number == 1
        assert report.repository.files == 2
        assert report.repository.languages == {"python": 2}
        assert calls(code, "tree") == [("main.py::main:function", "lib.py::helper:function")]

    def test_stages_come_in_order_and_the_last_progress_bears_the_report(self, code: Code, tree: Path) -> None:
        seen = list(code.index(str(tree)))
        stages = list(dict.fromkeys(one.stage for one in seen))
        assert stages == ["walk", "read", "parse", "resolve", "build", "publish", "done"]
        assert [one.report is not None for one in seen] == [False] * (len(seen) - 1) + [True]

    def test_the_same_again_publishes_nothing(self, code: Code, tree: Path) -> None:
        index(code, tree)
        report = index(code, tree)
        assert (report.published, report.parsed, report.resolved) == (False, 0, 0)
        assert report.repository.generation.number == 1

    def test_what_only_looks_different_is_not_parsed(self, code: Code, tree: Path) -> None:
        index(code, tree)
        os.utime(tree / "lib.py", (1, 1))
        report = index(code, tree)
        assert (report.published, report.parsed) == (False, 0)

    def test_only_what_changed_is_parsed_and_only_what_looks_at_it_resolved(self, code: Code, tree: Path) -> None:
        (tree / "alone.py").write_text("x = 1\n")
        index(code, tree)
        (tree / "lib.py").write_text("def other():\n    return 1\n")
        report = index(code, tree)
        assert (report.parsed, report.resolved) == (1, 2)
        assert calls(code, "tree") == []

    def test_an_edit_of_a_body_leaves_other_files_alone(self, code: Code, tree: Path) -> None:
        index(code, tree)
        (tree / "lib.py").write_text("# moved\n" + LIB)
        report = index(code, tree)
        assert (report.parsed, report.resolved) == (1, 1)
        assert len(calls(code, "tree")) == 1

    def test_an_edit_of_the_same_size_in_the_same_moment_is_seen(self, code: Code, tree: Path) -> None:
        index(code, tree)
        status = (tree / "lib.py").stat()
        (tree / "lib.py").write_text(LIB.replace("helper", "holper"))
        os.utime(tree / "lib.py", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert index(code, tree).parsed == 1

    def test_a_removed_file_goes_and_what_led_to_it_is_resolved_again(self, code: Code, tree: Path) -> None:
        index(code, tree)
        (tree / "lib.py").unlink()
        report = index(code, tree)
        assert (report.removed, report.resolved) == (1, 1)
        assert calls(code, "tree") == []

    def test_a_renamed_file_needs_no_parsing(self, code: Code, tree: Path) -> None:
        index(code, tree)
        (tree / "lib.py").rename(tree / "lib2.py")
        report = index(code, tree)
        assert (report.parsed, report.removed) == (0, 1)

    def test_facts_are_shared_between_trees(self, code: Code, tree: Path, tmp_path: Path) -> None:
        index(code, tree)
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / "lib.py").write_text(LIB)
        report = index(code, tmp_path / "copy")
        assert (report.parsed, report.reused) == (0, 1)

    def test_a_crowd_of_equal_files_is_parsed_once(self, code: Code, tree: Path) -> None:
        for number in range(5):
            (tree / f"copy{number}.py").write_text(LIB)
        report = index(code, tree)
        assert (report.parsed, report.repository.files) == (2, 7)

    def test_an_empty_tree_publishes_an_empty_generation(self, code: Code, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        report = index(code, tmp_path / "empty")
        assert (report.published, report.repository.files) == (True, 0)
        assert code.search("empty", "anything").hits == ()

    def test_the_stores_own_files_belong_to_no_tree(self, code: Code, tmp_path: Path, tree: Path) -> None:
        del tree
        report = index(code, tmp_path)
        assert [one for one in code.codebase(report.repository.name).paths if "store.db" in one] == []

    def test_a_reader_keeps_its_generation(self, code: Code, tree: Path) -> None:
        index(code, tree)
        held = code.codebase("tree")
        (tree / "more.py").write_text("def more(): pass\n")
        index(code, tree)
        assert (held.generation.number, held.files) == (1, 2)
        assert (code.codebase("tree").generation.number, code.codebase("tree").files) == (2, 3)

    def test_another_engine_sees_what_is_published(self, code: Code, make: Callable[..., Code], tree: Path) -> None:
        other = make()
        index(code, tree)
        assert other.codebase("tree").files == 2
        (tree / "more.py").write_text("def more(): pass\n")
        index(code, tree)
        assert other.codebase("tree").files == 3


class TestNames:
    def test_a_second_root_of_one_name_gets_a_number(self, code: Code, tree: Path, tmp_path: Path) -> None:
        index(code, tree)
        (tmp_path / "x" / "tree").mkdir(parents=True)
        assert index(code, tmp_path / "x" / "tree").repository.name == "tree-2"

    def test_a_name_of_another_root_is_refused(self, code: Code, tree: Path, tmp_path: Path) -> None:
        index(code, tree, name="mine")
        (tmp_path / "other").mkdir()
        with pytest.raises(AlreadyExists) as caught:
            index(code, tmp_path / "other", name="mine")
        assert caught.value.field == "name"

    def test_one_root_may_have_several_names(self, code: Code, tree: Path) -> None:
        index(code, tree)
        assert index(code, tree, name="again").repository.name == "again"
        assert [one.name for one in code.list().repositories] == ["again", "tree"]

    def test_pages_of_the_list_hold_every_repository_once(self, code: Code, tree: Path) -> None:
        for name in ("a", "b", "c", "d"):
            index(code, tree, name=name)
        page = code.list(page_size=3)
        assert [one.name for one in page.repositories] == ["a", "b", "c"]
        rest = code.list(page_size=3, page_token=page.next_page_token)
        assert ([one.name for one in rest.repositories], rest.next_page_token) == (["d"], "")

    @pytest.mark.parametrize("name", ["a/b", "x" * 201, "a\nb", "a\0"])
    def test_a_bad_name_is_named(self, code: Code, tree: Path, name: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            index(code, tree, name=name)
        assert caught.value.field == "name"

    def test_a_removed_repository_is_unknown(self, code: Code, tree: Path) -> None:
        index(code, tree)
        code.remove("tree")
        for ask in (code.get, code.codebase, code.remove):
            with pytest.raises(NotFound) as caught:
                ask("tree")
            assert caught.value.details == {"repository": "tree"}


class TestFreshness:
    def test_get_says_whether_the_tree_has_changed(self, code: Code, tree: Path) -> None:
        index(code, tree)
        assert code.get("tree").generation.changed is False
        os.utime(tree / "lib.py", (1, 1))
        assert code.get("tree").generation.changed is False
        (tree / "lib.py").write_text("other = 1\n")
        assert code.get("tree").generation.changed is True

    def test_a_tree_that_is_gone_has_changed(self, code: Code, tree: Path) -> None:
        index(code, tree)
        tree.rename(tree.with_name("elsewhere"))
        assert code.get("tree").generation.changed is True

    def test_answers_say_what_was_seen_a_moment_ago(self, code: Code, tree: Path) -> None:
        index(code, tree)
        assert code.search("tree", "helper").generation.changed is False
        (tree / "lib.py").write_text("other = 1\n")
        assert code.get("tree").generation.changed is True
        assert code.symbol("tree", "helper").generation.changed is True
        index(code, tree)
        assert code.outline("tree").generation.changed is False

    def test_answers_never_wait_for_a_look_but_cause_one(
        self, code: Code, make: Callable[..., Code], tree: Path
    ) -> None:
        index(code, tree)
        other = make()
        assert other.search("tree", "helper").generation.changed is None
        other._freshness.close()  # waits for the look
        assert other.search("tree", "helper").generation.changed is False


class TestMemory:
    def test_the_longest_unused_goes_when_there_is_no_room(self, make: Callable[..., Code], tree: Path) -> None:
        code = make(memory_bytes=1)
        for name in ("a", "b"):
            index(code, tree, name=name)
        held = [place for place in code._codebases._places.values() if place.codebase is not None]
        assert len(held) == 1
        assert code.codebase("a").files == 2


class TestTrouble:
    @pytest.mark.parametrize("path", ["/no/such/folder", "", "a\0b"])
    def test_no_folder(self, code: Code, path: str) -> None:
        if not path:
            path = "\u0000"
        with pytest.raises(InvalidArgument) as caught:
            index(code, path)
        assert caught.value.field == "path"

    def test_a_file_is_no_folder(self, code: Code, tree: Path) -> None:
        with pytest.raises(InvalidArgument, match="not a folder"):
            index(code, tree / "lib.py")

    def test_too_many_files(self, make: Callable[..., Code], tree: Path) -> None:
        with pytest.raises(FailedPrecondition, match="more than 1 files"):
            index(make(most_files=1), tree)

    def test_a_file_that_is_gone_when_it_is_read_is_left_out_and_named(
        self, code: Code, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = comparison.compare

        def compare(*given: object) -> Iterator[int]:
            (tree / "lib.py").unlink()
            return honest(*given)  # type: ignore[arg-type]

        monkeypatch.setattr("agentctx.code.indexer.compare", compare)
        report = index(code, tree)
        assert report.repository.files == 1
        assert [(one.path, one.reason.split(":")[0]) for one in report.skipped] == [("lib.py", "cannot be read")]

    def test_a_file_that_changes_while_it_is_parsed_gets_the_facts_of_what_was_parsed(
        self, code: Code, tree: Path, pool: ExtractionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def extract(root: Path, paths: list[str]) -> Iterator[Extracted]:
            (tree / "lib.py").write_text("def late(): pass\n")
            return ExtractionPool.extract(pool, root, paths)

        monkeypatch.setattr(pool, "extract", extract)
        index(code, tree)
        monkeypatch.undo()
        assert code.symbol("tree", "late").exact == 1
        assert index(code, tree).parsed == 0
        assert code.get("tree").generation.changed is False

    def test_a_parser_that_dies_costs_the_facts_of_one_file(
        self, code: Code, tree: Path, pool: ExtractionPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def extract(root: Path, paths: list[str]) -> Iterator[Extracted]:
            for one in ExtractionPool.extract(pool, root, paths):
                lost = Extracted(one.path, "", 0, None, "the parser crashed: facts are lost")
                yield lost if one.path == "lib.py" else one

        monkeypatch.setattr(pool, "extract", extract)
        report = index(code, tree)
        assert [(one.path, one.reason) for one in report.problems] == [("lib.py", "the parser crashed: facts are lost")]
        assert code.codebase("tree").paths == ("lib.py", "main.py")
        assert [hit.symbol.path for hit in code.search("tree", "helper", granularity="file").hits] != []
        again = index(code, tree)
        assert (again.published, again.parsed, len(again.problems)) == (False, 0, 1)
        (tree / "lib.py").write_text(LIB + "\n")
        monkeypatch.undo()
        mended = index(code, tree)
        assert (mended.parsed, mended.problems) == (1, ())
        assert len(calls(code, "tree")) == 1

    def test_links_lead_nowhere(self, code: Code, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "secret.py").write_text("secret = 1\n")
        (tree / "link.py").symlink_to(tmp_path / "secret.py")
        (tree / "loop").symlink_to(tree)
        (tree / "out").symlink_to(tmp_path)
        index(code, tree)
        assert code.codebase("tree").paths == ("lib.py", "main.py")

    def test_odd_contents_are_indexed_or_marked(self, code: Code, tree: Path) -> None:
        (tree / "latin.py").write_bytes(b"# caf\xe9\ndef latin(): pass\n")
        (tree / "nul.py").write_bytes(b"def nul(): pass\n" * 600 + b"\0\n")
        (tree / "binary.py").write_bytes(b"\0\1\2")
        (tree / "deep.py").write_text("x = " + "(" * 200 + "1" + ")" * 200 + "\n")
        (tree / "empty.py").write_text("")
        report = index(code, tree)
        assert report.repository.files == 7
        assert code.symbol("tree", "latin").exact == 1


class TestInterruptions:
    def test_a_run_that_is_stopped_leaves_the_last_generation(self, code: Code, tree: Path) -> None:
        index(code, tree)
        (tree / "more.py").write_text("def more(): pass\n")
        for stage in ("walk", "read", "parse", "resolve", "build", "publish"):
            with closing(code.index(str(tree))) as run:  # type: ignore[type-var]
                while next(run).stage != stage:
                    pass
            assert code.codebase("tree").generation.number == 1
        assert index(code, tree).published

    @pytest.mark.parametrize("error", [ResourceExhausted("no space is left"), Unavailable("locked")])
    def test_a_store_that_fails_leaves_the_last_generation(
        self, code: Code, tree: Path, hook: Fails, error: AgentctxError
    ) -> None:
        index(code, tree)
        (tree / "more.py").write_text("def more(): pass\n")
        run = code.index(str(tree))
        while next(run).stage != "publish":
            pass
        hook.error = error
        with pytest.raises(type(error)):
            list(run)
        assert code.codebase("tree").generation.number == 1
        assert index(code, tree).repository.generation.number == 2

    def test_a_second_run_waits_for_the_first_and_then_says_so(self, code: Code, tree: Path) -> None:
        run = code.index(str(tree))
        while next(run).stage != "parse":
            pass
        with pytest.raises(Unavailable, match="another run"):
            index(code, tree)
        assert [one.report for one in run][-1] is not None
        assert index(code, tree).published is False

    def test_a_root_that_another_run_takes_in_meanwhile_gets_no_second_name(
        self, make: Callable[..., Code], tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = make(), make()
        look = CodeStore.find_root

        def late(store: CodeStore, root: str) -> object:
            found = look(store, root)
            monkeypatch.setattr(CodeStore, "find_root", look)
            index(first, tree)
            return found

        monkeypatch.setattr(CodeStore, "find_root", late)
        assert not index(second, tree).published
        assert [one.name for one in first.list().repositories] == ["tree"]

    def test_of_two_runs_at_once_both_end_well_and_one_parses(self, make: Callable[..., Code], tree: Path) -> None:
        reports: list[IndexReport] = []
        codes = [make(wait=30.0), make(wait=30.0)]
        threads = [threading.Thread(target=lambda one=one: reports.append(index(one, tree))) for one in codes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(one.published for one in reports) == [False, True]
        assert sum(one.parsed for one in reports) == 2

    def test_facts_that_go_away_during_a_run_are_made_again(self, code: Code, tree: Path, store: Store) -> None:
        index(code, tree, name="first")
        run: Iterator[IndexProgress] = code.index(str(tree), name="second")
        while next(run).stage != "publish":
            pass
        store._database.write(lambda c: c.exec_driver_sql("DELETE FROM code_files"))  # as a removal would
        store._database.write(lambda c: c.exec_driver_sql("DELETE FROM code_facts"))
        report = [one.report for one in run][-1]
        assert report is not None
        assert report.parsed == 2
        assert len(calls(code, "second")) == 1


class TestDamage:
    def damage(self, store: Store, table: str, column: str) -> None:
        statement = f"UPDATE {table} SET {column} = x'00112233'"
        store._database.write(lambda c: c.exec_driver_sql(statement))

    def test_facts_that_cannot_be_read_are_made_anew(self, code: Code, tree: Path, store: Store) -> None:
        index(code, tree)
        self.damage(store, "code_facts", "outline")
        (tree / "main.py").write_text(CALLER + "\n# more\n")
        report = index(code, tree)
        assert (report.parsed, report.resolved) == (2, 2)
        assert len(calls(code, "tree")) == 1

    @pytest.mark.parametrize(("table", "column"), [("code_derived", "data"), ("code_edges", "data")])
    def test_a_generation_that_cannot_be_read_is_told_and_mended_by_the_next_run(
        self, make: Callable[..., Code], tree: Path, store: Store, table: str, column: str
    ) -> None:
        index(make(snapshots=False), tree)
        self.damage(store, table, column)
        code = make(snapshots=False)
        with pytest.raises(StoreCorrupt, match="index again"):
            code.codebase("tree")
        report = index(code, tree)
        assert (report.published, report.parsed) == (True, 2)
        assert len(calls(make(snapshots=False), "tree")) == 1

    def test_a_kept_generation_that_is_damaged_is_made_again(
        self, code: Code, make: Callable[..., Code], tree: Path, tmp_path: Path
    ) -> None:
        index(code, tree)
        [kept] = (tmp_path / "store.db.index" / "code").glob("*.map")
        data = bytearray(kept.read_bytes())
        data[70] ^= 255  # in the first array
        kept.write_bytes(data)
        assert len(calls(make(), "tree")) == 1
        [again] = (tmp_path / "store.db.index" / "code").glob("*.map")
        assert again.read_bytes() != bytes(data)

    def test_kept_generations_of_removed_repositories_and_of_later_ones_go(
        self, code: Code, make: Callable[..., Code], tree: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "store.db.index" / "code"
        index(code, tree)
        [kept] = folder.glob("*.map")
        later = kept.with_name(kept.name.replace("-1.map", "-7.map"))
        later.write_bytes(kept.read_bytes())
        make().codebase("tree")
        assert [one.name for one in folder.glob("*.map")] == [kept.name]
        code.remove("tree")
        assert list(folder.glob("*.map")) == []

    def test_what_came_after_the_kept_generation_is_added_to_it(
        self, code: Code, make: Callable[..., Code], tree: Path, tmp_path: Path
    ) -> None:
        index(code, tree)
        [kept] = (tmp_path / "store.db.index" / "code").glob("*.map")
        (tree / "lib.py").write_text(LIB + "def more(): helper()\n")
        (tree / "new.py").write_text("from lib import more\nmore()\n")
        index(code, tree)
        assert [one.name for one in kept.parent.glob("*.map")] == [kept.name]
        assert sorted(calls(make(), "tree")) == sorted(calls(code, "tree"))
        assert len(calls(make(), "tree")) == 3


class TestWhatCannotBeRead:
    def test_a_tree_that_may_not_be_read_is_listed_all_the_same(
        self, code: Code, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index(code, tree)

        def refused(*_: object) -> None:
            raise FailedPrecondition("the folder cannot be read: Permission denied", field="path")

        monkeypatch.setattr("agentctx.code.tree.walk", refused)
        assert code.get("tree").generation.changed is None

    def test_gits_own_folders_are_not_taken_for_a_tree(self, code: Code, tmp_path: Path) -> None:
        for name in ("HEAD", "config"):
            (tmp_path / "bare.git").mkdir(exist_ok=True)
            (tmp_path / "bare.git" / name).write_text("ref: refs/heads/main\n")
        for name in ("objects", "refs"):
            (tmp_path / "bare.git" / name).mkdir()
        with pytest.raises(InvalidArgument, match=r"bare git repository.*HEAD") as caught:
            list(code.index(str(tmp_path / "bare.git")))
        assert caught.value.field == "commit"
        assert code.list().repositories == ()

    def test_a_name_that_no_text_can_hold_is_refused_by_field(self, code: Code, tree: Path) -> None:
        for given, field in (({"path": "\ud800"}, "path"), ({"path": str(tree), "commit": "\ud800"}, "commit")):
            with pytest.raises(InvalidArgument) as caught:
                list(code.index(**given))
            assert caught.value.field == field

    def test_a_number_that_the_wire_cannot_carry_is_refused_with_the_bound(self, code: Code) -> None:
        for budget, bound in ((10**12, "at most 2147483647"), (-(10**12), "at least -2147483648")):
            with pytest.raises(InvalidArgument, match=f"budget is {bound}"):
                code.map("tree", budget=budget)


class TestSource:
    def test_lines_come_as_they_are_in_the_tree(self, code: Code, tree: Path) -> None:
        index(code, tree)
        found = code.source("tree", "main.py", start_line=3, end_line=3)
        assert (found.text, found.start_line, found.end_line, found.stale) == ("def main():", 3, 3, False)

    def test_a_text_that_is_another_by_now_is_stale(self, code: Code, tree: Path) -> None:
        index(code, tree)
        (tree / "main.py").write_text("new\n")
        assert code.source("tree", "main.py").stale

    @pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "nope.py", ""])
    def test_only_indexed_files_can_be_read(self, code: Code, tree: Path, path: str) -> None:
        index(code, tree)
        with pytest.raises(NotFound):
            code.source("tree", path)

    def test_an_unknown_path_is_answered_with_near_ones_and_not_repeated_at_length(
        self, code: Code, tree: Path
    ) -> None:
        index(code, tree)
        with pytest.raises(NotFound, match=r"no file 'maim\.py'.*near: main\.py"):
            code.source("tree", "maim.py")
        with pytest.raises(NotFound) as caught:
            code.source("tree", "x" * 100_000)
        assert len(str(caught.value)) < 500

    def test_a_path_may_begin_at_the_current_folder(self, code: Code, tree: Path) -> None:
        index(code, tree)
        assert code.source("tree", "./main.py") == code.source("tree", "main.py")

    def test_the_last_line_is_the_last_that_an_editor_shows(self, code: Code, tree: Path) -> None:
        for name, text in (("none", ""), ("broken", "a = 1\nb = 2\n"), ("open", "a = 1\nb = 2")):
            (tree / f"{name}.py").write_text(text)
        index(code, tree)
        whole = {name: code.source("tree", f"{name}.py") for name in ("none", "broken", "open")}
        assert {name: (one.end_line, one.text) for name, one in whole.items()} == {
            "none": (0, ""),
            "broken": (2, "a = 1\nb = 2\n"),
            "open": (2, "a = 1\nb = 2"),
        }
        past = code.source("tree", "broken.py", start_line=2, end_line=9)
        assert (past.end_line, past.text) == (2, "b = 2\n")

    def test_a_link_in_place_of_a_folder_leads_nowhere(self, code: Code, tree: Path, tmp_path: Path) -> None:
        (tree / "sub").mkdir()
        (tree / "sub" / "a.py").write_text("a = 1\n")
        index(code, tree)
        (tree / "sub" / "a.py").unlink()
        (tree / "sub").rmdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "a.py").write_text("secret = 1\n")
        (tree / "sub").symlink_to(tmp_path / "outside")
        with pytest.raises(FailedPrecondition):
            code.source("tree", "sub/a.py")
