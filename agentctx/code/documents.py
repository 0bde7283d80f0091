"""Documents as units: sections of Markdown and reStructuredText, keys of configuration files."""

from __future__ import annotations

from agentctx.code.facts import FileFacts


def document_facts(path: str, source: bytes) -> FileFacts:
    return FileFacts("text", source.count(b"\n") + 1)
