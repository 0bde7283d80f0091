"""What a file or a folder holds, as structure."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from typing import Final

from agentctx.code.codemap import Codebase
from agentctx.code.scope import clean_path
from agentctx.errors import InvalidArgument, NotFound
from agentctx.types import Outline, OutlineEntry, Symbol

_MOST: Final = 100_000


def outline(codebase: Codebase, path: str = "", *, depth: int = 0, limit: int = 1000) -> Outline:
    """The symbols of a file in order, or the folders and files of a folder, folders first, each by name.

    depth: how many levels down; 0 is all of a file and one level of a folder. Below a folder's files nothing is shown.
    Raises NotFound for a path that no indexed file is at or under, with near ones; InvalidArgument.
    """
    path = clean_path(path)
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
        raise InvalidArgument(f"depth is a number of levels, 0 for the usual, not {depth!r:.50}", field="depth")
    if not 1 <= limit <= _MOST:
        raise InvalidArgument(f"limit is 1 to {_MOST}, not {limit}", field="limit")
    file = codebase.file_index(path)
    entries = _of_folder(codebase, path, depth or 1) if file is None else _of_file(codebase, file, depth)
    return Outline(path, tuple(entries[:limit]), len(entries) > limit, codebase.generation)


def _of_file(codebase: Codebase, file: int, depth: int) -> list[OutlineEntry]:
    units = codebase.units_of(file)
    levels = {units[0]: 0}
    entries = []
    for unit in units[1:]:
        if not codebase.is_symbol[unit]:
            break
        level = levels[unit] = levels[int(codebase.parent[unit])] + 1
        if not depth or level <= depth:
            entries.append((int(codebase.start_line[unit]), level, unit))
    entries.sort()
    return [OutlineEntry(codebase.symbol(unit), level - 1, int(codebase.tokens[unit])) for _, level, unit in entries]


def _of_folder(codebase: Codebase, path: str, depth: int) -> list[OutlineEntry]:
    prefix = f"{path}/" if path else ""
    first = bisect_left(codebase.paths, prefix)
    totals: dict[str, int] = {}
    files: list[tuple[str, int]] = []
    place = first
    while place < codebase.files and codebase.paths[place].startswith(prefix):
        inside = codebase.paths[place][len(prefix) :].split("/")
        tokens = int(codebase.tokens[codebase.first_unit[place]])
        for level in range(1, min(len(inside) - 1, depth) + 1):
            folder = prefix + "/".join(inside[:level])
            totals[folder] = totals.get(folder, 0) + tokens
        if len(inside) <= depth:
            files.append((codebase.paths[place], place))
        place += 1
    if place == first and path:
        near = difflib.get_close_matches(path, codebase.paths, 3, 0.6)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise NotFound(f"no indexed file or folder {path!r:.200}{hint}", field="path")
    rows = [(_order(folder, prefix, folder=True), _folder_symbol(folder), tokens) for folder, tokens in totals.items()]
    for name, file in files:
        unit = int(codebase.first_unit[file])
        rows.append((_order(name, prefix, folder=False), codebase.symbol(unit), int(codebase.tokens[unit])))
    rows.sort(key=lambda row: row[0])
    base = prefix.count("/")
    return [OutlineEntry(symbol, symbol.path.count("/") - base, tokens) for _, symbol, tokens in rows]


def _order(path: str, prefix: str, *, folder: bool) -> list[tuple[bool, str]]:
    """Folders before files on every level, a folder right before what is in it."""
    parts = path[len(prefix) :].split("/")
    return [*((False, part) for part in parts[:-1]), (not folder, parts[-1])]


def _folder_symbol(path: str) -> Symbol:
    return Symbol(
        id=f"{path}/", path=path, name=path.rpartition("/")[2], qualname=path, kind="folder", language="",
        start_line=0, end_line=0,
    )  # fmt: skip
