"""A query as weighted terms and as names: what looks like code counts for more than prose."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from agentctx.code.words import WORD, term_hash, vocabulary
from agentctx.embed.near_words import LazyNearWords
from agentctx.text.hashes import hash_of
from agentctx.text.terms import words

_CODE: Final = re.compile(rb"[A-Za-z0-9]_|_[A-Za-z0-9]|[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_MOST_COUNTED: Final = 3
_PROSE_NAME: Final = 0.35  # a plain word may name something by chance
_PAIR: Final = 0.5
_NEAR_ENOUGH: Final = 0.4

_near_words: Final = LazyNearWords()


@dataclass(frozen=True, slots=True)
class QueryWords:
    """terms: weight by hash, for the word indexes. names: weight by hash of whole names in lower case."""

    terms: dict[int, float]
    names: dict[int, float]


def read_query(query: str) -> QueryWords:
    """Words counted up to three times (as the root of the count), identifiers whole and in parts. About 50 us a line.

    Two neighbouring words also count as one identifier made of both: "session middleware" finds SessionMiddleware.
    """
    known = vocabulary()
    found = WORD.findall(query.encode("utf-8", "replace"))
    counts = Counter(found)
    terms: dict[int, float] = {}
    names: dict[int, float] = {}
    for word, count in counts.items():
        weight = min(count, _MOST_COUNTED) ** 0.5
        parts = known.of_text(word)
        if not parts and len(counts) <= _MOST_COUNTED:
            parts = known.of_name(word)  # a query of nothing else means it
        for term in parts:
            terms[term] = max(terms.get(term, 0.0), weight)
        if parts:
            name = hash_of(word.decode("utf-8", "replace").lower())
            names[name] = weight * (1.0 if _CODE.search(word) else _PROSE_NAME)
    for left, right in pairwise(found):
        if known.of_text(left) and known.of_text(right):
            for term in known.of_name(left + right.capitalize())[-1:]:
                terms.setdefault(term, _PAIR)
    return QueryWords(terms, names)


def widened(query: str) -> QueryWords:
    """The terms that are near in meaning to the words of a query, by how near they are; the words themselves not."""
    table = _near_words()
    spellings = [word.spelling.lower() for word in words(query)]
    if not spellings:
        return QueryWords({}, {})
    terms: dict[int, float] = {}
    places, strengths = table.near(spellings)
    for some, near in zip(places.tolist(), strengths.tolist(), strict=True):
        for place, strength in zip(some, near, strict=True):
            if strength >= _NEAR_ENOUGH:
                term = term_hash(table.terms[place])
                terms[term] = max(terms.get(term, 0.0), strength)
    return QueryWords(terms, {})
