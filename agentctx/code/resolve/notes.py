"""What was looked at while one file was linked: all that its edges depend on."""

from __future__ import annotations

from typing import Final

MOST_STEPS: Final = 60
"""How deep one answer may rest on others; what lies deeper is unknown."""

ANYWHERE: Final = ""
"""As a path: what any file defines under the name."""
PATHS: Final = "?"
"""As a path: which files there are whose name, less its suffix, is that."""
STARS: Final = "*"
"""As a name: what a file passes on or declares as its public names."""


class Notes:
    """The looks of one file into others, misses included, as (path, name). Not thread-safe."""

    __slots__ = ("looks",)

    def __init__(self) -> None:
        self.looks: set[tuple[str, str]] = set()

    def look(self, path: str, name: str) -> None:
        """Note that `name` of the file at `path` was looked at; see ANYWHERE, PATHS and STARS."""
        self.looks.add((path, name))
