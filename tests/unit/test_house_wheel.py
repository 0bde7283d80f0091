"""The wheel: everything that an installed agentctx needs is in it, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agentctx import kernels

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_holds_every_module_and_data_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    expected = set()
    for folder, package in (("", "agentctx"), ("server", "agentctx_server"), ("benchmarks", "agentctx_bench")):
        base = ROOT / folder
        files = (path for path in (base / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        expected |= {path.relative_to(base).as_posix() for path in files}
    assert expected <= set(wheel.namelist())
    assert {"agentctx/py.typed", "agentctx/embed/static_data/model.safetensors"} <= expected


def test_holds_nothing_but_the_packages_and_its_own_description(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    described = {name for name in tops if name.endswith(".dist-info")}
    assert len(described) == 1
    assert tops - described == {"agentctx", "agentctx_server", "agentctx_bench"}


def test_holds_licence_notice_and_command(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for wanted in ("licenses/LICENSE", "licenses/NOTICE", "entry_points.txt"):
        assert any(name.endswith(f".dist-info/{wanted}") for name in names), wanted


def test_holds_the_compiled_kernels_and_is_for_machines_like_this_one(wheel: zipfile.ZipFile) -> None:
    if kernels.compiled is None:
        pytest.skip(kernels.problem)
    assert "agentctx/_kernels.abi3.so" in wheel.namelist()
    assert "-cp311-abi3-" in str(wheel.filename)


class TestWithoutACompiler:
    def test_a_wheel_for_every_machine_is_built_and_says_so(self, tmp_path: Path) -> None:
        done = build(tmp_path, CC="/nowhere/cc")
        assert done.returncode == 0
        assert "no compiled kernels" in done.stdout + done.stderr
        (path,) = tmp_path.glob("dist/*.whl")
        assert path.name.endswith("-py3-none-any.whl")
        assert not any(name.endswith(".so") for name in zipfile.ZipFile(path).namelist())

    def test_nothing_is_built_where_the_kernels_are_required(self, tmp_path: Path) -> None:
        assert build(tmp_path, CC="/nowhere/cc", AGENTCTX_KERNELS="require").returncode != 0

    def test_a_setting_that_means_nothing_is_refused(self, tmp_path: Path) -> None:
        done = build(tmp_path, AGENTCTX_KERNELS="requires")
        assert done.returncode != 0
        assert "AGENTCTX_KERNELS must be require or skip" in done.stdout + done.stderr

    def test_an_older_module_is_not_left_behind(self, tmp_path: Path) -> None:
        (tmp_path / "agentctx").mkdir()
        stale = tmp_path / "agentctx" / "_kernels.abi3.so"
        stale.touch()
        assert build(tmp_path, AGENTCTX_KERNELS="skip").returncode == 0
        assert not stale.exists()


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A wheel of the least that can be built, in a folder of its own."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "native", folder / "native")
    for package in ("agentctx", "server/agentctx_server", "benchmarks/agentctx_bench"):
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").touch()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    variables = os.environ | environment
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, env=variables)


def test_is_small(wheel: zipfile.ZipFile) -> None:
    assert sum(one.compress_size for one in wheel.infolist()) < 14_000_000
    model = [one.file_size for one in wheel.infolist() if "/static_data/" in one.filename]
    assert sum(model) <= 11_000_000
