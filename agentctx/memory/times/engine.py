"""From a text to time ranges: tokens, then the stages of the grammar over them, then what is left that names a time."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from agentctx.memory.times.grammar import OTHER, RESULTS, Grammar
from agentctx.memory.times.values import DAY, Value, midnight

_READ: Final = 4096  # characters: nobody asks for times beyond, and a pasted log must not cost seconds
_APOSTROPHES: Final = str.maketrans("\u2019\u02bc", "''")
_SIZES: Final = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


class Node:
    """A token, or what was made of several: the letter of its kinds, where it stands, its value for each kind."""

    __slots__ = ("end", "letter", "start", "values")

    def __init__(self, letter: str, start: int, end: int, values: dict[str, Any]) -> None:
        self.letter = letter
        self.start = start
        self.end = end
        self.values = values


@dataclass(frozen=True, slots=True)
class Context:
    """What makers need to know: the grammar and the reference time, and the midnight before it, both without zone."""

    grammar: Grammar
    now: datetime
    today: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A range that a text names: half open, without zone, and where it is named."""

    start: datetime
    end: datetime
    span: tuple[int, int]
    sure: float
    slack: timedelta
    kind: str


def find(text: str, now: datetime, grammar: Grammar) -> Iterator[Found]:
    """The ranges that `text` names for somebody who speaks at `now` (without zone), in the order of the text."""
    lower = _lowered(text[:_READ])
    words = grammar.words_of(lower)
    if words is not None and grammar.dumb(words):
        return iter(())
    nodes = tokens(lower, grammar, words)
    letters = _letters(nodes)
    if grammar.anchoring.isdisjoint(letters):
        return iter(())
    context = Context(grammar, now, midnight(now))
    stages, place = grammar.viable(set(letters)), 0
    while place < len(stages):
        stage, rules = stages[place]
        place += 1
        if _run(rules, nodes, letters, context):
            letters = _letters(nodes)
            stages = grammar.viable(set(letters))
            place = bisect_right(stages, stage, key=itemgetter(0))
    return iter(()) if grammar.results.isdisjoint(letters) else _results(nodes, now, grammar)


def _letters(nodes: Sequence[Node]) -> str:
    return "".join([node.letter for node in nodes])


def _results(nodes: Sequence[Node], now: datetime, grammar: Grammar) -> Iterator[Found]:
    for node in nodes:
        if node.letter not in grammar.results:
            continue
        for kind in RESULTS:
            value = node.values.get(kind)
            if isinstance(value, Value):
                with contextlib.suppress(ValueError, OverflowError):  # no such day, or beyond the calendar
                    yield _found(value, kind, node, now)
                break


def tokens(lower: str, grammar: Grammar, words: Sequence[str] | None = None) -> list[Node]:
    """The tokens of a text in lower case, phrases of the grammar as one. words: `Grammar.words_of` it, if known."""
    if words is None:
        words = grammar.words_of(lower)
    nodes: list[Node] = []
    if words is None:
        words = [_read(match, lower, grammar, nodes) for match in grammar.tokens.finditer(lower)]
        return _phrased(nodes, words, grammar)
    known, other, glued = grammar.words, grammar.other, grammar.glued
    end = 0
    for word in words:
        start = lower.index(word, end)
        end = start + len(word)
        found = known.get(word)
        if found is None:
            plain = word.isalnum() or word[0] == "'"
            nodes.append(Node(other if plain else grammar.sign, start, end, {}))
        elif word in glued:
            letter, values = _unglued(found[1], grammar)
            nodes.append(Node(letter, start, end, values))
        else:
            nodes.append(Node(found[0], start, end, found[1]))
    return _phrased(nodes, words, grammar)


