"""Word overlap of a reply with the answer of the data."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """SQuAD's normalisation: lower case, no punctuation, no articles, split on white space."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def token_f1(reply: str, answer: str) -> float:
    """SQuAD's F1 of shared words. Two empty texts agree; one empty text agrees with nothing."""
    said, wanted = words(reply), words(answer)
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def bleu1(reply: str, answer: str) -> float:
    """BLEU-1 over the same words: clipped precision of single words, with the penalty for a reply that is too short."""
    said, wanted = words(reply), words(answer)
    if not said or not wanted:
        return float(said == wanted)
    precision = sum((Counter(said) & Counter(wanted)).values()) / len(said)
    return precision * (1.0 if len(said) > len(wanted) else math.exp(1 - len(wanted) / len(said)))
