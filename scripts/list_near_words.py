"""Make the table of words of like meaning (agentctx/embed/static_data/near_words.safetensors), or check what is there.

It follows from the static embedder's own data and from the stemmer alone::

    python scripts/list_near_words.py [--check]

The words are the static table's whole words without digits; a term is as near as the nearest word that has it.
`--check` compares within one part in 255 of nearness, which is what two CPUs may differ by.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from agentctx.embed.near_words import FILE, NearWords
from agentctx.embed.static import DATA, StaticEmbedder
from agentctx.text.terms import analyze


def make() -> dict[str, np.ndarray]:
    vocabulary = json.loads((DATA / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    embedder = StaticEmbedder()
    tokens = [token for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    said = {word: list(analyze(word).counts) for word in tokens if word.isalpha() and embedder.knows(word)}
    words = [word for word, terms in said.items() if len(terms) == 1 and not terms[0].startswith("#")]
    forms: dict[str, list[str]] = {}
    for word in words:
        forms.setdefault(said[word][0], []).append(word)
    return NearWords.compare(words, embedder.embed(words), forms)


def check(fresh: dict[str, np.ndarray]) -> None:
    """Exit with a message unless the committed table is this one, last digits aside."""
    held = load_file(DATA / FILE)
    for name in ("words", "terms", "hashes", "rows"):
        if not np.array_equal(held[name], fresh[name]):
            sys.exit(f"{name} differ")
    worst = int(np.abs(held["near"].astype(int) - fresh["near"].astype(int)).max())
    if worst > 1:
        sys.exit(f"a nearness is off by {worst} parts in 255")
    print(f"the committed table is this one; largest difference {worst} parts in 255")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed table, write nothing")
    tensors = make()
    if parser.parse_args().check:
        check(tensors)
        return
    save_file(tensors, DATA / FILE)
    path = DATA / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["near_words"] = hashlib.sha256((DATA / FILE).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {(DATA / FILE).stat().st_size:,} bytes to {DATA / FILE}")


if __name__ == "__main__":
    main()
