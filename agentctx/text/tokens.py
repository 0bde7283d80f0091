"""Token counters: how many tokens a text costs a model, exactly wherever that can be known without a network.

`open_counter(spec)` opens one:

========================  =================================================  ======
spec                      counts with                                        exact
========================  =================================================  ======
``o200k_base``            OpenAI's vocabulary of GPT-4o and later            yes
``cl100k_base``           OpenAI's vocabulary of GPT-4 and GPT-3.5           yes
``file:PATH``             any Hugging Face ``tokenizer.json``, or its folder yes
``endpoint:URL``          a backend's own ``POST /tokenize``                 yes
``estimate``              character classes: the last resort, labelled       no
========================  =================================================  ======

A budget is a promise about the whole of what is sent: counts of parts do not add up to the count of the whole, so
count what you render, once it is rendered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agentctx.errors import InvalidArgument

KNOWN_SPECS: Final = ("o200k_base", "cl100k_base", "file:PATH", "endpoint:URL", "estimate")
DEFAULT_SPEC: Final = "o200k_base"

# Which published vocabulary a model's name stands for: the longest prefix decides.
_MODELS: Final = {
    "gpt-3.5": "cl100k_base",
    "gpt-35": "cl100k_base",
    "gpt-4": "cl100k_base",
    "gpt-4.1": "o200k_base",
    "gpt-4.5": "o200k_base",
    "gpt-4o": "o200k_base",
    "gpt-5": "o200k_base",
    "gpt-oss": "o200k_base",
    "chatgpt-4o": "o200k_base",
    "o1": "o200k_base",
    "o3": "o200k_base",
    "o4": "o200k_base",
    "text-embedding-3": "cl100k_base",
    "text-embedding-ada-002": "cl100k_base",
}


class TokenCounter(Protocol):
    """Says what texts cost in tokens. Thread-safe and deterministic; close it when it is no longer needed."""

    @property
    def name(self) -> str:
        """What receipts call it: the spec that opens the same counter again."""
        ...

    @property
    def exact(self) -> bool:
        """Whether the numbers are the model's own; False for an estimate, which every receipt must say."""
        ...

    def count(self, text: str) -> int:
        """Tokens of `text` as plain content: no start or end marker is added, and the spelling of a special token
        (``<|endoftext|>``) is text like any other. The empty text has none.

        Raises InvalidArgument for anything but a str, Unavailable when a remote counter cannot answer.
        """
        ...

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order; cheaper than one by one where the counter is remote."""
        ...

    def close(self) -> None:
        """Give connections and memory back; counting afterwards is an error."""
        ...


@dataclass(frozen=True, slots=True)
class MessageOverhead:
    """Tokens that a chat format adds around contents: per message, per request, and per `name` field.

    The defaults are those that OpenAI publishes for its chat models; other templates differ, so a backend's
    configuration may state its own.
    """

    per_message: int = 3
    per_request: int = 3
    per_name: int = 1


class Strictest:
    """The highest count of several counters: what fits by this one fits each of them.

    Use it to build one context that any backend of a shortlist can take. Exact when all of them are.
    """

    def __init__(self, counters: Iterable[TokenCounter]) -> None:
        """counters: one or more; duplicates by name are counted once. Raises InvalidArgument for none at all."""
        self._counters = tuple({counter.name: counter for counter in counters}.values())
        if not self._counters:
            raise InvalidArgument("the strictest of no counters is undefined: give at least one", field="counters")

    @property
    def name(self) -> str:
        """The names of all, joined by `|`."""
        return "|".join(counter.name for counter in self._counters)

    @property
    def exact(self) -> bool:
        """Whether none of them estimates."""
        return all(counter.exact for counter in self._counters)

    def count(self, text: str) -> int:
        """The highest of their counts."""
        return max(counter.count(text) for counter in self._counters)

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """The highest of their counts for each text."""
        return [max(counts) for counts in zip(*(c.count_many(texts) for c in self._counters), strict=True)]

    def close(self) -> None:
        """Nothing: the counters belong to who opened them."""


def spec_for_model(model: str) -> str | None:
    """The spec of the published vocabulary that `model` uses, or None when none is known to us.

    A provider's prefix is looked through: ``openai/gpt-4o-mini`` is ``o200k_base``. Fine-tuned names keep their base's
    (``ft:gpt-4o:acme``). For any other model give its ``tokenizer.json`` or its endpoint.
    """
    known = model.lower().removeprefix("ft:").rsplit("/", 1)[-1]
    fitting = [prefix for prefix in _MODELS if known.startswith(prefix)]
    return _MODELS[max(fitting, key=len)] if fitting else None


_shared: dict[str, TokenCounter] = {}
_lock = threading.Lock()


def open_counter(spec: str = DEFAULT_SPEC) -> TokenCounter:
    """The counter that `spec` names, with a memory of recent texts in front of it.

    The two OpenAI vocabularies and the estimator are opened once a process and shared: closing them does nothing.
    They are read by the first `count`, some 0.3 s, from files that are installed with agentctx; nothing is
    downloaded. `file:` reads the file now. `endpoint:` opens no connection before the first count.

    Raises InvalidArgument for an unknown spec or an unreadable file, MissingDependency when a vocabulary's package
    was left out of the installation.
    """
    # Each kind brings its own library, loaded only where it is used.
    from agentctx.text.tokens_cache import Remembering  # noqa: PLC0415

    if not isinstance(spec, str):
        raise InvalidArgument(f"a counter's spec is a str such as {DEFAULT_SPEC!r}, not {spec!r:.80}", field="counter")
    kind, _, rest = spec.partition(":")
    if kind == "file" and rest:
        from agentctx.text.tokens_file import TokenizerFile  # noqa: PLC0415

        return Remembering(TokenizerFile(rest))
    if kind == "endpoint" and rest:
        from agentctx.text.tokens_endpoint import EndpointCounter  # noqa: PLC0415

        return Remembering(EndpointCounter(rest))
    with _lock:
        known = _shared.get(spec)
        if known is None:
            known = _shared[spec] = Remembering(_open_shared(spec), shared=True)
        return known


def _open_shared(spec: str) -> TokenCounter:
    if spec == "estimate":
        from agentctx.text.tokens_estimate import Estimate  # noqa: PLC0415

        return Estimate()
    from agentctx.text.tokens_openai import VOCABULARIES, OpenAICounter  # noqa: PLC0415

    if spec in VOCABULARIES:
        return OpenAICounter(spec)
    raise InvalidArgument(f"unknown token counter {spec!r:.80}; known: {', '.join(KNOWN_SPECS)}", field="counter")


def plain(text: object, field: str = "text") -> str:
    """`text` as valid Unicode; a lone surrogate, which no model can be sent, counts as the `?` that replaces it."""
    if not isinstance(text, str):
        raise InvalidArgument(f"{field} must be a str, not {type(text).__name__}", field=field)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def plain_all(texts: object) -> list[str]:
    """`plain` of each; InvalidArgument, naming the place, for anything but a sequence of texts."""
    if isinstance(texts, str | bytes) or not isinstance(texts, Sequence):
        raise InvalidArgument(f"texts must be a list of texts, not {type(texts).__name__}", field="texts")
    return [plain(text, f"texts[{i}]") for i, text in enumerate(texts)]
