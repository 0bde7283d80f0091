"""Documents as units: sections of Markdown and reStructuredText, keys of configuration files.

Read line by line, in one pass: what a heading or a key is does not need a full parser, and a damaged file still gives
what can be read of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from agentctx.code.facts import FileFacts, Section

_MOST_SECTIONS: Final = 2_000
_DEEPEST_KEY: Final = 4
_LONGEST_NAME: Final = 200
_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_SETEXT: Final = re.compile(r" {0,3}(=+|-+)\s*$")
_REST_LINE: Final = re.compile(r"([=\-`:.'\"~^_*+#<>!$%&,/;?@\\|])\1{2,}\s*$")
_TABLE: Final = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(?:[#;].*)?$")
_INI_KEY: Final = re.compile(r"([A-Za-z_][\w.\-\" ]*?)\s*[=:]")
_TOML_KEY: Final = re.compile(r"\s*([\w\-\"'. ]+?)\s*=")
_YAML_KEY: Final = re.compile(r"(\s*)(?:-\s+)?([\w./\"'\-$@ ]+?)\s*:(?:\s|$)")
_JSON_KEY: Final = re.compile(r'(\s*)"((?:\\.|[^"\\])*)"\s*:')

_Heading = tuple[int, int, str]  # line from 1, depth, name


def document_facts(path: str, source: bytes) -> FileFacts:
    """The units of a text file that is in no programming language. Other text has none, and is still searchable."""
    name = path.rpartition("/")[2].lower()
    extension = name.rpartition(".")[2] if "." in name else ""
    kind, reader, unit = _READERS.get(extension, ("text", None, ""))
    count = source.count(b"\n") + (not source.endswith(b"\n") and bool(source))
    if reader is None:
        return FileFacts(kind, count)
    lines = source.decode("utf-8", "replace").split("\n")
    headings = list(islice(reader(lines), _MOST_SECTIONS + 1))
    problems = (f"more than {_MOST_SECTIONS} units: the rest is left out",) if len(headings) > _MOST_SECTIONS else ()
    sections = _sections(headings[:_MOST_SECTIONS], unit, count)
    return FileFacts(kind, count, sections=sections, problems=problems)


def _sections(headings: list[_Heading], unit: str, last: int) -> tuple[Section, ...]:
    """Each heading reaches to the next one of its depth or above."""
    ends = [last] * len(headings)
    open_ones: list[int] = []
    paths: list[tuple[str, ...]] = []
    for place, (line, depth, name) in enumerate(headings):
        while open_ones and headings[open_ones[-1]][1] >= depth:
            ends[open_ones.pop()] = line - 1
        above = paths[open_ones[-1]] if open_ones else ()
        paths.append((*above, name[:_LONGEST_NAME]))
        open_ones.append(place)
    return tuple(
        Section(path, unit, heading[0], max(end, heading[0]))
        for path, heading, end in zip(paths, headings, ends, strict=True)
    )


def _markdown(lines: list[str]) -> Iterator[_Heading]:
    fence = ""
    for place, line in enumerate(lines):
        marker = _FENCE.match(line)
        if marker and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else marker[1]
            continue
        if fence:
            continue
        atx = _ATX.match(line)
        if atx:
            yield place + 1, len(atx[1]), (atx[2] or "").strip()
        elif place and lines[place - 1].strip() and (under := _SETEXT.match(line)):
            above = lines[place - 1].strip()
            if not above.startswith(("#", "|", ">", "-", "*", "`")) and (place < 2 or not lines[place - 2].strip()):
                yield place, 1 if under[1][0] == "=" else 2, above


def _restructured(lines: list[str]) -> Iterator[_Heading]:
    depths: dict[tuple[str, bool], int] = {}
    place = 0
    while place + 1 < len(lines):
        line, under = lines[place], lines[place + 1]
        over = bool(_REST_LINE.match(line)) and place + 2 < len(lines) and bool(_REST_LINE.match(lines[place + 2]))
        title = under.strip() if over else line.strip()
        mark = _REST_LINE.match(lines[place + 2] if over else under)
        fits = mark is not None and len(mark[0].rstrip()) >= len(title) > 0
        if fits and mark is not None and not _REST_LINE.match(title) and (over or not line[:1].isspace()):
            depth = depths.setdefault((mark[1], over), len(depths) + 1)
            yield place + 1, depth, title
            place += 3 if over else 2
            continue
        place += 1


def _toml(lines: list[str]) -> Iterator[_Heading]:
    yield from _tables(lines, _TOML_KEY)


def _ini(lines: list[str]) -> Iterator[_Heading]:
    yield from _tables(lines, _INI_KEY)


def _tables(lines: list[str], key: re.Pattern[str]) -> Iterator[_Heading]:
    depth, quoted = 0, ""
    for place, line in enumerate(lines):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        table = _TABLE.match(line)
        if table:
            depth = 1
            yield place + 1, 1, table[1].strip("\"' ")
        elif not line.lstrip().startswith(("#", ";")) and (found := key.match(line)):
            yield place + 1, depth + 1, found[1].strip("\"' ")
            quoted = next((mark for mark in ('"""', "'''") if line.count(mark) == 1), "")


def _indented(lines: list[str], key: re.Pattern[str], comment: str) -> Iterator[_Heading]:
    """Keys by their indent; a deeper indent is a deeper key."""
    indents: list[int] = []
    block = -1  # the indent of a key whose value is a block of text
    for place, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or (comment and stripped.startswith(comment)):
            continue
        indent = len(line) - len(line.lstrip())
        if block >= 0 and indent > block:
            continue
        block = -1
        found = key.match(line)
        if not found:
            continue
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        if comment and stripped.endswith(("|", ">", "|-", ">-", "|+")):
            block = indent
        if len(indents) <= _DEEPEST_KEY:
            yield place + 1, len(indents), found[2].strip("\"' ")


def _yaml(lines: list[str]) -> Iterator[_Heading]:
    yield from _indented(lines, _YAML_KEY, "#")


def _json(lines: list[str]) -> Iterator[_Heading]:
    yield from _indented(lines, _JSON_KEY, "")


_READERS: Final[dict[str, tuple[str, Callable[[list[str]], Iterator[_Heading]] | None, str]]] = {
    "md": ("markdown", _markdown, "section"),
    "markdown": ("markdown", _markdown, "section"),
    "mdx": ("markdown", _markdown, "section"),
    "rst": ("restructuredtext", _restructured, "section"),
    "txt": ("text", _restructured, "section"),
    "toml": ("toml", _toml, "key"),
    "ini": ("ini", _ini, "key"),
    "cfg": ("ini", _ini, "key"),
    "conf": ("ini", _ini, "key"),
    "properties": ("ini", _ini, "key"),
    "editorconfig": ("ini", _ini, "key"),
    "yaml": ("yaml", _yaml, "key"),
    "yml": ("yaml", _yaml, "key"),
    "json": ("json", _json, "key"),
    "jsonc": ("json", _json, "key"),
}
