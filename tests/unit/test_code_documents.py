"""Documents and configuration files as units."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.code.documents import document_facts

NAMES = ("a.md", "a.rst", "a.toml", "a.ini", "a.yaml", "a.json", "a.txt", "LICENSE")


def units(path: str, text: str) -> list[tuple[str, int, int]]:
    return [("/".join(one.path), one.start_line, one.end_line) for one in document_facts(path, text.encode()).sections]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.md", "# A\nx\n## B\n\n## C #\ny\n# D\n", [("A", 1, 6), ("A/B", 3, 4), ("A/C", 5, 6), ("D", 7, 7)]),
        ("a.md", "A\n===\n\nB\n---\nx\n", [("A", 1, 6), ("A/B", 4, 6)]),
        ("a.md", "# A\n```\n# no\n```\n", [("A", 1, 4)]),
        ("a.md", "| a |\n|---|\n\n- x\n---\n#no\n", []),
        ("a.rst", "A\n=\n", []),
        ("a.rst", "Title\n=====\n\nx\n\nPart\n----\n\ny\n", [("Title", 1, 9), ("Title/Part", 6, 9)]),
        ("a.rst", "=====\nTitle\n=====\n\nPart\n====\n", [("Title", 1, 6), ("Title/Part", 5, 6)]),
        ("a.toml", "x = 1\n[a.b]\ny = 2\n# z = 3\n[[c]]\n", [("x", 1, 1), ("a.b", 2, 4), ("a.b/y", 3, 4), ("c", 5, 5)]),
        ("a.ini", "[a]\nk = 1\n; no = 1\nl: 2\n", [("a", 1, 4), ("a/k", 2, 3), ("a/l", 4, 4)]),
        (
            "a.yaml",
            "a:\n  b: 1\n  c:\n    - d: 2\ne: |\n  f: no\n",
            [("a", 1, 4), ("a/b", 2, 2), ("a/c", 3, 4), ("a/c/d", 4, 4), ("e", 5, 6)],
        ),
        ("a.json", '{\n  "a": {\n    "b": 1\n  },\n  "c": 2\n}\n', [("a", 2, 4), ("a/b", 3, 4), ("c", 5, 6)]),
        ("LICENSE", "# no\n", []),
    ],
)  # fmt: skip
def test_a_document_is_cut_into_units(path: str, text: str, expected: list[tuple[str, int, int]]) -> None:
    assert units(path, text) == expected


@given(st.text(st.sampled_from("#=-[]{}:\"' \n`ab~|"), max_size=120), st.sampled_from(NAMES))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_cut_into_ordered_units_within_it(text: str, path: str) -> None:
    facts = document_facts(path, text.encode())
    starts = [one.start_line for one in facts.sections]
    assert starts == sorted(starts)
    assert all(1 <= one.start_line <= one.end_line <= max(facts.lines, one.start_line) for one in facts.sections)


@pytest.mark.parametrize("path", NAMES)
def test_a_huge_document_is_cut_off(path: str) -> None:
    facts = document_facts(path, b"a: 1\n\n# b\n\n[c]\nd = 1\n\nPart\n====\n" * 20_000)
    assert len(facts.sections) <= 2_000
