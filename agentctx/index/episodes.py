"""Everything that a search of one namespace looks at, in memory: a function of the namespace's log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.index.analyzed import Analyzed, analyze_records
from agentctx.index.attributes import AttributeIndex
from agentctx.index.columns import Columns
from agentctx.index.expiry import FOREVER, Expiry
from agentctx.index.growable import Growable
from agentctx.index.history import Earlier
from agentctx.index.labels import Labels
from agentctx.index.lexical import TAKEN_UP, LexicalIndex
from agentctx.index.live_view import LiveView
from agentctx.index.names import Names
from agentctx.index.tags import TagIndex
from agentctx.index.temporal import TemporalIndex
from agentctx.index.validity import ValidityIndex
from agentctx.index.vectors import VectorIndex
from agentctx.index.view import View
from agentctx.types import LogRecord, Revision, TagRecord

_PAST_VIEWS: Final = 4
_EMPTY: Final = 32 << 10  # bytes of an index without rows
_LATE: Final = 4096  # rows of a timeline's tree below which it is left alone
_MANY: Final = 2048  # rows that appear or vanish at once, beyond which the view is made anew

Rows = npt.NDArray[np.integer[Any]]


class Place(NamedTuple):  # some are made for every search, which takes a dataclass three times as long
    """Where the store keeps the episode of a row, and the sequence number of the last change that the index knows.

    earlier: asked for as of a time before that change.
    """

    row: int
    changed: int
    earlier: bool = False


class EpisodeIndex:
    """The episodes of one namespace by row: terms, vectors, times, sessions, metadata. The owner locks.

    Rows are numbered in log order and never reused. Deleted rows stay, out of sight, for `as_of`; purging makes a
    new epoch and so a new index. Content stays in the store.
    """

    def __init__(self, revision: Revision, dimensions: int, embedder_key: str = "") -> None:
        self.revision = revision
        self.embedder_key = embedder_key  # whose vectors these are
        self.dimensions = dimensions
        self.without_vector = 0
        self.saved: Revision | None = None  # up to which a snapshot holds it
        self.last_sequence = 0  # of the newest record of an episode, and below when that was recorded:
        self.last_recorded = 0  # they tell the log from one that forked off
        self.length: Growable[np.float32] = Growable(np.float32)
        self.times_told: Growable[np.float32] = Growable(np.float32)  # this and the next: TextFeatures
        self.asks: Growable[np.float32] = Growable(np.float32)
        self.tags = TagIndex()
        self.names = Names()
        self.vectors = VectorIndex(dimensions)
        self.timeline = TemporalIndex()  # by event time, and below by recorded time
        self.recordings = TemporalIndex()
        self._use(Columns())

    def _use(self, columns: Columns) -> None:
        """Make `columns` the ones in use, with what is derived from them."""
        self.columns = columns
        of = columns.of
        self.store_row, self.changed = of["store_row"], of["changed"]
        self.occurred, self.recorded = of["occurred"], of["recorded"]
        self.deleted, self.expires = of["deleted"], of["expires"]
        self.valid_from, self.valid_to = of["valid_from"], of["valid_to"]
        self.validity = ValidityIndex.of(self.valid_from.array, self.valid_to.array)
        self.session, self.position = of["session"], of["position"]
        self.speaker, self.role = of["speaker"], of["role"]
        names = columns.names
        self.sessions, self.speakers, self.roles = names["sessions"], names["speakers"], names["roles"]
        self.attributes = AttributeIndex(columns.texts, of["metadata"])
        self.labels = Labels(columns.texts, of["tags"])
        self._live = LiveView(self.session, self.position, self.length)
        self.lexical = LexicalIndex(self.session, self._live.run, self.length)
        self._expiry = Expiry()
        self._now = -FOREVER  # up to which what has expired is hidden
        self._past: OrderedDict[int, View] = OrderedDict()

    def __len__(self) -> int:
        return len(self.columns)

    # --- the log ------------------------------------------------------------------------------------------------------

    def apply(self, records: Sequence[LogRecord], analyzed: Sequence[Analyzed | None] | None = None) -> None:
        """Take up records in log order. O(terms) a record, O(log n) for a change."""
        pending: list[tuple[LogRecord, Analyzed]] = []
        for record, said in zip(records, analyzed or analyze_records(records), strict=True):
            if said is not None:
                pending.append((record, said))
                continue
            self._add(pending)
            pending = []
            self._change(record)
        self._add(pending)
        if records:
            self._forget_views(to_micros(records[0].recorded_at))
            self.last_sequence, self.last_recorded = records[-1].sequence, to_micros(records[-1].recorded_at)
            self.advance(records[-1].episode.revision)

    def advance(self, revision: Revision) -> None:
        """The index holds the log up to `revision`."""
        self.revision = revision

    def _add(self, some: Sequence[tuple[LogRecord, Analyzed]]) -> None:
        if not some:
            return
        first = len(self)
        records = [record for record, _ in some]
        self.columns.add(records)
        self.length.extend([said.document.length for _, said in some])
        self.times_told.extend([said.features.time for _, said in some])
        self.asks.extend([said.features.asks for _, said in some])
        self.labels.add(first)
        self.tags.add([said.phrases for _, said in some], [record.episode.tags for record in records])
        self._live.add(first)
        self.lexical.add([said.document.counts for _, said in some])
        self.names.meet(islice(self.speakers, len(self.names), None) if len(self.speakers) > len(self.names) else ())
        self.names.hear(self.speaker.array[first:])
        self.vectors.extend(self._unpack([record.vector for record in records]))
        rows = range(first, len(self))
        self.timeline.extend(self.occurred.array[first:], rows)
        self.recordings.extend(self.recorded.array[first:], rows)
        self.validity.extend(first, self.valid_from.array[first:], self.valid_to.array[first:])
        expires = self.expires.array[first:]
        for place in np.flatnonzero(expires != FOREVER).tolist():
            self._expire(first + place, int(expires[place]))

    @property
    def loose(self) -> bool:
        """Whether so much lies in the growing ends that a snapshot should be of a tidied index."""
        return self.lexical.tail > TAKEN_UP

    def tidy(self, *, whole: bool = False) -> None:
        """Do at once what housekeeping does in small steps: for indexes that nobody waits for."""
        if self.lexical.due or (whole and self.loose):
            fold = self.lexical.fold()
            for _ in fold.steps():
                pass
            self.lexical.publish(fold)
        for times in self.late_timelines():
            for _ in times.fold():
                pass
        if self.tags.due:
            self.tags.merge()

    def late_timelines(self) -> list[TemporalIndex]:
        """The timelines so much of which lies in their tree that folding pays."""
        least = max(_LATE, len(self) // 8)
        return [times for times in (self.timeline, self.recordings) if times.late >= least]

    def apply_tags(self, records: Sequence[TagRecord]) -> None:
        """Take up records about tags, in log order, of rows that the index holds."""
        for record in records:
            if record.edit is not None:
                self.tags.edit([record.edit])
            else:
                self.tags.write(self.columns.row(record.row), record.tags, record.relations)

    def _change(self, record: LogRecord) -> None:
        before = int(self.columns.of["tags"].array[self.columns.row(record.row)])
        row = self.columns.change(record)
        self.validity.set(row, int(self.valid_from.array[row]), int(self.valid_to.array[row]))
        self.tags.change(row, self.columns.tags_of(before), record.episode.tags)
        self.labels.take(int(self.columns.of["tags"].array[row]))
        expires = int(self.expires.array[row])
        shown = self.deleted.array[row] == FOREVER and expires > self._now
        if shown != self._live.visible.array[row]:
            (self._show if shown else self._hide)([row])
        self._expiry.add(row, expires)

    def _expire(self, row: int, expires: int) -> None:
        if expires <= self._now:
            self._hide([row])
        else:
            self._expiry.add(row, expires)

    def _unpack(self, vectors: Sequence[bytes | None]) -> npt.NDArray[np.float16]:
        self.without_vector += sum(vector is None for vector in vectors)
        empty = bytes(2 * self.dimensions)
        joined = b"".join(empty if vector is None else vector for vector in vectors)
        return np.frombuffer(joined, dtype="<f2").reshape(len(vectors), self.dimensions)

    # --- views --------------------------------------------------------------------------------------------------------

    def view(self, now: int, as_of: int | None = None) -> View:
        """What is visible at `now`, or what the store showed at `as_of` (microseconds both).

        The arrays of the present view change with the index: use it while the index is locked.
        """
        if as_of is not None:
            return self._view_as_of(as_of)
        if now < self._now:
            self._turn_back(now)
        elif self._expiry.next() <= now:
            self._pass(now)
        self._now = now
        return self._live.view(self._expiry.next())

    def _pass(self, now: int) -> None:
        """Hide what has expired by `now`."""
        expires, visible = self.expires.array, self._live.visible.array
        due = {row for row, moment in self._expiry.due(now) if expires[row] == moment and visible[row]}
        self._hide(sorted(due))
        if self._expiry.crowded:
            self._expiry.start(expires, now)

    def _turn_back(self, now: int) -> None:
        """A clock that was set back shows again what had expired."""
        expires = self.expires.array
        again = np.flatnonzero((expires > now) & (expires <= self._now) & (self.deleted.array == FOREVER))
        self._expiry.start(expires, now)
        self._show([row for row in again.tolist() if not self._live.visible.array[row]])

    def _hide(self, rows: Sequence[int]) -> None:
        self._turn(rows, shown=False)

    def _show(self, rows: Sequence[int]) -> None:
        self._turn(rows, shown=True)

    def _turn(self, rows: Sequence[int], *, shown: bool) -> None:
        if not rows:
            return
        turned = np.asarray(rows, dtype=np.int64)
        self.names.hear(self.speaker.array[turned], 1 if shown else -1)
        if len(rows) > _MANY:
            visible = self._live.visible.array.copy()
            visible[list(rows)] = shown
            self._live.rebuild(visible)
        else:
            for row in rows:
                (self._live.show if shown else self._live.hide)(row)
        (self.lexical.show if shown else self.lexical.hide)(turned)

    def _view_as_of(self, as_of: int) -> View:
        view = self._past.get(as_of)
        if view is None or view.size != len(self):
            expires = self.column("expires", as_of)
            visible = (self.recorded.array <= as_of) & (self.deleted.array > as_of) & (expires > as_of)
            view = self._past[as_of] = self._live.at(visible)
            if len(self._past) > _PAST_VIEWS:
                self._past.popitem(last=False)
        return view

    def _forget_views(self, since: int) -> None:
        """Something was recorded at `since`: earlier views stay as they are."""
        for as_of in [moment for moment in self._past if moment >= since]:
            del self._past[as_of]

    # --- rows ---------------------------------------------------------------------------------------------------------

    def places(self, rows: Rows, as_of: int | None = None) -> list[Place]:
        """Where the episodes of some rows are to be found, in their order; good after the lock is released, too."""
        found = zip(self.store_row.array[rows].tolist(), self.changed.array[rows].tolist(), strict=True)
        if as_of is None:
            return [Place(row, changed) for row, changed in found]
        earlier = np.isin(rows, self.known_at(as_of).rows).tolist()
        return [Place(row, changed, then) for (row, changed), then in zip(found, earlier, strict=True)]

    def column(self, name: str, as_of: int | None = None) -> npt.NDArray[Any]:
        """A column that changes may set (history.CHANGING), or a copy of it as it was at `as_of`."""
        column: npt.NDArray[Any] = self.columns.of[name].array
        if as_of is not None:
            earlier = self.known_at(as_of)
            if len(earlier.rows):
                column = column.copy()
                column[earlier.rows] = earlier.columns[name]
        return column

    def known_at(self, as_of: int) -> Earlier:
        """The rows whose state at `as_of` is not the present one, and what can change of it."""
        return self.columns.history.at(as_of)

    # --- memory -------------------------------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """Bytes held, roughly. O(parts)."""
        parts = (
            self.columns, self.attributes, self.labels, self._live, self._expiry, self.lexical, self.names,
            self.vectors, self.tags, self.timeline, self.recordings, self.validity, self.length, self.times_told,
            self.asks,
        )  # fmt: skip
        return _EMPTY + sum(one.nbytes for one in parts)

    def check_invariants(self) -> None:
        """Assert that every part says the same about the same rows. For tests."""
        size = len(self)
        of = self.columns.of
        assert all(len(column) == size for column in (*of.values(), self.length, self.times_told, self.asks))
        assert len(self.vectors) == size
        self.vectors.check_invariants()
        for times, column in ((self.timeline, self.occurred), (self.recordings, self.recorded)):
            times.check_invariants()
            moments, rows = times.sorted()
            assert sorted(rows.tolist()) == list(range(size))
            assert np.array_equal(column.array[rows], moments)
        self.validity.check_invariants(
            {
                row: (start, end)
                for row, start, end in zip(
                    range(size), self.valid_from.array.tolist(), self.valid_to.array.tolist(), strict=True
                )
            }
        )
        self.tags.check_invariants()
        self._live.check_invariants()
        shown = (self.deleted.array == FOREVER) & (self.expires.array > self._now)
        assert np.array_equal(self._live.visible.array, shown)
        if size:
            self.names.check_invariants(self.speakers, self.speaker.array[shown].tolist())
        awaited = self.expires.array[shown]
        assert self._expiry.next() <= int(awaited.min(initial=FOREVER))
