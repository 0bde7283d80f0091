"""Gold in context: which of the functions that a fix edits are in a rendered bundle, checked against their source."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentctx_bench.localization_data import Row
from agentctx_bench.localization_scores import function_key

BUDGETS: Final = (2_000, 4_000, 8_000, 16_000)
COUNTER: Final = "cl100k_base"
_NUMBER: Final = re.compile(r"^\s*\d+\s?[:|│\t ]\s?")
METRICS: Final = ("file_recall", "function_seen", "function_body", "function_body_all")


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold function's source. `forms` are stretches of lines, each of which shows it whole: one for each definition
    of the name; for a class its header, or `__init__`. `heads` are the lines that declare it.
    """

    path: str
    forms: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a bundle shows of a file: a path, and the lines under it."""

    path: str
    lines: tuple[str, ...]


def gold_of(row: Row, read: Callable[[str], bytes]) -> dict[str, Gold]:
    """The gold functions of an issue by key. read: the content of a path at the issue's commit."""
    found: dict[str, Gold] = {}
    for path in sorted(row.files):
        text = read(path).decode("utf-8", "replace")
        lines = text.splitlines()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        forms: dict[str, list[tuple[str, ...]]] = {}
        heads: dict[str, list[str]] = {}
        for names, node in _definitions(tree.body, ()):
            key = function_key(path, names)
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            nested = len(names) > 1 and any(is_function for _, is_function in names[:-1])
            if nested or key not in row.functions:
                continue
            end = node.end_lineno or node.lineno
            if isinstance(node, ast.ClassDef):
                inner = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
                starts = [min([one.lineno, *(d.lineno for d in one.decorator_list)]) for one in inner]
                end = min([end, *(start - 1 for start in starts)])
            forms.setdefault(key, []).append(_plain(lines[first - 1 : end]))
            heads.setdefault(key, []).append(lines[node.lineno - 1].strip())
        for key, stretches in forms.items():
            found[key] = Gold(path, tuple(stretches), tuple(heads[key]))
    return found


def score(row: Row, gold: Mapping[str, Gold], shown: Sequence[Shown]) -> dict[str, float]:
    """The four metrics of one bundle. Gold that could not be parsed counts as missed."""
    by_path: dict[str, list[tuple[str, ...]]] = {}
    for one in shown:
        by_path.setdefault(one.path, []).append(_plain(one.lines))
    seen = body = 0
    for key in row.functions:
        wanted = gold.get(key)
        blocks = by_path.get(wanted.path, []) if wanted else []
        if wanted is None:
            continue
        whole = any(_holds(block, form) for block in blocks for form in wanted.forms)
        body += whole
        seen += whole or any(_declares(line, head) for block in blocks for line in block for head in wanted.heads)
    total = len(row.functions)
    return {
        "file_recall": len(row.files & by_path.keys()) / len(row.files),
        "function_seen": seen / total,
        "function_body": body / total,
        "function_body_all": float(body == total),
    }


def shown_of(bundle: Any) -> list[Shown]:
    """What a bundle shows of code: each item's text, as far as the rendered text holds it line by line."""
    rendered = set(_plain(bundle.text.splitlines()))
    shown = []
    for item in bundle.items:
        path = getattr(item.citation, "path", "")
        if not path:
            continue
        lines = item.text.splitlines()
        if set(_plain(lines)) <= rendered and path in bundle.text:
            shown.append(Shown(path, tuple(lines)))
    return shown


def _definitions(
    body: Sequence[ast.stmt], around: tuple[tuple[str, bool], ...]
) -> list[tuple[tuple[tuple[str, bool], ...], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = (*around, (node.name, not isinstance(node, ast.ClassDef)))
            found.append((names, node))
            found += _definitions(node.body, names)
        else:
            for part in ("body", "orelse", "finalbody"):
                found += _definitions(getattr(node, part, ()) or (), around)
            for handler in getattr(node, "handlers", ()):
                found += _definitions(handler.body, around)
    return found


def _plain(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines that hold anything, without numbers in front and space around."""
    return tuple([text for text in (_NUMBER.sub("", line).strip() for line in lines) if text])


def _holds(block: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether `wanted` stands in `block`, line after line."""
    size = len(wanted)
    return any(block[at : at + size] == wanted for at in range(len(block) - size + 1) if block[at] == wanted[0])


def _declares(line: str, head: str) -> bool:
    """Whether a line declares what `head` does: the same up to the parameters."""
    start = re.match(r"(?:async\s+)?(?:def|class)\s+\w+", head)
    return bool(start) and re.match(re.escape(start[0]) + r"\b", line) is not None if start else False
