"""What users have made of a namespace's tags: renamed, merged, linked, deleted. Replayed over tags that move by
themselves, so everything is said by name, and a name that means nothing at present does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from agentctx.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from agentctx.types import TagEdit

MOST_EDITED: Final = 100_000  # tags that a namespace's users may have made, renamed, linked or deleted
Edge = tuple[str, str]  # broader, narrower


class TagEdits:
    """The state that a sequence of edits leads to. `apply` believes what the log says; `check` asks first."""

    def __init__(self) -> None:
        self.version = 0  # grows with each edit
        self.made: set[str] = set()
        self.alias: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.links: dict[Edge, None] = {}  # in the order made
        self.cut: set[Edge] = set()  # derived edges that are not wanted

    def copy(self) -> TagEdits:
        """Another one in the same state."""
        twin = TagEdits()
        twin.version, twin.made, twin.alias = self.version, set(self.made), dict(self.alias)
        twin.hidden, twin.links, twin.cut = set(self.hidden), dict(self.links), set(self.cut)
        return twin

    def resolve(self, name: str) -> str | None:
        """What a name stands for now; None if it is deleted."""
        while name not in self.hidden:
            onward = self.alias.get(name)
            if onward is None:
                return name
            name = onward
        return None

    def aliases(self) -> dict[str, list[str]]:
        """By name the names that stand for it."""
        found: dict[str, list[str]] = {}
        for name in self.alias:
            target = self.resolve(name)
            if target is not None:
                found.setdefault(target, []).append(name)
        return found

    def edges(self) -> list[Edge]:
        """The users' edges between the names as they stand now."""
        found: dict[Edge, None] = {}
        for broader, narrower in self.links:
            up, down = self.resolve(broader), self.resolve(narrower)
            if up is not None and down is not None and up != down:
                found[up, down] = None
        return list(found)

    def cuts(self) -> set[Edge]:
        """The edges that users do not want, between the names as they stand now."""
        pairs = ((self.resolve(broader), self.resolve(narrower)) for broader, narrower in self.cut)
        return {(up, down) for up, down in pairs if up is not None and down is not None}

    def apply(self, edit: TagEdit) -> None:
        """Take up an edit of the log."""
        self.version += 1
        tag, other = edit.tag, edit.other
        match edit.op:
            case "add":
                self.made.add(tag)
                self.hidden.discard(tag)
                if other:
                    self._link(other, tag)
            case "rename" | "merge":
                self.alias.pop(tag, None)
                if self._end(other) != tag:  # what an older edit made of `other` must not lead back
                    self.hidden.discard(other)
                    self.alias[tag] = other
                    if edit.op == "rename":
                        self.made.add(other)
            case "link":
                self._link(other, tag)
            case "unlink":
                self.links.pop((other, tag), None)
                for edge in [e for e in self.links if (self.resolve(e[0]), self.resolve(e[1])) == (other, tag)]:
                    del self.links[edge]
                self.cut.add((other, tag))
            case "delete":
                self.hidden.add(tag)
            case "restore":
                self.alias.pop(tag, None)
                self.hidden.discard(tag)

    def check(self, edit: TagEdit, exists: Callable[[str], bool], linked: Callable[[str, str], bool]) -> None:
        """Raise unless `edit` makes sense now.

        exists: whether there is a tag of that name without any edit; linked: whether one is above the other.
        """
        tag, other, op = edit.tag, edit.other, edit.op

        def seen(name: str) -> bool:
            return self.resolve(name) == name and (name in self.made or exists(name))

        def known(name: str, field: str) -> None:
            if not seen(name):
                target = self.resolve(name)
                hint = f"; it is {target!r} now" if target not in (None, name) else ""
                raise NotFound(f"no tag {name!r}{hint}", field=field, tag=name)

        if op in ("rename", "merge", "link", "unlink") and not other:
            raise InvalidArgument(f"{op} needs a second tag", field="other")
        if op in ("delete", "restore") and other:
            raise InvalidArgument(f"{op} takes one tag", field="other")
        if tag == other:
            raise InvalidArgument(f"the tag and the other tag are both {tag!r}", field="other")
        if op == "add":
            if seen(tag):
                raise AlreadyExists(f"there is a tag {tag!r} already", field="tag", tag=tag)
            if tag in self.alias:
                raise AlreadyExists(f"{tag!r} stands for {self.resolve(tag)!r}; restore it first", field="tag", tag=tag)
            if other:
                known(other, "other")
        elif op == "restore":
            if tag not in self.alias and tag not in self.hidden:
                raise NotFound(f"nothing was done to the tag {tag!r} that could be undone", field="tag", tag=tag)
        else:
            known(tag, "tag")
        if op == "rename" and (seen(other) or other in self.alias):
            raise AlreadyExists(f"there is a tag {other!r} already; merge into it instead", field="other", tag=other)
        if op in ("merge", "link", "unlink"):
            known(other, "other")
        if op == "unlink" and not linked(other, tag) and (other, tag) not in self.edges():
            raise NotFound(f"{other!r} is not right above {tag!r}", field="other", tag=tag)
        if len(self.made) + len(self.alias) + len(self.hidden) + len(self.links) + len(self.cut) >= MOST_EDITED:
            raise ResourceExhausted(f"a namespace holds at most {MOST_EDITED:,} edits of its tags", field="tag")
        if op in ("add", "link", "merge", "restore", "rename"):
            trial = self.copy() if op in ("merge", "restore", "rename") else self
            if trial is not self:
                trial.apply(edit)
            loop = trial.loop() if trial is not self else self._path(tag, other) if other else None
            if loop:
                raise FailedPrecondition(
                    f"that would put a tag above itself: {' > '.join(loop)}", field="other" if other else "tag", tag=tag
                )

    def loop(self) -> list[str] | None:
        """Tags that lead from one back to itself along the users' edges, or None."""
        below: dict[str, list[str]] = {}
        for up, down in self.edges():
            below.setdefault(up, []).append(down)
        done: set[str] = set()
        for start, first in below.items():
            trail: list[tuple[str, list[str]]] = [(start, list(first))] if start not in done else []
            while trail:
                name, rest = trail[-1]
                if not rest:
                    done.add(name)
                    trail.pop()
                    continue
                onward = rest.pop()
                names = [one for one, _ in trail]
                if onward in names:
                    return [*names[names.index(onward) :], onward]
                if onward not in done:
                    trail.append((onward, list(below.get(onward, ()))))
        return None

    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "version": self.version,
            "made": sorted(self.made),
            "alias": self.alias,
            "hidden": sorted(self.hidden),
            "links": list(self.links),
            "cut": sorted(self.cut),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """What `state` came from."""
        self = cls()
        self.version = state["version"]
        self.made, self.hidden = set(state["made"]), set(state["hidden"])
        self.alias = dict(state["alias"])
        self.links = dict.fromkeys((up, down) for up, down in state["links"])
        self.cut = {(up, down) for up, down in state["cut"]}
        return self

    def _end(self, name: str) -> str:
        while name in self.alias:
            name = self.alias[name]
        return name

    def _link(self, broader: str, narrower: str) -> None:
        self.links[broader, narrower] = None
        self.cut.discard((broader, narrower))

    def _path(self, start: str, goal: str) -> list[str] | None:
        """The way down from `start` to `goal`: an edge from `goal` to `start` would close it."""
        below: dict[str, list[str]] = {}
        for up, down in self.edges():
            below.setdefault(up, []).append(down)
        came: dict[str, str] = {start: ""}
        queue = [start]
        for name in queue:
            if name == goal:
                path = [name]
                while came[path[-1]]:
                    path.append(came[path[-1]])
                return [*reversed(path), start]
            for onward in below.get(name, ()):
                if onward not in came:
                    came[onward] = name
                    queue.append(onward)
        return None
