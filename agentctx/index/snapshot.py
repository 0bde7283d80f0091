"""A file of named arrays that is read by memory map and trusted only as far as its checksums go.

docs/formats/snapshot.md describes the format. What is written is on disk under its name, whole, or not at all.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import secrets
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Pieces = Array | Iterable[Array]
"""An array, or several, one at least, to be joined along their first axis."""
Given = Pieces | Callable[[], Pieces]
"""The same, or a function that makes it when its turn comes; pieces may be made one by one."""

MAGIC: Final = b"agctxidx"
VERSION: Final = 1
_PREAMBLE: Final = struct.Struct("<8sIIQQ")  # magic, version, checksum of the header, where it is, how long it is
_ALIGNMENT: Final = 64
_UNIT: Final = 1 << 20  # bytes written in one go
_SMALL: Final = 4 << 20  # files up to which reading is better than mapping
_POPULATE_READ: Final = 22  # MADV_POPULATE_READ, which `mmap` does not name
_LONGEST_HEADER: Final = 64 << 20
_KINDS: Final = "biuf"


class BadSnapshot(Exception):
    """The file is not a whole snapshot of this format."""


def whole(given: Given) -> Array:
    """The array that is meant by what may be given for one."""
    made = given() if callable(given) else given
    return made if isinstance(made, np.ndarray) else np.concatenate(list(made))


def write(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Given]) -> Iterator[None]:
    """Write a snapshot in small steps, then put it in the place of `path` at once.

    Raises OSError; whatever happens, closing the iterator leaves either the old file or the new one, and no other.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=_UNIT) as file:  # each call to the system lets go of Python's lock
            yield from _fill(file, meta, arrays)
            file.flush()
            os.fsync(file.fileno())
            yield
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _fill(file: BinaryIO, meta: Mapping[str, Any], arrays: Mapping[str, Given]) -> Iterator[None]:
    file.write(bytes(_ALIGNMENT))  # room for the preamble, which comes last
    place = _ALIGNMENT
    directory: list[dict[str, Any]] = []
    for name, given in arrays.items():
        made = given() if callable(given) else given
        checksum, size, length = 0, 0, 0
        for piece in (made,) if isinstance(made, np.ndarray) else made:
            data = np.ascontiguousarray(piece).data.cast("B") if piece.size else memoryview(b"")
            for start in range(0, len(data), _UNIT):
                part = data[start : start + _UNIT]
                checksum = zlib.crc32(part, checksum)
                file.write(part)
                yield
            size += len(data)
            length += len(piece)
            yield
        shape = [length, *piece.shape[1:]]
        directory.append(
            {"name": name, "dtype": piece.dtype.str, "shape": shape, "offset": place, "bytes": size, "crc32": checksum}
        )
        padding = -size % _ALIGNMENT
        file.write(bytes(padding))
        place += size + padding
    header = json.dumps({"meta": dict(meta), "arrays": directory}).encode()
    file.write(header)
    file.seek(0)
    file.write(_PREAMBLE.pack(MAGIC, VERSION, zlib.crc32(header), place, len(header)))
    yield


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system lets a folder be synced
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _populate(data: mmap.mmap) -> None:
    """Let the pages be there before they are asked for, if the system can: searches would meet them one by one."""
    if sys.platform == "linux":
        with suppress(OSError):  # a kernel before 5.14
            data.madvise(_POPULATE_READ)


def read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The meta data and the arrays (read-only) of a snapshot, every byte of which has been checked.

    Raises BadSnapshot, and OSError. O(bytes): about a second a gigabyte.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= _SMALL:
            data: bytes | mmap.mmap = file.read()
            size = len(data)
        else:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            _populate(data)
        meta, directory = _directory(data, size)
        if isinstance(data, bytes):
            _check(directory, lambda entry: _crc_of(memoryview(data), entry))
        else:
            # Read beside the map: what is only checked then takes up no memory of this process.
            descriptor = file.fileno()
            _check(directory, lambda entry: _crc_on_disk(descriptor, entry))
    arrays = {
        one["name"]: np.frombuffer(data, np.dtype(one["dtype"]), math.prod(one["shape"]), one["offset"]).reshape(
            one["shape"]
        )
        if one["bytes"]
        else np.zeros(one["shape"], np.dtype(one["dtype"]))
        for one in directory
    }
    return meta, arrays


def _directory(data: bytes | mmap.mmap, size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if size < _ALIGNMENT:
        raise BadSnapshot("too short")
    magic, version, checksum, place, length = _PREAMBLE.unpack(data[: _PREAMBLE.size])
    if magic != MAGIC or version != VERSION:
        raise BadSnapshot("not a snapshot of this version")
    if length > _LONGEST_HEADER or place + length != size:
        raise BadSnapshot("cut off")
    header = bytes(data[place : place + length])
    if zlib.crc32(header) != checksum:
        raise BadSnapshot("the header is damaged")
    try:
        found = json.loads(header)
        directory = found["arrays"]
        for one in directory:
            dtype = np.dtype(one["dtype"])
            expected = math.prod(one["shape"]) * dtype.itemsize
            inside = one["offset"] >= 0 and one["offset"] + one["bytes"] <= place
            if dtype.kind not in _KINDS or expected != one["bytes"] or min(one["shape"]) < 0 or not inside:
                raise BadSnapshot("an array does not fit")
        return found["meta"], directory
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadSnapshot("the header cannot be read") from error


def _check(directory: Sequence[Mapping[str, Any]], checksum: Callable[[Mapping[str, Any]], int]) -> None:
    large = sum(one["bytes"] for one in directory) > _SMALL
    if large:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            found = list(pool.map(checksum, directory))
    else:
        found = [checksum(one) for one in directory]
    for one, crc in zip(directory, found, strict=True):
        if crc != one["crc32"]:
            raise BadSnapshot(f"{one['name']} is damaged")


def _crc_of(data: memoryview, entry: Mapping[str, Any]) -> int:
    return zlib.crc32(data[entry["offset"] : entry["offset"] + entry["bytes"]])


def _crc_on_disk(descriptor: int, entry: Mapping[str, Any]) -> int:
    checksum, place, end = 0, entry["offset"], entry["offset"] + entry["bytes"]
    buffer = memoryview(bytearray(min(_UNIT, max(end - place, 1))))
    while place < end:
        count = os.preadv(descriptor, [buffer[: end - place]], place)
        if not count:
            raise BadSnapshot("cut off")
        checksum = zlib.crc32(buffer[:count], checksum)
        place += count
    return checksum
