"""Embedders: what turns a text into a vector.

Three are at hand, each loaded only when it is opened: `static` (the default: ships with the package, no torch, no
download), `sentence-transformers:NAME` and `openai:MODEL@URL`. Anything with the methods of `Embedder` is one too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from agentctx.embed.base import Embedder, EmbedderIdentity, TextKind, Vectors
from agentctx.errors import InvalidArgument

__all__ = ["KNOWN_SPECS", "Embedder", "EmbedderIdentity", "TextKind", "Vectors", "open_embedder"]

KNOWN_SPECS = ("static", "sentence-transformers:NAME-OR-FOLDER", "openai:MODEL[@BASE-URL]")


def open_embedder(spec: str = "static", *, environ: Mapping[str, str] | None = None) -> Embedder:
    """Open the embedder that `spec` names; `embedder.identity.spec` opens the same one again.

    environ (default: `os.environ`, read now) may hold `AGENTCTX_ALLOW_DOWNLOAD=1`, without which no model is ever
    downloaded, and the API keys: `OPENAI_API_KEY` for api.openai.com, `AGENTCTX_OPENAI_API_KEY` or
    `AGENTCTX_OPENAI_API_KEY_FILE` for that and any other address.

    Raises InvalidArgument for an unknown spec, MissingDependency when an extra is not installed. Nothing is sent over
    the network by opening, except that a download you allowed takes place. Cost: `static` a few ms (the first `embed`
    loads its table), `sentence-transformers` some seconds.
    """
    environ = os.environ if environ is None else environ
    if not isinstance(spec, str):
        raise InvalidArgument(
            f"an embedder spec is a str such as 'static', not {type(spec).__name__}", field="embedder"
        )
    kind, _, rest = spec.partition(":")
    if spec == "static":
        from agentctx.embed.static import StaticEmbedder  # noqa: PLC0415 - each opened alone

        return StaticEmbedder()
    if kind == "sentence-transformers" and rest.strip():
        from agentctx.embed.sentence_transformers import SentenceTransformerEmbedder  # noqa: PLC0415 - an extra

        return SentenceTransformerEmbedder(rest, allow_download=environ.get("AGENTCTX_ALLOW_DOWNLOAD") == "1")
    if kind == "openai" and rest.strip():
        from agentctx.embed.openai import open_from_spec  # noqa: PLC0415 - brings httpx

        return open_from_spec(rest, environ)
    raise InvalidArgument(f"unknown embedder {spec!r}; known: {', '.join(KNOWN_SPECS)}", field="embedder")
