"""The wheel: everything that an installed agentctx needs is in it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


def test_is_small(wheel: zipfile.ZipFile) -> None:
    assert sum(one.compress_size for one in wheel.infolist()) < 14_000_000
    model = [one.file_size for one in wheel.infolist() if "/static_data/" in one.filename]
    assert sum(model) <= 11_000_000
