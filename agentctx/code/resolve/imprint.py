"""What other files can see of a file's content, by name, as hashes; and the names that it defines.

It depends on the content alone. Two contents whose imprints agree on a name look alike to everyone who asks for that
name, whatever else was edited: lines and bodies that answer with the same are not in it. Layout: docs/formats/facts.md.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.code.facts import MODULE, FileFacts
from agentctx.code.resolve.notes import STARS
from agentctx.errors import StoreCorrupt

HEAD: Final = struct.Struct("<4sIII")
MAGIC: Final = b"aim1"
CALLABLE: Final = 1
FIXTURE: Final = 2
_MIX: Final = 0x9E3779B1
_ALL: Final = 0xFFFFFFFF

Codes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Imprint:
    """A decoded imprint. `codes` are hashes of names, ascending; `seen` what the file says about each to one who looks
    into it, `defined` what it defines under it (0 for nothing). `names` and `flags` are those of its definitions.
    """

    language: str
    package: str
    codes: Codes
    seen: Codes
    defined: Codes
    names: tuple[str, ...]
    flags: bytes


def code_of(name: str) -> int:
    """The hash that stands for a name, or a path."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))


def mixed(path_code: int, name_code: int) -> int:
    """The hash of a name in a file, from the hashes of both."""
    return ((path_code * _MIX) ^ name_code) & _ALL


def imprint(facts: FileFacts) -> bytes:
    """The imprint of a content. Needs no references. About 1 us a definition or binding."""
    definitions = facts.definitions
    seen: dict[str, int] = {}
    defined: dict[str, int] = {}
    flags = bytearray()
    module = code_of(f"{facts.language}|{facts.package}")
    scopes: list[int] = []
    for one in definitions:
        row = (one.qualname, one.kind, one.ordinal, one.returns, one.decorators, one.bases, one.exported)
        text = repr(row if one.parameters is None else (*row, one.parameters))
        code = zlib.crc32(text.encode("utf-8", "surrogatepass"), module if one.parent == MODULE else scopes[one.parent])
        scopes.append(code)
        name = one.name
        defined[name] = seen[name] = zlib.crc32(code.to_bytes(4, "little"), seen.get(name, 0))
        fixture = bool(one.decorators) and any("fixture" in mark for mark in one.decorators)
        flags.append((one.kind in ("function", "method")) * CALLABLE + fixture * FIXTURE)
    firsts: set[int] = set()
    for target, how, written, value, scope, _ in facts.bindings:
        if how in ("return", "yield"):
            name = definitions[scope].name if scope != MODULE else ""
        else:
            name = target.rpartition(".")[2]
        row_text = f"{how}|{target}|{written}|{value}".encode("utf-8", "surrogatepass")
        code = zlib.crc32(row_text, module if scope == MODULE else scopes[scope])
        seen[name] = zlib.crc32(code.to_bytes(4, "little"), seen.get(name, 0))
        if how == "parameter" and scope != MODULE and scope not in firsts:
            firsts.add(scope)
            own = definitions[scope].name
            seen[own] = zlib.crc32(row_text, seen.get(own, 0))
    for imported in facts.imports:
        name = STARS if imported.name == "*" else imported.alias
        where = module if imported.scope == MODULE else scopes[imported.scope]
        row_text = repr(imported[:4]).encode("utf-8", "surrogatepass")
        seen[name] = zlib.crc32(row_text, zlib.crc32(where.to_bytes(4, "little"), seen.get(name, 0)))
    public = [(one.name, one.kind) for one in definitions if one.parent == MODULE and one.exported]
    seen[STARS] = zlib.crc32(repr((facts.exports, public)).encode("utf-8", "surrogatepass"), seen.get(STARS, 0))
    return _packed(facts, seen, defined, bytes(flags))


def produce(facts: FileFacts, _content: bytes) -> bytes:
    """`imprint` as a producer; its version is in `producers.py`."""
    return imprint(facts)


def _packed(facts: FileFacts, seen: dict[str, int], defined: dict[str, int], flags: bytes) -> bytes:
    by_code: dict[int, tuple[int, int]] = {}
    for name, value in seen.items():
        code = code_of(name)
        before = by_code.get(code)
        both = (value, defined.get(name, 0))
        by_code[code] = both if before is None else (before[0] ^ both[0], before[1] ^ both[1])
    rows = sorted((code, *both) for code, both in by_code.items())
    table = np.array(rows, dtype="<u4").reshape(-1, 3)
    texts = [facts.language, facts.package, *(one.name for one in facts.definitions)]
    text = "\0".join(one.replace("\0", "") for one in texts).encode("utf-8", "surrogatepass")
    head = HEAD.pack(MAGIC, len(rows), len(flags), len(text))
    return head + np.ascontiguousarray(table.T).tobytes() + flags + text


def read_imprint(data: bytes) -> Imprint:
    """What `imprint` made. Raises StoreCorrupt for other bytes. About 10 us."""
    try:
        magic, count, rows, length = HEAD.unpack_from(data)
        place = HEAD.size + 12 * count
        if magic != MAGIC or len(data) != place + rows + length:
            raise ValueError("another format")
        table = np.frombuffer(data, "<u4", 3 * count, HEAD.size).reshape(3, count)
        language, package, *names = str(data[place + rows :], "utf-8", "surrogatepass").split("\0")
        if len(names) != rows:
            raise ValueError("names and rows differ")
    except (struct.error, ValueError) as error:
        raise StoreCorrupt("a stored imprint cannot be read; index again") from error
    return Imprint(language, package, table[0], table[1], table[2], tuple(names), bytes(data[place : place + rows]))
