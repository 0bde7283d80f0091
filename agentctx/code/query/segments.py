"""Cutting the text of a task into stretches that count differently: title, prose, code, traces, and what is noise.

Noise is what a bug tracker's form asks of everyone: headings of a template, check lists, the versions of installed
packages, the machine. It names many things, and none of them for the reason that people name things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["title", "prose", "span", "code", "output", "trace", "noise"]

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG: Final = re.compile(r"</?(?:details|summary|tt|pre|code|p|br|b|i|kbd|sub|sup|div|img|a|h[1-6])\b[^>]*>")
_FENCE: Final = re.compile(r"^\s{0,6}(?:>\s*)?(`{3,}|~{3,})\s*([\w+.-]*)")
_SPAN: Final = re.compile(r"(`+)([^`\n]{1,200})\1(?!`)")
_PROMPT: Final = re.compile(r"^\s*(?:>>>|\.\.\.|In ?\[\d*\]:|\$|\w{0,20}[>#]\s(?=\w+\())\s?")
_ANSWER: Final = re.compile(r"^\s*Out ?\[\d*\]:")
_INDENTED: Final = re.compile(r"^(?: {4}|\t)\s*\S")
_CODE: Final = re.compile(
    r"^\s*(?:def|class|import|from|return|raise|assert|async|await|with|for|while|if|elif|except|function|const|let|var|"
    r"func|fn|pub|package|use|using|public|private|static)\b.*[:;{(=\w]\s*$|^\s*@\w[\w.]*|[\w\])]\s*\(.*\)\s*[;:{]?\s*$|"
    r"^\s*[\w.\[\], ]+\s[-+*/|&]?=\s\S"
)
_TRACE_START: Final = re.compile(
    r"^\W*(?:Traceback \(most recent call last\)|-{20,}$|Exception in thread|thread '.*' panicked|goroutine \d+|"
    r"(?:[\w.$]*(?:Error|Exception)\b.*Traceback))"
)
_TRACE_LINE: Final = re.compile(
    r"^\W*(?:File \"?[^\"\n]+\"?(?:, line \d+|:\d+)|at [\w.$<>\[\] /]+\(|#\d+ +0x|\S+\.py[:( ]+\d+|\d+: +\w[\w:<>]+$)"
    r"|^\s*(?:[~/]\S*|[A-Z]:\\\S*|\S+/\S*)\.py\S* in \w|^[E>] {2,}"
)
_NUMBERED: Final = re.compile(r"^\s*(?:-+>\s*)?\d+\s(?:\s|$)")
_ERROR: Final = re.compile(r"^[\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Failure|panic)\b\s*(?::|$)")
_HEADING: Final = re.compile(r"^\s*(?:#{1,6}\s+|\*\*|__)(.{1,80}?)(?:\*\*|__)?:?\s*$")
_TEMPLATE: Final = re.compile(
    r"(?i)\W*(?:describe (?:the|your) (?:bug|issue|problem|feature|solution)\b.*|(?:a )?(?:short |brief |clear )?"
    r"(?:bug )?(?:description|summary)(?: of the (?:bug|issue|problem))?|(?:to |how to )?reproduc\w+(?: (?:steps|code|"
    r"the (?:bug|problem|issue)))?|steps? to reproduce.*|(?:expected|actual|current|observed)"
    r"(?: (?:behaviou?r|results?|outputs?|outcome))?|what (?:did you (?:do|expect)|you (?:did|expected)|happened|"
    r"actually happened|is the (?:expected|current) behaviou?r)\b.*|"
    r"(?:code|mcve|minimal)[ \w,-]*(?:sample|example)s?\b.*|"
    r"(?:your )?(?:project|screenshots?|logs?|additional (?:context|information)|environment(?: info(?:rmation)?)?|"
    r"system info(?:rmation)?|versions?|traceback|problem(?: description)?|possible (?:fix|solution|workaround)s?|"
    r"extra tools|os|details|bug report|feature request|error|anything else.*|other information))\W*"
)
_ENVIRONMENT_HEADING: Final = re.compile(
    r"(?i)\W*(?:(?:your )?environment(?: info(?:rmation)?)?|(?:system|version|platform) info(?:rmation)?|versions?|"
    r"(?:output|result)s? of .*(?:show_versions|pip (?:list|freeze)|conda list|--version).*|"
    r"installed (?:versions|packages)|dependencies|pip (?:list|freeze)|details of (?:the )?(?:environment|system))\W*"
)
_VERSION_LINE: Final = re.compile(
    r"^\W*[A-Za-z][\w.\[\] ()/+-]{0,40}?(?:\s*(?:==|>=|[:=@|])\s*|\s+)v?(?:\d+(?:\.\d+)+[\w.+-]*|None|unknown)"
    r"(?:\s*[|(].*|\s+\S+)?\s*$"
)
_MACHINE_LINE: Final = re.compile(
    r"(?i)^\W*(?:os|os-release|platform|machine|processor|byteorder|lc_all|lang|locale|python(?:-bits| version)?|"
    r"commit|browser|operating system|node|cpu|kernel|arch\w*)\s*[:=]|^platform \w+ -- |"
    r"^(?:requirement already|collecting|(?:successfully |installing collected )\w* ?\w*|downloading|using cached|"
    r"building wheel)\b.*[\d:]|"
    r"^\[(?:gcc|clang|msc)\b|^type \"help\"|^(?:plugins|rootdir|cachedir|collected \d+)\b|^python \d|=+ .* =+$"
)
_ENDLESS: Final = re.compile(r"\S{1000,}")
"""Encoded data: nobody writes such a word."""
_CHECK: Final = re.compile(r"^\s*[-*+]\s*\[[ xX]?\]")
_MOST: Final = 200_000
"""Characters that are looked at: a log of megabytes says nothing more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text and what it is."""

    kind: Kind
    text: str


def split(text: str) -> list[Segment]:
    """The segments of a text in order; the first is the title, where there is one. Linear in the text."""
    text = text[:_MOST].replace("\r\n", "\n").replace("\r", "\n")
    text = _TAG.sub(" ", _COMMENT.sub("\n", _ENDLESS.sub(" ", text)))
    title, _, rest = text.strip().partition("\n")
    segments = [Segment("title", title)] if title else []
    segments.extend(_spans("title", title)[1:])
    for kind, block in _blocks(rest.split("\n")):
        segments.extend(_spans(kind, block) if kind == "prose" else [Segment(kind, block)])
    return segments


def _spans(kind: Kind, text: str) -> list[Segment]:
    """Prose with its code spans taken out into segments of their own; they stay part of it."""
    return [Segment(kind, text), *(Segment("span", hit[2]) for hit in _SPAN.finditer(text))]


def _blocks(lines: list[str]) -> Iterator[tuple[Kind, str]]:
    """Runs of lines of one kind."""
    run: list[str] = []
    kind: Kind = "prose"
    for now, line in _kinds(lines):
        if now != kind and run:
            yield kind, "\n".join(run)
            run = []
        kind = now
        run.append(line)
    if run:
        yield kind, "\n".join(run)


def _kinds(lines: list[str]) -> Iterator[tuple[Kind, str]]:
    fence = ""
    info = ""
    tracing = False
    environment = False
    prompted = False
    before_blank = True
    kind: Kind = "prose"
    for line in lines:
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not mark[2])):
            fence, info = ("", "") if fence else (mark[1], mark[2].lower())
            tracing = prompted = False
            continue
        blank = not line.strip()
        heading = None if fence else _HEADING.match(line)
        if heading:
            environment = bool(_ENVIRONMENT_HEADING.fullmatch(heading[1]))
            tracing = False
        if blank:
            yield ("noise" if environment else kind if fence or tracing else "prose"), line
            before_blank = True
            continue
        if _noisy(line, heading):
            kind = "noise"
            environment = environment or bool(_ENVIRONMENT_HEADING.fullmatch(line))
        elif environment:
            kind = "noise"
        elif _TRACE_START.match(line) or _TRACE_LINE.match(line):
            kind, tracing = "trace", True
        elif tracing:
            kind = "trace"
            tracing = not _ERROR.match(line)
            if not (fence or line[0].isspace() or _NUMBERED.match(line) or not tracing):
                kind = "prose"
                tracing = False
        elif _ERROR.match(line):
            kind = "trace"
        elif _PROMPT.match(line):
            kind, prompted = "code", True
        elif _ANSWER.match(line):
            kind = "output"
        elif fence:
            kind = "output" if prompted else _fenced(info)
        elif _INDENTED.match(line) and before_blank:
            kind = "code" if _CODE.search(line) else "output"
        else:
            kind, prompted = "prose", False
        before_blank = kind in ("code", "output") and not fence
        yield kind, line


def _fenced(info: str) -> Kind:
    return "output" if info in ("text", "txt", "console", "output", "log", "diff") else "code"


def _noisy(line: str, heading: re.Match[str] | None) -> bool:
    if _CHECK.match(line) or _VERSION_LINE.match(line) or _MACHINE_LINE.match(line):
        return True
    return bool(_TEMPLATE.fullmatch(heading[1] if heading else line.strip()))
