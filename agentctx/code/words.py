"""Words of code as search terms: identifiers whole and in their parts, prose stemmed, each term a 48-bit hash.

`getHTTPResponse` gives `get`, `http`, `response` and `gethttpresponse`, which `get_http_response` gives too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import Stemmer

from agentctx.text.hashes import hash_of
from agentctx.text.terms import STOP_WORDS, UNSPACED, words

WORD: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
"""A run of letters, digits and underscores in UTF-8."""
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_LONGEST: Final = 80  # bytes; beyond are hashes and encoded data, which nobody asks for
_LONGEST_NUMBER: Final = 8
_MEMO: Final = 300_000
# Words of most functions of some language: as evidence they are worth nothing, as postings they cost the most.
_SILENT: Final = STOP_WORDS | frozenset("self def return elif else try except var const func fn end".split())

_BITS: Final = (1 << 48) - 1

Terms = tuple[int, ...]
Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_IS_WORD: Final = np.array([WORD.match(bytes([byte])) is not None for byte in range(256)])

_local = threading.local()


def term_hash(term: str) -> int:
    """48 bits of a term: of a million, one pair or none is taken for the same."""
    return hash_of(term) & _BITS


class Vocabulary:
    """Remembers the terms of words, as hashes and as small codes. One for each thread.

    A word in a text has no term when it is a stop word, a single letter or encoded data; in a name every one counts.
    """

    def __init__(self) -> None:
        stemmer = Stemmer.Stemmer("english")
        self._text = _Table(stemmer, silent=True)
        self._name = _Table(stemmer, silent=False)

    def of_text(self, word: bytes) -> Terms:
        """The terms of a word that `WORD` found in a text."""
        return self._text.terms(word)

    def of_name(self, word: bytes) -> Terms:
        """The terms of a word that `WORD` found in a name."""
        return self._name.terms(word)

    def expand_text(self, text: bytes) -> tuple[Places, Hashes]:
        """Every term in a text: the byte that its word begins at, and its hash. In order; 25 MB a second."""
        return self._text.expand(text)

    def expand_names(self, text: bytes) -> tuple[Places, Hashes]:
        """The same of a text that is made of names."""
        return self._name.expand(text)


class _Table(dict[bytes, int]):
    """Codes of words, made when they are asked for; the terms of code c are terms[starts[c]:starts[c] + counts[c]]."""

    def __init__(self, stemmer: Stemmer.Stemmer, *, silent: bool) -> None:
        super().__init__()
        self._stemmer = stemmer
        self._silent = silent
        self._made: list[Terms] = []
        self._flushed = 0
        self._starts = np.zeros(1024, dtype=np.int64)
        self._counts = np.zeros(1024, dtype=np.int64)
        self._terms = np.zeros(2048, dtype=np.uint64)

    def terms(self, word: bytes) -> Terms:
        """The terms of one word."""
        return self._made[self[word]]

    def __missing__(self, word: bytes) -> int:
        self._made.append(tuple(map(term_hash, spell(word, self._stemmer, silent=self._silent))))
        code = self[word] = len(self._made) - 1
        return code

    def expand(self, text: bytes) -> tuple[Places, Hashes]:
        """See `Vocabulary.expand_text`."""
        if len(self._made) > _MEMO:
            self.clear()
            self._made.clear()
            self._flushed = 0
        inside = _IS_WORD[np.frombuffer(text, dtype=np.uint8)]
        places = np.flatnonzero(inside[1:] > inside[:-1]) + 1
        if inside[:1].any():
            places = np.concatenate(([0], places))
        codes = np.fromiter(map(self.__getitem__, WORD.findall(text)), dtype=np.int64, count=len(places))
        self._flush()
        counts = self._counts[codes]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(self._starts[codes] - ends + counts, counts)
        return np.repeat(places, counts), self._terms[at]

    def _flush(self) -> None:
        """Put the terms of new words into the arrays."""
        new = self._made[self._flushed :]
        if not new:
            return
        first = int(self._starts[self._flushed - 1] + self._counts[self._flushed - 1]) if self._flushed else 0
        counts = np.fromiter(map(len, new), dtype=np.int64, count=len(new))
        end = len(self._made)
        self._starts = _grown(self._starts, end)
        self._counts = _grown(self._counts, end)
        self._terms = _grown(self._terms, first + int(counts.sum()))
        self._counts[self._flushed : end] = counts
        self._starts[self._flushed : end] = first + np.cumsum(counts) - counts
        flat = list(chain.from_iterable(new))
        self._terms[first : first + len(flat)] = np.array(flat, dtype=np.uint64)
        self._flushed = end


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


def spell(word: bytes, stemmer: Stemmer.Stemmer, *, silent: bool) -> list[str]:
    """The terms of a word as text, each once, the whole identifier last. silent: without those that carry no topic."""
    if len(word) > _LONGEST:
        return []
    text = word.decode("utf-8", "replace")
    if not text.isascii():
        plain = text.replace("_", "").lower()
        if plain.isalnum() and not UNSPACED.search(plain):
            return [plain]  # most words of other languages; the general way costs ten times as much
        return list(dict.fromkeys(one.term for one in words(text.replace("_", " "))))
    parts = [part.lower() for part in _PART.findall(text)]
    if not parts:
        return []
    if len(parts) == 1:
        only = parts[0]
        if only.isdigit():
            return [only] if not silent or 1 < len(only) <= _LONGEST_NUMBER else []
        return [] if silent and (len(only) == 1 or only in _SILENT) else [stemmer.stemWord(only)]
    kept = (part for part in parts if not silent or (len(part) > 1 and part not in _SILENT))
    terms = [stemmer.stemWord(part) for part in kept]
    return list(dict.fromkeys((*terms, stemmer.stemWord("".join(parts)))))


def vocabulary() -> Vocabulary:
    """The one of this thread."""
    found: Vocabulary | None = getattr(_local, "vocabulary", None)
    if found is None:
        found = _local.vocabulary = Vocabulary()
    return found


def find_words(text: str) -> Iterator[bytes]:
    """The words of a text in order, duplicates included."""
    return iter(WORD.findall(text.encode("utf-8", "replace")))
