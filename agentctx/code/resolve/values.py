"""What an expression can stand for, as far as the text of a repository tells."""

from __future__ import annotations

from typing import Final, NamedTuple


class Kind:
    """The sorts of values. Plain numbers: they are hashed and compared millions of times."""

    MODULE: Final = 1  # a file that is imported
    NAMESPACE: Final = 2  # a folder of modules without a file of its own; `path` is its dotted name
    CLASS: Final = 3
    INSTANCE: Final = 4
    FUNCTION: Final = 5
    BOUND: Final = 6  # a method taken from an instance; else as FUNCTION
    EACH: Final = 7  # a collection of instances of the class
    CONSTANT: Final = 8  # a definition whose value is not known
    EXTERNAL: Final = 9  # something from outside the repository; `path` is its dotted name
    SUPER: Final = 10  # `super()` in the class


class Value(NamedTuple):
    """One thing that an expression may be: a definition of a file, or one of the kinds without an index."""

    kind: int
    path: str
    place: int = -1


class Answer(NamedTuple):
    """The values that an expression may have, the weakest rung that was needed to find them, and how sure it is.

    No values: unknown. More than one: it depends on the run, so nothing is bound to it.
    """

    values: tuple[Value, ...]
    rung: str = ""
    confidence: float = 1.0

    def then(self, values: tuple[Value, ...], rung: str, confidence: float) -> Answer:
        """The answer of a further step from this one: the weaker rung names it, the confidences multiply up to it."""
        if self.confidence <= confidence:
            return Answer(values, self.rung or rung, self.confidence)
        return Answer(values, rung, confidence)


UNKNOWN: Final = Answer(())

CONFIDENCE: Final = {
    "scope": 1.0,  # a name of an enclosing scope or the file
    "package": 1.0,  # a name of the same package or namespace
    "import": 0.95,
    "star": 0.9,
    "self": 0.9,  # `self`, `this` or `super()` through the resolved bases
    "annotation": 0.85,
    "constructor": 0.85,  # a variable or attribute that is given a new instance
    "return": 0.8,  # the written or plain result of a call
    "fixture": 0.8,  # a parameter that pytest fills
    "framework": 0.75,  # given to the class at run time; see frameworks.py
    "narrow": 0.75,  # a type test
    "mixed": 0.6,  # other values of the variable are not known
    "unique": 0.3,  # the only definition of that name in the repository
}
"""How sure each rung is; measured shares are in docs/code.md."""
