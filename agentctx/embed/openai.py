"""Any endpoint that speaks OpenAI's `POST /v1/embeddings`: OpenAI, vLLM, llama.cpp, Ollama, TEI and others."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import httpx
import numpy as np

from agentctx.embed.base import EmbedderIdentity, TextKind, Vectors, check_texts, normalise
from agentctx.embed.retrying import post
from agentctx.errors import FailedPrecondition, InvalidArgument, Unavailable

OFFICIAL = "https://api.openai.com/v1"
# Known without asking, so that a store opens while the network is down.
DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
SPEC = re.compile(r"(?P<model>.+?)(?:@(?P<url>https?://.*))?", re.DOTALL)


class OpenAIEmbedder:
    """An embedding endpoint. Texts leave this machine for `base_url`.

    Reads the first `max_characters` of a text. Sends batches one after the other, at most `batch_texts` texts and
    `batch_bytes` bytes each; repeats what failed for a passing reason (429, 5xx, no connection) for up to `patience`
    seconds, waiting longer each time or as long as the endpoint asks.

    Thread-safe.
    """

    def __init__(
        self,
        model: str,
        base_url: str = OFFICIAL,
        *,
        api_key: str | None = None,
        dimensions: int | None = None,
        encoding: Literal["float", "base64"] | None = None,
        timeout: float = 30.0,
        patience: float = 60.0,
        batch_texts: int = 256,
        batch_bytes: int = 500_000,
        max_characters: int = 16_384,
    ) -> None:
        """dimensions: asks models that can do so for shorter vectors. timeout: seconds for one request.

        encoding: how vectors travel; default base64 for OpenAI and float elsewhere, as not every server knows base64
        (both are understood in a reply). Raises InvalidArgument for a bad address or a key no header can carry.
        """
        base_url = base_url.rstrip("/")
        try:
            url = httpx.URL(base_url)
        except (httpx.InvalidURL, ValueError) as error:
            raise InvalidArgument(f"{base_url!r} is not an http(s) address", field="embedder") from error
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            # The address is recorded in the store, where a password has no place.
            raise InvalidArgument(
                "base_url must be http(s)://HOST[:PORT]/PATH nothing more",
                field="embedder",
            )
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise InvalidArgument("the API key holds characters that no header can carry", field="api_key")
        official = base_url == OFFICIAL
        self._spec = f"openai:{model}" if official else f"openai:{model}@{base_url}"
        self._model = model
        self._asked = dimensions
        self._dimensions = dimensions or (DIMENSIONS.get(model) if official else None)
        self._encoding = encoding or ("base64" if official else "float")
        self._patience = patience
        self._batch_texts, self._batch_bytes, self._max_characters = batch_texts, batch_bytes, max_characters
        self._lock = threading.Lock()
        self._client = httpx.Client(
            timeout=timeout,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            # A proxy meant for the outside must not swallow requests to this machine.
            trust_env=url.host not in ("localhost", "127.0.0.1", "::1"),
        )
        self._url = f"{base_url}/embeddings"

    @property
    def identity(self) -> EmbedderIdentity:
        """Who makes these vectors. Asks the endpoint once where the dimensions are not known; then as `embed` raises.

        The weights are out of sight: the fingerprint is the spec's, and a server that swaps its model goes unnoticed
        unless the dimensions change.
        """
        if self._dimensions is None:
            self._request(["dimensions"])
        spec = self._spec if self._asked is None else f"{self._spec}/{self._asked}"
        fingerprint = hashlib.sha256(spec.encode()).hexdigest()[:16]
        return EmbedderIdentity(self._spec, self._dimensions or 0, fingerprint)

    def embed(self, texts: Sequence[str], kind: TextKind = "document", timeout: float | None = None) -> Vectors:
        """L2-normalised float32 rows, one a text; a blank text gets zeros and is not sent.

        Raises Unavailable when the endpoint fails or answers nonsense, InvalidArgument when it refuses a text or does
        not know the model, Unauthenticated when it refuses the key, FailedPrecondition after `close`, and
        DeadlineExceeded when `timeout` seconds were not enough.
        """
        texts = [text[: self._max_characters] for text in check_texts(texts, kind)]
        filled = [i for i, text in enumerate(texts) if text.strip()]
        end = None if timeout is None else time.monotonic() + timeout
        parts = [(batch, self._request([texts[i] for i in batch], end)) for batch in self._batches(texts, filled)]
        vectors = np.zeros((len(texts), self._dimensions or self.identity.dimensions), dtype=np.float32)
        for batch, rows in parts:
            vectors[batch] = rows
        return normalise(vectors)

    def close(self) -> None:
        """Close the connections; embedding afterwards is an error."""
        self._client.close()

    def _batches(self, texts: list[str], places: list[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        room = self._batch_bytes
        for i in places:
            size = len(texts[i].encode())
            if batch and (len(batch) == self._batch_texts or size > room):
                yield batch
                batch, room = [], self._batch_bytes
            batch.append(i)
            room -= size
        if batch:
            yield batch

    def _request(self, texts: list[str], end: float | None = None) -> Vectors:
        if self._client.is_closed:
            raise FailedPrecondition("this embedder is closed: open another one", field="embedder")
        body: dict[str, object] = {"model": self._model, "input": texts, "encoding_format": self._encoding}
        if self._asked is not None:
            body["dimensions"] = self._asked
        rows = _rows(post(self._client, self._url, body, self._patience, end), len(texts), self._url)
        with self._lock:
            if self._dimensions is None:
                self._dimensions = rows.shape[1]
        if rows.shape[1] != self._dimensions:
            raise Unavailable(
                f"{self._url} sent vectors of {rows.shape[1]} dimensions where {self._dimensions} were expected: "
                "another model seems to be served there now",
                field="embedder",
            )
        return rows


def open_from_spec(rest: str, environ: Mapping[str, str]) -> OpenAIEmbedder:
    """The embedder for `MODEL[@BASE-URL]`. The key comes from `environ`, or from the file it names.

    `OPENAI_API_KEY` is for api.openai.com alone: a store can name any address as its embedder's, and must not be able
    to have that key sent there. For any other address a key has to be given as AGENTCTX_OPENAI_API_KEY.
    """
    parts = SPEC.fullmatch(rest)
    base_url = (parts and parts["url"]) or OFFICIAL
    model = parts["model"] if parts else rest
    key = environ.get("AGENTCTX_OPENAI_API_KEY")
    file = environ.get("AGENTCTX_OPENAI_API_KEY_FILE")
    if not key and file:
        try:
            key = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"cannot read the API key file {file}", field="api_key") from error
    if not key and base_url.rstrip("/") == OFFICIAL:
        key = environ.get("OPENAI_API_KEY")
    return OpenAIEmbedder(model, base_url, api_key=key.strip() if key else None)


def _rows(reply: bytes, count: int, url: str) -> Vectors:
    """The vectors of a reply in the order of the texts; Unavailable for a reply that is not what the API promises."""
    try:
        data = json.loads(reply)["data"]
        by_place = {int(item["index"]): item["embedding"] for item in data}
        if len(data) != count:
            raise ValueError(f"{len(data)} vectors for {count} texts")
        rows = np.stack([_vector(by_place[i]) for i in range(count)])
        if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
            raise ValueError("a vector is empty or not finite")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unavailable(
            f"{url} did not answer as an embeddings endpoint: {error!r:.200}", field="embedder"
        ) from error
    return rows


def _vector(sent: object) -> Vectors:
    if isinstance(sent, str):
        return np.frombuffer(base64.b64decode(sent, validate=True), dtype="<f4").astype(np.float32)
    return np.asarray(sent, dtype=np.float32)
