"""The process that parses and resolves: reads requests from its input, answers on its output, and may die of a file.

A request is a frame of JSON, `[verb, ...]`, and the bytes that it announces; an answer is a frame of JSON,
`[head, sizes]`, then as many bytes as `sizes` adds up to. A frame is its length in four bytes, then the bytes.

- `["file", root, path]`: read and parse a file. Answer `[hash, size, problem]`, then outline, references and parts.
- `["content", path, n]` and n bytes: the same of a content that is no file.
- `["world", n]` and n bytes of `pack_world`: the tree that is to be resolved. No answer.
- `["edges", path, n]` and n bytes of references: resolve a file. Answer `[problem, kinds, calls]`, then edges and
  footprint.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import stat
import struct
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

from agentctx.code.codec import Outlines, decode_references, encode
from agentctx.code.extract import extract
from agentctx.code.facts import FileFacts
from agentctx.code.git import blob_hash
from agentctx.code.producers import make_parts
from agentctx.code.resolve.edge_codec import encode_edges
from agentctx.code.resolve.resolver import Resolver

LENGTH: Final = struct.Struct(">I")
_SIZES: Final = struct.Struct("<III")
_DEEPEST: Final = 20_000
_COLLECT_EVERY: Final = 500

Answer = tuple[list[Any], list[bytes]]


def main() -> None:
    """Serve requests until the input ends. Standard output is for answers only."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print of a library must not garble an answer
    sys.setrecursionlimit(_DEEPEST)
    gc.disable()  # facts hold no circles; see serve
    serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request in turn."""
    worker = _Worker(requests.read)
    for count in itertools.count(1):
        header = requests.read(LENGTH.size)
        if not header:
            return
        if count % _COLLECT_EVERY == 0:
            gc.collect()
        verb, *arguments = json.loads(requests.read(LENGTH.unpack(header)[0]))
        answer = worker.verbs[verb](*arguments)
        if answer is not None:
            head, parts = answer
            frame = json.dumps([head, [len(part) for part in parts]]).encode()
            answers.write(b"".join((LENGTH.pack(len(frame)), frame, *parts)))
            answers.flush()


class _Worker:
    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._resolver: Resolver | None = None
        self._references: tuple[str, bytes] = ("", b"")
        self.verbs: Mapping[str, Callable[..., Answer | None]] = {
            "file": self.file,
            "content": self.content,
            "world": self.world,
            "edges": self.edges,
        }

    def file(self, root: str, path: str) -> Answer:
        try:
            return self._facts(path, read_file(os.path.join(root, path)))
        except OSError as error:
            return ["", 0, f"cannot be read: {error.strerror}"], []

    def content(self, path: str, size: int) -> Answer:
        return self._facts(path, self._read(size))

    def _facts(self, path: str, content: bytes) -> Answer:
        content_hash = blob_hash(content)
        try:
            facts = extract(path, content)
            encoded, parts = encode(facts), make_parts(facts, content)
        except Exception as error:  # whatever it is, it costs this file only, and is named
            return [content_hash, len(content), f"{type(error).__name__}: facts are lost"], []
        return [content_hash, len(content), ""], [encoded.outline, encoded.references, *parts.values()]

    def world(self, size: int) -> None:
        files, imprints = unpack_world(self._read(size))
        self._resolver = Resolver(files, self._references_of, imprints)

    def _references_of(self, path: str) -> tuple[Any, ...]:
        wanted, encoded = self._references
        assert wanted == path
        return decode_references(encoded)

    def edges(self, path: str, size: int) -> Answer:
        self._references = (path, self._read(size))
        assert self._resolver is not None
        try:
            [found] = self._resolver.resolve([path])
        except Exception as error:
            return [f"{type(error).__name__}: edges are lost", {}, {}], [b"", b""]
        kinds = Counter(edge.kind for edge in found.edges)
        return ["", kinds, found.calls], [encode_edges(found), found.footprint]


def pack_world(outlines: Mapping[str, bytes], imprints: Mapping[str, bytes]) -> bytes:
    """All that resolving needs of a tree, less the references."""
    parts: list[bytes] = []
    for path, outline in outlines.items():
        name = path.encode("utf-8", "surrogatepass")
        parts += (_SIZES.pack(len(name), len(outline), len(imprints[path])), name, outline, imprints[path])
    return b"".join(parts)


def unpack_world(data: bytes) -> tuple[Mapping[str, FileFacts], dict[str, bytes]]:
    """The files of `pack_world`, decoded when they are asked for, and their imprints."""
    outlines: dict[str, bytes] = {}
    imprints: dict[str, bytes] = {}
    place = 0
    while place < len(data):
        name_size, outline_size, imprint_size = _SIZES.unpack_from(data, place)
        place += _SIZES.size
        path = data[place : place + name_size].decode("utf-8", "surrogatepass")
        place += name_size
        outlines[path] = data[place : place + outline_size]
        place += outline_size
        imprints[path] = data[place : place + imprint_size]
        place += imprint_size
    return Outlines(outlines.__getitem__, outlines.keys()), imprints


def read_file(path: str) -> bytes:
    """The bytes of a regular file; links are not followed, pipes not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return file.read()
