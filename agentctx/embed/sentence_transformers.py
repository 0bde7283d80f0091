"""Any model of the sentence-transformers package, from a folder or the local Hugging Face cache."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agentctx.embed.base import EmbedderIdentity, TextKind, Vectors, check_texts, normalise
from agentctx.errors import FailedPrecondition, InvalidArgument, MissingDependency, Unavailable

# The names under which models keep their prompts: BGE and E5 models say "query" and "passage".
PROMPTS = {"query": ("query",), "document": ("document", "passage", "corpus")}
# Pickled weights run code when they are loaded: neither read nor downloaded.
NEVER = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*.ot", "openvino/*"]


class SentenceTransformerEmbedder:
    """A sentence-transformers model: needs `pip install 'agentctx[sentence-transformers]'`, which brings torch.

    Understands paraphrase better than the static embedder, at some hundred times its cost. Reads as much of a text as
    the model's own limit; applies the model's query and document prompts where it has them.

    Thread-safe: calls take turns, since a tokenizer cannot be used from two threads at once.
    """

    def __init__(
        self, model: str, *, allow_download: bool = False, device: str | None = None, batch_size: int = 32
    ) -> None:
        """Load `model`: a folder, or a name such as `BAAI/bge-small-en-v1.5` (without an owner: sentence-transformers).

        A name is looked up in the local Hugging Face cache only; allow_download=True fetches what is missing. device:
        `cpu`, `cuda`, …; default: the best there is. Only safetensors weights are read, and no code of the model's.

        Raises MissingDependency, InvalidArgument when there is no such model here, FailedPrecondition when it cannot
        be loaded, Unavailable when a download fails. Cost: some seconds.
        """
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingDependency(
                "the sentence-transformers embedder needs a package: pip install 'agentctx[sentence-transformers]'",
                field="embedder",
            ) from error
        folder, spec = _locate(model, allow_download)
        try:
            self._model: Any = SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:
            raise FailedPrecondition(
                f"cannot load the sentence-transformers model in {folder}: {error} (it must be complete and hold "
                "safetensors weights)",
                field="embedder",
            ) from error
        # Renamed in sentence-transformers 6; the old name is the one of our floor.
        size = getattr(self._model, "get_embedding_dimension", None) or self._model.get_sentence_embedding_dimension
        self._identity = EmbedderIdentity(f"sentence-transformers:{spec}", int(size()), _fingerprint(folder))
        self._batch_size = batch_size
        self._lock = threading.Lock()

    @property
    def identity(self) -> EmbedderIdentity:
        """Who makes these vectors; the fingerprint is a hash of the model's weights and settings."""
        return self._identity

    def embed(self, texts: Sequence[str], kind: TextKind = "document", timeout: float | None = None) -> Vectors:
        """L2-normalised float32 rows, one a text; a blank text gets zeros.

        Raises InvalidArgument for anything but a sequence of str, FailedPrecondition after `close`.
        """
        texts = check_texts(texts, kind)
        vectors = np.zeros((len(texts), self._identity.dimensions), dtype=np.float32)
        filled = [i for i, text in enumerate(texts) if text.strip()]
        with self._lock:
            if self._model is None:
                raise FailedPrecondition("this embedder is closed: open another one", field="embedder")
            prompts = getattr(self._model, "prompts", None) or {}
            if filled:
                vectors[filled] = self._model.encode(
                    [texts[i] for i in filled],
                    prompt_name=next((name for name in PROMPTS[kind] if name in prompts), None),
                    batch_size=self._batch_size,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
        return normalise(vectors)

    def close(self) -> None:
        """Release the model's memory; embedding afterwards is an error."""
        with self._lock:
            self._model = None


def _locate(model: str, allow_download: bool) -> tuple[Path, str]:
    """The folder that holds `model`, and the name under which it is found again."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return folder, str(folder)
    if folder.is_absolute() or model.startswith((".", "~")):
        raise InvalidArgument(f"there is no folder {model}", field="embedder")
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - comes with sentence-transformers

    name = model if "/" in model else f"sentence-transformers/{model}"
    try:
        return Path(snapshot_download(name, local_files_only=not allow_download, ignore_patterns=NEVER)), model
    except (errors.HFValidationError, errors.RepositoryNotFoundError) as error:
        raise InvalidArgument(f"there is no model {name!r} on the Hugging Face Hub", field="embedder") from error
    except (errors.LocalEntryNotFoundError, OSError) as error:
        if allow_download:
            raise Unavailable(f"the model {name!r} cannot be downloaded: {error}", field="embedder") from error
        raise InvalidArgument(
            f"{model!r} is neither a folder nor in the local Hugging Face cache, and nothing is downloaded unasked: "
            f"set AGENTCTX_ALLOW_DOWNLOAD=1 to fetch {name}, or give the path of a folder that holds it",
            field="embedder",
        ) from error


def _fingerprint(folder: Path) -> str:
    """A hash of everything that decides the vectors: weights, tokenizer and pooling, wherever the folder is."""
    digest = hashlib.sha256()
    for name in sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*")):
        if name.endswith((".safetensors", ".json", ".txt")) and not name.startswith("."):
            file = folder / name
            digest.update(name.encode() + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
