"""Facts as bytes, to cross a process boundary and to be stored: see docs/formats/facts.md.

Two parts, so that a reader that only needs names does not decode every reference: the outline (definitions, imports,
bindings, sections) and the references. Each is compressed JSON; nothing in it is executed when it is read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final

from agentctx.code.facts import Binding, Definition, FileFacts, Import, Reference, Section
from agentctx.errors import StoreCorrupt

FORMAT: Final = 1
_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class EncodedFacts:
    """The two parts of a file's facts. Equal facts give equal bytes."""

    outline: bytes
    references: bytes

    def __len__(self) -> int:
        return len(self.outline) + len(self.references)


def encode(facts: FileFacts) -> EncodedFacts:
    """Facts as bytes. About 30 us a file of 100 references."""
    outline = [
        FORMAT,
        facts.language,
        facts.lines,
        [_row(one) for one in facts.definitions],
        facts.imports,
        facts.bindings,
        facts.sections,
        facts.exports,
        facts.package,
        facts.doc,
        facts.problems,
        facts.marks,
    ]
    # Columns compress better than rows, and are read back by one zip.
    columns = list(zip(*facts.references, strict=True))
    if columns and not any(columns[-1]):
        columns.pop()
    return EncodedFacts(_pack(outline), _pack([FORMAT, *columns]))


def decode(encoded: EncodedFacts) -> FileFacts:
    """What `encode` was given. Raises StoreCorrupt for bytes that it did not make."""
    return _facts(_unpack(encoded.outline), decode_references(encoded.references))


def decode_outline(outline: bytes) -> FileFacts:
    """The facts without references; about a third of the work of `decode`."""
    return _facts(_unpack(outline), ())


def decode_references(references: bytes) -> tuple[Reference, ...]:
    """The references alone."""
    columns = _unpack(references)[1:]
    try:
        return tuple(starmap(Reference, zip(*columns, strict=True)))
    except (TypeError, ValueError) as error:
        raise StoreCorrupt("stored references cannot be read; index again") from error


class Outlines(Mapping[str, FileFacts]):
    """The facts of many files without references, each decoded when it is asked for; whoever asks twice keeps them.

    `read` gives the outline of one of `paths`.
    """

    def __init__(self, read: Callable[[str], bytes], paths: Collection[str]) -> None:
        self._read = read
        self._paths = paths

    def __getitem__(self, path: str) -> FileFacts:
        return decode_outline(self._read(path))

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _row(one: Definition) -> list[object]:
    row: list[object] = [
        one.name,
        one.qualname,
        one.kind,
        one.parent,
        one.ordinal,
        one.start_line,
        one.end_line,
        one.start_byte,
        one.end_byte,
        one.name_line,
        one.signature,
        one.doc,
        one.returns,
        one.decorators,
        one.bases,
        one.exported,
    ]
    if one.parameters is not None:
        row.append(one.parameters)
    return row


def _definition(row: list[Any]) -> Definition:
    row[13], row[14] = tuple(row[13]), tuple(row[14])
    if len(row) > 16:
        row[16] = tuple(row[16])
    return Definition(*row)


def _facts(outline: list[Any], references: tuple[Reference, ...]) -> FileFacts:
    try:
        _, language, lines, definitions, imports, bindings, sections, exports, package, doc, problems, marks = outline
        return FileFacts(
            language=language,
            lines=lines,
            definitions=tuple(_definition(row) for row in definitions),
            imports=tuple(map(Import._make, imports)),
            bindings=tuple(map(Binding._make, bindings)),
            references=references,
            sections=tuple(Section(tuple(row[0]), *row[1:]) for row in sections),
            exports=None if exports is None else tuple(exports),
            package=package,
            doc=doc,
            problems=tuple(problems),
            marks=tuple(marks),
        )
    except (TypeError, ValueError, IndexError) as error:
        raise StoreCorrupt("stored facts cannot be read; index again") from error


def _pack(value: object) -> bytes:
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), _LEVEL)


def _unpack(data: bytes) -> list[Any]:
    try:
        value = json.loads(zlib.decompress(data))
    except (ValueError, zlib.error) as error:
        raise StoreCorrupt("stored facts cannot be read; index again") from error
    if not isinstance(value, list) or not value or value[0] != FORMAT:
        raise StoreCorrupt("stored facts have another format; index again")
    return value
