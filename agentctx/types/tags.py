"""Tags, and the edits of their graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from agentctx.types.episodes import Revision

TagOrigin = Literal["given", "llm", "derived"]
TagOp = Literal["add", "rename", "merge", "link", "unlink", "delete", "restore"]
TAG_OPS: Final[tuple[TagOp, ...]] = ("add", "rename", "merge", "link", "unlink", "delete", "restore")
EditOrigin = Literal["user", "consolidation"]
EDIT_ORIGINS: Final[tuple[EditOrigin, ...]] = ("user", "consolidation")


@dataclass(frozen=True, slots=True)
class Tag:
    """A topic of a namespace: how many of the visible episodes bear it, and the tags right above and below it.

    origin: `given` (a caller put it on an episode, or added it), `llm` (a language model named it), `derived` (found
    by rule). aliases: names that were renamed to or merged into this one.
    """

    name: str
    episodes: int
    broader: tuple[str, ...] = ()
    narrower: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    origin: TagOrigin = "derived"


@dataclass(frozen=True, slots=True)
class TagPage:
    """One page of `list_tags`, the tags of most episodes first. An empty `next_page_token` ends the list."""

    tags: tuple[Tag, ...]
    next_page_token: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class TagEdit:
    """One change of the tags of a namespace. `tag` is the tag that is changed, `other` a second one:

    add: a new tag, under `other` if that is given. rename: `other` is the new name. merge: into `other`. link, unlink:
    `other` is (no longer) a broader tag of `tag`. delete: out of sight, with its aliases. restore: undoes a delete, or
    the merge or rename that `tag` was lost by. No edit changes an episode.
    """

    op: TagOp
    tag: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class TagRecord:
    """An entry of a namespace's log about tags: either an `edit`, or what a language model said of an episode.

    `origin` tells who made the edit: what consolidation made can be made again, and goes with the next purge. `row` is
    the store's key of the episode; `tags` replace what was said before; `relations` are (broader, narrower).
    """

    sequence: int
    recorded_at: datetime | None = None
    edit: TagEdit | None = None
    origin: EditOrigin = "user"
    row: int = 0
    tags: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()
