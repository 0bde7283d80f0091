"""What every service shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JsonValue = Any  # a JSON value: None, bool, int, float, str, list or dict of the same


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long operation is. `total` is None while it is not known."""

    done: int
    total: int | None
    message: str = ""
