"""The import statements at the top level of a file, and which of them a reader of a piece of code needs.

By the look of the lines alone, so that any language with imports a line each is served; a statement in brackets may
take several lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

_SCRIPT: Final = re.compile(r"^(?:import\s|(?:const|let|var)\s.*\brequire\()", re.MULTILINE)
_STARTS: Final = {
    "python": re.compile(r"^(?:import|from)\s+[\w.]", re.MULTILINE),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "java": re.compile(r"^import\s", re.MULTILINE),
    "rust": re.compile(r"^(?:pub\s+)?use\s", re.MULTILINE),
    "csharp": re.compile(r"^(?:global\s+)?using\s+[\w.= ]+;", re.MULTILINE),
    "php": re.compile(r"^use\s", re.MULTILINE),
}
_NAME: Final = re.compile(r"[^\W\d]\w*")
_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_WORDS: Final = frozenset(
    "import from as use using static const let var require pub crate self super type default global".split()
)
_LONGEST: Final = 60  # lines of one statement
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Import:
    """One statement, put on one line: where it stands, and the names that it may bind.

    names: with the piece of the statement that binds each, where it can be shown without the others. start: what
    stands before those pieces; "" where the statement cannot be cut.
    """

    line: int
    end_line: int
    text: str
    names: dict[str, str]
    start: str = ""

    def of(self, used: frozenset[str]) -> str:
        """As much of the statement as binds what is used; "" where nothing is."""
        pieces = [piece for name, piece in self.names.items() if name in used]
        if not pieces:
            return ""
        return self.start + ", ".join(pieces) if self.start else self.text


@lru_cache(maxsize=256)
def imports_of(text: str, language: str) -> tuple[Import, ...]:
    """The import statements of a file that tell a reader something; none for a language that has none of this kind.

    In Python, `import a` is left out, as its use names the module, and so is what comes from the standard library.
    """
    begins = _STARTS.get(language)
    if begins is None:
        return ()
    found: list[Import] = []
    done = 0
    for match in begins.finditer(text):
        place = text.count("\n", 0, match.start())
        if place < done:
            continue
        start, depth, size = match.start(), 0, 0
        for line in _lines(text, start):
            depth += _depth(line)
            size += 1
            if depth <= 0 or size == _LONGEST:
                break
        done = place + size
        statement = islice(_lines(text, start), size)
        joined = " ".join(" ".join(_code(line, language) for line in statement).split())
        if language == "python":
            begin, names = _python(joined)
        else:
            begin, names = "", dict.fromkeys(_bound(joined), joined)
        if names:
            found.append(Import(place + 1, done, joined, names, begin))
    return tuple(found)


def used_names(code: str) -> frozenset[str]:
    """The identifiers in a piece of code, those in comments and texts included."""
    return frozenset(_NAME.findall(code))


def _python(text: str) -> tuple[str, dict[str, str]]:
    if text.startswith("import"):
        pieces = [piece.strip() for piece in text.removeprefix("import").split(",")]
        renamed = [piece for piece in pieces if " as " in piece]
        return "import ", {piece.rpartition(" ")[2]: piece for piece in renamed}
    start, _, rest = text.partition(" import ")
    module = start.removeprefix("from").strip()
    if module.partition(".")[0] in sys.stdlib_module_names:
        return "", {}
    pieces = [piece.strip() for piece in rest.strip("() ").split(",")]
    return f"{start} import ", {piece.rpartition(" ")[2]: piece for piece in pieces if piece}


def _bound(text: str) -> list[str]:
    """The names that a statement of another language may bind: the last of each piece."""
    pieces = re.split(r"[,;{}()]", _LITERAL.sub(" ", text))
    words = ([word for word in _NAME.findall(piece) if word not in _WORDS] for piece in pieces)
    return [some[-1] for some in words if some]


def _lines(text: str, start: int) -> Iterator[str]:
    """The lines from a place on."""
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _code(line: str, language: str) -> str:
    return line.partition("#")[0].strip() if language == "python" else line.strip()


def _depth(line: str) -> int:
    return sum(line.count(sign) for sign in _OPEN) - sum(line.count(sign) for sign in _CLOSE)
