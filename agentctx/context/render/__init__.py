"""How bundles are written down: Markdown, XML, JSON, chat messages."""

from __future__ import annotations

from agentctx.context.render.base import Rendered, Renderer, render
from agentctx.context.render.json_ import Json
from agentctx.context.render.markdown import Markdown
from agentctx.context.render.messages import Messages
from agentctx.context.render.xml import Xml
from agentctx.types.context import BundleFormat

__all__ = ["Rendered", "Renderer", "render", "renderer_for"]


def renderer_for(format: BundleFormat) -> Renderer:
    """The renderer of a format."""
    return _RENDERERS[format]


_RENDERERS: dict[BundleFormat, Renderer] = {
    "markdown": Markdown(),
    "xml": Xml(),
    "json": Json(),
    "messages": Messages(),
}
