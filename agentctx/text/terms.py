"""Splitting text into search terms: words, folded and stemmed, without the words that carry no topic."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import Stemmer

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
# Scripts written without spaces: a run of them is cut into overlapping pairs, the usual index unit for them.
UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")

STOP_WORDS: Final = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing down during each few for from further had has have having he her here
    hers herself him himself his how i if in into is it its itself just let me more most my myself no nor not of off
    on once only or other our ours ourselves out over own same shall she should so some such than that the their
    theirs them themselves then there these they this those through to too under until up us very was we were what
    when where which while who whom whose why will with would you your yours yourself yourselves
    s t d ll m re ve im ive
    """.split()
)
# What stands before the apostrophe of "won't" and its like; without one, "won" is a word.
_CONTRACTED: Final = STOP_WORDS | frozenset(
    """
    don didn doesn isn aren wasn weren won wouldn couldn shouldn hasn haven hadn ain mightn mustn needn shan
    """.split()
)
_LONGEST: Final = 64  # characters of a word that take part; nobody asks for the rest of a base64 run
_MEMO: Final = 200_000

_memo: dict[str, tuple[tuple[str, str], ...]] = {}
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Document:
    """The terms of a text: how often each occurs, its first spelling, and how many occurrences there are in all."""

    counts: dict[str, int]
    spelling: dict[str, str]
    length: int


class Word(NamedTuple):
    """A word of a query: its term, its lower-case spelling, and where it stands."""

    term: str
    spelling: str
    start: int


def analyze(text: str) -> Document:
    """The terms of a text to be indexed. Some 10 us for a chat turn; pure."""
    counts: dict[str, int] = {}
    spelling: dict[str, str] = {}
    length = 0
    for word in _WORD.findall(_fold(text).lower()):
        for term, surface in _memo.get(word) or _terms_of(word):
            length += 1
            seen = counts.get(term)
            if seen is None:
                counts[term] = 1
                spelling[term] = surface
            else:
                counts[term] = seen + 1
    return Document(counts, spelling, length)


def words(text: str) -> Iterator[Word]:
    """The words of a query that carry a topic, in order, with their place in `fold(text)`."""
    for term, surface, start in placed_terms(_fold(text)):
        yield Word(term, surface, start)


def placed_terms(folded: str) -> list[tuple[str, str, int]]:
    """The same of a folded text, as plain tuples."""
    found: list[tuple[str, str, int]] = []
    known = _memo.get
    for match in _WORD.finditer(folded):
        word = match[0].lower()
        made = known(word)
        for term, surface in _terms_of(word) if made is None else made:
            found.append((term, surface, match.start()))
    return found


def stem(word: str) -> str:
    """The stem of one lower-case word, a stop word's too."""
    stemmed: str = _stemmer().stemWord(word)
    return stemmed


def fold(text: str) -> str:
    """Text with compatibility forms and typographic apostrophes made plain, case kept."""
    return _fold(text)


def _fold(text: str) -> str:
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    while "\u0130" in folded:  # its lower case is two characters: it would be cut apart in a text, not in a query
        folded = unicodedata.normalize("NFKC", folded.replace("\u0130", "I"))
    return folded


def _terms_of(word: str) -> tuple[tuple[str, str], ...]:
    """The (term, spelling) pairs of one lower-case word: usually one, none for a stop word."""
    key = word
    known = _memo.get(key)
    if known is not None:
        return known
    made: tuple[tuple[str, str], ...]
    if word.isalpha() and word.isascii() and len(word) <= _LONGEST:  # most are such: nothing to take apart
        made = () if word in STOP_WORDS else ((_stemmer().stemWord(word), word),)
        return _remembered(key, made)
    base, _, rest = word.partition("'")
    if len(base) == 1 and len(rest) > 2:
        word = base = rest  # O'Brien, d'Artagnan, o'clock: the letter is an article or less
    if word in STOP_WORDS or (base != word and base in _CONTRACTED):
        made = ()
    elif not word.isascii() and UNSPACED.search(word):
        made = tuple((pair, pair) for pair in _pairs(word))
    else:
        base = base[:_LONGEST]
        made = ((_stemmer().stemWord(base), base),)
    return _remembered(key, made) if len(key) <= _LONGEST else made  # a long one is hardly met again


def _remembered(key: str, made: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if len(_memo) > _MEMO:
        _memo.clear()
    _memo[key] = made
    return made


def _pairs(word: str) -> Iterator[str]:
    for run in UNSPACED.findall(word):
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
    yield from (rest for rest in UNSPACED.split(word) if rest)


def _stemmer() -> Stemmer.Stemmer:
    """A stemmer of this thread: one object may not be used by two threads at once."""
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return stemmer
