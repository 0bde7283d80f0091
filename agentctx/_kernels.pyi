"""The compiled kernels, one stub each; native/ has the sources, docs/kernels.md the reasons."""

from array import array
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_F4 = npt.NDArray[np.float32]
_F8 = npt.NDArray[np.float64]
_I2 = npt.NDArray[np.int16]
_I4 = npt.NDArray[np.int32]
_I8 = npt.NDArray[np.int64]
_U1 = npt.NDArray[np.uint8]
_U8 = npt.NDArray[np.uint64]
_B1 = npt.NDArray[np.bool_]

INTERFACE: int

# --- score.c, question.c ----------------------------------------------------------------------------------------------

_T = TypeVar("_T")
_Tails = tuple[tuple[int, _I8, _I4, _U1], ...]
_Newer = tuple[tuple[Any, ...], ...]

def lay_out(
    own: _I4,
    shares: _F4,
    slot: _I8,
    number: _I4,
    strength: _F4,
    code: _I2,
    codes: _I4,
    worth: _F4,
    pair_starts: _I8,
    pair_word: _I8,
    pair_strength: _F4,
    least: float,
    /,
) -> tuple[int, int, int]:
    """Which terms count for which words; how many codes and pairs were written, and how many codes are worth `least`.

    Written: codes, worth, pair_starts, pair_word, pair_strength.
    """

def score(
    numbers: array[float],
    bare: _F4,
    codes: _I4,
    pair_starts: _I8,
    pair_word: _I8,
    pair_strength: _F4,
    code: _I2,
    row_starts: _I8,
    terms: _I4,
    row_counts: _U1,
    length: _F4,
    tails: _Tails,
    own: _I4,
    previous: _I4,
    following: _I4,
    run: _I4,
    session: _I4,
    asks: _F4,
    times_told: _F4,
    speaker: _I4,
    role: _I4,
    occurred: _I8,
    run_length: _F8,
    run_starts: _I8,
    runs: _I4,
    totals: _I4,
    shown: _B1 | None,
    named: _I4,
    roles: _I4,
    role_weights: _F4,
    hints: _I8,
    slopes: _F8,
    newer: _Newer,
    past_runs: _I4 | None,
    past_totals: _I8 | None,
    rows: _I8,
    products: _F4 | None,
    total: _F4,
    found: _B1,
    values: _F4,
    /,
) -> int:
    """The exact score of some rows; how many occurrences of terms were looked at. Written: total, found, values."""

def explain(
    numbers: array[float],
    bare: _F4,
    codes: _I4,
    pair_starts: _I8,
    pair_word: _I8,
    pair_strength: _F4,
    code: _I2,
    row_starts: _I8,
    terms: _I4,
    row_counts: _U1,
    length: _F4,
    tails: _Tails,
    rows: _I8,
    total: _F4,
    parts: _F4,
    spellings: tuple[str, ...],
    names: tuple[str, ...],
    reasons: tuple[tuple[int, str], ...],
    nil: float,
    worth: float,
    says: str,
    says_like: str,
    comma: str,
    make: Callable[[float, dict[str, float], tuple[str, ...]], _T],
    /,
) -> list[_T]:
    """What is told of some rows: the score, its parts by name, and in words what spoke for each."""

def best_of(rows: _I8, total: _F4, found: _B1, places: _I8, /) -> int:
    """Where the best rows stand that something speaks for, best first; how many. Written: places."""

# --- loading.c --------------------------------------------------------------------------------------------------------

def enter_terms(
    documents: list[Mapping[str, int]],
    new: dict[str, int],
    seen: dict[str, int],
    enter: Callable[[str], int],
    ends: _I8,
    terms: _I4,
    counts: _U1,
    /,
) -> int:
    """The terms of documents by number, from two dicts or else from `enter`; how many. Written: ends, terms, counts."""

def enter_rows(
    postings: dict[int, Any],
    heard: list[set[int]],
    first: int,
    base_runs: int,
    fresh_at: int,
    unsure_at: int,
    starts: _I8,
    terms: _I4,
    counts: _U1,
    runs: _I4,
    alone: _B1,
    fresh: _I4,
    unsure: _I8,
    /,
) -> tuple[int, int]:
    """Enter rows in a tail: its postings and the last of `heard`. How far fresh and unsure, written, are filled."""

# --- codes.c, vectors.c -----------------------------------------------------------------------------------------------

def aim(query: _F4, centre: _F4, flips: _F4, cosines: _F4, signs: _U8, says: _F4, /) -> float:
    """A query made ready to be compared with codes: what all its products share. Written: signs, says."""

def estimate_all(codes: _U8, order: _I4 | None, found: _F4, signs: _U8, says: _F4, same: float, /) -> None:
    """About the products with each row of some codes. order: the row at each place. Written: found, by row."""

def estimate_rows(
    base: _U8, tail: _U8, place: _I4 | None, rows: _I4 | _I8, found: _F4, signs: _U8, says: _F4, same: float, /
) -> None:
    """The same of some rows, by the codes of a base and of a tail. place: in the base, by row. Written: found."""

def choose_cells(
    codes: _U8, offsets: _I8, cells: _I8, signs: _U8, says: _F4, same: float, wanted: int, /
) -> tuple[int, int]:
    """The fewest cells most like a query that hold `wanted` rows; how many, and how many rows. Written: cells."""

