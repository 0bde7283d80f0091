"""A memory of counts in front of a counter: a builder prices the same units again and again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from agentctx.text.tokens import TokenCounter, plain, plain_all

ENTRIES: Final = 65_536
# Longer texts are remembered by their digest, so that the memory stays small whatever is counted.
KEPT_WHOLE: Final = 128

Key = str | bytes


class Remembering:
    """A counter that asks another one once for each text, and keeps the last 65,536 answers (some 15 MB at most).

    The answers are the other's own; errors are not remembered. Thread-safe: two threads may both ask for a text that
    is new to it.
    """

    def __init__(self, counter: TokenCounter, *, entries: int = ENTRIES, shared: bool = False) -> None:
        """counter: closed together with this one, unless `shared`."""
        self._counter = counter
        self._entries = entries
        self._is_shared = shared
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, int] = OrderedDict()

    @property
    def name(self) -> str:
        """The other's name."""
        return self._counter.name

    @property
    def exact(self) -> bool:
        """Whether the other is exact."""
        return self._counter.exact

    def count(self, text: str) -> int:
        """Tokens of `text`, from memory where it was counted before."""
        text = plain(text)
        key = _key(text)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        count = self._counter.count(text)
        self._remember([(key, count)])
        return count

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text; the other is asked once, for those that are new, each of them once."""
        texts = plain_all(texts)
        keys = [_key(text) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            counted = list(zip(new, self._counter.count_many(list(new.values())), strict=True))
            self._remember(counted)
            found.update(counted)
        return [found[key] for key in keys]

    def close(self) -> None:
        """Forget everything and close the other, unless it is shared by the process."""
        with self._lock:
            self._known.clear()
        if not self._is_shared:
            self._counter.close()

    def _remember(self, counted: Sequence[tuple[Key, int]]) -> None:
        with self._lock:
            self._known.update(counted)
            while len(self._known) > self._entries:
                self._known.popitem(last=False)


def _key(text: str) -> Key:
    return text if len(text) <= KEPT_WHOLE else hashlib.blake2b(text.encode(), digest_size=16).digest()
