"""The checkout: no trace of anybody's machine, modules of a readable size, scripts that work from anywhere."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("agentctx", "server", "benchmarks", "scripts", "examples", "tests")
MOST_LINES = 400
MOST_TEST_LINES = 800
GENERATED = re.compile(r"_pb2(_grpc)?\.py$")

# Why each of these may be longer.
LONG_MODULES = {}

SKIPPED_FOLDERS = re.compile(r"^(\.(?!ci$|github$).*|.*\.egg-info|__pycache__|dist|build|node_modules)$")
# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(
    r"(?<![\w.-])/" + r"(?:work|root|opt|mnt)/[\w.-]|(?<![\w.-])/" + r"(?:home|Users)/(?!you\b)[\w.-]|bash_" + r"jobs"
)
INDEXES = re.compile(r"index-" + r"url|trusted-" + r"host|find-" + r"links|py" + r"pi\.org")


@cache
def files() -> tuple[Path, ...]:
    """What is part of the project: tracked files and new ones that git does not ignore; without git, all but caches."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        return tuple(sorted({ROOT / name for name in found if name and (ROOT / name).is_file()}))
    return tuple(sorted(_walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if not SKIPPED_FOLDERS.match(entry.name):
                yield from _walk(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def texts() -> Iterator[tuple[str, str]]:
    """(name, text) of every text file."""
    for path in files():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def modules() -> list[Path]:
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in SOURCES]


class TestNothingOfAMachine:
    def test_no_file_names_a_path_of_a_machine(self) -> None:
        found = [f"{name}: {hit.group()}" for name, text in texts() for hit in MACHINE_PATHS.finditer(text)]
        assert found == []

    def test_no_file_names_a_package_index(self) -> None:
        found = [f"{name}: {hit.group()}" for name, text in texts() for hit in INDEXES.finditer(text)]
        assert found == []

    def test_no_large_file_but_the_default_embedder(self) -> None:
        large = {path.relative_to(ROOT).as_posix() for path in files() if path.stat().st_size > 1_000_000}
        assert {name for name in large if not name.startswith("agentctx/embed/static_data/")} == set()


class TestModules:
    def test_no_module_is_too_long_without_a_reason(self) -> None:
        sizes = {
            path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()
        }
        most = {name: MOST_TEST_LINES if name.startswith("tests/") else MOST_LINES for name in sizes}
        long = {name for name, lines in sizes.items() if lines > most[name] and not GENERATED.search(name)}
        assert long == set(LONG_MODULES) & long, "split these, or give a reason in LONG_MODULES"
        assert set(LONG_MODULES) <= long, "these are short again: take them out of LONG_MODULES"

    def test_every_module_says_what_it_is_for(self) -> None:
        silent = [
            path.relative_to(ROOT).as_posix()
            for path in modules()
            if not GENERATED.search(path.name)
            and path.stat().st_size > 1
            and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
        ]
        assert silent == []

    def test_nothing_reads_the_environment_at_import(self) -> None:
        found = []
        for path in modules():
            if path.relative_to(ROOT).parts[0] not in ("agentctx", "server"):
                continue
            for statement in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(
                    statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
                ):
                    continue
                if any(
                    isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
                    for node in ast.walk(statement)
                ):
                    found.append(f"{path.relative_to(ROOT)}:{statement.lineno}")
        assert found == []


class TestScripts:
    SHELL = ("scripts/quickstart", "scripts/check", "scripts/test", ".ci/run")

    @pytest.mark.parametrize("name", [*SHELL, "scripts/docs_tables", "scripts/readme_figures"])
    def test_can_be_run(self, name: str) -> None:
        assert os.access(ROOT / name, os.X_OK)
        assert (ROOT / name).read_text(encoding="utf-8").startswith("#!/usr/bin/env ")

    @pytest.mark.parametrize("name", [*SHELL, "scripts/_python.sh"])
    def test_is_well_formed(self, name: str) -> None:
        subprocess.run(["bash", "-n", name], cwd=ROOT, check=True)

    def test_ci_runs_the_test_command_of_the_readme(self) -> None:
        assert "scripts/test" in (ROOT / ".ci/run").read_text(encoding="utf-8")
        assert "\nscripts/test " in (ROOT / "README.md").read_text(encoding="utf-8")

    def test_every_script_is_described_in_contributing(self) -> None:
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        named = {path.name for path in files() if path.parent == ROOT / "scripts" and not path.name.startswith("_")}
        assert {name for name in named if f"`scripts/{name}`" not in text} == set()


def test_the_licence_is_apache_2_in_full() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
