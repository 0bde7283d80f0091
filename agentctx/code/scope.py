"""Which files a request is about: a path prefix or glob, a language, with or without tests and vendored code."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.codemap import Codebase
from agentctx.errors import InvalidArgument

_GLOB: Final = frozenset("*?[")
_LONGEST: Final = 1_000


def clean_path(path: str, field: str = "path") -> str:
    """A path relative to the root, without `./` and slashes at its ends. Raises InvalidArgument for one that leaves."""
    if not isinstance(path, str) or len(path) > _LONGEST or "\0" in path:
        raise InvalidArgument(f"{field} is a path of at most {_LONGEST} characters", field=field)
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidArgument(f"{field} is relative to the repository's root and does not leave it", field=field)
    return "/".join(parts)


def in_path(codebase: Codebase, path: str) -> npt.NDArray[np.bool_]:
    """Of each file: whether it is `path`, inside of it, or matched by it as a glob (`**` crosses folders).

    A glob without a slash is matched against names.
    """
    path = clean_path(path)
    if not path:
        return np.ones(codebase.files, dtype=bool)
    if not _GLOB & set(path):
        return np.fromiter(
            (one == path or one.startswith(f"{path}/") for one in codebase.paths), dtype=bool, count=codebase.files
        )
    pattern = _glob(path)
    names = "/" not in path
    return np.fromiter(
        (pattern.fullmatch(one.rpartition("/")[2] if names else one) is not None for one in codebase.paths),
        dtype=bool,
        count=codebase.files,
    )


@lru_cache(maxsize=256)
def _glob(path: str) -> re.Pattern[str]:
    """`**/` is any folders, `*` and `?` stay inside one; a folder's glob covers what is in it."""
    pattern, place = "", 0
    while place < len(path):
        sign = path[place]
        if path.startswith("**/", place):
            pattern += "(?:[^/]+/)*"
            place += 3
            continue
        if path.startswith("**", place):
            pattern += ".*"
            place += 2
            continue
        end = path.find("]", place + 2) if sign == "[" else -1
        if end > 0:
            inside = path[place + 1 : end].replace("\\", "\\\\")
            pattern += f"[{'^' + inside[1:] if inside[:1] in '!^' else inside}]"
            place = end + 1
            continue
        pattern += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
        place += 1
    try:
        return re.compile(f"{pattern}(?:/.*)?")
    except re.error as error:
        raise InvalidArgument(f"path is no glob that can be read: {path!r:.100}", field="path") from error


def wanted_files(
    codebase: Codebase, *, path: str = "", language: str = "", tests: bool = True, vendored: bool = True
) -> npt.NDArray[np.bool_] | None:
    """The files that take part, None for all. Raises InvalidArgument for a language that no file is in."""
    kept: npt.NDArray[np.bool_] | None = None
    if path:
        kept = in_path(codebase, path)
    if language:
        code = codebase.language_names.get(language.lower())
        if code is None:
            known = ", ".join(sorted(name for name in codebase.language_names if name))
            raise InvalidArgument(f"no file is in {language!r:.50}; there are: {known}", field="language")
        spoken = codebase.language_codes == code
        kept = spoken if kept is None else kept & spoken
    if not tests:
        kept = ~codebase.is_test if kept is None else kept & ~codebase.is_test
    if not vendored:
        kept = ~codebase.is_vendored if kept is None else kept & ~codebase.is_vendored
    return kept
