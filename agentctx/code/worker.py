"""The process that parses: reads requests from its input, answers on its output, and may die of a file.

A request is a frame of JSON, `[place, root, path]`; an answer is a frame of JSON, `[place, hash, size, problem, n, m]`,
then n bytes of outline and m bytes of references. A frame is its length in four bytes, then the bytes.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import stat
import struct
import sys
from typing import BinaryIO, Final

from agentctx.code.codec import EncodedFacts, encode
from agentctx.code.extract import extract
from agentctx.code.git import blob_hash

LENGTH: Final = struct.Struct(">I")
_DEEPEST: Final = 20_000
_COLLECT_EVERY: Final = 500


def main() -> None:
    """Serve requests until the input ends. Standard output is for answers only."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print of a library must not garble an answer
    sys.setrecursionlimit(_DEEPEST)
    gc.disable()  # facts hold no circles; see serve
    serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request in turn."""
    for count in itertools.count(1):
        header = requests.read(LENGTH.size)
        if not header:
            return
        if count % _COLLECT_EVERY == 0:
            gc.collect()
        place, root, path = json.loads(requests.read(LENGTH.unpack(header)[0]))
        content_hash, size, problem, facts = _answer(root, path)
        head = json.dumps([place, content_hash, size, problem, len(facts.outline), len(facts.references)]).encode()
        answers.write(LENGTH.pack(len(head)) + head + facts.outline + facts.references)
        answers.flush()


def _answer(root: str, path: str) -> tuple[str, int, str, EncodedFacts]:
    nothing = EncodedFacts(b"", b"")
    try:
        content = read_file(os.path.join(root, path))
    except OSError as error:
        return "", 0, f"cannot be read: {error.strerror}", nothing
    content_hash = blob_hash(content)
    try:
        return content_hash, len(content), "", encode(extract(path, content))
    except (ImportError, RecursionError, MemoryError, ValueError) as error:
        return content_hash, len(content), f"{type(error).__name__}: facts are lost", nothing


def read_file(path: str) -> bytes:
    """The bytes of a regular file; links are not followed, pipes not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return file.read()
