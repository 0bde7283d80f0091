"""Exact counts for any model that comes with a Hugging Face `tokenizer.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentctx.errors import FailedPrecondition, InvalidArgument
from agentctx.text.tokens import plain, plain_all

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LARGEST = 256 * 1024 * 1024  # bytes of the file; the largest published ones have some 35 million


class TokenizerFile:
    """Counts with a `tokenizer.json`, whatever its kind: BPE, WordPiece, Unigram. Thread-safe; 1 to 5 MB a second.

    Cutting and padding that the file asks for are switched off, and markers such as ``[CLS]`` are not added: a count
    is that of the content alone. A special token spelled out in the text counts as the text it is.
    """

    exact = True

    def __init__(self, path: str | Path) -> None:
        """path: the file, or the folder that holds it. Read now; raises InvalidArgument when that cannot be done."""
        from tokenizers import Tokenizer  # noqa: PLC0415 - a native library, loaded where it is used

        given = Path(path).expanduser()
        file = given / "tokenizer.json" if given.is_dir() else given
        self._tokenizer: Tokenizer | None = None
        try:
            if file.stat().st_size > LARGEST:
                raise InvalidArgument(f"{file} is larger than any tokenizer.json", field="counter")
            content = file.read_text(encoding="utf-8")
            if not isinstance(json.loads(content), dict):
                raise TypeError("it holds no object")
            tokenizer = Tokenizer.from_str(content)
        except InvalidArgument:
            raise
        # The native parser raises a bare Exception for what it does not understand.
        except Exception as error:
            raise InvalidArgument(
                f"{file} cannot be read as a tokenizer.json: {error!s:.200}", field="counter"
            ) from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._name = f"file:{given}"
        self.fingerprint = hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """`file:` and the path it was given."""
        return self._name

    def count(self, text: str) -> int:
        """Tokens of `text`. Raises FailedPrecondition after `close`."""
        return self._count(self._open(), plain(text))

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order."""
        tokenizer = self._open()
        return [self._count(tokenizer, text) for text in plain_all(texts)]

    def close(self) -> None:
        """Give the vocabulary's memory back; counting afterwards is an error."""
        self._tokenizer = None

    def _open(self) -> Tokenizer:
        if self._tokenizer is None:
            raise FailedPrecondition("this token counter is closed: open another one", field="counter")
        return self._tokenizer

    @staticmethod
    def _count(tokenizer: Tokenizer, text: str) -> int:
        # One text a call: the batch calls start a thread pool, which a process that forks later is warned about.
        return len(tokenizer.encode(text, add_special_tokens=False).ids)
