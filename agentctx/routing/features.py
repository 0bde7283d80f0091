"""What a classifier looks at in a request: its terms and word pairs, and its make-up (files, steps, times, money)."""

from __future__ import annotations

import itertools
import math
import re
from typing import Final

from agentctx.text.terms import analyze

# What lies beyond is material rather than request; it also bounds the time a long paste costs.
READ: Final = 4_000
PAIR_WEIGHT: Final = 0.5

_KINDS: Final = {
    "image": "png jpg jpeg gif svg webp bmp heic tif tiff",
    "video": "mp4 webm mov avi mkv",
    "audio": "mp3 wav ogg flac m4a",
    "code": "py js ts go rs c cpp h java rb php cs sh kt swift vue tsx sql",
    "table": "csv tsv xlsx xls parquet jsonl feather",
    "settings": "yaml yml toml ini env cfg conf json",
    "document": "pdf docx doc pptx odt tex epub",
    "text": "txt md rst html mbox",
    "binary": "bin db sqlite wal zip gz tar iso img log",
}
_KIND_OF: Final = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}
_ENDING: Final = re.compile(r"\.([a-z0-9]{1,7})\b")
_WORD: Final = re.compile(r"[a-z']+")
_BREAK: Final = re.compile(r"[,.;:!?()\n]+")
_FIRST: Final = re.compile(r"\W*(\w+)")
_STEP: Final = re.compile(r"(?:^|\s)\d{1,2}[.)]\s")
_SIGNS: Final = {
    "absolute path": re.compile(r"(?:^|\s)/(?:workspace|data|srv|etc|var|home|opt|app|tmp|usr|mnt)\b"),
    "code block": re.compile("```"),
    "address": re.compile(r"https?://"),
    "time of day": re.compile(r"\b\d{1,2}(?::\d\d)?\s?(?:am|pm)\b|\b\d{1,2}:\d\d\b"),
    "money": re.compile(r"[$€£]|\beuros?\b|\busd\b|\b\d+k\b"),
    "year": re.compile(r"\b(?:19|20)\d\d\b"),
}
_WEIGHTS: Final = {"year": 0.5}
# Systems of an office that a task may reach into; naming several of them is a sign of its own.
_SYSTEM: Final = re.compile(
    r"\b(e?-?mails?|calendars?|crm|inventory|contacts|knowledge base|rss|finance system|tickets|to-do list|drive"
    r"|directory)\b"
)


def terms(text: str) -> dict[str, float]:
    """Stems with 1 + ln of their count, and pairs of neighbouring words within a clause; some 50 us for 30 words."""
    text = text[:READ]
    found = {term: 1 + math.log(count) for term, count in analyze(text).counts.items()}
    for clause in _BREAK.split(text.lower()):
        for first, second in itertools.pairwise(_WORD.findall(clause)):
            found[f"{first} {second}"] = PAIR_WEIGHT
    return found


def make_up(text: str) -> dict[str, float]:
    """What a request is made of: kinds of files, steps, times, sums, systems, first word, length, a question."""
    length = len(text)
    text = text[:READ].lower()
    found = {f"file: {_KIND_OF[ending]}": 1.0 for ending in _ENDING.findall(text) if ending in _KIND_OF}
    for name, pattern in _SIGNS.items():
        if pattern.search(text):
            found[name] = _WEIGHTS.get(name, 1.0)
    if len(_STEP.findall(text)) >= 3:
        found["steps"] = 1.0
    systems = len(set(_SYSTEM.findall(text)))
    if systems >= 2:
        found["several systems" if systems == 2 else "many systems"] = 1.0
    if text.rstrip().endswith("?"):
        found["question"] = 0.7
    found[f"length {min(4, int(math.log2(1 + length / 60)))}"] = 0.4
    first = _FIRST.match(text)
    if first:
        found[f"first: {first[1]}"] = 1.0
    return found
