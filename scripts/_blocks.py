"""Generated blocks in Markdown pages: `<!-- begin NAME (from SCRIPT) -->` … `<!-- end NAME -->`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fill(page: str, name: str, text: str, *, check: bool) -> bool:
    """Put `text` into a block of a page, or only look whether it is there. Returns whether the page was up to date."""
    path = ROOT / page
    before = path.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- begin {name}\b[^\n]*-->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if len(block.findall(before)) != 1:
        sys.exit(f"error: {page} must have one block {name!r}")
    after = block.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", before)
    if after != before and not check:
        path.write_text(after, encoding="utf-8")
    return after == before


def report(fresh: dict[str, bool], script: str, *, check: bool) -> int:
    """Say what was done or is due, by page; returns the exit status."""
    stale = [page for page, ok in fresh.items() if not ok]
    if check and stale:
        print(f"error: out of date: {', '.join(stale)}; run {script}", file=sys.stderr)
        return 1
    print("up to date" if not stale else f"written: {', '.join(stale)}")
    return 0


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
