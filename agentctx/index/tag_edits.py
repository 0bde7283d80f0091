"""What users have made of a namespace's tags: renamed, merged, linked, deleted. Replayed over tags that move by
themselves, so everything is said by name, and a name that means nothing at present does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Self

from agentctx.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from agentctx.index.tag_neighbours import Neighbours
from agentctx.types import TagEdit

MOST_EDITED: Final = 100_000  # tags that a namespace's users may have made, renamed, linked or deleted
_SHOWN: Final = 6  # tags of a loop that an error names
_AT_ONCE: Final = 2_000  # entries encoded in one go: some 0.3 ms
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
        self._near: Neighbours | None = None
        self._shared = False  # whether a copy looks at the same sets

    def __len__(self) -> int:
        return len(self.made) + len(self.alias) + len(self.hidden) + len(self.links) + len(self.cut)

    def copy(self) -> TagEdits:
        """Another one in the same state. O(1); whichever is changed first pays for it."""
        twin = TagEdits()
        twin.version, twin.made, twin.alias = self.version, self.made, self.alias
        twin.hidden, twin.links, twin.cut = self.hidden, self.links, self.cut
        twin._shared = self._shared = True
        return twin

    def _part(self) -> None:
        """Look at sets of its own from now on."""
        if self._shared:
            self.made, self.alias, self.hidden = set(self.made), dict(self.alias), set(self.hidden)
            self.links, self.cut = dict(self.links), set(self.cut)
            self._shared = False

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
        resolve = self._resolver()
        found: dict[str, list[str]] = {}
        for name in self.alias:
            target = resolve(name)
            if target is not None:
                found.setdefault(target, []).append(name)
        return found

    def edges(self) -> list[Edge]:
        """The users' edges between the names as they stand now."""
        resolve = self._resolver()
        found: dict[Edge, None] = {}
        for broader, narrower in self.links:
            up, down = resolve(broader), resolve(narrower)
            if up is not None and down is not None and up != down:
                found[up, down] = None
        return list(found)

    def cuts(self) -> set[Edge]:
        """The edges that users do not want, between the names as they stand now."""
        resolve = self._resolver()
        pairs = ((resolve(broader), resolve(narrower)) for broader, narrower in self.cut)
        return {(up, down) for up, down in pairs if up is not None and down is not None}

    def apply(self, edit: TagEdit) -> None:
        """Take up an edit of the log."""
        self._part()
        self.version += 1
        tag, other = edit.tag, edit.other
        match edit.op:
            case "add":
                self.made.add(tag)
                self.hidden.discard(tag)
                if other:
                    self._link(other, tag)
            case "rename" | "merge":
                self._name(tag, None)
                if self._end(other) != tag:  # what an older edit made of `other` must not lead back
                    self.hidden.discard(other)
                    self._name(tag, other)
                    if edit.op == "rename":
                        self.made.add(other)
            case "link":
                self._link(other, tag)
            case "unlink":
                near = self.near
                for edge in {(other, tag), *self._between(other, tag)} & self.links.keys():
                    del self.links[edge]
                    near.unlink(*edge)
                self.cut.add((other, tag))
            case "delete":
                self.hidden.add(tag)
            case "restore":
                self._name(tag, None)
                self.hidden.discard(tag)

    def check(self, edit: TagEdit, exists: Callable[[str], bool], linked: Callable[[str, str], bool]) -> None:
        """Raise unless `edit` makes sense now."""
        self.copy().take(edit, exists, linked)

    def take(self, edit: TagEdit, exists: Callable[[str], bool], linked: Callable[[str, str], bool]) -> None:
        """Apply an edit that makes sense now, or raise; after an error the state is of no use any more.

        One edit after the other costs what is near the tags that it names, whatever the namespace holds.
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
        if op == "unlink" and not linked(other, tag) and not self._between(other, tag):
            raise NotFound(f"{other!r} is not right above {tag!r}", field="other", tag=tag)
        if len(self) >= MOST_EDITED:
            raise ResourceExhausted(f"a namespace holds at most {MOST_EDITED:,} edits of its tags", field="tag")
        fresh = other not in self.near and other not in self.hidden
        joined = op == "merge" or (op == "rename" and other not in self.hidden)
        self.apply(edit)
        if op in ("unlink", "delete") or (op == "rename" and fresh):
            return
        loop = self._loop(other if op in ("merge", "rename") else tag, tag if joined else None)
        if loop:
            raise FailedPrecondition(
                f"that would put a tag above itself: {_shown(loop)}", field="other" if other else "tag", tag=tag
            )

    def state(self) -> dict[str, Any]:
        """All of it as JSON, in order."""
        return {
            "version": self.version,
            "made": sorted(self.made),
            "alias": self.alias,
            "hidden": sorted(self.hidden),
            "links": list(self.links),
            "cut": sorted(self.cut),
        }

    def encoded(self) -> Iterator[bytes]:
        """`state` in JSON, in no order, made in small steps."""
        yield f'{{"version": {self.version}'.encode()
        held: dict[str, Iterable[Any]] = {
            "made": self.made, "alias": self.alias.items(), "hidden": self.hidden, "links": self.links, "cut": self.cut,
        }  # fmt: skip
        for name, some in held.items():
            entries = list(some)
            kind: Callable[..., Any] = dict if name == "alias" else list
            empty = json.dumps(kind())
            yield f', "{name}": {empty[0]}'.encode()
            for first in range(0, len(entries), _AT_ONCE):
                told = json.dumps(kind(entries[first : first + _AT_ONCE]))[1:-1]
                yield (", " + told if first else told).encode()
            yield empty[1].encode()
        yield b"}"

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

    @property
    def near(self) -> Neighbours:
        """The same by name, made when first needed and kept in step from then on."""
        if self._near is None:
            self._near = Neighbours(self.links, self.alias)
        return self._near

    def _link(self, broader: str, narrower: str) -> None:
        self.links[broader, narrower] = None
        self.cut.discard((broader, narrower))
        if self._near is not None:
            self._near.link(broader, narrower)

    def _name(self, name: str, target: str | None) -> None:
        """Let a name stand for another one, or for itself again."""
        before = self.alias.pop(name, None)
        if self._near is not None and before is not None:
            self._near.sources[before].pop(name, None)
        if target is not None:
            self.alias[name] = target
            if self._near is not None:
                self._near.sources.setdefault(target, {})[name] = None

    def _resolver(self) -> Callable[[str], str | None]:
        """`resolve` for many names, as long as nothing is edited."""
        held: dict[str, str | None] = {}

        def resolve(name: str) -> str | None:
            passed: list[str] = []
            end: str | None = name
            while end is not None and end not in held:
                passed.append(end)
                if end in self.hidden:
                    end = None
                elif end in self.alias:
                    end = self.alias[end]
                else:
                    break
            if end is not None:
                end = held.get(end, end)
            held.update(dict.fromkeys(passed, end))
            return end

        return resolve

    def _members(self, name: str) -> Iterator[str]:
        """A name and those that stand for it, the deleted ones and what leads through them left out."""
        stack = [name]
        while stack:
            one = stack.pop()
            if one not in self.hidden:
                yield one
                stack += self.near.sources.get(one, ())

    def _between(self, broader: str, narrower: str) -> list[Edge]:
        """The users' edges, as they were made, that put one tag right above another now."""
        if broader in self.alias or narrower in self.alias:
            return []
        above, below = list(self._members(broader)), list(self._members(narrower))
        down, up = self.near.below, self.near.above
        if sum(len(down.get(one, ())) for one in above) < sum(len(up.get(one, ())) for one in below):
            return [(one, to) for one in above for to in down.get(one, ()) if self.resolve(to) == narrower]
        return [(to, one) for one in below for to in up.get(one, ()) if self.resolve(to) == broader]

    def _loop(self, tag: str, joined: str | None) -> list[str] | None:
        """Tags that lead down from `tag` back to itself, or None.

        joined: a name that has just come to stand for `tag`; a new loop goes in by the one and out by the other.
        """
        if joined is None:
            return self._meet(tag, tag, tag)
        return self._meet(tag, joined, tag) or self._meet(tag, tag, joined)

    def _meet(self, tag: str, upper: str, lower: str) -> list[str] | None:
        """A loop that leaves a tag by what `upper` stands above and comes back by what `lower` stands below.

        Looks down and up by turns: whichever way has less ends it.
        """
        down: dict[str, str] = {}
        up: dict[str, str] = {}
        ways = (
            (down, up, self._spread(tag, upper, self.near.below)),
            (up, down, self._spread(tag, lower, self.near.above)),
        )
        while True:
            for came, other, steps in ways:
                step = next(steps, None)
                if step is None:
                    return None
                name, before = step
                if not name or name in came:
                    continue
                came[name] = before
                if name == tag or name in other:
                    return [*_trail(down, name, tag)[::-1], *_trail(up, name, tag)[1:]]

    def _spread(self, tag: str, first: str, edges: Mapping[str, Mapping[str, None]]) -> Iterator[Edge]:
        """(tag, the one it was reached from) along some edges, nearest first; a pair without tags for idle steps."""
        seen = {tag}
        queue = [(tag, first)]
        for place, root in queue:
            for member in self._members(root):
                yield "", ""
                for name in edges.get(member, ()):
                    onward = self.resolve(name)
                    if onward == place or onward is None or (onward in seen and onward != tag):
                        yield "", ""
                        continue
                    yield onward, place
                    seen.add(onward)
                    queue.append((onward, onward))


def _trail(came: Mapping[str, str], name: str, tag: str) -> list[str]:
    """The way from `name` back to `tag`."""
    trail = [name]
    while name in came:
        name = came[name]
        trail.append(name)
        if name == tag:
            break
    return trail


def _shown(loop: Sequence[str]) -> str:
    """A loop in words, the middle of a long one left out."""
    left_out = len(loop) - _SHOWN
    if left_out > 1:
        loop = [*loop[: _SHOWN - 2], f"... ({left_out:,} more) ...", *loop[-2:]]
    return " > ".join(loop)
