"""By name what users have linked it to and what stands for it: lets an edit look at what is near, not at everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Near = dict[str, dict[str, None]]  # in the order made, each once


class Neighbours:
    """The users' edges and aliases as they were made, by either end. Kept in step by the owner."""

    def __init__(self, links: Iterable[tuple[str, str]], alias: Mapping[str, str]) -> None:
        self.below: Near = {}
        self.above: Near = {}
        self.sources: Near = {}  # by name those that stand for it directly
        for broader, narrower in links:
            self.link(broader, narrower)
        for name, target in alias.items():
            self.sources.setdefault(target, {})[name] = None

    def __contains__(self, name: str) -> bool:
        """Whether anything is known of a name."""
        return bool(self.below.get(name) or self.above.get(name) or self.sources.get(name))

    def link(self, broader: str, narrower: str) -> None:
        """Take up an edge; one that is there already does no harm."""
        self.below.setdefault(broader, {})[narrower] = None
        self.above.setdefault(narrower, {})[broader] = None

    def unlink(self, broader: str, narrower: str) -> None:
        """Drop an edge that is there."""
        del self.below[broader][narrower], self.above[narrower][broader]
