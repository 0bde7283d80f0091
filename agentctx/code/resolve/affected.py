"""Which files' edges may differ after a change, from what each of them looked at."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from agentctx.code.resolve.imprint import Codes, code_of, mixed, read_imprint
from agentctx.code.resolve.notes import ANYWHERE, PATHS
from agentctx.code.resolve.roots import PROJECT_FILES, Modules, stems_of

Change = tuple[bytes | memoryview | None, bytes | memoryview | None]
"""The imprint of a file before and after; None where it is not there."""

_PYTHON: Final = (".py", ".pyi")
_code = lru_cache(maxsize=200_000)(code_of)


def footprint(path: str, reads: Iterable[tuple[str, str]]) -> bytes:
    """What resolving the file at `path` looked at in others, as ascending hashes of four bytes."""
    codes = sorted({mixed(_code(place), _code(name)) for place, name in reads if place != path})
    return struct.pack(f"<{len(codes)}I", *codes)


def affected(
    changes: Mapping[str, Change],
    before: Collection[str],
    after: Collection[str],
    footprints: Mapping[str, bytes | memoryview],
) -> set[str]:
    """The files of the new tree whose edges are to be made again; all others keep theirs as they are.

    changes: the imprints of every file whose content changed, came or went. before, after: the paths of both trees.
    footprints: those of the old tree's edges. Never too few: a file that is left out would resolve to the same edges
    and footprint. A file without a footprint is made again. About 10 ms for 3,000 files.
    """
    now = frozenset(after)
    result = {path for path, (_, new) in changes.items() if new is not None and path in now}
    kept = [path for path in now if path not in changes]
    result.update(path for path in kept if path not in footprints)
    kept = [path for path in kept if path in footprints]
    codes = _changed_names(changes)
    came_or_went = {path for path, (old, new) in changes.items() if (old is None) != (new is None)}
    for path in came_or_went:
        codes.update(mixed(_code(PATHS), _code(stem)) for stem in stems_of(path))
    if any(path.endswith(_PYTHON) or path.rpartition("/")[2] in PROJECT_FILES for path in came_or_went):
        differing = Modules(before).differing(Modules(now))
        if differing is None:
            result.update(path for path in kept if path.endswith(_PYTHON))
        else:
            codes.update(mixed(_code(PATHS), _code(stem)) for stem in differing.stems)
            result.update(path for path in kept if any(path.startswith(f"{one}/") for one in differing.packages))
    result.update(_looking_at(codes, kept, footprints))
    return result


def _changed_names(changes: Mapping[str, Change]) -> set[int]:
    codes: set[int] = set()
    for path, (old, new) in changes.items():
        earlier, later = (_table(bytes(one)) if one is not None else {} for one in (old, new))
        own, anywhere = _code(path), _code(ANYWHERE)
        for name in earlier.keys() | later.keys():
            old_row, new_row = earlier.get(name, (None, 0)), later.get(name, (None, 0))
            if old_row != new_row:
                codes.add(mixed(own, name))
            if old_row[1] != new_row[1]:
                codes.add(mixed(anywhere, name))
    return codes


def _table(data: bytes) -> dict[int, tuple[int, int]]:
    """What a file says about each name, and what it defines under it, both as hashes."""
    one = read_imprint(data)
    return {
        code: (seen, defined)
        for code, seen, defined in zip(one.codes.tolist(), one.seen.tolist(), one.defined.tolist(), strict=True)
    }


def _looking_at(codes: set[int], paths: list[str], footprints: Mapping[str, bytes | memoryview]) -> Iterable[str]:
    if not codes or not paths:
        return ()
    wanted: Codes = np.array(sorted(codes), dtype=np.uint32)
    sizes = [len(footprints[path]) // 4 for path in paths]
    every: Codes = np.frombuffer(b"".join(footprints[path] for path in paths), dtype="<u4")
    places = np.searchsorted(wanted, every)
    hits = wanted[np.minimum(places, len(wanted) - 1)] == every
    owners = np.repeat(np.arange(len(paths)), sizes)
    return (paths[place] for place in np.flatnonzero(np.bincount(owners[hits])).tolist())
