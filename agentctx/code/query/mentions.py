"""Names, paths and quoted words in a stretch of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

MentionKind = Literal["path", "dotted", "identifier", "word", "quoted", "error"]

EXTENSIONS: Final = (
    "py|pyi|pyx|js|jsx|mjs|cjs|ts|tsx|go|java|kt|rs|c|h|cc|cpp|cxx|hpp|hh|cs|rb|php|sh|bash|md|rst|toml|cfg|ini|yaml|yml|"
    "json|xml|html|css|sql|proto|vue|swift|scala|lua|pl|m|mm|jl|r"
)
_PATH: Final = re.compile(
    rf"(?<![\w.])(?:[A-Za-z]:)?[~.]?[\w./\\+-]*[\w-]\.(?:{EXTENSIONS})\b(?![\w(/])(?:(?::|#L|, line |\s?@ ?)(\d+))?"
)
_LINK: Final = re.compile(r"https?://[^\s<>()\[\]\"'`]+")
_SOURCE_LINK: Final = re.compile(r"^https?://[^/]+/[^/]+/[^/]+/(?:-/)?(?:blob|tree|blame)/[^/]+/([^#?]+)(?:#L(\d+))?")
_NAME: Final = r"[A-Za-z_$][\w$]*"
_DOTTED: Final = re.compile(rf"(?<![\w.]){_NAME}(?:(?:\.|::|->|#){_NAME})+")
_IDENTIFIER: Final = re.compile(rf"(?<![\w.\"'\\]){_NAME}")
_SHAPED: Final = re.compile(r"\w_\w|[a-z0-9][A-Z]|^_\w|[A-Z]{2}[a-z]")
_QUOTED: Final = re.compile(r"\"([^\"\n]{3,120})\"|'([^'\n]{3,120})'|\u201c([^\u201d\n]{3,120})\u201d")
_ERROR: Final = re.compile(
    r"^\W{0,8}([A-Za-z_][\w.]*(?:Error|Exception|Warning|Failure))\s*:\s*(.{3,300})$", re.MULTILINE
)
_SEPARATOR: Final = re.compile(r"\.|::|->|#")
_IMPORT: Final = re.compile(
    r"^\s*(?:>>>\s*)?(?:from\s+([\w.]+)\s+import\s+\(?([\w ,*.]+)\)?|import\s+([\w.]+)(?:\s+as\s+(\w+))?)", re.MULTILINE
)
_ASSIGNED: Final = re.compile(
    r"^\W*(?:In ?\[\d+\]: ?)?(?:(?:const|let|var|val|auto|final)\s+)?([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*:?=(?!=)",
    re.MULTILINE,
)
_DEFINED: Final = re.compile(r"^\W*(?:export\s+)?(?:async\s+)?(?:def|class|func|function|fn)\s+(\w+)", re.MULTILINE)
_LOOPED: Final = re.compile(r"\bfor\s+\(?(?:(?:const|let|var)\s+)?(\w+(?:\s*,\s*\w+)*)\s+(?:in|of)\b")
_LIBRARY_NOISE: Final = frozenset(
    "self cls args kwargs true false none null this import from def class return print the and for not with in is or "
    "if elif else try except finally raise as pass lambda while break continue del global assert yield async await "
    "const let var function func fn new throw catch".split()
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that points at code, as written; of dotted names `parts` are the names. `line` belongs to a path."""

    kind: MentionKind
    text: str
    parts: tuple[str, ...] = ()
    line: int = 0
    called: bool = False


def paths(text: str) -> Iterator[Mention]:
    """File names and paths, those inside links to source code too."""
    for link in _LINK.finditer(text):
        hit = _SOURCE_LINK.match(link[0])
        if hit:
            yield Mention("path", hit[1], line=int(hit[2] or 0))
    for hit in _PATH.finditer(_LINK.sub(" ", text)):
        path = hit[0].partition(":")[0] if hit[1] and "/" not in hit[0].partition(":")[2] else hit[0]
        path = re.sub(r"(?:#L|, line |\s?@ ?)\d+$", "", path).replace("\\", "/")
        yield Mention("path", path, line=int(hit[1] or 0))


def without_paths(text: str) -> str:
    """The text without paths and links: what they say is said by the path, and not by its words."""
    return _PATH.sub(" ", _LINK.sub(" ", text))


def names(text: str, *, code: bool) -> Iterator[Mention]:
    """Dotted names and identifiers. In prose only what is shaped like one is; other words come as kind "word"."""
    text = _LINK.sub(" ", text)
    taken: list[tuple[int, int]] = []
    for hit in _DOTTED.finditer(text):
        parts = tuple(_SEPARATOR.split(hit[0]))
        if parts[-1].lower() in _EXTENSION_SET and len(parts) == 2:
            continue
        taken.append(hit.span())
        yield Mention("dotted", hit[0], parts, called=text[hit.end() : hit.end() + 1] == "(")
    spans = iter(taken)
    span = next(spans, None)
    for hit in _IDENTIFIER.finditer(text):
        while span is not None and span[1] <= hit.start():
            span = next(spans, None)
        if span is not None and span[0] <= hit.start():
            continue
        name = hit[0]
        if name.lower() in _LIBRARY_NOISE:
            continue
        called = text[hit.end() : hit.end() + 1] == "("
        shaped = bool(_SHAPED.search(name))
        if shaped or called or code:
            yield Mention("identifier", name, (name,), called=called)
        elif len(name) > 2:
            yield Mention("word", name, (name,))


def quoted(text: str) -> Iterator[str]:
    """What stands in quotes, and the messages of errors."""
    for hit in _QUOTED.finditer(text):
        yield next(group for group in hit.groups() if group is not None)


def errors(text: str) -> Iterator[tuple[str, str]]:
    """(name of the error, message) of lines such as `ValueError: too many`."""
    for hit in _ERROR.finditer(text):
        yield hit[1].rpartition(".")[2], hit[2].strip()


def own_names(text: str) -> Iterator[str]:
    """What a snippet gives a name to itself: variables, functions, classes."""
    for hit in (*_ASSIGNED.findall(text), *_LOOPED.findall(text)):
        yield from (one.strip() for one in hit.split(","))
    yield from _DEFINED.findall(text)


def imports(text: str) -> dict[str, str]:
    """What the names that snippets import stand for: `{"np": "numpy", "App": "package.App"}`."""
    known: dict[str, str] = {}
    for module, wanted, plain, alias in _IMPORT.findall(text):
        if module:
            for one in wanted.split(","):
                name, _, other = one.strip().partition(" as ")
                if name and name != "*":
                    known[(other or name).strip()] = f"{module}.{name.strip()}"
        elif alias:
            known[alias] = plain
    return known


_EXTENSION_SET: Final = frozenset(EXTENSIONS.split("|"))
