"""Which files of a tree belong to the code map."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agentctx.code.classify import Marks, as_utf8, content_marks, path_marks
from agentctx.code.git import blob_hash, find_git
from agentctx.code.walk import Walk, WalkOptions, walk
from agentctx.errors import FailedPrecondition, InvalidArgument

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories of these tests")


def fill(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def git(root: Path, *words: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *settings, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def paths(found: Walk) -> list[str]:
    return [file.path for file in found.files]


class TestIgnoreRules:
    def test_rules_hold_at_every_level_and_the_deepest_wins(self, tmp_path: Path) -> None:
        files = {
            ".gitignore": "*.log\n/build/\n!keep.log\n",
            "a/.gitignore": "!loud.log\nsecret/\n",
            "a/loud.log": "", "a/quiet.log": "", "a/secret/x.py": "", "a/build/x.py": "",
            "b/loud.log": "", "b/keep.log": "", "build/x.py": "", "b/x.py": "",
        }  # fmt: skip
        fill(tmp_path, files)
        assert paths(walk(tmp_path)) == [
            ".gitignore", "a/.gitignore", "a/build/x.py", "a/loud.log", "b/keep.log", "b/x.py",
        ]  # fmt: skip

    def test_agentctxignore_goes_before_gitignore(self, tmp_path: Path) -> None:
        fill(
            tmp_path,
            {".gitignore": "*.gen\n", ".agentctxignore": "!a.gen\ndata/\n", "a.gen": "", "data/x": "", "b": ""},
        )
        assert paths(walk(tmp_path)) == [".agentctxignore", ".gitignore", "a.gen", "b"]

    def test_a_pattern_that_means_nothing_spoils_no_other(self, tmp_path: Path) -> None:
        fill(tmp_path, {".gitignore": "!\n///\n[z-a]\n*.log\n\\\n", "x.log": "", "x.py": ""})
        assert "x.log" not in paths(walk(tmp_path))
        assert "x.py" in paths(walk(tmp_path))

    def test_caches_and_environments_are_left_out_without_any_rule(self, tmp_path: Path) -> None:
        fill(tmp_path, {"node_modules/a/x.js": "", ".venv/x.py": "", "a/__pycache__/x.pyc": "", "x.py": ""})
        assert paths(walk(tmp_path)) == ["x.py"]


@needs_git
class TestGit:
    def test_lists_what_git_lists(self, tmp_path: Path) -> None:
        fill(tmp_path, {".gitignore": "out/\n*.tmp\n", "a/b.py": "", "a/c.tmp": "", "out/x.py": "", "new.py": ""})
        git(tmp_path, "init", "-q", "-b", "main")
        git(tmp_path, "add", "a")
        git(tmp_path, "add", "-f", "out/x.py")
        git(tmp_path, "commit", "-qm", "first")
        fill(tmp_path, {"out/untracked.py": ""})
        listed = git(tmp_path, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        found = walk(tmp_path)
        assert paths(found) == sorted(listed)
        assert (found.branch, found.commit) == ("main", git(tmp_path, "rev-parse", "HEAD"))

    @pytest.mark.parametrize("version", ["2", "3", "4"])
    def test_reads_every_version_of_the_index(self, tmp_path: Path, version: str) -> None:
        fill(tmp_path, {f"folder/with a name {number}/file-{number}.py": "x" for number in range(40)})
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", ".")
        git(tmp_path, "update-index", "--index-version", version)
        found = find_git(tmp_path)
        assert found is not None
        assert found.tracked() == frozenset(git(tmp_path, "ls-files").replace('"', "").splitlines())

    def test_blob_hashes_are_gits_own(self, tmp_path: Path) -> None:
        fill(tmp_path, {"x": "hello\n"})
        assert blob_hash(b"hello\n") == git(tmp_path, "hash-object", "x")

    def test_a_linked_worktree_knows_its_own_commit(self, tmp_path: Path) -> None:
        main = tmp_path / "main"
        fill(main, {"x.py": "1"})
        git(main, "init", "-q", "-b", "main")
        git(main, "add", ".")
        git(main, "commit", "-qm", "first")
        git(main, "worktree", "add", "-q", "../other", "-b", "feature")
        fill(tmp_path / "other", {"y.py": "2"})
        git(tmp_path / "other", "add", ".")
        git(tmp_path / "other", "commit", "-qm", "second")
        found = walk(tmp_path / "other")
        assert (found.branch, paths(found)) == ("feature", ["x.py", "y.py"])
        assert found.commit == git(tmp_path / "other", "rev-parse", "HEAD") != walk(main).commit

    def test_packed_and_detached_heads_are_read(self, tmp_path: Path) -> None:
        fill(tmp_path, {"x.py": "1"})
        git(tmp_path, "init", "-q", "-b", "main")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", "first")
        git(tmp_path, "pack-refs", "--all")
        commit = git(tmp_path, "rev-parse", "HEAD")
        assert walk(tmp_path).commit == commit
        git(tmp_path, "checkout", "-q", "--detach")
        assert (walk(tmp_path).branch, walk(tmp_path).commit) == ("", commit)

    def test_submodules_and_repositories_inside_follow_one_setting(self, tmp_path: Path) -> None:
        inner, outer = tmp_path / "inner", tmp_path / "outer"
        for root in (inner, outer):
            fill(root, {"x.py": "1"})
            git(root, "init", "-q")
            git(root, "add", ".")
            git(root, "commit", "-qm", "first")
        git(outer, "submodule", "--quiet", "add", "../inner", "lib/inner")
        shutil.copytree(inner, outer / "clone")
        found = walk(outer)
        assert [file for file in paths(found) if file.endswith(".py")] == ["x.py"]
        assert {entry.path for entry in found.skipped} == {"clone", "lib/inner"}
        wide = paths(walk(outer, WalkOptions(submodules=True)))
        assert [file for file in wide if file.endswith(".py")] == ["clone/x.py", "lib/inner/x.py", "x.py"]

    def test_a_folder_inside_a_repository_keeps_the_rules_above_it(self, tmp_path: Path) -> None:
        fill(tmp_path, {".gitignore": "*.log\n", "a/b/x.py": "", "a/b/x.log": "", "c.py": ""})
        git(tmp_path, "init", "-q")
        assert paths(walk(tmp_path / "a")) == ["b/x.py"]


class TestBadTrees:
    def test_a_root_that_is_none_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        for root in (tmp_path / "missing", tmp_path / "file"):
            with pytest.raises(InvalidArgument) as caught:
                walk(root)
            assert caught.value.field == "path"

    def test_an_empty_folder_has_no_files(self, tmp_path: Path) -> None:
        assert paths(walk(tmp_path)) == []

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        fill(tmp_path, {"inside/a/x.py": "", "outside/y.py": ""})
        root = tmp_path / "inside"
        (root / "a/loop").symlink_to(root, target_is_directory=True)
        (root / "escape").symlink_to(tmp_path / "outside", target_is_directory=True)
        (root / "file.py").symlink_to(tmp_path / "outside/y.py")
        (root / "dangling").symlink_to(root / "nothing")
        assert paths(walk(root)) == ["a/x.py"]

    def test_large_and_strange_files_are_skipped_with_a_reason(self, tmp_path: Path) -> None:
        fill(tmp_path, {"large.py": "x" * 200, "small.py": "x"})
        os.mkfifo(tmp_path / "pipe")
        found = walk(tmp_path, WalkOptions(largest=100))
        assert paths(found) == ["small.py"]
        assert {entry.path: entry.reason for entry in found.skipped} == {
            "large.py": "larger than 100 bytes",
            "pipe": "not a regular file",
        }

    def test_too_many_files_are_refused(self, tmp_path: Path) -> None:
        fill(tmp_path, {f"{number}.py": "" for number in range(5)})
        with pytest.raises(FailedPrecondition, match=r"\.agentctxignore"):
            walk(tmp_path, WalkOptions(most_files=4))

    def test_names_that_are_no_utf8_are_skipped(self, tmp_path: Path) -> None:
        try:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.py")).write_text("x")
        except OSError:
            pytest.skip("the file system takes no such name")
        found = walk(tmp_path)
        assert (paths(found), [entry.reason for entry in found.skipped]) == ([], ["its name is not UTF-8"])

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_a_folder_without_permission_is_named(self, tmp_path: Path) -> None:
        fill(tmp_path, {"closed/x.py": "", "y.py": ""})
        (tmp_path / "closed").chmod(0)
        try:
            found = walk(tmp_path)
        finally:
            (tmp_path / "closed").chmod(0o755)
        assert paths(found) == ["y.py"]
        assert found.skipped[0].path == "closed"

    def test_a_deep_tree_is_walked(self, tmp_path: Path) -> None:
        deep = "/".join(["d"] * 200)
        fill(tmp_path, {f"{deep}/x.py": ""})
        assert paths(walk(tmp_path)) == [f"{deep}/x.py"]


class TestMarks:
    @pytest.mark.parametrize(
        ("path", "marks"),
        [
            ("src/app.py", Marks.NONE),
            ("vendor/lib/x.go", Marks.VENDORED),
            ("static/jquery-3.1.js", Marks.VENDORED),
            ("api/order_pb2.py", Marks.GENERATED),
            ("package-lock.json", Marks.GENERATED),
            ("tests/test_app.py", Marks.TEST),
            ("pkg/store_test.go", Marks.TEST),
            ("src/test/java/AppTest.java", Marks.TEST),
            ("web/app.spec.ts", Marks.TEST),
            ("django/test/client.py", Marks.NONE),
            ("src/contest.py", Marks.NONE),
            ("dist/app.min.js", Marks.MINIFIED),
        ],
    )
    def test_paths_are_marked(self, path: str, marks: Marks) -> None:
        assert path_marks(path) == marks

    @pytest.mark.parametrize(
        ("content", "marks"),
        [
            (b"print(1)\n", Marks.NONE),
            (b"\x7fELF\0\0", Marks.BINARY),
            (b"// Code generated by protoc. DO NOT EDIT.\npackage x\n", Marks.GENERATED),
            (b"# This file was automatically generated\n", Marks.GENERATED),
            (b"var a=1;" * 2_000, Marks.MINIFIED),
            (b"x = 1\n" * 2_000 + b"# " + b"y" * 20_000, Marks.NONE),
        ],
    )
    def test_contents_are_marked(self, content: bytes, marks: Marks) -> None:
        assert content_marks(content) == marks

    @pytest.mark.parametrize(
        ("content", "text", "marks"),
        [
            ("é\n".encode(), "é\n", Marks.NONE),
            (b"\xef\xbb\xbfx", "x", Marks.NONE),
            ("é".encode("utf-16"), "é", Marks.NONE),
            (b"# coding: latin-1\n# \xe9\n", "# coding: latin-1\n# é\n", Marks.NONE),
            (b"# coding: nothing\n# \xe9\n", "# coding: nothing\n# \ufffd\n", Marks.LOSSY),
            (b"a\xffb", "a\ufffdb", Marks.LOSSY),
            (b"a\0b", "a b", Marks.NONE),
        ],
    )
    def test_every_encoding_becomes_utf8(self, content: bytes, text: str, marks: Marks) -> None:
        assert as_utf8(content) == (text.encode(), marks)
