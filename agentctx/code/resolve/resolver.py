"""Resolving a whole generation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agentctx.code.facts import FileFacts
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.link import Linker
from agentctx.code.resolve.python_rules import PythonRules
from agentctx.code.resolve.roots import Modules
from agentctx.code.resolve.rules import Rules
from agentctx.code.resolve.world import World


class Resolver:
    """Binds references to definitions over the facts of all files of a tree. Not thread-safe."""

    def __init__(self, files: Mapping[str, FileFacts]) -> None:
        self._world = World(files)
        rules: dict[str, Rules] = {"python": PythonRules(Modules(files), frozenset(files))}
        self._linker = Linker(Evaluator(self._world, rules))

    def resolve(self, paths: Iterable[str] | None = None) -> Iterator[FileEdges]:
        """The edges that begin in each of `paths`, or in every file, in the order of the paths."""
        for path in sorted(self._world.files if paths is None else paths):
            yield self._linker.link(path)
