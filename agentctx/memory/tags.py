"""Browsing the tags of a namespace, editing them, and filtering episodes by them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from agentctx.config import Limits
from agentctx.errors import AgentctxError, InvalidArgument, NotFound, Unavailable
from agentctx.ids import Clock, to_micros
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.tag_building import building
from agentctx.index.tag_edits import TagEdits
from agentctx.index.tag_graph import TagGraph
from agentctx.index.tag_vocabulary import GIVEN, MADE, WRITTEN
from agentctx.index.view import View
from agentctx.memory import paging, validate
from agentctx.memory.listing import ListRequest, TagTest
from agentctx.runtime.housekeeping import Housekeeping
from agentctx.runtime.residency import Residency
from agentctx.store import Store
from agentctx.types import EditOrigin, Revision, Tag, TagEdit, TagOp, TagPage

_ATTEMPTS: Final = 20
_OPS: Final = get_args(TagOp)

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.integer[Any]]


class Tags:
    """What `Memory` offers about tags. Thread-safe."""

    def __init__(
        self, store: Store, residency: Residency, housekeeping: Housekeeping, limits: Limits, clock: Clock
    ) -> None:
        self._store = store
        self._residency = residency
        self._housekeeping = housekeeping
        self._limits = limits
        self._clock = clock

    def page(self, namespace: str, *, under: object, prefix: object, page_size: object, page_token: object) -> TagPage:
        """One page of tags; see `Memory.list_tags`."""
        namespace = validate.namespace(namespace)
        root = validate.identifier(under, "under", empty=True)
        start = validate.identifier(prefix, "prefix", empty=True)
        size = validate.integer(page_size, "page_size", 1, self._limits.page_size)
        token = validate.text(page_token, "page_token", 4096)
        hash = paging.request_hash({"tags": namespace, "under": root, "prefix": start})
        self.refresh(namespace)
        with self._residency.reading(namespace) as index:
            graph = index.tags.graph(stale=True)
            visible = index.view(to_micros(self._clock.now())).visible
            counts = _visible_counts(index, graph, visible)
            seen = _seen(graph, counts)
            chosen = seen & _subtree(index, graph, root) if root else seen
            revision = index.revision
            after: tuple[int, str] | None = None
            if token:
                epoch, _, place = paging.read_token(token, hash, str)
                paging.check_epoch(epoch, revision.epoch)
                after = _place(place)
            found = sorted(
                (-int(counts[number]), name, number)
                for number in np.flatnonzero(chosen).tolist()
                if (name := graph.words.name(number)).startswith(start)
            )
            if after is not None:
                found = [one for one in found if one[:2] > after]
            aliases = index.tags.edits.aliases()
            tags = tuple(_tag(graph, counts, seen, one, aliases) for one in found[:size])
        if len(found) <= size:
            return TagPage(tags, "", revision)
        place = json.dumps([found[size - 1][0], found[size - 1][1]])
        return TagPage(tags, paging.write_token(hash, revision.epoch, 0, place), revision)

    def test(self, request: ListRequest, now: datetime) -> TagTest:
        """What the tags of a `list` stand for now."""
        if not request.tags:
            return TagTest()
        if request.narrower:
            self.refresh(request.namespace, stale=True)
        with self._residency.reading(request.namespace) as index:
            as_of = None if request.as_of is None else to_micros(request.as_of)
            view = index.view(to_micros(now), as_of)
            return tag_test(index, view, request.tags, index.column("tags", as_of), narrower=request.narrower)

    def edit(self, namespace: str, edits: object, origin: EditOrigin = "user") -> Revision:
        """Append edits; see `Memory.edit_tags`. origin: who makes them."""
        namespace = validate.namespace(namespace)
        given = self._checked(edits)
        for _ in range(_ATTEMPTS):
            epoch, trial, exists, linked = self._trial(namespace, given)
            known = trial.version
            for place, edit in enumerate(given):
                try:
                    trial.take(edit, exists, linked)
                except AgentctxError as error:
                    error.field = f"edits[{place}].{error.field}"
                    raise
            revision = self._store.edit_tags(namespace, given, known, epoch=epoch, origin=origin)
            if revision is not None:
                return revision
        raise Unavailable("others edit the tags of this namespace all the time; retry", field="namespace")

    def _trial(
        self, namespace: str, given: Sequence[TagEdit]
    ) -> tuple[int, TagEdits, Callable[[str], bool], Callable[[str, str], bool]]:
        """The epoch, what edits are tried on while others read, and what tells which of their tags and edges exist."""
        cuts = [(edit.other, edit.tag) for edit in given if edit.op == "unlink"]
        if cuts:
            self.refresh(namespace)
        with self._residency.reading(namespace) as index:
            words = index.tags.words
            above: frozenset[tuple[str, str]] = frozenset()
            if cuts:
                linked = index.tags.graph(stale=True).linked
                above = frozenset(pair for pair in cuts if linked(*pair))
            trial = index.tags.edits.copy()
            epoch = index.revision.epoch
        return (
            epoch,
            trial,
            lambda name: words.find(name) is not None,
            lambda broader, narrower: (broader, narrower) in above,
        )

    def _checked(self, edits: object) -> tuple[TagEdit, ...]:
        if isinstance(edits, TagEdit):
            edits = (edits,)
        if isinstance(edits, str) or not isinstance(edits, Sequence):
            raise InvalidArgument("edits must be a TagEdit or a list of them", field="edits")
        if not 1 <= len(edits) <= self._limits.batch:
            raise InvalidArgument(
                f"edits must be 1 to {self._limits.batch} in one call, not {len(edits)}", field="edits"
            )
        checked = []
        for place, edit in enumerate(edits):
            where = f"edits[{place}]"
            if not isinstance(edit, TagEdit):
                raise InvalidArgument(f"{where} must be a TagEdit, not {type(edit).__name__}", field=where)
            if edit.op not in _OPS:
                raise InvalidArgument(f"{where}.op must be one of {', '.join(_OPS)}", field=f"{where}.op")
            tag = validate.identifier(edit.tag, f"{where}.tag")
            other = validate.identifier(edit.other, f"{where}.other", empty=True)
            if edit.op == "add":
                validate.not_blank(tag, f"{where}.tag")
            elif edit.op == "rename" and other:
                validate.not_blank(other, f"{where}.other")
            checked.append(TagEdit(edit.op, tag, other))
        return tuple(checked)

    def refresh(self, namespace: str, *, stale: bool = False) -> None:
        """See that the graph is as new as the index; a large one is built beside, while others read.

        stale: a usable one will do.
        """
        for _ in self.refreshing(namespace, stale=stale):
            pass

    def refreshing(self, namespace: str, *, stale: bool = False) -> Generator[None, None, None]:
        """The same in steps of a millisecond or two, mostly."""
        with self._residency.reading(namespace) as index:
            tags = index.tags
            if tags.is_small or tags.is_fresh or (stale and tags.is_usable):
                tags.graph(stale=stale)
                return
        yield from self._building(namespace, index)

    def consider(self, namespace: str, index: EpisodeIndex) -> None:
        """Have a graph built in the background where searches need one. Returns at once."""
        if index.tags.wants_graph:
            self._housekeeping.submit(("tag graph", namespace), lambda: self._building(namespace, index))

    def _building(self, namespace: str, index: EpisodeIndex) -> Generator[None, None, None]:
        builder = building(index.tags)
        if not self._residency.publish(namespace, index, lambda: next(builder)):
            return
        for graph in builder:
            if graph is not None:
                self._residency.publish(namespace, index, partial(index.tags.publish, graph))
            yield


def tag_mask(index: EpisodeIndex, name: str, size: int, labels: Numbers | None, *, narrower: bool) -> Mask:
    """The rows that a filter on a tag keeps, a mask over `size` rows; `labels`: the callers' tags as of some time.

    Where callers gave the tag themselves, it keeps what they gave it to; a tag that was found in the texts or named by
    a language model keeps the episodes that it was found in. What a tag was renamed from or merged with counts, too.
    """
    mask = np.zeros(size, dtype=np.bool_)
    for names, numbers in _meant(index, name, narrower=narrower):
        if names:
            for one in names:
                mask |= index.labels.having(one, size, labels)
        for number in numbers:
            rows = index.tags.rows_found(number)
            mask[rows[rows < size]] = True
    return mask


def tag_test(index: EpisodeIndex, view: View, tags: Sequence[str], labels: Numbers, *, narrower: bool) -> TagTest:
    """What `tag_mask` keeps of a view, for one who looks at episodes one by one."""
    names: list[frozenset[str]] = []
    mask: Mask | None = None
    for tag in tags:
        meant = _meant(index, tag, narrower=narrower)
        if any(numbers for _, numbers in meant):
            if mask is None:
                mask = np.ones(view.size, dtype=np.bool_) if view.visible is None else view.visible.copy()
            mask &= tag_mask(index, tag, view.size, labels, narrower=narrower)
        else:
            names.append(frozenset(one for given, _ in meant for one in given))
    return TagTest(tuple(names), None if mask is None else index.store_row.array[mask].tolist())


def _meant(index: EpisodeIndex, name: str, *, narrower: bool) -> list[tuple[list[str], list[int]]]:
    """By tag that a filter on `name` means: the names that callers gave, or else the numbers of what was found."""
    tags = index.tags
    target = tags.find(name)
    if target is None:
        return [([name], [])]
    chosen = tags.subtree(target) if narrower else [target]
    meant: list[tuple[list[str], list[int]]] = []
    for one in chosen or [target]:
        numbers = tags.members(one)
        given = [tags.words.name(number) for number in numbers if tags.words.kinds.array[number] & GIVEN]
        meant.append((given, []) if given else ([], numbers))
    return meant


def _visible_counts(index: EpisodeIndex, graph: TagGraph, visible: Mask | None) -> npt.NDArray[np.int64]:
    """By number the visible episodes of a tag."""
    if visible is None and index.tags.rows == graph.rows:
        return graph.df.astype(np.int64)
    tags, rows = graph.pairs(index.tags)
    if visible is not None:
        tags = tags[visible[rows]]
    return np.bincount(tags, minlength=len(graph.df)).astype(np.int64)


def _seen(graph: TagGraph, counts: npt.NDArray[np.int64]) -> Mask:
    """The tags to show: made by a user, or borne by a visible episode (by two, where the rules found it)."""
    kinds = graph.words.kinds.array[: len(counts)]
    fewest = np.where(kinds & (GIVEN | WRITTEN) > 0, 1, 2)
    own = graph.canon == np.arange(len(graph.canon))
    seen: Mask = own & ((counts >= fewest) | (kinds & MADE > 0))
    return seen


def _subtree(index: EpisodeIndex, graph: TagGraph, root: str) -> Mask:
    target = index.tags.find(root)
    names = [] if target is None else graph.below(target, None)
    if not names:
        raise NotFound(f"no tag {root!r}", field="under", tag=root)
    mask = np.zeros(len(graph.canon), dtype=np.bool_)
    mask[[number for name in names if (number := graph.number(name)) is not None]] = True
    return mask


def _place(text: str) -> tuple[int, str]:
    try:
        count, name = json.loads(text)
        return int(count), str(name)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(
            "page_token is not one that this listing gave; start without one", field="page_token"
        ) from error


def _tag(
    graph: TagGraph,
    counts: npt.NDArray[np.int64],
    seen: Mask,
    found: tuple[int, str, int],
    aliases: dict[str, list[str]],
) -> Tag:
    _, name, number = found
    kind = int(graph.words.kinds.array[number])

    def named(numbers: list[int]) -> tuple[str, ...]:
        ordered = sorted((-int(counts[one]), graph.words.name(one)) for one in numbers if seen[one])
        return tuple(other for _, other in ordered)

    return Tag(
        name,
        int(counts[number]),
        named(graph.parents(number)),
        named(graph.children(number)),
        tuple(sorted(aliases.get(name, ()))),
        "given" if kind & (GIVEN | MADE) else "llm" if kind & WRITTEN else "derived",
    )
