"""What callers hand in has the right types, before anything is looked up: each face refuses the same, alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from agentctx.errors import InvalidArgument

_WHOLE: Final = frozenset(("k", "budget", "depth", "limit", "start_line", "end_line"))
_FLAGS: Final = frozenset(("tests", "vendored", "explain", "llm"))
_LISTS: Final = frozenset(("kinds",))
_MOST: Final = 2**31  # what the wire carries


def check(**given: object) -> None:
    """Raise InvalidArgument for the first argument whose type is wrong for its name."""
    for name, value in given.items():
        if name in _WHOLE:
            _whole(value, name)
        elif name in _FLAGS:
            if not isinstance(value, bool):
                raise InvalidArgument(f"{name} must be true or false, not {type(value).__name__}", field=name)
        elif name in _LISTS:
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise InvalidArgument(f"{name} must be a list of texts, not {type(value).__name__}", field=name)
            for i, one in enumerate(value):
                _text(one, f"{name}[{i}]")
        else:
            _text(value, name)


def check_options(given: dict[str, object], known: Collection[str]) -> None:
    """As `check`; an option that the method does not have is refused, too."""
    for name in given:
        if name not in known:
            raise InvalidArgument(f"unknown option {name!r}; known: {', '.join(sorted(known))}", field=name)
    check(**given)


def _whole(value: object, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{field} must be a whole number, not {type(value).__name__}", field=field)
    if not -_MOST <= value < _MOST:
        bound = f"at most {_MOST - 1}" if value > 0 else f"at least {-_MOST}"
        raise InvalidArgument(f"{field} is {bound}, not a number of {value.bit_length()} bits", field=field)


def _text(value: object, field: str) -> None:
    if not isinstance(value, str):
        raise InvalidArgument(f"{field} must be text, not {type(value).__name__}", field=field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidArgument(f"{field} holds a lone surrogate, which is not valid text", field=field) from None
