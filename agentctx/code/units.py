"""The units of one content and their words, as arrays and as bytes; docs/formats/codebase.md describes the bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.errors import StoreCorrupt

FORMAT: Final = 2

FIELDS: Final = ("name", "scope", "text")
"""Of what a unit's words are told apart: its own name, the names around it, and its text."""
NAME, SCOPE, TEXT = range(len(FIELDS))

FILE: Final = "file"
PART: Final = "part"
COLUMNS: Final = ("kind", "parent", "ordinal", "start_line", "end_line", "start_byte", "end_byte", "name_line", "flags")
"""Of units, 32 bits each. A kind is a place in `kinds`, a parent one in the units, -1 for the file's own."""
EXPORTED: Final = 1
STRINGS: Final = ("name", "qualname", "signature", "doc")
MOST: Final = 255
"""Occurrences of a term in one field; more say nothing new."""

_HEAD: Final = struct.Struct("<4sHHIIIIII")
_MAGIC: Final = b"agun"
_LEVEL: Final = 1
_HASH: Final = 6  # bytes
_SMALL: Final = 1 << 16
_U1, _U2, _U4, _U8, _I4 = map(np.dtype, ("u1", "<u2", "<u4", "<u8", "<i4"))

Ints = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class FileUnits:
    """A decoded analysis.

    columns: a row a unit, see `COLUMNS`. local: a hash of what the unit's id holds behind the path; folded: one of its
    name in lower case. Postings: unit + 1 (0: the file as a whole), field, place in `terms` and count, in that order,
    each combination of the first three once. strings: those of `STRINGS` for each unit, one unit after another, between
    `offsets`.
    """

    language: str
    lines: int
    kinds: tuple[str, ...]
    marks: tuple[str, ...]
    columns: Ints
    local: Hashes
    folded: Hashes
    terms: Hashes
    posting_units: npt.NDArray[Any]
    posting_fields: Bytes
    posting_terms: npt.NDArray[Any]
    posting_counts: Bytes
    offsets: Ints
    strings: bytes


def encode_units(
    *,
    language: str,
    lines: int,
    marks: Sequence[str],
    kinds: Sequence[str],
    columns: Ints,
    local: Sequence[int],
    folded: Sequence[int],
    terms: Hashes,
    owners: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    texts: Sequence[bytes],
) -> bytes:
    """A `FileUnits` as bytes; `owners` are (unit + 1) times the number of fields plus the field, ascending.

    Equal units give equal bytes.
    """
    first = np.ones(len(owners), dtype=bool)
    np.not_equal(owners[1:], owners[:-1], out=first[1:])
    groups = np.flatnonzero(first)
    sizes = np.diff(groups, append=len(owners))
    steps = np.diff(places, prepend=0)  # of ascending places: small numbers, which compress
    steps[groups] = places[groups]
    wide = max(len(columns) * len(FIELDS) + len(FIELDS), len(terms), len(owners)) >= _SMALL
    width = _U4 if wide else _U2
    names = "\n".join((language, str(lines), "\t".join(kinds), " ".join(marks))).encode()
    strings = b"".join(texts)
    packed = zlib.compress(
        b"".join((
            columns.T.astype(_I4).tobytes(),
            np.array([0, *accumulate(map(len, texts))], dtype=_I4).tobytes(),
            owners[groups].astype(width).tobytes(),
            sizes.astype(width).tobytes(),
            steps.astype(width).tobytes(),
            np.minimum(counts, MOST).astype(_U1).tobytes(),
            strings,
            names,
        )),
        _LEVEL,
    )  # fmt: skip
    head = _HEAD.pack(
        _MAGIC, FORMAT, int(wide), len(columns), len(terms), len(groups), len(owners), len(strings), len(names)
    )
    hashes = terms.astype(_U8).view(_U1).reshape(-1, 8)[:, :_HASH].tobytes()  # nothing that would compress
    return b"".join((
        head, np.array(local, dtype=_U8).tobytes(), np.array(folded, dtype=_U8).tobytes(), hashes, packed,
    ))  # fmt: skip


def decode_units(data: bytes) -> FileUnits:
    """What `encode_units` made. Raises StoreCorrupt for other bytes. Some 30 us."""
    try:
        magic, version, wide, units, terms, groups, postings, text, names = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != FORMAT:
            raise StoreCorrupt("a stored analysis has another format; index again")
        place = _HEAD.size
        local = np.frombuffer(data, _U8, units, place)
        folded = np.frombuffer(data, _U8, units, place + 8 * units)
        place += 16 * units
        hashes = np.zeros((terms, 8), dtype=_U1)
        hashes[:, :_HASH] = np.frombuffer(data, _U1, terms * _HASH, place).reshape(terms, _HASH)
        content = zlib.decompress(memoryview(data)[place + terms * _HASH :])
        width = _U4 if wide else _U2
        place = 0
        taken: list[npt.NDArray[Any]] = []
        for count, dtype in (
            (units * len(COLUMNS), _I4), (units * len(STRINGS) + 1, _I4), (groups, width), (groups, width),
            (postings, width), (postings, _U1),
        ):  # fmt: skip
            taken.append(np.frombuffer(content, dtype, count, place))
            place += count * dtype.itemsize
        columns, offsets, owners, sizes, steps, counts = taken
        strings = content[place : place + text]
        language, lines, kinds, marks = content[place + text : place + text + names].decode().split("\n")
        rows, fields = np.divmod(np.repeat(owners, sizes), width.type(len(FIELDS)))
        return FileUnits(
            language, int(lines), tuple(kinds.split("\t")), tuple(marks.split()),
            columns.reshape(len(COLUMNS), units).T, local, folded, hashes.view(_U8)[:, 0], rows,
            fields.astype(_U1), _running(steps, sizes), counts, offsets, strings,
        )  # fmt: skip
    except (struct.error, ValueError, zlib.error) as error:
        raise StoreCorrupt("a stored analysis cannot be read; index again") from error


def _running(steps: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> Ints:
    """Sums that begin anew with each group."""
    sums = np.cumsum(steps, dtype=np.int32)
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    found: Ints = sums - np.repeat(sums[starts] - steps[starts], sizes) if len(sums) else sums
    return found
