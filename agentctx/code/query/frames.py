"""Frames of stack traces, in the notations of many languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

_PYTHON: Final = re.compile(r'^\W*File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<name>\S+))?')
_IPYTHON: Final = re.compile(
    r"^[^\w~/.<]*(?:File )?(?P<path>[^\s:\"'<>]*[/\\][^:\"'<>\n]*?\.\w{1,4}|<[\w-]+>|\S+\.pyx?)(?::(?P<line>\d+))?"
    r",? in (?P<name>[\w.<>]+)\s*\("
)
_PYTEST: Final = re.compile(r"^(?P<path>[\w./\\-]+\.pyx?):(?P<line>\d+): (?:in (?P<name>\w+)\s*$|[A-Z]\w+|$)")
_POINTER: Final = re.compile(r"^\s*-+>\s*(\d+)\s")
# Innermost first, all of these.
_SCRIPT: Final = re.compile(
    r"^\s*at (?:async )?(?:(?:new )?(?P<name>[\w.$<>\[\] ]+?) \()?(?:file://)?(?P<path>[^\s()]+?\.\w{1,6}):(?P<line>\d+)"
    r"(?::\d+)?\)?"
)
_JAVA: Final = re.compile(r"^\s*at (?P<name>[\w.$<>/]+)\((?P<path>\w+\.(?:java|kt|scala|groovy)):(?P<line>\d+)\)")
_DOTNET: Final = re.compile(r"^\s*at (?P<name>[\w.`<>\[\]+]+)\([^)]*\) in (?P<path>.+?):line (?P<line>\d+)")
_GO: Final = re.compile(r"^\s*(?P<path>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?\s*$")
_GO_NAME: Final = re.compile(r"^(?:created by )?[\w./-]*?([\w*()]+(?:\.[\w*()]+)*)\((?:0x|\.\.\.|\)|\{|[\w, ]*\))")
_RUBY: Final = re.compile(r"^\W*(?:from )?(?P<path>[\w./-]+\.rb):(?P<line>\d+):in [`'](?:.* in )?(?P<name>[^'`]+)'")
_PHP: Final = re.compile(r"^\s*#\d+ (?P<path>\S+\.php)\((?P<line>\d+)\): (?P<name>[\w\\:>-]+)\(")
_NATIVE: Final = re.compile(
    r"^\s*#\d+\s+(?:0x[0-9a-f]+ in )?(?P<name>[\w:~<>]+) \(.*?\) (?:at|from) (?P<path>[^\s:]+)(?::(?P<line>\d+))?"
)
_RUST_NAME: Final = re.compile(r"^\s*\d+:\s+(?:0x[0-9a-f]+ - )?([\w:<>{}# ]+)$")
_INNER_LAST: Final = (_PYTHON, _IPYTHON, _PYTEST)
_INNER_FIRST: Final = (_JAVA, _DOTNET, _SCRIPT, _GO, _RUBY, _PHP, _NATIVE)
_MAY_HOLD: Final = re.compile(r"\.\w{1,6}|in <")
_NEW: Final = re.compile(r"Traceback \(most recent|During handling of|direct cause of|Caused by:|^goroutine \d+")
_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Frame:
    """A place that a trace went through. `depth` counts from the innermost frame of its trace, which has 0.

    line is 0 and function empty where the trace does not say.
    """

    path: str
    line: int
    function: str
    depth: int


def frames(text: str) -> list[Frame]:
    """The frames of all traces in a text, trace by trace, innermost first. Linear in the text."""
    found: list[Frame] = []
    group: list[Frame] = []
    last_inner: bool | None = None
    previous = ""
    for line in text.split("\n"):
        if _NEW.search(line):
            found += _closed(group, last_inner)
            group, last_inner = [], None
        hit, inner_last = _frame(line, previous)
        pointer = _POINTER.match(line)
        if pointer and group and not group[-1].line:
            group[-1] = replace(group[-1], line=int(pointer[1]))
        if hit is not None:
            if last_inner is not None and inner_last != last_inner:
                found += _closed(group, last_inner)
                group = []
            last_inner = inner_last
            group.append(hit)
        if line.strip():
            previous = line
        if len(found) + len(group) >= _MOST:
            break
    return [*found, *_closed(group, last_inner)]


def _frame(line: str, previous: str) -> tuple[Frame | None, bool]:
    if len(line) > 1_000 or not _MAY_HOLD.search(line):
        return None, False
    for inner_last, patterns in ((True, _INNER_LAST), (False, _INNER_FIRST)):
        for pattern in patterns:
            hit = pattern.match(line)
            if hit is None:
                continue
            known = hit.groupdict()
            name = known.get("name") or ""
            if pattern is _GO:
                above = _GO_NAME.match(previous.strip())
                name = above[1] if above else ""
            elif pattern is _SCRIPT and not name:
                above = _RUST_NAME.match(previous)
                name = above[1].strip() if above else ""
            return Frame(known["path"].replace("\\", "/"), int(known.get("line") or 0), name, 0), inner_last
    return None, False


def _closed(group: list[Frame], inner_last: bool | None) -> Iterator[Frame]:
    ordered = reversed(group) if inner_last else group
    return (replace(frame, depth=depth) for depth, frame in enumerate(ordered))
