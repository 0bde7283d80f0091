"""The static embedder: its data, its tokenizer, its cost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from agentctx.embed.static import DATA, StaticEmbedder
from agentctx.embed.wordpieces import MAX_CHARACTERS, WordPieces
from agentctx.errors import FailedPrecondition

TOKENIZER = (DATA / "tokenizer.json").read_text(encoding="utf-8")
REFERENCE = Tokenizer.from_str(TOKENIZER)
REFERENCE.no_truncation()
REFERENCE.no_padding()
UNKNOWN = REFERENCE.token_to_id("[UNK]")
PIECES = WordPieces(TOKENIZER, "[UNK]")


def reference_ids(text: str) -> list[int]:
    return [i for i in REFERENCE.encode(text, add_special_tokens=False).ids if i != UNKNOWN]


@given(st.text(max_size=60) | st.text(st.characters(max_codepoint=0x17F), max_size=60))
@settings(max_examples=400, deadline=None)
def test_ids_are_those_of_the_tokenizer_on_the_whole_text(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert PIECES.ids(text, 10_000) == reference_ids(text)


@pytest.mark.parametrize(
    "text",
    [
        "It's a naïve café-owner's €5 déjà-vu…", "a\x0bb c\x85d e\u2028f g\u00a0h i\u200bj", "日本 語",
        "[UNK] [PAD]é ##ing", "x" * 101, "İstanbul K ﬁ", "snake_case camelCase v1.2.3", "e\u0301 \u0301x", "😀😀 :-)",
    ],
)  # fmt: skip
def test_ids_of_awkward_texts(text: str) -> None:
    assert PIECES.ids(text, 10_000) == reference_ids(text)


def test_the_vector_is_the_mean_of_the_rows() -> None:
    tensors = load_file(DATA / "model.safetensors")
    table = tensors["rows"] * tensors["scale"][:, None]
    text = "Unbelievable: the grandmother's café reopened in Kraków!"
    mean = table[reference_ids(text)].mean(axis=0)
    np.testing.assert_allclose(StaticEmbedder().embed([text])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_only_the_first_512_tokens_count() -> None:
    embedder = StaticEmbedder()
    long, cut = embedder.embed(["cat " * 511 + "dog " + "moon " * 100, "cat " * 511 + "dog"])
    np.testing.assert_array_equal(long, cut)


def test_a_megabyte_costs_no_more_than_its_beginning() -> None:
    assert PIECES.ids("\u200d" * 1_000_000 + "cat", 512) == []
    assert PIECES.ids(" " * (MAX_CHARACTERS - 3) + "cat dog", 512) == reference_ids("cat")


def test_a_text_without_known_tokens_gives_zeros() -> None:
    assert not StaticEmbedder().embed(["𐎠𐎡𐎢", "x" * 200]).any()


def test_related_words_are_near_each_other() -> None:
    dog, puppy, invoice = StaticEmbedder().embed(["dog", "puppy", "invoice"])
    assert dog @ puppy > dog @ invoice + 0.2


def test_the_word_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctx.embed.wordpieces.REMEMBERED", 10)
    pieces = WordPieces(TOKENIZER, "[UNK]")
    for i in range(50):
        assert pieces.ids(f"word{i}", 99) == reference_ids(f"word{i}")
    assert len(pieces._seen) <= 10


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_damaged_data_is_a_clear_error(tmp_path: Path, name: str, harm: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    file = folder / name
    if harm == "remove":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    with pytest.raises(FailedPrecondition, match="reinstall"):
        StaticEmbedder(folder).embed(["a cat"])


def test_data_of_another_format_is_refused(tmp_path: Path) -> None:
    manifest = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(FailedPrecondition, match="another version"):
        StaticEmbedder(tmp_path)


def test_the_data_fits_the_package_and_holds_no_path_of_the_builder() -> None:
    files = list(DATA.iterdir())
    assert {f.suffix for f in files} == {".safetensors", ".json", ""}
    assert sum(f.stat().st_size for f in files) <= 11_000_000
    assert not any(b"site-packages" in f.read_bytes() for f in files)


def test_importing_the_package_loads_no_embedder() -> None:
    code = (
        "import sys; from agentctx.embed import open_embedder; e = open_embedder('static'); e.identity; "
        "print([m for m in ('tokenizers', 'safetensors', 'httpx', 'sentence_transformers') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_forking_after_use_is_silent() -> None:
    code = (
        "import os; from agentctx.embed import open_embedder; e = open_embedder(); e.embed(['a cat'] * 50)\n"
        "child = os.fork()\n"
        "e.embed(['a dog 日本'] * 50)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""


def test_it_is_fast() -> None:
    """Far above the real figures (docs/embedders.md), so that only a change of kind is noticed."""
    embedder = StaticEmbedder()
    texts = [f"I went to the {i}th meeting of our book club and we all liked the story" for i in range(100)]
    embedder.embed(texts)
    costs = []
    for _ in range(5):
        began = time.perf_counter()
        embedder.embed(texts)
        costs.append(time.perf_counter() - began)
    assert min(costs) < 0.03
