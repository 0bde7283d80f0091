"""From the content of one file to its facts: one parse, one pass of the language's query."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from tree_sitter import Parser, QueryCursor

from agentctx.code.classify import UNPARSED, as_utf8, content_marks
from agentctx.code.documents import document_facts
from agentctx.code.facts import EXTRACTOR_VERSION, FileFacts
from agentctx.code.languages import kind_of_name, language_of
from agentctx.code.languages.base import Language
from agentctx.code.matches import collect
from agentctx.code.scopes import arrange

_MATCH_LIMIT: Final = 65_536
_HEAD: Final = 4_096


def facts_key(path: str, content_hash: str) -> str:
    """What the facts of a content are stored under: they depend on it, on the kind of name, and on the extractor."""
    return f"{content_hash}.{kind_of_name(path)}.{EXTRACTOR_VERSION}"


def extract(path: str, content: bytes, patience: float = 0.0) -> FileFacts:
    """The facts of a file. Only the name in `path` matters, for the language; equal contents give equal facts.

    Never raises for what a file holds: binary and minified contents give empty facts, a syntax error costs the part
    that it garbles and is named in `problems`. Raises TimeoutError where parsing takes longer than `patience` seconds,
    if there are any given. About 1 ms for 6 KB of code.
    """
    marks = content_marks(content)
    if marks & UNPARSED:
        names = (marks & UNPARSED).names()
        return FileFacts("", content.count(b"\n") + 1, problems=(f"not parsed: {names[0]}",), marks=marks.names())
    source, lossy = as_utf8(content)
    marks |= lossy
    language = language_of(path, source[:_HEAD])
    facts = document_facts(path, source) if language is None else extract_code(language, source, patience)
    return replace(facts, marks=marks.names()) if marks else facts


def extract_code(language: Language, source: bytes, patience: float = 0.0) -> FileFacts:
    """The facts of `source`, valid UTF-8, in `language`. Raises ImportError when its grammar is not installed.

    patience: see `extract`.
    """
    grammar, query = language.load()
    prepared = language.prepare(source) if language.prepare else source
    parser = Parser(grammar)
    if patience:
        _check_time(patience, parser, prepared)
        parser = Parser(grammar)
    tree = parser.parse(prepared)
    cursor = QueryCursor(query, match_limit=_MATCH_LIMIT)
    root = tree.root_node
    collected = collect(language, source, cursor.matches(root))
    problems = []
    if root.has_error:
        problems.append("syntax error: what it garbles is left out")
    if cursor.did_exceed_match_limit:
        problems.append("match limit exceeded: some facts are left out")
    return arrange(language, source, root, collected, tuple(problems))


def _check_time(seconds: float, parser: Parser, source: bytes) -> None:
    """Parse once with an eye on the clock. That tree is not used: its nodes would ask for their text piece by piece."""
    ends = time.monotonic() + seconds
    try:
        parser.parse(lambda offset, _point: source[offset:], progress_callback=lambda *_: time.monotonic() > ends)
    except ValueError as error:
        raise TimeoutError("parsing takes too long") from error
