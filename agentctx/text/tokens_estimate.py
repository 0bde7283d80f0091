"""The last resort: a guess at the tokens of a text, from the kinds of characters in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentctx.text.tokens import plain, plain_all

# What current byte-pair vocabularies mostly do: a short word with the space before it is one token, a longer one is
# cut about every nine letters; three digits make one; runs of blanks make one a line; scripts with many signs pay by
# the sign.
_PARTS: Final = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<blank>\s+)|(?P<mark>[!-/:-@\[-`{-~]+)"
    r"|(?P<latin>[\u00a0-\u02ff]+)|(?P<alphabet>[\u0300-\u1fff]+)|(?P<rest>[^\x00-\u1fff\s]+)|(?P<control>.)",
    re.DOTALL,
)
_PER_TOKEN: Final = {
    "word": 9.0,
    "digits": 3.0,
    "mark": 3.0,
    "latin": 2.0,
    "alphabet": 2.0,
    "rest": 1.0,
    "control": 1.0,
}
MARGIN: Final = 1.05


class Estimate:
    """Guesses with a little on top, so that it errs on the high side for prose and code. Needs nothing, never fails.

    Not a promise: a vocabulary without the text's language can need twice as many (docs/tokens.md shows how far it
    was off). Bundles and routes that were made with it say so.
    """

    name = "estimate"
    exact = False

    def count(self, text: str) -> int:
        """About how many tokens `text` has; at least one for any text but the empty one."""
        text = plain(text)
        tokens = 0
        for part in _PARTS.finditer(text):
            kind = part.lastgroup or "control"
            size = part.end() - part.start()
            if kind == "blank":
                tokens += size > 1 or part[0] != " "  # a single space belongs to the word behind it
            else:
                tokens += -int(-size // _PER_TOKEN[kind])
        return -int(-max(tokens, 1) * MARGIN // 1) if text else 0

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order."""
        return [self.count(text) for text in plain_all(texts)]

    def close(self) -> None:
        """Nothing to give back."""
