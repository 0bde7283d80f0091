"""From a text to time ranges: tokens, then the stages of the grammar over them, then what is left that names a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from agentctx.memory.times.grammar import OTHER, Grammar
from agentctx.memory.times.values import DAY, Value, midnight

_READ: Final = 4096  # characters: nobody asks for times beyond, and a pasted log must not cost seconds
_RESULTS: Final = ("DATE", "SPAN", "MOMENT", "MSPAN")
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
    if grammar.silent(lower):
        return
    nodes = tokens(lower, grammar)
    present = grammar.mask({node.letter for node in nodes})
    if not present & grammar.anchors:
        return
    context = Context(grammar, now, midnight(now))
    for stage in range(len(grammar.stages)):
        rules = grammar.viable(stage, present)
        if rules and _run(rules, nodes, context):
            present = grammar.mask({node.letter for node in nodes})
    for node in nodes:
        for kind in _RESULTS:
            value = node.values.get(kind)
            if isinstance(value, Value):
                with contextlib.suppress(ValueError, OverflowError):  # no such day, or beyond the calendar
                    yield _found(value, kind, node, now)
                break


def tokens(lower: str, grammar: Grammar) -> list[Node]:
    """The tokens of a text in lower case, phrases of the grammar as one."""
    words, numbers = grammar.words, grammar.number
    nodes: list[Node] = []
    texts: list[str] = []
    for match in grammar.tokens.finditer(lower):
        word = match[0]
        start, end = match.span()
        if match.lastindex:
            nodes.append(_shaped(match, grammar))
            texts.append("")
            continue
        found = words.get(word)
        if found is not None:
            letter, values = found
            if "GLUED" in values and not (start and lower[start - 1].isdigit()):
                values = {kind: value for kind, value in values.items() if kind != "GLUED"}
                letter = grammar.letter(values or (OTHER,))
            nodes.append(Node(letter, start, end, values))
        elif word.isdecimal():
            if len(word) > 9 or (start and lower[start - 1] == "_"):
                nodes.append(Node(grammar.other, start, end, {}))
            else:
                value = int(word)
                letter, kinds = numbers(value, len(word))
                nodes.append(Node(letter, start, end, dict.fromkeys(kinds, value)))
        else:
            known = word.isalnum() or word[0] == "'"
            nodes.append(Node(grammar.other if known else grammar.sign, start, end, {}))
        texts.append(word)
    return _phrased(nodes, texts, grammar)


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
    if phrases.keys().isdisjoint(texts):
        return nodes
    joined: list[Node] = []
    place, size = 0, len(nodes)
    while place < size:
        for words, letter, values in phrases.get(texts[place], ()):
            stop = place + len(words)
            if stop <= size and tuple(texts[place:stop]) == words:
                joined.append(Node(letter, nodes[place].start, nodes[stop - 1].end, values))
                place = stop
                break
        else:
            joined.append(nodes[place])
            place += 1
    return joined


def _run(rules: Sequence[Any], nodes: list[Node], context: Context) -> bool:
    """One stage: the leftmost match of the first rule, again and again. Whether anything was made."""
    grammar = context.grammar
    text = "".join([node.letter for node in nodes])
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
