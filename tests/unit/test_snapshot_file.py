"""Snapshot files: what was written comes back, and whatever is wrong with a file is noticed."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentctx.index import snapshot
from agentctx.index.snapshot import BadSnapshot, read, write

META = {"name": "größe", "number": 2**62}


def arrays() -> dict[str, Any]:
    return {
        "floats": np.arange(12, dtype=np.float32).reshape(3, 4),
        "halves": np.ones((5, 2), dtype=np.float16),
        "mask": np.array([True, False]),
        "none": np.zeros((0, 7), dtype=np.int64),
        "pieces": (np.arange(3), np.zeros(0, dtype=np.int64), np.arange(3, 9)),
        "later": lambda: np.arange(5, dtype=np.uint8),
        "view": np.arange(40, dtype=np.int32)[::2],
    }


def written(folder: Path, given: dict[str, Any] | None = None) -> Path:
    path = folder / "a.idx"
    for _ in write(path, META, arrays() if given is None else given):
        pass
    return path


@pytest.mark.parametrize("small", [True, False])
def test_what_is_written_comes_back(tmp_path: Path, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not small:
        monkeypatch.setattr(snapshot, "_SMALL", 0)
        monkeypatch.setattr(snapshot, "_UNIT", 16)
    meta, found = read(written(tmp_path))
    assert meta == META
    expected = arrays()
    expected["pieces"] = np.arange(9)
    expected["later"] = expected["later"]()
    assert found.keys() == expected.keys()
    for name, array in found.items():
        assert array.dtype == expected[name].dtype
        assert array.shape == expected[name].shape
        assert np.array_equal(array, expected[name])
        assert not array.size or not array.flags.writeable or array.nbytes == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.idx"]
    assert (tmp_path / "a.idx").stat().st_mode & 0o777 == 0o600


def test_arrays_begin_at_multiples_of_64(tmp_path: Path) -> None:
    data = written(tmp_path).read_bytes()
    place, length = struct.unpack_from("<QQ", data, 16)
    directory = json.loads(data[place : place + length])["arrays"]
    assert [one["offset"] % 64 for one in directory] == [0] * len(directory)


@pytest.mark.parametrize("small", [True, False])
def test_any_changed_byte_is_noticed(tmp_path: Path, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the bytes between two arrays, which nobody reads, none has to be."""
    if not small:
        monkeypatch.setattr(snapshot, "_SMALL", 0)
    path = written(tmp_path, {"a": np.arange(8), "b": np.arange(16, dtype=np.uint8)})
    whole = path.read_bytes()
    unread = {*range(32, 64), *range(64 + 64 + 16, 64 + 128)}
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        if place in unread:
            read(path)
        else:
            with pytest.raises(BadSnapshot):
                read(path)


@pytest.mark.parametrize("small", [True, False])
def test_a_file_that_is_cut_off_or_longer_is_noticed(
    tmp_path: Path, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not small:
        monkeypatch.setattr(snapshot, "_SMALL", 1)
    path = written(tmp_path)
    whole = path.read_bytes()
    for size in {0, 1, 31, 32, 63, 64, 65, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:size])
        with pytest.raises(BadSnapshot):
            read(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(BadSnapshot):
        read(path)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "O"},
        {"dtype": "<U8"},
        {"dtype": "nonsense"},
        {"shape": [10**9]},
        {"shape": [-8]},
        {"shape": "x"},
        {"offset": -64},
        {"offset": 1 << 40},
        {"bytes": 1},
        {"crc32": None},
        {"name": None, "offset": None},
    ],
)
def test_a_directory_that_asks_for_more_than_there_is_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """Also one with a right checksum: whoever can write it could write a harmful one."""
    path = written(tmp_path, {"a": np.arange(8)})
    data = path.read_bytes()
    place, length = struct.unpack_from("<QQ", data, 16)
    found = json.loads(data[place : place + length])
    found["arrays"][0] |= change
    header = json.dumps(found).encode()
    preamble = struct.pack("<8sIIQQ", b"agctxidx", 1, zlib.crc32(header), place, len(header))
    path.write_bytes(preamble + data[32:place] + header)
    with pytest.raises(BadSnapshot):
        read(path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[8] = 99
    path.write_bytes(data)
    with pytest.raises(BadSnapshot):
        read(path)


def test_a_write_that_breaks_off_leaves_the_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"a": np.arange(3)})
    for steps in range(4):
        writing = write(path, META, {"a": np.arange(50), "b": np.arange(9)})
        for _ in range(steps):
            next(writing)
        writing.close()  # type: ignore[attr-defined]
        assert read(path)[1]["a"].tolist() == [0, 1, 2]
        assert [one.name for one in tmp_path.iterdir()] == ["a.idx"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        written(tmp_path, {"a": np.arange(50)})
    assert read(path)[1]["a"].tolist() == [0, 1, 2]
    assert [one.name for one in tmp_path.iterdir()] == ["a.idx"]
