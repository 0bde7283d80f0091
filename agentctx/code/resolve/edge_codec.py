"""The edges of a file as bytes, to cross a process boundary and to be stored: see docs/formats/facts.md."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from typing import Final

from agentctx.code.resolve.edges import Edge, FileEdges, Unresolved
from agentctx.errors import StoreCorrupt

_HEAD: Final = struct.Struct("<4sIIII")
_MAGIC: Final = b"aed1"
_LEVEL: Final = 1


def encode_edges(edges: FileEdges) -> bytes:
    """All but the footprint, which is stored apart. Equal edges give equal bytes. About 1 us an edge."""
    texts: dict[str, int] = {}
    place = texts.setdefault
    rows: list[int] = []
    for kind, source, target, line, rung, confidence in edges.edges:
        rows += (
            place(kind, len(texts)),
            place(source, len(texts)),
            place(target, len(texts)),
            line,
            place(rung, len(texts)),
            place(repr(confidence), len(texts)),
        )
    for source, name, receiver, line, why in edges.unresolved:
        rows += (
            place(source, len(texts)),
            place(name, len(texts)),
            place(receiver, len(texts)),
            line,
            place(why, len(texts)),
        )
    for outcome, count in sorted(edges.calls.items()):
        rows += (place(outcome, len(texts)), count)
    text = "\0".join((edges.path, *texts))
    if text.count("\0") != len(texts):
        text = "\0".join(one.replace("\0", "\ufffd") for one in (edges.path, *texts))
    head = _HEAD.pack(_MAGIC, len(edges.edges), len(edges.unresolved), len(edges.calls), len(rows))
    return zlib.compress(head + struct.pack(f"<{len(rows)}I", *rows) + text.encode("utf-8", "surrogatepass"), _LEVEL)


def decode_edges(data: bytes) -> FileEdges:
    """What `encode_edges` was given. Raises StoreCorrupt for bytes that it did not make."""
    try:
        raw = zlib.decompress(data)
        magic, edges, unresolved, calls, size = _HEAD.unpack_from(raw)
        if magic != _MAGIC or size != 6 * edges + 5 * unresolved + 2 * calls:
            raise ValueError("another format")
        rows = struct.unpack_from(f"<{size}I", raw, _HEAD.size)
        path, *texts = raw[_HEAD.size + 4 * size :].decode("utf-8", "surrogatepass").split("\0")
        text = texts.__getitem__
        end = 6 * edges
        found = FileEdges(path)
        found.edges = [
            Edge(text(kind), text(source), text(target), line, text(rung), float(text(confidence)))
            for kind, source, target, line, rung, confidence in zip(*[iter(rows[:end])] * 6, strict=True)
        ]
        start, end = end, end + 5 * unresolved
        found.unresolved = [
            Unresolved(text(source), text(name), text(receiver), line, text(why))
            for source, name, receiver, line, why in zip(*[iter(rows[start:end])] * 5, strict=True)
        ]
        found.calls = Counter({text(outcome): count for outcome, count in zip(*[iter(rows[end:])] * 2, strict=True)})
    except (ValueError, IndexError, struct.error, zlib.error) as error:
        raise StoreCorrupt("stored edges cannot be read; index again") from error
    return found
