"""From the content of one file to its facts: one parse, one pass of the language's query."""

from __future__ import annotations

from tree_sitter import Parser, QueryCursor

from agentctx.code.classify import UNPARSED, as_utf8, content_marks
from agentctx.code.documents import document_facts
from agentctx.code.facts import FileFacts
from agentctx.code.languages import language_of
from agentctx.code.languages.base import Language
from agentctx.code.matches import Collected, collect
from agentctx.code.scopes import arrange

_MATCH_LIMIT = 65_536


def extract(path: str, content: bytes) -> FileFacts:
    """The facts of a file. Only the name in `path` matters, for the language; equal contents give equal facts.

    Never raises for what a file holds: binary and minified contents give empty facts, a syntax error costs the part
    that it garbles and is named in `problems`. About 1 ms for 6 KB of code.
    """
    marks = content_marks(content)
    if marks & UNPARSED:
        return FileFacts("", content.count(b"\n") + 1, problems=(f"not parsed: {(marks & UNPARSED).name}".lower(),))
    source, _ = as_utf8(content)
    language = language_of(path, source[:4096])
    if language is None:
        return document_facts(path, source)
    return extract_code(language, source)


def extract_code(language: Language, source: bytes) -> FileFacts:
    """The facts of `source`, valid UTF-8, in `language`. Raises ImportError when its grammar is not installed."""
    grammar, query = language.load()
    tree = Parser(grammar).parse(source)
    cursor = QueryCursor(query, match_limit=_MATCH_LIMIT)
    root = tree.root_node
    collected: Collected = collect(language, source, cursor.matches(root))
    problems = []
    if root.has_error:
        problems.append("syntax error: what it garbles is left out")
    if cursor.did_exceed_match_limit:
        problems.append("match limit exceeded: some facts are left out")
    return arrange(language, source, root, collected, tuple(problems))