def _read(match: re.Match[str], lower: str, grammar: Grammar, nodes: list[Node]) -> str:
    """Add the node of one token of a text with digits. Returns the word that it is, if it is one."""
    word = match[0]
    start, end = match.span()
    if match.lastindex:
        nodes.append(_shaped(match, grammar))
        return ""
    found = grammar.words.get(word)
    if found is not None:
        letter, values = found
        if word in grammar.glued and not (start and lower[start - 1].isdigit()):
            letter, values = _unglued(values, grammar)
        nodes.append(Node(letter, start, end, values))
    elif word.isdecimal():
        if len(word) > 9 or (start and lower[start - 1] == "_"):
            nodes.append(Node(grammar.other, start, end, {}))
        else:
            value = int(word)
            letter, kinds = grammar.number(value, len(word))
            nodes.append(Node(letter, start, end, dict.fromkeys(kinds, value)))
    else:
        plain = word.isalnum() or word[0] == "'"
        nodes.append(Node(grammar.other if plain else grammar.sign, start, end, {}))
    return word


def _unglued(values: dict[str, Any], grammar: Grammar) -> tuple[str, dict[str, Any]]:
    """The letter and the values of a word that does not stand right behind a number."""
    values = {kind: value for kind, value in values.items() if kind != "GLUED"}
    return grammar.letter(values or (OTHER,)), values


def _shaped(match: re.Match[str], grammar: Grammar) -> Node:
    """The node of a date in digits: nothing that is known where the maker turns it down."""
    groups = match.groups()
    place = grammar.shape_of[next(n for n, group in enumerate(groups) if group is not None)]
    shape = grammar.shapes[place]
    start, end = match.span()
    if shape.make is not None and match[0] not in grammar.idioms:
        parts = [group for group in groups[grammar.shape_start[place] + 1 :] if group is not None]
        try:
            value = shape.make(grammar, match[0], parts)
        except (ValueError, OverflowError):
            value = None
        if value is not None:
            return Node(grammar.letter((shape.kind,)), start, end, {shape.kind: value})
    return Node(grammar.other, start, end, {})


def _phrased(nodes: list[Node], texts: Sequence[str], grammar: Grammar) -> list[Node]:
    phrases = grammar.phrases
    joined: list[Node] = []
    done, size = 0, len(nodes)
    for place in [place for place, text in enumerate(texts) if text in phrases]:
        if place < done:
            continue
        for words, letter, values in phrases[texts[place]]:
            stop = place + len(words)
            if stop <= size and tuple(texts[place:stop]) == words:
                joined += nodes[done:place]
                joined.append(Node(letter, nodes[place].start, nodes[stop - 1].end, values))
                done = stop
                break
    return joined + nodes[done:] if done else nodes


def _run(rules: Sequence[Any], nodes: list[Node], text: str, context: Context) -> bool:
    """One stage over the letters: the leftmost match of the first rule, again and again. Whether anything was made."""
    grammar = context.grammar
    made: list[tuple[int, int, Node]] = []
    searches = [rule.pattern.search(text) for rule in rules]
    position = 0
    while True:
        best = None
        for number, earlier in enumerate(searches):
            match = earlier
            if match is not None and match.start() < position:
                match = searches[number] = rules[number].pattern.search(text, position)
            if match is not None and match.end() > match.start() and (best is None or match.start() < best[0]):
                best = (match.start(), match.end(), number)
        if best is None:
            break
        start, end, number = best
        rule = rules[number]
        taken = nodes[start:end]
        try:
            value = rule.make(context, taken, rule.arguments)
        except (ValueError, OverflowError):
            value = None
        if value is None:
            searches[number] = rule.pattern.search(text, start + 1)
            continue
        if rule.kind == "NUMBER":
            letter, kinds = grammar.number(value, 0)
            values = dict.fromkeys(kinds, value)
        else:
            letter, values = grammar.letter((rule.kind,)), {rule.kind: value}
        made.append((start, end, Node(letter, taken[0].start, taken[-1].end, values)))
        position = end
    for start, end, node in reversed(made):
        nodes[start:end] = [node]
    return bool(made)


def _found(value: Value, kind: str, node: Node, now: datetime) -> Found:
    start, end = value.latest(now)
    if kind == "MOMENT":
        end = start + _SIZES.get(value.grain, DAY)
    if start >= end:
        raise ValueError
    return Found(start, end, (node.start, node.end), value.sure, value.slack, kind)


def _lowered(text: str) -> str:
    """In lower case, every letter at its place, apostrophes plain."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter whose lower case is longer would shift every span
        lower = "".join(letter if len(letter.lower()) != 1 else letter.lower() for letter in text)
    return lower.translate(_APOSTROPHES)
