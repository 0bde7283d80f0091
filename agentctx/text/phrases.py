"""Key phrases of a text without a language model: what a tag of it could be called.

Candidates are runs of up to three words between stop words and punctuation, capitalised runs, hashtags, quoted strings
and code identifiers. A candidate has a name (`support_group`: lower case, singular, underscores) and a key, the stems
of its words, by which spellings of one phrase meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from agentctx.text.stop_phrases import NOT_TOPICS
from agentctx.text.terms import STOP_WORDS, fold, stem

VERSION: Final = "rules-1"
"""Changes whenever the same text may give other candidates: an index built by another version is built again."""

READ: Final = 400  # characters: what a text is about is said near its beginning, and long ones would set the cost
MOST: Final = 16  # candidates of one text
LONGEST_NAME: Final = 64
_WORDS: Final = 3

_TOKEN: Final = re.compile(r"""#?[^\W_]+(?:['\u2019_.:/-]?[^\W_]+)*|[^\s\w]|\n""")
_QUOTED: Final = re.compile(r"""["\u201c]([^"\u201c\u201d\n]{3,48})["\u201d]|`([^`\n]{2,48})`""")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_PIECE: Final = re.compile(r"[^\W_]+")
_INNER: Final = re.compile(r"[_.:/]|[a-z][A-Z]")
_ENDS: Final = ".!?\n:"
_MEMO: Final = 200_000

# By token as written: (name, key, class); class 0 breaks a run, 1 is a word, 2 a capitalised one, 3 an identifier.
_memo: dict[str, tuple[str, str, int]] = {}
_BREAK: Final = ("", "", 0)
_NAME, _WORD, _HASHTAG, _QUOTE, _CODE = 1.5, 0.7, 2.0, 1.6, 1.4
_MORE_WORDS: Final = (0.0, 1.0, 1.6, 1.9)


@dataclass(slots=True)
class _Found:
    """The candidates so far, by key."""

    names: dict[str, str]
    weights: dict[str, float]


class Phrase(NamedTuple):  # sixteen are made of each text, which takes a dataclass three times as long
    """A candidate: `weight` says how much the text makes of it, the namespace's statistics aside."""

    key: str
    name: str
    weight: float


def phrases(text: str, most: int = MOST) -> list[Phrase]:
    """The candidates of a text, the weightiest first. Some 20 us for a chat turn; pure."""
    found = _Found({}, {})
    text = fold(text[:READ])
    if '"' in text or "\u201c" in text or "`" in text:
        _take_quoted(text, found)
    run: list[tuple[str, str, int]] = []
    start = True  # a capital says nothing at the start of a sentence
    get = _memo.get
    for token in _TOKEN.findall(text):
        known = get(token) or _classify(token)
        kind = known[2]
        if 0 < kind < 3:
            run.append((known[0], known[1], 1) if start and kind == 2 and not run else known)
            start = False
            continue
        if run:
            _take_run(run, found)
            run = []
        if kind >= 3:
            _take_special(token, found)
        start = token[0] in _ENDS
    if run:
        _take_run(run, found)
    weights, names = found.weights, found.names
    best = sorted(weights, key=weights.__getitem__, reverse=True)[:most]
    return [Phrase(key, names[key], weights[key]) for key in best]


def normalise(name: str) -> str:
    """The name of a tag as the rules would write it: `Support Groups` -> `support_group`; "" where nothing is left."""
    return "_".join(_singular(piece.lower()) for piece in _PIECE.findall(fold(name)))


@lru_cache(maxsize=4096)  # who adds a tag asks whether it is there first
def key_of(name: str) -> str:
    """The key of a name: the stems of its words, so that spellings of one phrase meet."""
    return "_".join(stem(word) for word in normalise(name).split("_"))


def _take_run(run: list[tuple[str, str, int]], found: _Found) -> None:
    size = len(run)
    if size == 1:
        ((name, key, kind),) = run
        _count(found, key, name, _NAME if kind == 2 else _WORD)
        return
    for first in range(size):
        name, key, kind = run[first]
        _count(found, key, name, _NAME if kind == 2 else _WORD)
        upto = min(size, first + _WORDS)
        for last in range(first + 1, upto):
            more_name, more_key, more_kind = run[last]
            name, key = f"{name}_{more_name}", f"{key}_{more_key}"
            words = last - first + 1
            if words == _WORDS and size > _WORDS:
                continue  # of a long run the pairs say enough
            names = kind == 2 and more_kind == 2
            _count(found, key, name, (_NAME if names else _WORD) * _MORE_WORDS[words])


def _take_special(token: str, found: _Found) -> None:
    if token[0] == "#":
        pieces, weight = _CAMEL.findall(token[1:]), _HASHTAG
    else:
        pieces, weight = [piece for piece in _CAMEL.findall(token) if len(piece) > 1], _CODE
    _take_words(pieces, weight, found)


def _take_quoted(text: str, found: _Found) -> None:
    for quoted, code in _QUOTED.findall(text):
        pieces = _PIECE.findall(quoted) if quoted else _CAMEL.findall(code)
        if len(pieces) <= 4:
            _take_words(pieces, _QUOTE, found)


def _take_words(pieces: Iterable[str], weight: float, found: _Found) -> None:
    words = [_singular(piece.lower()) for piece in pieces][:4]
    name = "_".join(words)
    if words and not all(word in NOT_TOPICS or word in STOP_WORDS or word.isdigit() for word in words):
        _count(found, "_".join(map(stem, words)), name, weight)


def _count(found: _Found, key: str, name: str, weight: float) -> None:
    seen = found.weights.get(key)
    if seen is not None:
        found.weights[key] = seen + weight
    elif len(key) <= LONGEST_NAME:
        found.names[key] = name
        found.weights[key] = weight


def _classify(token: str) -> tuple[str, str, int]:
    made = _class_of(token)
    if len(token) <= LONGEST_NAME:
        if len(_memo) > _MEMO:
            _memo.clear()
        _memo[token] = made
    return made


def _class_of(token: str) -> tuple[str, str, int]:
    first = token[0]
    if not (first.isalnum() or first == "#") or len(token) > LONGEST_NAME:
        return _BREAK
    if first == "#" or _INNER.search(token):
        return ("", "", 3) if token.strip("#").strip() and not token.isdigit() and "//" not in token else _BREAK
    word = token.lower().replace("\u2019", "'").removesuffix("'s")
    base = word.partition("'")[0]
    if len(word) < 3 or base in STOP_WORDS or word in NOT_TOPICS or "'" in word or any(map(str.isdigit, word)):
        return _BREAK
    if word.endswith("ly") and len(word) > 4 and first.islower():
        return _BREAK
    name = _singular(word.replace("-", "_"))
    if name in NOT_TOPICS or name in STOP_WORDS:
        return _BREAK
    return name, "_".join(map(stem, name.split("_"))), 2 if first.isupper() else 1


def _singular(word: str) -> str:
    """The singular of an English noun, near enough for a name: both forms have one key anyway."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ous")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1]
