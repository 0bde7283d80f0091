"""Opening an embedder by its spec, and the sentence-transformers embedder as far as it goes without torch."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from agentctx.embed import KNOWN_SPECS, open_embedder
from agentctx.embed.sentence_transformers import SentenceTransformerEmbedder
from agentctx.errors import InvalidArgument, MissingDependency
from agentctx.testing.embedders import HashingEmbedder


def test_static_is_the_default() -> None:
    assert open_embedder().identity == open_embedder("static").identity


@pytest.mark.parametrize(
    "spec", ["", "Static", "static:x", "openai", "openai:", "openai: ", "sentence-transformers:", "x"]
)
def test_an_unknown_spec_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_embedder(spec, environ={})
    assert caught.value.field == "embedder"
    assert all(known in caught.value.message for known in KNOWN_SPECS)


@pytest.mark.parametrize("spec", [None, 5, HashingEmbedder()])
def test_a_spec_is_a_text(spec: object) -> None:
    with pytest.raises(InvalidArgument, match="spec"):
        open_embedder(spec)  # type: ignore[arg-type]


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingDependency, match=r"pip install 'agentctx\[sentence-transformers\]'"):
        open_embedder("sentence-transformers:any", environ={})


def test_a_folder_that_is_not_there_is_not_looked_for_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("sentence_transformers")
    stand_in.SentenceTransformer = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", stand_in)
    with pytest.raises(InvalidArgument, match="no folder"):
        SentenceTransformerEmbedder("/no/such/model", allow_download=True)


def test_hashing_embedders_of_two_seeds_differ() -> None:
    one, two = HashingEmbedder(seed=1), HashingEmbedder(seed=2)
    assert one.identity != two.identity
    assert not np.array_equal(one.embed(["a cat"]), two.embed(["a cat"]))
