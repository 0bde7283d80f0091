"""Forms: how the rules of a grammar are written, and what they are as regular expressions over letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Context, Node

Maker = Callable[["Context", Sequence["Node"], Sequence[Any]], Any]

_ATOM: Final = re.compile(r"\(\?<?[=!]|[()|?*+$]|[^\s()|?*+$]+")
_SIGN: Final = re.compile(r"\(\?<?[=!]|[()|?*+$]")
_KIND: Final = re.compile(r"[A-Z_]+!?")
_OPTIONAL: Final = (["?"], ["*"])


class Rule:
    """A form, what it makes and how. needs: sets of letters (as bits) of each of which the text must have one.

    The pattern is compiled when a text first has what the form needs: all of them together take a tenth of a second.
    """

    __slots__ = ("_pattern", "_source", "arguments", "kind", "make", "needs")

    def __init__(self, source: str, needs: tuple[int, ...], kind: str, make: Maker, arguments: tuple[Any, ...]) -> None:
        self._source = source
        self.needs = needs
        self.kind = kind
        self.make = make
        self.arguments = arguments
        self._pattern: re.Pattern[str] | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """The form as a regular expression over letters."""
        if self._pattern is None:
            self._pattern = re.compile(self._source)
        return self._pattern


def is_kind(atom: str) -> bool:
    """Whether a word of a form names a kind; others stand for themselves."""
    return _KIND.fullmatch(atom) is not None


def words_of(form: str) -> Iterator[str]:
    """The words of a form that stand for themselves."""
    for atom in _ATOM.findall(form):
        if not is_kind(atom) and not _SIGN.fullmatch(atom):
            yield atom


def source_of(form: str, letters_of: Callable[[str], str]) -> str:
    """A form as the source of a regular expression. ValueError where no letter is of a kind that it names."""
    pieces = []
    for atom in _ATOM.findall(form):
        if atom == "(":
            pieces.append("(?:")
        elif _SIGN.fullmatch(atom):
            pieces.append(atom)
        else:
            letters = letters_of(atom)
            if not letters:
                raise ValueError(f"{form}: nothing is {atom}")
            pieces.append(letters if len(letters) == 1 else f"[{letters}]")
    return "".join(pieces)


def needs_of(form: str) -> list[list[str]]:
    """What a form cannot do without: for each part that is not optional, words of which one must be there."""
    atoms: list[str] = _ATOM.findall(form)
    needs: list[list[str]] = []
    place = 0
    while place < len(atoms):
        atom = atoms[place]
        if atom == "|":  # of a form that is a choice as a whole, each way has needs of its own
            return []
        if atom.startswith("("):
            close = _closing(atoms, place)
            inner, after = atoms[place + 1 : close], atoms[close + 1 : close + 2]
            place = close + 1
            if atom == "(" and after not in _OPTIONAL:
                ways = [_needed(way) for way in _ways(inner)]
                if all(ways):
                    needs.append(ways)
            continue
        place += 1
        if not _SIGN.fullmatch(atom) and atoms[place : place + 1] not in _OPTIONAL:
            needs.append([atom])
    return needs


def _closing(atoms: Sequence[str], place: int) -> int:
    depth = 0
    for close in range(place, len(atoms)):
        depth += atoms[close].startswith("(") - (atoms[close] == ")")
        if not depth:
            return close
    raise ValueError(f"{' '.join(atoms)}: a parenthesis is not closed")


def _ways(atoms: Sequence[str]) -> list[list[str]]:
    """The alternatives of a group, split at its own bars only."""
    ways: list[list[str]] = [[]]
    depth = 0
    for atom in atoms:
        depth += atom.startswith("(") - (atom == ")")
        if atom == "|" and not depth:
            ways.append([])
        else:
            ways[-1].append(atom)
    return ways


def _needed(way: Sequence[str]) -> str:
    """A word that an alternative cannot do without, or "" where none is plain to see."""
    depth = 0
    for place, atom in enumerate(way):
        depth += atom.startswith("(") - (atom == ")")
        if not depth and not _SIGN.fullmatch(atom) and list(way[place + 1 : place + 2]) not in _OPTIONAL:
            return atom
    return ""
