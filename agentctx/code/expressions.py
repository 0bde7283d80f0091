"""Expressions as chains: the one shape that resolution understands, whatever the language.

A chain is a name followed by `.name`, `()` and `[]`: `self.repo.find().name`, `Foo()`, `items[]`. Arguments and indices
are left out, and `->`, `::`, `?.` and `!.` read as dots. `new Foo(x)`, `&Foo{...}` and `Foo(x)` are all `Foo()`: that
calling a class makes an instance is for the resolver to know.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

UNKNOWN: Final = "?"
LITERAL: Final = "''"
"""Stands for a text, number, list or mapping written in place: its methods are those of a builtin type."""

_PLAIN: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_CHAIN: Final = re.compile(r"[^\W\d]\w*(?:\(\)|\[\])*(?:\.[^\W\d]\w*(?:\(\)|\[\])*)*")
_LITERAL_START: Final = re.compile(r"[rbfuRBFU]{0,3}[\"'`\[{\d]")
_DOTS: Final = re.compile(r"\s*(?:\?\.|!\.|->|::|\.)\s*")
_PREFIX: Final = re.compile(r"(?:(?:await|new|yield|co_await|typeof|&mut)\s+|[&*\\$])\s*")
_INSTANCE: Final = re.compile(r"@{1,2}(?=\w)")
_SIGIL: Final = re.compile(r"\$+(?=\w)")
_TEXTS: Final = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`")
_BEFORE_BRACKET: Final = re.compile(r"\s+(?=[(\[])")
_NUMBER: Final = re.compile(r"\d[\w.]*")
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_LONGEST: Final = 4_000
_LONGEST_CHAIN: Final = 160


@lru_cache(maxsize=50_000)
def chain(text: str) -> str:
    """The chain of an expression's source text; `UNKNOWN` when it is none, `LITERAL` for a literal. Cached."""
    if _PLAIN.fullmatch(text):
        return text if len(text) <= _LONGEST_CHAIN else UNKNOWN
    if len(text) > _LONGEST:
        return UNKNOWN
    text = _stripped(text)
    if _LITERAL_START.match(text):
        return LITERAL if _is_one_literal(text) else UNKNOWN
    bare = _without_contents(text)
    if bare is None:
        return UNKNOWN
    bare = _INSTANCE.sub("self.", bare)  # Ruby's instance variables
    bare = _SIGIL.sub("", _BEFORE_BRACKET.sub("", _DOTS.sub(".", bare))).strip()
    return bare if len(bare) <= _LONGEST_CHAIN and _CHAIN.fullmatch(bare) else UNKNOWN


def _stripped(text: str) -> str:
    """Without the brackets around the whole and the words and marks before it, in any order."""
    while True:
        text = text.strip()
        prefix = _PREFIX.match(text)
        if prefix and prefix.end() < len(text):
            text = text[prefix.end() :]
        elif text.startswith("(") and text.endswith(")") and _closes_at_end(text):
            text = text[1:-1]
        else:
            return text


def _is_one_literal(text: str) -> bool:
    rest = _TEXTS.sub("", text.lstrip("rbfuRBFU"))
    if not rest or _NUMBER.fullmatch(rest):
        return True
    return _without_contents(rest) in ("[]", "()")


def _without_contents(text: str) -> str | None:
    """`text` with the inside of every bracket left out, braces read as a call; None when brackets do not match.

    Braces behind a call belong to it: `new Foo(x) { ... }` and `each(x) { ... }` call once.
    """
    text = _TEXTS.sub("", text)
    kept: list[str] = []
    open_brackets: list[str] = []
    for character in text:
        if character in "([{":
            if not open_brackets and not (character == "{" and "".join(kept).rstrip().endswith("()")):
                kept.append("[]" if character == "[" else "()")
            open_brackets.append(_CLOSERS[character])
        elif character in ")]}":
            if not open_brackets or open_brackets.pop() != character:
                return None
        elif not open_brackets:
            kept.append(character)
    return None if open_brackets else _without_type_arguments("".join(kept))


def _closes_at_end(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _without_type_arguments(text: str) -> str:
    """`List<String>()` as `List()`; comparisons are no chains, so nothing is lost by it."""
    if "<" not in text:
        return text
    previous = ""
    while previous != text:
        previous, text = text, re.sub(r"(?:::)?<[\w\s.,?&*\[\]:'|()]*>", "", text)
    return text
