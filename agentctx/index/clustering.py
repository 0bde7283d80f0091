"""Groups of similar vectors, of bounded size, made in small units of work.

Every function here is a generator that yields after each unit and returns its result, so that whoever runs it can
give way, report progress or stop at any point. Nothing is changed but what is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.blas import one_thread
from agentctx.index.layout import Layout

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Take = Callable[[npt.NDArray[np.integer]], Floats]
Steps = Generator[None, None, Any]

_PRODUCTS: Final = 1 << 18  # of a row with a centroid, in one unit
_SAMPLE: Final = 48  # rows a cluster that the centroids are learnt from
_ROUNDS: Final = 6
_LARGEST: Final = 4  # times the mean size; a larger cluster is split
_CELL: Final = 128  # rows of a cell, about
_CELL_ROUNDS: Final = 4
_PLACED: Final = 16_384  # rows whose place is found in one unit


def clusters_for(rows: int) -> int:
    """How many clusters so many rows are best laid out in."""
    return max(1, min(rows, int(2 * rows**0.5)))


def sampled(size: int, wanted: int) -> npt.NDArray[np.int64]:
    """Some of the rows 0 to size - 1, ascending: one of each stretch of equal length; always the same ones."""
    wanted = min(size, wanted)
    stretch = np.arange(wanted) + np.random.default_rng(size).random(wanted)
    return (stretch * (size / max(wanted, 1))).astype(np.int64)


def learn(take: Take, size: int, centroids: Floats) -> Generator[None, None, Floats]:
    """Centroids that suit the rows 0 to size - 1, from first guesses; spherical k-means over a sample."""
    generator = np.random.default_rng(size)
    sample = sampled(size, _SAMPLE * len(centroids))
    for _ in range(_ROUNDS):
        sums = np.zeros(centroids.shape, dtype=np.float32)
        for rows in _units(sample, len(centroids)):
            vectors = take(rows)
            gather(sums, vectors, _nearest(vectors, centroids))
            yield
        empty = np.flatnonzero(~sums.any(axis=1))
        sums[empty] = take(generator.choice(sample, len(empty)))
        centroids = unit_length(sums)
    return centroids


def assign(take: Take, size: int, centroids: Floats) -> Generator[None, None, tuple[Numbers, Floats]]:
    """The cluster of each row, none empty and none larger than four times the mean, and the clusters' centroids."""
    labels = np.empty(size, dtype=np.int32)
    sums = np.zeros(centroids.shape, dtype=np.float32)
    for rows in _units(np.arange(size), len(centroids)):
        vectors = take(rows)
        labels[rows] = _nearest(vectors, centroids)
        gather(sums, vectors, labels[rows])
        yield
    most = max(_LARGEST * size // len(centroids), 2)
    pending = np.flatnonzero(np.bincount(labels, minlength=len(centroids)) > most).tolist()
    more: list[Floats] = list(sums)
    while pending:
        cluster = pending.pop()
        rows = np.flatnonzero(labels == cluster)
        yield
        second = yield from _halves(take, rows)
        labels[rows[second]] = len(more)
        for number, half in ((cluster, rows[~second]), (len(more), rows[second])):
            total = np.zeros(centroids.shape[1], dtype=np.float32)
            for part in _units(half, 64):
                total += take(part).sum(axis=0)
                yield
            more[number : number + 1] = [total]
            if len(half) > most:
                pending.append(number)
    used = np.bincount(labels, minlength=len(more)) > 0
    dense = (np.cumsum(used) - 1).astype(np.int32)
    for first in range(0, size, _PLACED):
        labels[first : first + _PLACED] = dense[labels[first : first + _PLACED]]
        yield
    return labels, unit_length(np.array(more)[used])


def lay_out(take: Take, labels: Numbers, centroids: Floats) -> Generator[None, None, Layout]:
    """The layout of rows with these clusters; similar clusters lie side by side, so that a search reads few blocks."""
    chain = yield from _chain(centroids)
    number = np.empty(len(chain), dtype=np.int32)
    number[chain] = np.arange(len(chain), dtype=np.int32)
    counts = np.bincount(labels, minlength=len(chain))[chain]
    yield
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    order = np.empty(len(labels), dtype=np.int32)
    free = offsets[:-1].copy()
    for first in range(0, len(labels), _PLACED):
        chosen = number[labels[first : first + _PLACED]]
        by_cluster = np.argsort(chosen, kind="stable")
        chosen = chosen[by_cluster]
        found, begins, many = np.unique(chosen, return_index=True, return_counts=True)
        order[np.repeat(free[found] - begins, many) + np.arange(len(chosen))] = first + by_cluster
        free[found] += many
        yield
    sizes: list[int] = []
    cells: list[Floats] = []
    cluster_cells = [0]
    for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        rows = order[first:end]
        cell, middles = _cells(take(rows), -(-len(rows) // _CELL))
        order[first:end] = rows[np.argsort(cell, kind="stable")]
        sizes += np.bincount(cell).tolist()
        cells.append(middles)
        cluster_cells.append(len(sizes))
        yield
    place = np.empty(len(order), dtype=np.int32)
    for first in range(0, len(order), _PLACED):
        some = order[first : first + _PLACED]
        place[some] = np.arange(first, first + len(some), dtype=np.int32)
        yield
    return Layout(
        order,
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate(cells),
        np.array(cluster_cells, dtype=np.int64),
        np.ascontiguousarray(centroids[chain]),
        place,
    )


def unit_length(vectors: Floats) -> Floats:
    """The vectors at length 1; zeros stay zeros."""
    length = np.sqrt(np.vecdot(vectors, vectors))
    return (vectors / np.where(length > 0, length, 1)[:, None]).astype(np.float32, copy=False)


def _units(rows: npt.NDArray[np.integer], clusters: int) -> Generator[npt.NDArray[np.integer], None, None]:
    step = max(16, min(512, _PRODUCTS // max(clusters, 1)))
    for first in range(0, len(rows), step):
        yield rows[first : first + step]


def _nearest(vectors: Floats, centroids: Floats) -> npt.NDArray[np.intp]:
    with one_thread():
        cosines = vectors @ centroids.T
    found: npt.NDArray[np.intp] = cosines.argmax(axis=1)
    return found


def gather(sums: Floats, vectors: Floats, clusters: npt.NDArray[np.integer]) -> None:
    """Add each vector to the sum of its cluster."""
    order = np.argsort(clusters, kind="stable")
    found, begins = np.unique(clusters[order], return_index=True)
    sums[found] += np.add.reduceat(vectors[order], begins, axis=0)


def _halves(take: Take, rows: npt.NDArray[np.integer]) -> Generator[None, None, npt.NDArray[np.bool_]]:
    """Which rows form the second of two groups; by place where their vectors do not tell them apart."""
    sample = rows[:: max(1, len(rows) // 256)]
    vectors = take(sample)
    first = vectors[0]
    pair = np.stack((first, vectors[np.argmin(np.vecdot(vectors, first))]))
    yield
    for _ in range(4):
        closer = _nearest(vectors, pair)
        if not 0 < closer.sum() < len(closer):
            break
        pair = unit_length(np.stack((vectors[closer == 0].sum(axis=0), vectors[closer == 1].sum(axis=0))))
        yield
    second = np.empty(len(rows), dtype=np.bool_)
    place = 0
    for part in _units(rows, 64):
        second[place : place + len(part)] = _nearest(take(part), pair) == 1
        place += len(part)
        yield
    if not len(rows) // 8 < second.sum() < len(rows) - len(rows) // 8:
        second = np.arange(len(rows)) >= len(rows) // 2
    return second


def _cells(vectors: Floats, many: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """The cell of each of a cluster's rows, at most so `many`, none empty, and their centroids."""
    centroids = vectors[:: -(-len(vectors) // many)]
    cell = np.zeros(len(vectors), dtype=np.intp)
    for _ in range(_CELL_ROUNDS):
        _, cell = np.unique(_nearest(vectors, centroids), return_inverse=True)
        sums = np.zeros((int(cell.max()) + 1, vectors.shape[1]), dtype=np.float32)
        gather(sums, vectors, cell)
        centroids = unit_length(sums)
    return cell, centroids


def _chain(centroids: Floats) -> Generator[None, None, npt.NDArray[np.intp]]:
    """An order of the clusters in which neighbours are alike: from each on to the most similar one that is left."""
    left = np.zeros(len(centroids), dtype=np.float32)
    chain = np.zeros(len(centroids), dtype=np.intp)
    for place in range(1, len(centroids)):
        at = chain[place - 1]
        left[at] = -np.inf
        chain[place] = np.argmax(np.vecdot(centroids, centroids[at]) + left)
        if not place % 8:
            yield
    return chain
