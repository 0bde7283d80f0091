"""The overthinking penalty: low-bit reasoning models hesitate longer; fewer words of hesitation make them shorter.

After arXiv 2606.00206, which lowers the logits of a curated set of such words during decoding. The words here are our
own list of what it describes; their effect on a backend is to be measured, see docs/complete.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

HESITATION: Final = (
    "wait",
    "but",
    "alternatively",
    "however",
    "actually",
    "hmm",
    "although",
    "maybe",
    "perhaps",
    "instead",
    "though",
    "reconsider",
    "recheck",
    "rethink",
)


def hesitation_bias(ids: Callable[[str], list[int]], penalty: float) -> dict[int, float]:
    """A `logit_bias` that lowers words of hesitation by `penalty`, as the model's own tokenizer spells them.

    ids: the token ids of a text. Each word counts as such, capitalised, and after a space; a spelling that takes more
    than one token is left out, as its first token begins other words too. Costs four requests a word when the
    tokenizer is remote.
    """
    found: dict[int, float] = {}
    for word in HESITATION:
        for spelled in (word, word.capitalize(), f" {word}", f" {word.capitalize()}"):
            tokens = ids(spelled)
            if len(tokens) == 1:
                found[tokens[0]] = -penalty
    return found
