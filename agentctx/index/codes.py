"""Short codes of vectors: the signs of a rotated, centred vector, and what they say about an inner product.

With x = centre + r and q = centre + s, the product is q.x = s.r + x.centre + what only q decides. The angle between
r and s is read off the share of their signs that differ (after a rotation every sign is worth the same), so that
32 bytes and two numbers a row place a 256-d vector well enough to choose which rows to score exactly.
docs/consolidation.md has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx import kernels
from agentctx.index.blas import one_thread

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint64]
"""A column a row: first the words of signs, then, as two float32 in one word, the distance from the centre and the
product with it."""

_WORD: Final = 64
_BLOCK: Final = 16_384  # rows whose codes are looked at in one go: what is worked on stays in the processor's cache


class Coder:
    """Makes codes of vectors of one width around one centre. Immutable.

    The rotation is fixed by the width alone and made of whole numbers, so that codes may be stored.
    """

    def __init__(self, centre: Floats) -> None:
        self.centre = np.ascontiguousarray(centre, dtype=np.float32)
        self.words = words_for(len(centre)) - 1
        self._rotation = rotation(len(centre))

    def encode(self, vectors: Floats) -> Codes:
        """The codes of vectors, a column each."""
        apart = vectors - self.centre
        codes = np.empty((self.words + 1, len(vectors)), dtype=np.uint64)
        codes[:-1] = self._signs(apart)
        numbers = codes[-1].view(np.float32)
        numbers[::2] = np.sqrt(np.vecdot(apart, apart))
        numbers[1::2] = np.vecdot(vectors, self.centre)
        return codes

    def aim(self, query: Floats) -> Aim:
        """A query made ready to be compared with codes."""
        native = kernels.compiled
        if native is not None:
            signs, says = np.empty(self.words, dtype=np.uint64), np.empty(self.words * _WORD + 1, dtype=np.float32)
            query = np.ascontiguousarray(query, dtype=np.float32)
            same = native.aim(query, self.centre, _flips(len(query)), _cosines(self.words * _WORD), signs, says)
            return Aim(signs, says, np.float32(same))
        apart = query - self.centre
        says = _cosines(self.words * _WORD) * np.sqrt(np.vecdot(apart, apart))
        return Aim(self._signs(apart[None, :])[:, 0], says, np.float32(np.vecdot(apart, self.centre)))

    def _signs(self, apart: Floats) -> Codes:
        with one_thread():
            turned = apart @ self._rotation
        packed = np.packbits(turned > 0, axis=1)
        return packed.view(np.uint64).T


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """A query against codes. signs: of its words. says: by how many signs differ. same: what all products share."""

    signs: Codes
    says: Floats
    same: np.float32

    def estimate(self, codes: Codes, places: npt.NDArray[np.integer[Any]] | None = None) -> Floats:
        """The products with some rows, as their codes tell; with those at some places only, if these are given."""
        native = kernels.compiled
        if native is not None:
            found = np.empty(codes.shape[1] if places is None else len(places), dtype=np.float32)
            if places is None:
                native.estimate_all(codes, None, found, self.signs, self.says, self.same)
            else:
                native.estimate_rows(codes, codes[:, :0], None, places, found, self.signs, self.says, self.same)
            return found
        # One byte holds a count of 256 as 0: the exact opposite of the query, which the exact score then drops.
        count: type[np.uint8 | np.uint16] = np.uint8 if len(self.says) <= 257 else np.uint16
        size = codes.shape[1] if places is None else len(places)
        found = np.empty(size, dtype=np.float32)
        width = min(size, _BLOCK)
        differ = np.empty(width, dtype=np.uint64)
        ones, total = np.empty(width, dtype=np.uint8), np.empty(width, dtype=count)
        for start in range(0, size, _BLOCK):
            end = min(start + _BLOCK, size)
            x, b, t, f = differ[: end - start], ones[: end - start], total[: end - start], found[start:end]
            t.fill(0)
            for word, pattern in zip(codes, self.signs, strict=False):
                if places is None:
                    np.bitwise_xor(word[start:end], pattern, out=x)
                else:
                    np.take(word, places[start:end], out=x, mode="clip")
                    np.bitwise_xor(x, pattern, out=x)
                np.bitwise_count(x, out=b)
                np.add(t, b, out=t)
            np.take(self.says, t, out=f, mode="clip")
            last = codes[-1, start:end] if places is None else codes[-1].take(places[start:end], mode="clip")
            numbers = last.view(np.float32)
            f *= numbers[::2]
            f += numbers[1::2]
        found += self.same
        return found


@lru_cache(maxsize=4)
def _cosines(bits: int) -> Floats:
    """By how many of so many signs differ, the cosine of the angle that they tell."""
    cosines: Floats = np.cos(np.arange(bits + 1, dtype=np.float32) * np.float32(np.pi / bits))
    return cosines


def words_for(dimensions: int) -> int:
    """The words of a code: those of the signs, and one of the numbers."""
    return -(-dimensions // _WORD) + 1


@lru_cache(maxsize=4)
def rotation(dimensions: int) -> Floats:
    """A fixed rotation that spreads what a vector says evenly over its numbers, padded to whole words of bits."""
    flips = _flips(dimensions)
    size = flips.shape[1]
    matrix = np.eye(size)
    for flip in flips:  # signs drawn by a hash, then a Hadamard transform, three times
        matrix = matrix * flip
        step = 1
        while step < size:
            pairs = matrix.reshape(size, -1, 2, step)
            matrix = np.stack((pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]), axis=2)
            step *= 2
        matrix = matrix.reshape(size, size)
    bits = -(-dimensions // _WORD) * _WORD
    return np.ascontiguousarray(matrix[:dimensions, :bits] / size**1.5, dtype=np.float32)


@lru_cache(maxsize=4)
def _flips(dimensions: int) -> Floats:
    """The signs that are drawn each time."""
    size = 1 << max(6, (dimensions - 1).bit_length())
    return np.stack([_signs_of(turn, size) for turn in range(3)]).astype(np.float32)


def _signs_of(turn: int, size: int) -> npt.NDArray[np.float64]:
    """1 or -1 by place: the top bit of SplitMix64."""
    with np.errstate(over="ignore"):
        z = (np.arange(size, dtype=np.uint64) + np.uint64(turn * size + 1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.where(z >> np.uint64(63), 1.0, -1.0)
