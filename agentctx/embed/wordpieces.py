"""Token ids for the static table: the ids of the `tokenizers` package, several times faster on text seen before.

BERT's tokenizer treats each run of letters and digits, and each punctuation mark, on its own. So the ids of a word are
asked for once and remembered, and a text is a few dictionary look-ups. The result equals `Tokenizer.encode` on the
whole text (a property test compares them).
"""

from __future__ import annotations

import re

from tokenizers import Tokenizer
from tokenizers.models import WordPiece

# A token spans at most 100 characters, mostly 4: what lies beyond this cannot matter to 512 tokens of real text, and
# a megabyte of input costs no more than this.
MAX_CHARACTERS = 16_384
REMEMBERED = 50_000
USUAL = 24  # characters of a word that is cut here: it takes their number squared
WORDS = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
# The normalizer deletes these, joining what they part, while str.split would split at some of them.
DELETED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class WordPieces:
    """Turns texts into ids of known tokens. Thread-safe: a race costs a second look-up of the same word.

    Runs without the tokenizer's own thread pool, so that a process may fork at any time without its warning.
    """

    def __init__(self, tokenizer_json: str, unknown: str) -> None:
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        # Stored settings would cut or pad behind our back.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown = self._tokenizer.token_to_id(unknown)
        model = self._tokenizer.model
        self._prefix = model.continuing_subword_prefix if isinstance(model, WordPiece) else ""
        self._greedy = isinstance(model, WordPiece) and model.max_input_chars_per_word >= USUAL
        self._seen: dict[str, list[int]] = {}

    def ids(self, text: str, limit: int) -> list[int]:
        """The ids of the first `limit` known tokens among the first 16,384 characters of `text`."""
        text = text[:MAX_CHARACTERS]
        if not text.isprintable():
            text = DELETED.sub("", text)
        seen, ids = self._seen, []
        if text.isascii():
            words = WORDS.findall(text.lower())
        else:
            words = []
            for chunk in text.split():
                if chunk.isascii():
                    words += WORDS.findall(chunk.lower())
                else:
                    words.append(chunk)  # its accents, scripts and symbols are the tokenizer's business
        for word in words:
            known = seen.get(word)
            ids += self._ask(word) if known is None else known
            if len(ids) >= limit:
                return ids[:limit]
        return ids

    def _cut(self, word: str) -> list[int]:
        """The pieces of a plain word: the longest known one that it begins with, again and again; none if one is not
        known. It is what `encode` does, without the cost of a whole text.
        """
        find, ids, prefix = self._tokenizer.token_to_id, [], ""
        while word:
            for end in range(len(word), 0, -1):
                piece = find(prefix + word[:end])
                if piece is not None:
                    break
            else:
                return []
            ids.append(piece)
            word, prefix = word[end:], self._prefix
        return ids

    def _ask(self, word: str) -> list[int]:
        if self._greedy and len(word) <= USUAL and word.isalnum() and word.isascii():
            ids = self._cut(word)
        else:
            found = self._tokenizer.encode(word, add_special_tokens=False).ids
            ids = [i for i in found if i != self._unknown]
        if len(word) <= 100:  # longer ones are base64 and the like, never seen again
            if len(self._seen) >= REMEMBERED:
                self._seen = {}
            self._seen[word] = ids
        return ids
