"""A language's grammar, read from its file and made ready: words to kinds, forms to regular expressions over kinds.

Every token and every thing made of tokens is of one or more kinds, and every set of kinds has a letter. A text is a
string of such letters, and a form such as `DURATION ago` a regular expression over them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx.memory.times.almanac import holiday
from agentctx.memory.times.forms import Maker, Rule, is_kind, needs_of, source_of, words_of

ShapeMaker = Callable[["Grammar", str, Sequence[str]], Any]
Viable = tuple[tuple[int, tuple[Rule, ...]], ...]

OTHER: Final = "OTHER"  # the kind of words that the grammar does not know
SIGN: Final = "SIGN"  # punctuation
RESULTS: Final = ("DATE", "SPAN", "MOMENT", "MSPAN")  # the kinds that name a time
_FIRST_LETTER: Final = 0x4E00  # letters that mean nothing in a regular expression
_PLAIN: Final = r"[^\W\d_]+|\d+|'[^\W\d_]*|\S"
_WRITTEN: Final = re.compile(r"\d|[$€£#@]|://|-[0-9a-f]{4}")  # there may be a shape, which cuts words otherwise
_REMEMBERED: Final = 16_384


@dataclass(frozen=True, slots=True)
class Shape:
    """A way to write a date in digits. kind: "" where it is a thing to leave alone."""

    kind: str
    make: ShapeMaker | None


class Grammar:
    """One language, compiled from the text of its file."""

    def __init__(self, source: str) -> None:
        from agentctx.memory.times.makers import MAKERS, SHAPES, load  # noqa: PLC0415 - these need the grammar's types

        load()

        data: dict[str, Any] = tomllib.loads(source)
        options = data["options"]
        self.month_first: bool = options["month_first"]
        self.idioms = frozenset(options["idioms"])
        self._letters: dict[frozenset[str], str] = {}
        self._complete = False
        self._bits: dict[str, int] = {}
        self._numbers: dict[tuple[int, int], tuple[str, tuple[str, ...]]] = {}
        forms = [rule for stage in data["stages"] for rule in stage["rules"]]
        self.words: dict[str, tuple[str, dict[str, Any]]] = {}
        self.phrases: dict[str, list[tuple[tuple[str, ...], str, dict[str, Any]]]] = {}
        self.tokens = re.compile(self._token_pattern(data["shapes"]))
        self.shapes = [Shape(s.get("as", ""), SHAPES[s["make"]] if "make" in s else None) for s in data["shapes"]]
        self._read_words(data, forms, frozenset(options["shy"]))
        self.other = self.letter((OTHER,))
        self.sign = self.letter((SIGN,))
        for kinds in [kinds for kinds in self._letters if "GLUED" in kinds]:
            self.letter(kinds - {"GLUED"} or (OTHER,))
        for rule in forms:
            self.letter((rule[1],))
        for shape in self.shapes:
            self.letter((shape.kind or OTHER,))
        for number in (*range(100), 130, 190, 960, 1000, 1500, 1960, 1970, 2000, 2400, 2460, 2500, 3000, 10_000):
            for digits in range(6):
                self.number(number, digits)
        self._complete = True  # from here on nothing is added: texts may be read by several threads
        self._having_memo: dict[str, str] = {}
        self.anchoring = frozenset("".join(self._having(kind) for kind in options["anchors"]))
        self.anchors = self.mask(self.anchoring)
        self.results = frozenset("".join(self._having(kind) for kind in RESULTS))
        self.plain = re.compile(_PLAIN)
        self._cues = frozenset(self._anchoring())
        self.glued = frozenset(word for word, (_, values) in self.words.items() if "GLUED" in values)
        self.stages = stages = [
            tuple(self._rule(form, kind, MAKERS[make], tuple(rest)) for form, kind, make, *rest in stage["rules"])
            for stage in data["stages"]
        ]
        # Each distinct need has a bit, and each letter the bits of the needs that it meets.
        bits = {
            need: 1 << n for n, need in enumerate(dict.fromkeys(n for rules in stages for r in rules for n in r.needs))
        }
        self._meets = {
            letter: _union(bit for need, bit in bits.items() if need & own) for letter, own in self._bits.items()
        }
        self._rules: dict[int, list[tuple[int, int, int, Rule]]] = {}  # by the need of each that fewest letters meet
        for stage, rules in enumerate(stages):
            for place, rule in enumerate(rules):
                rarest = bits[min(rule.needs, key=int.bit_count)] if rule.needs else 0
                needed = _union(bits[need] for need in rule.needs)
                self._rules.setdefault(rarest, []).append((stage, place, needed, rule))
        self._viable: dict[int, Viable] = {}

    def letter(self, kinds: Iterable[str]) -> str:
        """The letter of a set of kinds."""
        key = frozenset(kinds)
        found = self._letters.get(key)
        if found is None and self._complete:
            found = self.other  # no form speaks of such a thing
        if found is None:
            found = self._letters[key] = chr(_FIRST_LETTER + len(self._letters))
            self._bits[found] = 1 << (ord(found) - _FIRST_LETTER)
        return found

    def number(self, value: float, digits: int) -> tuple[str, tuple[str, ...]]:
        """The letter and the kinds of a number written with so many digits (0: in words)."""
        kinds = ["NUM"]
        if value == int(value):
            if 1 <= value <= 31 and digits <= 2:
                kinds.append("DAY")
            if value <= 24 and digits <= 2:
                kinds.append("HOUR")
            if value < 60 and digits in (0, 2):
                kinds.append("MINUTE")
            if digits == 2:
                kinds.append("SHORT")
            if 1000 <= value < 3000 and digits in (0, 4):
                kinds.append("YEAR")
            if digits in (3, 4) and value % 100 < 60 and value < 2460 and not 1900 <= value < 2100:
                kinds.append("HHMM")
        return self.letter(kinds), tuple(kinds)

    def mask(self, letters: Iterable[str]) -> int:
        """The letters as bits."""
        mask = 0
        for letter in letters:
            mask |= self._bits[letter]
        return mask

    def viable(self, letters: Iterable[str]) -> Viable:
        """By stage the rules that can match a text of such letters, of the stages that have any."""
        met = 0
        for letter in letters:
            met |= self._meets[letter]
        found = self._viable.get(met)
        if found is None:
            some = [rules for rarest, rules in self._rules.items() if rarest & met or not rarest]
            can = sorted(one[:2] + one[3:] for rules in some for one in rules if one[2] & met == one[2])
            found = tuple((stage, tuple([one[2] for one in of])) for stage, of in groupby(can, itemgetter(0)))
            if len(self._viable) >= _REMEMBERED:
                self._viable.clear()
            self._viable[met] = found
        return found

    def words_of(self, lower: str) -> list[str] | None:
        """The tokens of a text in lower case where it is words and signs only; None where digits may make others."""
        return None if _WRITTEN.search(lower) else self.plain.findall(lower)

    def silent(self, lower: str) -> bool:
        """Whether a text in lower case certainly names no time: a quick look, which may say no of one that is."""
        words = self.words_of(lower)
        return words is not None and self.dumb(words)

    def dumb(self, words: Iterable[str]) -> bool:
        """Whether words, all of a text without digits, certainly name no time."""
        return self._cues.isdisjoint(words)

    def _anchoring(self) -> Iterator[str]:
        """The words that are anchors, and of each phrase that is one the longest word."""
        for word, (letter, values) in self.words.items():
            kinds = {kind for kind in values if kind != "GLUED"} or {OTHER}
            if self.anchors & self.mask((letter, self.letter(kinds))):
                yield word
        for phrases in self.phrases.values():
            yield from (max(words, key=len) for words, letter, _ in phrases if self.anchors & self.mask(letter))

    def split(self, text: str) -> list[str]:
        """A phrase of the grammar as the tokens that it is in a text."""
        return re.findall(_PLAIN, text)

    def _token_pattern(self, shapes: Sequence[Mapping[str, str]]) -> str:
        """All shapes and plain tokens as one pattern, the back-references of each counted from its own groups."""
        parts, groups = [], 0
        self.shape_of: dict[int, int] = {}
        self.shape_start: list[int] = []
        for place, shape in enumerate(shapes):
            self.shape_of[groups] = place
            self.shape_start.append(groups)
            form = _shifted(shape["form"], groups + 1)
            parts.append(f"({form})")
            groups += re.compile(shape["form"]).groups + 1
        return "|".join([*parts, _PLAIN])

    def _read_words(self, data: Mapping[str, Any], forms: Sequence[Sequence[Any]], shy: frozenset[str]) -> None:
        entries: dict[tuple[str, ...], dict[str, Any]] = {}
        for kind, words in data["words"].items():
            for text, value in words.items():
                entries.setdefault(tuple(self.split(text)), {})[kind] = value
        for role, words in data["roles"].items():
            for word in words:
                entries.setdefault(tuple(self.split(word)), {})["=" + role] = word
        for text, rule in data["holidays"].items():
            entries.setdefault(tuple(self.split(text)), {})["HOLIDAY"] = holiday(rule)
        for form in forms:
            for word in words_of(form[0]):
                entries.setdefault((word,), {})["=" + word] = word
        for tokens, values in entries.items():
            if not re.search(r"\w", tokens[0]):
                values[SIGN] = True
            if tokens[0] in shy and len(tokens) == 1:
                values["SHY"] = True
            letter = self.letter(values)
            if len(tokens) == 1:
                self.words[tokens[0]] = (letter, values)
            else:
                self.phrases.setdefault(tokens[0], []).append((tokens, letter, values))
        for phrases in self.phrases.values():
            phrases.sort(key=lambda phrase: -len(phrase[0]))

    def _having(self, atom: str) -> str:
        """The letters of all sets that have a kind; `MONTH!` leaves out those of shy words."""
        known = self._having_memo.get(atom)
        if known is not None:
            return known
        kind = atom.rstrip("!") if is_kind(atom) else "=" + atom
        proud = is_kind(atom) and atom.endswith("!")
        found = self._having_memo[atom] = "".join(
            letter for kinds, letter in self._letters.items() if kind in kinds and not (proud and "SHY" in kinds)
        )
        return found

    def _mask_of(self, kinds: Iterable[str]) -> int:
        return self.mask("".join(self._having(kind) for kind in kinds))

    def _rule(self, form: str, kind: str, make: Maker, arguments: tuple[Any, ...]) -> Rule:
        needs = tuple(self._mask_of(ways) for ways in needs_of(form))
        return Rule(source_of(form, self._having), needs, kind, make, arguments)


def _shifted(form: str, groups: int) -> str:
    """A regular expression whose back-references count so many groups before its own."""
    return re.sub(r"\\([1-9])", lambda found: f"\\{int(found[1]) + groups}", form)


def _union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


@cache
def grammar(language: str) -> Grammar:
    """The grammar of a language, compiled at its first use. InvalidArgument for a language without a file."""
    file = files(__package__).joinpath(f"{language}.toml")
    if not re.fullmatch(r"[a-z]{2,3}", language) or not file.is_file():
        raise InvalidArgument(f"there is no grammar of time expressions for {language!r}", field="language")
    return Grammar(file.read_text(encoding="utf-8"))
