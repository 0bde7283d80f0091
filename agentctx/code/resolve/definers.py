"""Which files of a tree define a name, from their imprints: nothing is decoded but what a name leads to."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.resolve.imprint import CALLABLE, FIXTURE, HEAD, MAGIC, code_of, read_imprint
from agentctx.errors import StoreCorrupt

_MANY: Final = 1_000  # names; so many searches take as long as a table of all

Places = list[tuple[str, int]]


class Definers:
    """The names that files define, and the languages of the files. Not thread-safe.

    `imprints` by path, in the order in which files are to be named. Raises StoreCorrupt for one that is none. 3 us a
    file, and 10 us for each file that defines a name which is asked for.
    """

    def __init__(self, imprints: Mapping[str, bytes]) -> None:
        self._imprints = imprints
        self._paths = list(imprints)
        self.languages: dict[str, str] = {}
        self._read: dict[str, tuple[dict[str, list[int]], bytes]] = {}
        self._ranges: dict[int, tuple[int, int]] | None = None
        self._known: dict[str, tuple[str, ...]] = {}
        counts: list[int] = []
        names: list[bytes] = []
        defined: list[bytes] = []
        spoken: dict[bytes, str] = {}
        for path, data in imprints.items():
            count, language = _opened(data)
            known = spoken.get(language)
            if known is None:
                known = spoken[language] = language.decode("utf-8", "surrogatepass")
            self.languages[path] = known
            begin = HEAD.size
            counts.append(count)
            names.append(data[begin : begin + 4 * count])
            defined.append(data[begin + 8 * count : begin + 12 * count])
        codes: npt.NDArray[np.uint32] = np.frombuffer(b"".join(names), dtype="<u4")
        held = np.flatnonzero(np.frombuffer(b"".join(defined), dtype="<u4"))
        order = held[np.argsort(codes[held], kind="stable")]
        self._codes = codes[order]
        self._owners = np.repeat(np.arange(len(counts)), counts)[order]

    def files(self, name: str) -> tuple[str, ...]:
        """The files that define the name, in order."""
        known = self._known.get(name)
        if known is None:
            first, end = self._range(code_of(name))
            owners = self._owners[first:end].tolist()
            known = tuple(path for path in map(self._paths.__getitem__, owners) if name in self._names(path)[0])
            self._known[name] = known
        return known

    def callables(self, name: str) -> Places:
        """Every function and method of that name, as (path, place)."""
        return self._flagged(name, CALLABLE)

    def fixtures(self, name: str) -> Places:
        """Every definition of that name with a decorator that says fixture, as (path, place)."""
        return self._flagged(name, FIXTURE)

    def _flagged(self, name: str, flag: int) -> Places:
        found: Places = []
        for path in self.files(name):
            names, flags = self._names(path)
            found += ((path, place) for place in names[name] if flags[place] & flag)
        return found

    def _range(self, code: int) -> tuple[int, int]:
        """Where the rows of a name are."""
        if self._ranges is None and len(self._known) < _MANY:
            wanted = np.uint32(code)  # of another type, all codes would be converted for the search
            return int(self._codes.searchsorted(wanted, "left")), int(self._codes.searchsorted(wanted, "right"))
        if self._ranges is None:  # a whole tree is resolved
            starts = np.flatnonzero(np.diff(self._codes, prepend=~self._codes[:1])).tolist()
            rows = zip(starts, [*starts[1:], len(self._codes)], strict=False)  # no row, where there are no codes
            self._ranges = dict(zip(self._codes[starts].tolist(), rows, strict=True))
        return self._ranges.get(code, (0, 0))

    def _names(self, path: str) -> tuple[dict[str, list[int]], bytes]:
        """The definitions of a file by name, and the flags of all."""
        known = self._read.get(path)
        if known is None:
            one = read_imprint(self._imprints[path])
            places: dict[str, list[int]] = {}
            for place, name in enumerate(one.names):
                places.setdefault(name, []).append(place)
            known = self._read[path] = places, one.flags
        return known


def _opened(data: bytes) -> tuple[int, bytes]:
    """How many names there are, and the language."""
    try:
        magic, count, rows, length = HEAD.unpack_from(data)
        begin = HEAD.size + 12 * count + rows
        if magic != MAGIC or len(data) != begin + length:
            raise ValueError("another format")
        return count, bytes(data[begin : data.index(b"\0", begin)])
    except (struct.error, ValueError) as error:
        raise StoreCorrupt("a stored imprint cannot be read; index again") from error
