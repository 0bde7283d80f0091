"""What is made of every content beside its facts, once, and stored with them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from agentctx.code.facts import FileFacts

Produce = Callable[[FileFacts, bytes], bytes]


class Producer(NamedTuple):
    """A part: its name, the version of what it holds, and the function that makes it, as `module:function`.

    The function is given the facts and the content. It may depend on nothing else, so that branches, commits and
    worktrees share what it makes; it is imported by the process that parses.
    """

    name: str
    version: int
    function: str

    @property
    def key(self) -> str:
        """What the part is stored by, beside the key of the facts."""
        return f"{self.name}.{self.version}"

    def load(self) -> Produce:
        """The function itself."""
        return _load(self.function)


@cache
def _load(function: str) -> Produce:
    module, _, name = function.partition(":")
    found: Produce = getattr(importlib.import_module(module), name)
    return found


IMPRINT: Final = Producer("imprint", 1, "agentctx.code.resolve.imprint:produce")
WORDS: Final = Producer("words", 2, "agentctx.code.analysis:analyze")
PRODUCERS: Final = (IMPRINT, WORDS)


def make_parts(facts: FileFacts, content: bytes) -> dict[str, bytes]:
    """Every part of a content, by its key."""
    return {one.key: one.load()(facts, content) for one in PRODUCERS}
