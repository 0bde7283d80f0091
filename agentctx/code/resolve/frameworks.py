"""What widely used frameworks do to classes at run time, and no reading of the text can tell.

Each entry is a fact about a framework's public contract. An entry costs one look-up where a member was not found.
"""

from __future__ import annotations

import re
from typing import Final

# (class, the end of its file's path, member) -> (the file beside it, what the member is made by)
_GRANTED: Final = {("Model", "django/db/models/base.py", "objects"): ("manager.py", "Manager()")}
# `BaseManager.from_queryset(QuerySet)` answers a class that has the methods of both.
_FROM_QUERYSET: Final = re.compile(r"([\w.]+)\.from_queryset\(\s*([\w.]+)\s*(?:,[^)]*)?\)")


def granted_member(cls: str, path: str, member: str) -> tuple[str, str] | None:
    """The file and the expression that a framework makes `member` of the class with; None for any other member."""
    for (owner, end, name), (file, made) in _GRANTED.items():
        if name == member and owner == cls and (path == end or path.endswith(f"/{end}")):
            return f"{path.rpartition('/')[0]}/{file}", made
    return None


def made_bases(base: str) -> tuple[str, ...]:
    """The bases behind a written base that is a call; else the base itself."""
    made = _FROM_QUERYSET.fullmatch(base)
    return (made[1], made[2]) if made else (base,)
