"""Resolving a whole generation."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping

from agentctx.code.facts import FileFacts, Reference
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.file_rules import ScriptRules
from agentctx.code.resolve.global_rules import GlobalRules
from agentctx.code.resolve.link import Linker
from agentctx.code.resolve.package_rules import GoRules, PackageRules
from agentctx.code.resolve.python_rules import PythonRules
from agentctx.code.resolve.rules import Rules
from agentctx.code.resolve.world import World


class Resolver:
    """Binds references to definitions over the facts of all files of a tree. Not thread-safe.

    `files` may hold outlines only (`codec.decode_outline`), and may decode them when they are asked for: `references`
    then gives the references of a file, and `imprints` the imprint of every file, so that only the files are decoded
    that the resolved ones lead to. Answers do not depend on the order in which files are resolved.
    """

    def __init__(
        self,
        files: Mapping[str, FileFacts],
        references: Callable[[str], Iterable[Reference]] | None = None,
        imprints: Mapping[str, bytes] | None = None,
    ) -> None:
        self._world = World(files, imprints)
        self._references = references or (lambda path: files[path].references)
        self._linker = Linker(Evaluator(self._world, _rules(self._world)))

    def resolve(self, paths: Iterable[str] | None = None) -> Iterator[FileEdges]:
        """The edges that begin in each of `paths`, or in every file, in the order of the paths."""
        for path in sorted(self._world.paths if paths is None else paths):
            # Nothing here is garbage in a circle, and looking for some costs more than resolving; between files it may.
            collecting = gc.isenabled()
            gc.disable()
            try:
                linked = self._linker.link(path, self._references(path))
            finally:
                if collecting:
                    gc.enable()
            yield linked


def _rules(world: World) -> dict[str, Rules]:
    scripts = ScriptRules(world)
    native = GlobalRules(world, frozenset({"c", "cpp"}))
    return {
        "python": PythonRules(world),
        "javascript": scripts,
        "typescript": scripts,
        "tsx": scripts,
        "go": GoRules(world),
        "java": PackageRules(world, "java"),
        "csharp": PackageRules(world, "csharp"),
        "php": PackageRules(world, "php", "\\"),
        "c": native,
        "cpp": native,
        "rust": GlobalRules(world, frozenset({"rust"})),
        "ruby": GlobalRules(world, frozenset({"ruby"})),
        "bash": GlobalRules(world, frozenset({"bash"})),
    }
