"""Python's search for garbage, put off while many objects are made that will stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is looked for inside: rows of a whole tree are none, and going through them again and again costs a
    tenth of a second. For work that ends by itself: never around a `yield` to a caller.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
