"""Indexing commits: what is read of a git repository without a checkout, and what never runs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agentctx.code.commit_tree import CommitTree
from agentctx.code.git import blob_hash
from agentctx.code.pool import ExtractionPool
from agentctx.code.service import Code
from agentctx.code.walk import WalkOptions
from agentctx.config import Settings
from agentctx.errors import FailedPrecondition, InvalidArgument
from agentctx.ids import SystemClock, TimeOrderedIds
from agentctx.store import open_store
from agentctx.types.code import IndexReport
from tests.fixtures_store import sqlite_template

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories of these tests")


def git(root: Path, *words: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=0"]
    done = subprocess.run(["git", *settings, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, files: dict[str, str | None]) -> str:
    """Write files (None: remove), and commit them."""
    for path, text in files.items():
        if text is None:
            (root / path).unlink()
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x", "--allow-empty")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    return root


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Code]:
    (tmp_path / "store.db").write_bytes(sqlite_template())
    settings = Settings()
    opened = open_store(tmp_path / "store.db", clock=SystemClock(), ids=TimeOrderedIds(), settings=settings.store)
    with opened as store, ExtractionPool(1) as pool, closing(Code(store, settings, pool=pool)) as made:
        yield made


def index(code: Code, root: Path, **options: str) -> IndexReport:
    last = list(code.index(str(root), **options))[-1]
    assert last.report is not None
    return last.report


def tree(root: Path, rev: str = "HEAD", **options: int) -> CommitTree:
    return CommitTree(root, rev, WalkOptions(**options))  # type: ignore[arg-type]


class TestTree:
    def test_it_has_what_was_committed(self, repository: Path) -> None:
        head = commit(repository, {"a.py": "a = 1\n", "sub/ü.py": "b\n"})
        (repository / "a.py").write_text("dirty\n")
        found = tree(repository)
        assert (found.commit, [one.path for one in found.files]) == (head, ["a.py", "sub/ü.py"])
        assert found.read("a.py") == b"a = 1\n"
        assert [one.content_hash for one in found.files] == [blob_hash(b"a = 1\n"), blob_hash(b"b\n")]
        with pytest.raises(OSError, match="not in this commit"):
            found.read("other")
        found.close()

    def test_a_bare_repository_and_a_folder_within_one_are_read_alike(self, repository: Path, tmp_path: Path) -> None:
        commit(repository, {"a.py": "a\n", "sub/b.py": "b\n"})
        git(tmp_path, "clone", "-q", "--bare", "repo", "bare.git")
        assert tree(tmp_path / "bare.git").files == tree(repository).files
        assert [one.path for one in tree(repository / "sub").files] == ["b.py"]

    def test_links_submodules_and_large_files_are_left_out(self, repository: Path) -> None:
        commit(repository, {"a.py": "a\n", "large.txt": "x" * 100})
        (repository / "link").symlink_to("/etc/passwd")
        git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
        git(repository, "add", "link")
        git(repository, "commit", "-qm", "x")
        found = tree(repository, largest=50)
        assert [one.path for one in found.files] == ["a.py"]
        assert [one.path for one in found.skipped] == ["large.txt", "module"]

    @pytest.mark.parametrize("rev", ["nope", "--help", "-h", "HEAD~9", "HEAD:a.py", "a\nb", "a\0b"])
    def test_what_is_no_commit_is_named(self, repository: Path, rev: str) -> None:
        commit(repository, {"a.py": "a\n"})
        with pytest.raises(InvalidArgument) as caught:
            tree(repository, rev)
        assert caught.value.field == "commit"

    def test_outside_git_there_are_no_commits(self, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        for path in (tmp_path / "plain", tmp_path / "missing"):
            with pytest.raises(InvalidArgument) as caught:
                tree(path)
            assert caught.value.field == "path"

    def test_too_many_files_are_refused(self, repository: Path) -> None:
        commit(repository, {"a.py": "a\n", "b.py": "b\n"})
        with pytest.raises(FailedPrecondition):
            tree(repository, most_files=1)

    def test_objects_that_are_missing_cost_their_files(self, repository: Path, code: Code) -> None:
        commit(repository, {"a.py": "a = 1\n", "b.py": "b = 1\n"})
        blob = blob_hash(b"a = 1\n")
        (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        report = index(code, repository, commit="HEAD")
        assert code.codebase("repo").paths == ("b.py",)
        assert [(one.path, one.reason) for one in report.skipped] == [("a.py", "git does not have its content")]


class TestNothingRuns:
    def test_neither_hooks_nor_filters_nor_helpers_of_the_repository(self, repository: Path, code: Code) -> None:
        commit(repository, {"a.py": "a = 1\n", ".gitattributes": "*.py filter=evil diff=evil text eol=crlf\n"})
        trap = repository.parent / "trap"
        script = repository.parent / "evil"
        script.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        hooks = repository / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
            shutil.copy(script, hooks / name)
        for key in (
            "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv",
            "core.fsmonitor", "core.pager", "core.sshCommand", "core.gitProxy", "core.askPass", "core.editor",
            "credential.helper", "uploadpack.packObjectsHook", "gpg.program", "core.alternateRefsCommand",
        ):  # fmt: skip
            git(repository, "config", key, str(script))
        git(repository, "config", "alias.ls-tree", f"!{script}")
        git(repository, "config", "extensions.partialClone", "origin")
        git(repository, "config", "remote.origin.url", f"ext::{script}")
        trap.unlink(missing_ok=True)
        report = index(code, repository, commit="HEAD")
        assert report.repository.files == 2
        assert code.source(report.repository.name, "a.py").text == "a = 1\n"
        assert not trap.exists()

    def test_the_environment_leads_git_nowhere_else(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit(repository, {"a.py": "a\n"})
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        commit(other, {"b.py": "b\n"})
        monkeypatch.setenv("GIT_DIR", str(other / ".git"))
        monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other / ".git" / "objects"))
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        assert [one.path for one in tree(repository).files] == ["a.py"]


class TestIndex:
    def test_a_second_commit_costs_what_differs(self, repository: Path, code: Code) -> None:
        first = commit(repository, {"lib.py": "def helper(): pass\n", "b.py": "from lib import helper\nhelper()\n"})
        second = commit(repository, {"c.py": "import lib\nlib.helper()\n"})
        report = index(code, repository, commit=first)
        assert (report.parsed, report.repository.generation.commit) == (2, first)
        report = index(code, repository, commit=second)
        assert (report.parsed, report.resolved, report.repository.generation.commit) == (1, 1, second)
        assert report.repository.generation.number == 2
        report = index(code, repository, commit=first)
        assert (report.parsed, report.removed) == (0, 1)

    def test_a_commit_without_changes_is_published_under_its_name(self, repository: Path, code: Code) -> None:
        commit(repository, {"a.py": "a = 1\n"})
        index(code, repository)
        head = commit(repository, {})
        report = index(code, repository)
        assert (report.published, report.parsed, report.resolved) == (True, 0, 0)
        assert code.search("repo", "a").generation.commit == head

    def test_a_switch_of_branches_reuses_what_both_have(self, repository: Path, code: Code) -> None:
        commit(repository, {f"f{number}.py": f"x = {number}\n" for number in range(5)})
        index(code, repository)
        git(repository, "checkout", "-qb", "other")
        commit(repository, {"f0.py": "y = 1\n", "f1.py": None, "new.py": "z = 1\n"})
        report = index(code, repository)
        assert (report.parsed, report.removed, report.repository.generation.branch) == (2, 1, "other")
        git(repository, "checkout", "-q", "main")
        report = index(code, repository)
        assert (report.parsed, report.removed, report.repository.generation.branch) == (0, 1, "main")

    def test_worktrees_and_commits_share_facts(self, repository: Path, code: Code, tmp_path: Path) -> None:
        commit(repository, {"a.py": "a = 1\n"})
        index(code, repository)
        git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
        report = index(code, tmp_path / "linked")
        assert (report.parsed, report.repository.generation.branch) == (0, "side")
        assert index(code, repository, commit="main", name="at-commit").parsed == 0

    def test_a_commit_never_changes(self, repository: Path, code: Code) -> None:
        commit(repository, {"a.py": "a = 1\n"})
        index(code, repository, commit="HEAD")
        (repository / "a.py").write_text("other\n")
        assert code.get("repo").generation.changed is False
        found = code.source("repo", "a.py")
        assert (found.text, found.stale) == ("a = 1\n", False)
        assert code.sources("repo", ["a.py", "nope"]).keys() == {"a.py"}

    def test_a_repository_whose_name_is_odd(self, tmp_path: Path, code: Code) -> None:
        root = tmp_path / "odd name; $(touch x) -- ü"
        root.mkdir()
        git(root, "init", "-q")
        commit(root, {"--help": "x\n", "a b.py": "def f(): pass\n", "q\"'.py": "def g(): pass\n"})
        assert index(code, root, commit="HEAD").repository.files == 3
        for path in ("--help", "a b.py", "q\"'.py"):
            assert not code.source(root.name, path).stale
        assert os.listdir(tmp_path).count("x") == 0
