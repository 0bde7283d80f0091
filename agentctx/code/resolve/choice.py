"""Choosing among several definitions or answers."""

from __future__ import annotations

from typing import Final

from agentctx.code.facts import CALLABLES, CLASSES, Definition
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value

_MOST_VALUES: Final = 4


def pick(definitions: tuple[Definition, ...], places: list[int]) -> int:
    """Which of several definitions of a name is meant: the getter of a property, else the last that is no overload."""
    if len(places) == 1:
        return places[0]
    kept = [
        place
        for place in places
        if not any(mark in ("overload", "typing.overload", "t.overload") for mark in definitions[place].decorators)
        and not any(mark.endswith((".setter", ".deleter")) for mark in definitions[place].decorators)
        and definitions[place].kind != "declaration"
    ]
    return (kept or places)[-1]


def value_of(path: str, place: int, definitions: tuple[Definition, ...]) -> Value:
    """A definition as a value."""
    kind = definitions[place].kind
    if kind in CALLABLES or kind == "declaration":
        return Value(Kind.FUNCTION, path, place)
    if kind in CLASSES or kind in ("namespace", "module", "type", "impl"):
        return Value(Kind.CLASS, path, place)
    return Value(Kind.CONSTANT, path, place)


def merge(answers: list[Answer]) -> Answer:
    """One answer from several: all their values, as sure as the weakest. Too many values are none."""
    answers = [one for one in answers if one.values]
    if len(answers) <= 1:
        return answers[0] if answers else UNKNOWN
    values = tuple(dict.fromkeys(value for one in answers for value in one.values))
    inside = tuple(value for value in values if value.kind != Kind.EXTERNAL)
    weakest = min(answers, key=lambda one: one.confidence)
    return Answer(inside or values[:1], weakest.rung, weakest.confidence) if len(values) <= _MOST_VALUES else UNKNOWN


def element(value: Value) -> Answer:
    """What iterating over `value`, or indexing it, gives."""
    if value.kind == Kind.EACH:
        return Answer((Value(Kind.INSTANCE, value.path, value.place),), "annotation", CONFIDENCE["annotation"])
    if value.kind == Kind.EXTERNAL:
        return Answer((Value(Kind.EXTERNAL, f"{value.path}[]"),), "import", CONFIDENCE["import"])
    if value.kind == Kind.CLASS:  # `Generic[T]` is still the class
        return Answer((value,), "scope", 1.0)
    return UNKNOWN
