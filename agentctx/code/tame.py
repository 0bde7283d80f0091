"""Contents that can be parsed in the caller's process: small, and without what makes parsers slow or deep.

Everything else is for processes of their own, which may stall and die (see `pool.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

LARGEST: Final = 64 << 10
"""Bytes. Django's files are smaller but for one in sixty."""
PATIENCE: Final = 1.0
"""Seconds of parsing, where such a content takes some 20 ms; what takes longer is left to another process."""
_LONGEST_LINE: Final = 500
_DEEPEST: Final = 40
_FURTHEST_IN: Final = 160

_OPEN, _CLOSE = b"([{<", b")]}>"
_STEPS: Final = np.zeros(256, dtype=np.int32)
_STEPS[list(_OPEN)] = 1
_STEPS[list(_CLOSE)] = -1


def is_tame(content: bytes) -> bool:
    """Whether a content is small text of short lines, little indented, with brackets nested a few deep. 80 us."""
    if len(content) > LARGEST or b"\0" in content:
        return False
    codes = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    if np.diff(starts, append=len(content)).max() > _LONGEST_LINE:
        return False
    if b" " * _FURTHEST_IN in content or b"\t" * (_FURTHEST_IN // 4) in content:
        return False
    depth = np.cumsum(_STEPS[codes])
    # Brackets in texts and comparisons do not close: the depth counts from where it was last lowest.
    return bool((depth - np.minimum.accumulate(depth)).max(initial=0) <= _DEEPEST)
