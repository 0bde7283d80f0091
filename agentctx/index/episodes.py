"""Everything that a search of one namespace looks at, in memory: a function of the namespace's log."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.ids import to_micros
from agentctx.index.attributes import AttributeIndex
from agentctx.index.evidence_cache import EvidenceCache
from agentctx.index.growable import Growable
from agentctx.index.postings import Postings
from agentctx.index.view import NOBODY, View, extend_view, make_view
from agentctx.index.vocabulary import Vocabulary
from agentctx.text.features import TextFeatures, text_features
from agentctx.text.terms import analyze
from agentctx.types import Episode, LogRecord, Revision

FOREVER: Final = np.iinfo(np.int64).max
_PAST_VIEWS: Final = 4


class EpisodeIndex:
    """The episodes of one namespace by row: terms, vectors, times, sessions, metadata. The owner locks.

    Rows are numbered in log order and never reused. Deleted rows stay, out of sight, for `as_of`; purging makes a
    new epoch and so a new index.
    """

    def __init__(self, revision: Revision, dimensions: int, embedder_key: str = "") -> None:
        self.revision = revision
        self.embedder_key = embedder_key  # whose vectors these are
        self.episodes: list[Episode] = []
        self.postings = Postings()
        self.vocabulary = Vocabulary()
        self.attributes = AttributeIndex()
        self.tags: dict[str, set[int]] = {}
        self.vectors = Growable(np.float32, dimensions)
        self.length = Growable(np.float32)
        self.times_told = Growable(np.float32)  # this and the next: TextFeatures
        self.asks = Growable(np.float32)
        self.occurred = Growable(np.int64)
        self.recorded = Growable(np.int64)
        self.deleted = Growable(np.int64)
        self.expires = Growable(np.int64)
        self.valid_from = Growable(np.int64)
        self.valid_to = Growable(np.int64)
        self.session = Growable(np.int32)
        self.position = Growable(np.int64)
        self.speaker = Growable(np.int32)
        self.role = Growable(np.int32)
        self.sessions: dict[str, int] = {"": 0}
        self.speakers: dict[str, int] = {"": 0}
        self.roles: dict[str, int] = {"": 0}
        self.without_vector = 0
        self.evidence: EvidenceCache[Any] = EvidenceCache()  # of what it is told, by the one who searches
        self._dimensions = dimensions
        self._rows: dict[int, int] = {}
        self._earlier: dict[int, list[tuple[int, Episode]]] = {}
        self._ends: dict[int, tuple[int, int]] = {}  # by session: (position, row) of its last visible row
        self._view: View | None = None
        self._view_from = 0  # a clock that was set back shows again what had expired
        self._past: OrderedDict[int, View] = OrderedDict()

    def __len__(self) -> int:
        return len(self.episodes)

    # --- the log ------------------------------------------------------------------------------------------------------

    def apply(self, records: Sequence[LogRecord]) -> None:
        """Take up records in log order. O(terms) a record."""
        pending: list[LogRecord] = []
        for record in records:
            if record.kind == "add":
                pending.append(record)
                continue
            self._add(pending)
            pending = []
            self._change(record)
        self._add(pending)
        if records:
            self.advance(records[-1].episode.revision)

    def advance(self, revision: Revision) -> None:
        """The index holds the log up to `revision`."""
        if revision != self.revision:
            self.revision = revision
            self.evidence.clear()
            self._past.clear()

    def _add(self, records: Sequence[LogRecord]) -> None:
        if not records:
            return
        first = len(self.episodes)
        lengths: list[int] = []
        features: list[TextFeatures] = []
        for row, record in enumerate(records, first):
            episode = record.episode
            self._rows[record.row] = row
            self.episodes.append(episode)
            document = analyze(episode.content)
            self.postings.add(row, document.counts)
            self.vocabulary.add(self.postings, document.spelling)
            lengths.append(document.length)
            features.append(text_features(episode.content))
            self.attributes.add(row, episode.metadata)
            for tag in episode.tags:
                self.tags.setdefault(tag, set()).add(row)
        episodes = [record.episode for record in records]
        self.length.extend(lengths)
        self.times_told.extend([one.time for one in features])
        self.asks.extend([one.asks for one in features])
        self.vectors.extend(self._unpack([record.vector for record in records]))
        self.occurred.extend([to_micros(one.occurred_at) for one in episodes])
        self.recorded.extend([to_micros(record.recorded_at) for record in records])
        self.deleted.extend([FOREVER] * len(episodes))
        self.expires.extend([_or(one.expires_at, FOREVER) for one in episodes])
        self.valid_from.extend([_or(one.valid_from, -FOREVER) for one in episodes])
        self.valid_to.extend([_or(one.valid_to, FOREVER) for one in episodes])
        self.session.extend([self.sessions.setdefault(one.session, len(self.sessions)) for one in episodes])
        self.position.extend([one.position for one in episodes])
        self.speaker.extend([self.speakers.setdefault(one.speaker, len(self.speakers)) for one in episodes])
        self.role.extend([self.roles.setdefault(one.role, len(self.roles)) for one in episodes])
        self._extend_view(first)

    def _change(self, record: LogRecord) -> None:
        row = self._rows[record.row]
        before, after = self.episodes[row], record.episode
        self._earlier.setdefault(row, []).append((to_micros(record.recorded_at), before))
        self.episodes[row] = after
        self.attributes.remove(row, before.metadata)
        self.attributes.add(row, after.metadata)
        for tag in before.tags:
            self.tags[tag].discard(row)
        for tag in after.tags:
            self.tags.setdefault(tag, set()).add(row)
        if (after.deleted_at, after.expires_at) != (before.deleted_at, before.expires_at):
            self._view = None
        self.deleted.array[row] = _or(after.deleted_at, FOREVER)
        self.expires.array[row] = _or(after.expires_at, FOREVER)
        self.valid_from.array[row] = _or(after.valid_from, -FOREVER)
        self.valid_to.array[row] = _or(after.valid_to, FOREVER)

    def _unpack(self, vectors: Sequence[bytes | None]) -> npt.NDArray[np.float16]:
        self.without_vector += sum(vector is None for vector in vectors)
        empty = bytes(2 * self._dimensions)
        joined = b"".join(empty if vector is None else vector for vector in vectors)
        return np.frombuffer(joined, dtype="<f2").reshape(len(vectors), self._dimensions)

    # --- views --------------------------------------------------------------------------------------------------------

    def view(self, now: int, as_of: int | None = None) -> View:
        """What is visible at `now`, or what the store showed at `as_of` (microseconds both)."""
        if as_of is not None:
            return self._view_as_of(as_of)
        view = self._view
        if view is None or not self._view_from <= now < view.valid_until:
            self._view_from = now
            view = self._view = self._make_view((self.deleted.array == FOREVER) & (self.expires.array > now))
            self.evidence.clear()
            ends: dict[int, tuple[int, int]] = {}
            rows = (
                np.flatnonzero(view.following == NOBODY)
                if view.visible is None
                else np.flatnonzero((view.following == NOBODY) & view.visible)
            )
            for row in rows.tolist():
                session = int(self.session.array[row])
                if session:
                    ends[session] = (int(self.position.array[row]), row)
            self._ends = ends
        return view

    def _view_as_of(self, as_of: int) -> View:
        view = self._past.get(as_of)
        if view is None:
            expires = self.expires.array
            if self._earlier:
                expires = expires.copy()
                for row in self._earlier:
                    expires[row] = _or(self.episode(row, as_of).expires_at, FOREVER)
            view = self._make_view((self.recorded.array <= as_of) & (self.deleted.array > as_of) & (expires > as_of))
            self._past[as_of] = view
            if len(self._past) > _PAST_VIEWS:
                self._past.popitem(last=False)
        return view

    def _make_view(self, visible: npt.NDArray[np.bool_]) -> View:
        return make_view(visible, self.session.array, self.position.array, self.expires.array)

    def _extend_view(self, first: int) -> None:
        """Append the rows from `first` on to the live view, if each comes last in its session."""
        view = self._view
        if view is None:
            return
        predecessors: list[int] = []
        session, position = self.session.array, self.position.array
        for row in range(first, len(self.episodes)):
            place = int(position[row])
            number = int(session[row])
            last = self._ends.get(number)
            if number and last is not None:
                if last[0] > place:
                    self._view = None  # an earlier place in the session: sort anew on the next search
                    return
                predecessors.append(last[1])
            else:
                predecessors.append(NOBODY)
            if number:
                self._ends[number] = (place, row)
        self._view = extend_view(view, predecessors, int(self.expires.array[first:].min()))

    # --- rows ---------------------------------------------------------------------------------------------------------

    def episode(self, row: int, as_of: int | None = None) -> Episode:
        """The episode of a row as it is, or as it was at `as_of` (microseconds)."""
        earlier = self._earlier.get(row)
        if as_of is None or earlier is None:
            return self.episodes[row]
        place = bisect_right(earlier, as_of, key=lambda entry: entry[0])
        return earlier[place][1] if place < len(earlier) else self.episodes[row]

    def changed_after(self, as_of: int) -> list[int]:
        """The rows whose state at `as_of` is not the present one."""
        return [row for row, earlier in self._earlier.items() if earlier[-1][0] > as_of]

    def check_invariants(self) -> None:
        """Assert that every part says the same about the same rows. For tests."""
        size = len(self.episodes)
        documents = [analyze(episode.content) for episode in self.episodes]
        self.postings.check_invariants([document.counts for document in documents])
        self.attributes.check_invariants({row: episode.metadata for row, episode in enumerate(self.episodes)})
        columns: Mapping[str, Growable[Any]] = {
            name: value for name, value in vars(self).items() if isinstance(value, Growable)
        }
        assert all(len(column) == size for column in columns.values())
        assert self.length.array.tolist() == [document.length for document in documents]
        self.vocabulary.check_invariants(self.postings, documents)
        tagged = Counter(tag for episode in self.episodes for tag in episode.tags)
        assert tagged == Counter({tag: len(rows) for tag, rows in self.tags.items() if rows})
        assert len(set(self._rows.values())) == size
        view = self._view
        if view is not None:
            fresh = self._make_view((self.deleted.array == FOREVER) & (self.expires.array >= view.valid_until))
            visible = np.flatnonzero(np.ones(size, bool) if view.visible is None else view.visible)
            assert view.count == fresh.count == len(visible)
            assert np.array_equal(view.previous[visible], fresh.previous[visible])
            assert np.array_equal(view.following[visible], fresh.following[visible])


def _or(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else to_micros(moment)