def estimate_cells(
    base: _U8,
    tail: _U8,
    cells: _I8,
    offsets: _I8,
    order: _I4,
    rows: _I4,
    found: _F4,
    signs: _U8,
    says: _F4,
    same: float,
    /,
) -> None:
    """About the products with all rows of some cells and of the tail. Written: rows, found, which these just fill."""

def score_rows(
    base: _I2,
    tail: _I2,
    base_scale: _F4,
    tail_scale: _F4,
    place: _I4 | None,
    rows: _I4 | _I8,
    query: _F4,
    found: _F4,
    /,
) -> None:
    """The products with some rows of a base and a tail; of each the same, whatever the others are. Written: found."""

def best_first(rows: _I4, scores: _F4, allowed: _B1 | None, about: int, /) -> int:
    """Bring the allowed rows of `about` so many highest scores to the front, best first; how many. Written: both."""

# --- words.c, pool.c --------------------------------------------------------------------------------------------------

def add_up(
    starts: _I8,
    rows: _I4,
    impacts: _U1,
    terms: _I4,
    weights: _F4,
    sums: _F4,
    sample: _F4,
    known: int,
    most: int,
    wanted: int,
    /,
) -> tuple[int, int, int]:
    """Set the first `known` sums to what the lists of some terms come to; (occurrences, terms) looked at, sampled.

    Written: sums, sample (of about `wanted` occurrences the sums of their rows).
    """

def reach_out(
    promise: _F4,
    reached: _F4,
    following: _I4,
    previous: _I4,
    asks: _F4,
    shares: _F4,
    sample: _F4,
    loud: _I4,
    hearers: _I4,
    floor: float,
    louder: int,
    /,
) -> int:
    """Add what the rows say that promise most to the rows around them; how many were reached, -1 if it cannot be told.

    These promise `floor`, and as much as all but `louder` of the sample.

    Written: promise, reached, hearers (the rows that were reached); loud is working memory.
    """

def draw_near(rows: _I4, occurred: _I8, bounds: _I8, widths: _F8, promise: _F4, weight: float, /) -> None:
    """Add to what is promised of some rows how near each is to a range of time."""

def choose(
    numbers: _F4,
    promise: _F4,
    reached: _F4,
    length: _F4,
    told: _F4,
    previous: _I4,
    role: _I4,
    speaker: _I4,
    occurred: _I8 | None,
    roles: _I4,
    role_weights: _F4,
    named: _B1,
    bounds: _I8 | None,
    widths: _F8 | None,
    allowed: _B1 | None,
    offered: _I4,
    marks: _I4,
    rows: _I4,
    guess: _F4,
    promised: int,
    wanted: int,
    /,
) -> tuple[int, float]:
    """Choose about `wanted` of about `promised` rows that promise most; how many, and what the others promise at most.

    Written: rows, guess. marks are 0 before and after.
    """

def choose_by_all(
    numbers: _F4,
    promise: _F4,
    reached: _F4,
    length: _F4,
    told: _F4,
    previous: _I4,
    role: _I4,
    speaker: _I4,
    occurred: _I8 | None,
    roles: _I4,
    role_weights: _F4,
    named: _B1,
    bounds: _I8 | None,
    widths: _F8 | None,
    allowed: _B1 | None,
    products: _F4,
    rows: _I4,
    guess: _F4,
    wanted: int,
    /,
) -> int:
    """Choose about `wanted` rows by what is promised of each and its product with the query; how many.

    Written: rows, guess.
    """

def join_like(
    numbers: _F4,
    promise: _F4,
    reached: _F4,
    length: _F4,
    told: _F4,
    previous: _I4,
    role: _I4,
    speaker: _I4,
    occurred: _I8 | None,
    roles: _I4,
    role_weights: _F4,
    named: _B1,
    bounds: _I8 | None,
    widths: _F8 | None,
    allowed: _B1 | None,
    near: _F4,
    like: _I4,
    products: _F4,
    marks: _I4,
    rows: _I4,
    guess: _F4,
    wanted: int,
    nearest: int,
    /,
) -> tuple[int, int, float, float]:
    """Add about `wanted` of the rows of `like` to the `len(near)` that are there; nearest: -1 for no cut of products.

    (How many there are now, rows worth it for their vectors, the cut, a product that few exceed.) Written: rows, guess.
    """

def settle(rows: _I4, guess: _F4, reached: _F4, hearers: _I4, count: int, /) -> None:
    """Put rows in order of their guesses, and set what reached the first `count` hearers back to 0."""

# --- wording.c --------------------------------------------------------------------------------------------------------

def sum_of_rows(rows: npt.NDArray[np.int8], scale: _F4, ids: list[int], out: _F4, /) -> None:
    """Write the sum of some rows, each times its scale, made of length 1; zeros where it is none. Written: out."""

def shares_of_words(
    own: list[int],
    weights: list[float],
    row_of: list[int],
    ids: npt.NDArray[np.uint16],
    near: _U1,
    number_of: _I4,
    rows: _I4,
    runs: _I4,
    slot: _I8,
    number: _I4,
    strength: _F4,
    all_rows: float,
    all_runs: float,
    half: float,
    saturation: float,
    most: int,
    visible_only: bool,
    /,
) -> tuple[int, tuple[float, ...]]:
    """How many terms of like meaning there are, and the share of each word. Written: slot, number, strength."""

def number_of_term(text: _U1, ends: _I8, hashes: _U8, order: _I4, term: bytes, hash: int, /) -> int:
    """The number of a term in a table of terms, -1 for one that is not there."""
