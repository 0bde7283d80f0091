"""The makers that forms and shapes name, and how a maker looks at what a form has matched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentctx.memory.times.engine import Node
    from agentctx.memory.times.forms import Maker
    from agentctx.memory.times.grammar import ShapeMaker

MAKERS: Final[dict[str, Maker]] = {}
SHAPES: Final[dict[str, ShapeMaker]] = {}


def maker(make: Maker) -> Maker:
    """Offer a function to the forms under its own name."""
    MAKERS[make.__name__] = make
    return make


def shape(make: ShapeMaker) -> ShapeMaker:
    """Offer a function to the shapes under its own name."""
    SHAPES[make.__name__] = make
    return make


def pick(nodes: Sequence[Node], *kinds: str, after: int = -1) -> Any:
    """The value of the first node that is of one of the kinds; None where none is. after: look behind that place."""
    for node in nodes[after + 1 :]:
        for kind in kinds:
            if kind in node.values:
                return node.values[kind]
    return None


def place(nodes: Sequence[Node], *kinds: str, after: int = -1) -> int:
    """Where the first node of one of the kinds stands; -1 where none is."""
    for number, node in enumerate(nodes[after + 1 :], after + 1):
        if any(kind in node.values for kind in kinds):
            return number
    return -1


def says(nodes: Sequence[Node], *words: str) -> bool:
    """Whether one of the words, which the form names, is among the nodes."""
    return any("=" + word in node.values for node in nodes for word in words)


def every(nodes: Sequence[Node], *kinds: str) -> list[Any]:
    """The values of all nodes of the kinds, in their order."""
    return [next(node.values[kind] for kind in kinds if kind in node.values) for node in nodes if _is(node, kinds)]


def _is(node: Node, kinds: Sequence[str]) -> bool:
    return any(kind in node.values for kind in kinds)


def load() -> None:
    """Import the modules that offer makers."""
    from agentctx.memory.times import away, dates, joined, relative, shapes, spans, spoken, within  # noqa: F401, PLC0415 - they register themselves
