"""How well a value of one type suits a parameter of another, as far as the names of types tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from agentctx.code.languages.calling import LAMBDA, NULL
from agentctx.code.resolve.values import Value

NO: Final = -1.0
MAYBE: Final = 0.0
"""Nothing is known against it. It is neither better nor worse than ANY."""
ANY: Final = 1.0
"""The parameter takes everything."""
BOXED: Final = 1.5
"""The same, but one is a plain value and the other an object that holds one."""
WIDER: Final = 2.0
"""A base class, a wider number; up to 1 more for what is nearer."""
EXACT: Final = 4.0

_CANONICAL: Final = {
    "String": "string", "System.String": "string", "java.lang.String": "string", "std.string": "string",
    "boolean": "bool", "Boolean": "bool", "Character": "char", "Byte": "byte", "Short": "short", "Int16": "short",
    "Integer": "int", "Int32": "int", "Long": "long", "Int64": "long", "Float": "float", "Single": "float",
    "Double": "double", "Decimal": "decimal", "Object": "object", "java.lang.Object": "object", "dynamic": "object",
    "Class": "Class", "java.lang.Class": "Class", "System.Type": "Type",
}  # fmt: skip
_WIDENING: Final = ("byte", "short", "int", "long", "float", "double")
_NUMBERS: Final = frozenset((*_WIDENING, "decimal"))
_BUILTIN: Final = _NUMBERS | {"string", "bool", "char"}
VALUE_TYPES: Final = _NUMBERS | {"bool", "char"}
_BOXES: Final = frozenset({"Boolean", "Character", "Byte", "Short", "Integer", "Long", "Float", "Double"})
_ABOVE: Final = {
    "string": frozenset({"CharSequence", "Comparable", "Serializable", "IEnumerable", "IComparable", "string_view"}),
    "Class": frozenset({"Type", "GenericDeclaration", "AnnotatedElement", "Serializable"}),
}
_LITERAL_ONLY: Final = frozenset({NULL, LAMBDA})
_PARAMETER: Final = re.compile(r"[A-Z][A-Z0-9]?|T[A-Z]\w*")


class Typed(NamedTuple):
    """A type: its bare name without brackets, how many brackets there are, and the class if the repository has it."""

    name: str
    depth: int = 0
    cls: Value | None = None
    boxed: bool = False


def typed(text: str, cls: Value | None) -> Typed:
    """A type from its bare text, such as `Foo[]`; `cls` is what `Foo` stands for."""
    name = "string" if text in ("char*", "wchar_t*") else text.replace("*", "")
    base = name.replace("[]", "").replace("?", "")
    known = _CANONICAL.get(base, base)
    return Typed(known, name.count("[]"), cls, base in _BOXES or (name.endswith("?") and known in VALUE_TYPES))


def suits(given: Typed, taken: Typed, language: str, distance: Callable[[Value, Value], int | None]) -> float:
    """NO, MAYBE, ANY, from WIDER to below EXACT, or EXACT.

    distance: how many bases a class lies below another; None where that is not known, -1 where it does not.
    """
    if taken.depth == 0 and taken.name == "object":
        return ANY
    if taken.cls is None and _PARAMETER.fullmatch(taken.name):
        return ANY if given.depth >= taken.depth else NO
    if given.name in _LITERAL_ONLY:
        plain = taken.depth == 0 and (taken.name in _BUILTIN and (given.name == LAMBDA or taken.name != "string"))
        return _unless_converted(NO, language) if plain else MAYBE
    if given.depth != taken.depth:
        return _unless_converted(NO, language) if taken.cls is not None or taken.name in _BUILTIN else MAYBE
    if given.cls is not None and taken.cls is not None:
        steps = 0 if given.cls[1:] == taken.cls[1:] else distance(given.cls, taken.cls)
        if steps is None:
            return MAYBE
        return _unless_converted(NO, language) if steps < 0 else EXACT if steps == 0 else WIDER + 1 / (1 + steps)
    if given.cls is None and taken.cls is None:
        rank = _outside(given.name, taken.name, language)
        return rank if given.boxed == taken.boxed or rank < WIDER else BOXED if rank == EXACT else MAYBE
    if taken.cls is not None:  # what comes from outside does not inherit from the repository, but may be converted
        return NO if language == "java" else MAYBE
    return _unless_converted(NO, language) if taken.name in _BUILTIN else MAYBE


def _outside(given: str, taken: str, language: str) -> float:
    if given == taken or given.rpartition(".")[2] == taken.rpartition(".")[2]:
        return EXACT
    if given == "string" and taken in _NUMBERS:
        return NO
    if given in _NUMBERS and taken in _NUMBERS:
        if given in _WIDENING and taken in _WIDENING:
            steps = _WIDENING.index(taken) - _WIDENING.index(given)
            if steps > 0:
                return WIDER + 1 / (1 + steps)
        return NO if language == "java" else MAYBE
    if given in _BUILTIN and taken in _BUILTIN:
        return _unless_converted(NO, language)
    if given in _NUMBERS and taken == "Number":
        return WIDER
    if given in _ABOVE and taken.rpartition(".")[2] in _ABOVE[given]:
        return WIDER
    if given == "string":
        return MAYBE if language != "java" else NO
    if taken in _BUILTIN:
        return NO if language == "java" else MAYBE
    return MAYBE


def _unless_converted(rank: float, language: str) -> float:
    """C++ converts by constructors and operators that nobody names."""
    return MAYBE if language in ("cpp", "c") else rank
