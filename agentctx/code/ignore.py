"""Ignore rules at every level: `.gitignore`, `.agentctxignore` and git's own exclude file, the deepest rule first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

IGNORE_FILES: Final = (".gitignore", ".agentctxignore")
_LONGEST: Final = 1 << 20


class IgnoreRules:
    """The rules that hold in one folder: its own and those of its parents. Immutable; made from the top down."""

    __slots__ = ("_levels",)

    def __init__(self, levels: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        self._levels = levels  # (folder with a trailing slash or "", rules), deepest first

    def with_lines(self, folder: str, lines: Sequence[str]) -> IgnoreRules:
        """These rules and `lines`, which hold in `folder` (relative to the root, "" for it) and go before the others.

        A pattern that cannot be understood is left out; the others count.
        """
        spec = _compile(lines)
        if spec is None:
            return self
        return IgnoreRules(((f"{folder}/" if folder else "", spec), *self._levels))

    def entering(self, root: Path, folder: str, names: set[str]) -> IgnoreRules:
        """The rules inside `folder`, whose entries are `names`. Reads its ignore files, if it has any."""
        rules = self
        for name in IGNORE_FILES:
            if name in names:
                rules = rules.with_lines(folder, _lines(root / folder / name))
        return rules

    def ignores(self, path: str, *, is_folder: bool = False) -> bool:
        """Whether the rules leave out `path`, relative to the root. The caller prunes folders, as git does."""
        full = f"{path}/" if is_folder else path
        for prefix, spec in self._levels:
            verdict = spec.check_file(full[len(prefix) :]).include
            if verdict is not None:
                return verdict
        return False


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    except OSError:
        return []


def _compile(lines: Sequence[str]) -> GitIgnoreSpec | None:
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    if not kept:
        return None
    try:
        return GitIgnoreSpec.from_lines(kept)
    except (ValueError, re.error):
        good = [line for line in kept if _understood(line)]
        return GitIgnoreSpec.from_lines(good) if good else None


def _understood(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True
