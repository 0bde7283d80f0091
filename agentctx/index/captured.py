"""An index as arrays, for a snapshot, and made of them again."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.columns import Columns
from agentctx.index.episodes import EpisodeIndex
from agentctx.index.expiry import FOREVER
from agentctx.index.growable import Growable
from agentctx.index.history import CHANGING, History
from agentctx.index.lexical import LexicalIndex
from agentctx.index.names import Names
from agentctx.index.tags import TagIndex
from agentctx.index.temporal import TemporalIndex
from agentctx.index.vectors import VectorIndex
from agentctx.types import Revision

_COUNTS: Final = ("length", "times_told", "asks")  # columns made of the text


@dataclass(frozen=True, slots=True)
class Capture:
    """What an index was at one moment: numbers, arrays by reference, and functions for such as are made on demand."""

    revision: Revision
    meta: Mapping[str, Any]
    arrays: Mapping[str, Any]


def capture(index: EpisodeIndex) -> Capture:
    """The index, whose lock is held, as it is now; to be written without the lock.

    What changes meanwhile in the columns is undone in the copies that are written.
    """
    parts: dict[str, Mapping[str, Any]] = {
        "columns": index.columns.arrays(),
        "counts": {name: getattr(index, name).array for name in _COUNTS},
        "lexical": index.lexical.arrays(),
        "tags": index.tags.arrays(),
        "vectors": index.vectors.arrays(),
        "timeline": index.timeline.arrays(),
        "recordings": index.recordings.arrays(),
    }
    arrays = {f"{name}.{key}": one for name, some in parts.items() for key, one in some.items()}
    history, entries = index.columns.history, len(index.columns.history)
    for name in CHANGING:
        arrays[f"columns.{name}"] = partial(_as_captured, arrays[f"columns.{name}"], name, history, entries)
    meta = {
        "epoch": index.revision.epoch,
        "sequence": index.revision.sequence,
        "rows": len(index),
        "now": index._now,
        "last_sequence": index.last_sequence,
        "last_recorded": index.last_recorded,
        "without_vector": index.without_vector,
    }
    return Capture(index.revision, meta, arrays)


def restoring(
    index: EpisodeIndex, meta: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> Generator[None, None, None]:
    """Make an empty index what one was when it was captured, in small steps. O(n).

    What does not fit together raises some exception, and the index is of no use then.
    """
    parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
    for name, one in arrays.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = one
    index.advance(Revision(meta["epoch"], meta["sequence"]))
    index.last_sequence, index.last_recorded = meta["last_sequence"], meta["last_recorded"]
    index.without_vector = meta["without_vector"]
    for name in _COUNTS:
        setattr(index, name, Growable.of(parts["counts"][name]))
    index._use(Columns.restore(parts["columns"]))
    yield
    index.tags = TagIndex.restore(parts["tags"])
    yield
    index.vectors = VectorIndex.restore(parts["vectors"])
    yield
    index.timeline = TemporalIndex.restore(parts["timeline"])
    index.recordings = TemporalIndex.restore(parts["recordings"])
    yield
    tags = index.columns.of["tags"].array, index.columns.history.columns["tags"].array
    index.labels.take_all(np.concatenate(tags))
    index._now = meta["now"]
    index._live.rebuild((index.deleted.array == FOREVER) & (index.expires.array > index._now))
    index._expiry.start(index.expires.array, index._now)
    visible = index._live.visible.array
    index.names = Names.of(index.speakers, index.speaker.array[visible])
    yield
    index.lexical = LexicalIndex.restore(parts["lexical"], index.session, index._live.run, index.length)
    index.lexical.hide(np.flatnonzero(~visible))
    index.lexical.show(np.flatnonzero(visible))


def _as_captured(column: npt.NDArray[Any], name: str, history: History, entries: int) -> npt.NDArray[Any]:
    """A copy of a column without the changes that came when the history had `entries` already."""
    copied = np.array(column)
    earlier = history.since(entries)
    known = earlier.rows < len(copied)
    copied[earlier.rows[known]] = earlier.columns[name][known]
    return copied
