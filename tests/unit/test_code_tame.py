"""Which contents are parsed beside the caller's other work, and how long that may take."""

from __future__ import annotations

import pytest

from agentctx.code.extract import extract
from agentctx.code.tame import LARGEST, is_tame

CODE = b"def f(a):\n    return [a, {1: (2, 3)}]\n"


@pytest.mark.parametrize("content", [b"", b"x", CODE, CODE * 1_000, b"a < b\n" * 30, b"(" * 40, "é\n".encode()])
def test_small_flat_text_is_tame(content: bytes) -> None:
    assert is_tame(content)


@pytest.mark.parametrize(
    "content",
    [
        CODE * (1 + LARGEST // len(CODE)),
        b"x = " + b"1 + " * 200 + b"1\n",
        b"(" * 50 + b")" * 50,
        b"[\n" * 50,
        b")" * 60 + b"{\n" * 50,
        b" " * 200 + b"x\n",
        b"\t" * 60 + b"x\n",
        b"x = 1\n\0",
    ],
)
def test_what_is_large_long_or_deep_is_not(content: bytes) -> None:
    assert not is_tame(content)


def test_watching_the_clock_changes_nothing_of_the_facts() -> None:
    assert extract("a.py", CODE * 100, 60.0) == extract("a.py", CODE * 100)


def test_parsing_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        extract("a.py", CODE * 1_000, 1e-9)
