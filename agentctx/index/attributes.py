"""Which rows carry which value of which metadata key, so that a filter is decided once a value, not once a row."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentctx.index.growable import Growable
from agentctx.index.texts import Texts
from agentctx.types import JsonValue

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.integer[Any]]

_PATHS: Final = 32  # keys that were asked for lately and are kept
_DECODED: Final = 4096  # distinct values of a key that are kept as Python objects
_MISSING: Final = -1


class _Path:
    """The values that one key has: by text its value's number, and the values as JSON."""

    __slots__ = ("decoded", "value_of", "values")

    def __init__(self) -> None:
        self.value_of: Growable[np.int32] = Growable(np.int32)
        self.values = Texts()  # number 0 is nobody's
        self.decoded: list[JsonValue] = [None]

    @property
    def nbytes(self) -> int:
        return self.value_of.nbytes + self.values.nbytes + 64 * len(self.decoded)


class AttributeIndex:
    """Metadata by key and value, made for a key when a filter first asks for it. Not thread-safe: the owner locks.

    A key is reached by its own name or, for nested objects, by a dotted path; the own name wins. `column` says by row
    which of `texts` is its metadata; 0 is none.
    """

    def __init__(self, texts: Texts, column: Growable[np.int32]) -> None:
        self._texts = texts
        self._column = column
        self._paths: OrderedDict[str, _Path] = OrderedDict()

    def having(self, path: str, size: int, of: Numbers | None = None) -> Mask:
        """A mask over `size` rows of those that have the key at all."""
        return self._rows(self._path(path).value_of.array >= 0, size, of)

    def where(self, path: str, holds: Callable[[JsonValue], bool], size: int, of: Numbers | None = None) -> Mask:
        """A mask over `size` rows of those whose value passes `holds`.

        `of`: their metadata by number, when not the present ones are meant. O(distinct values + rows), and O(distinct
        metadata) the first time that a key is asked for.
        """
        known = self._path(path)
        verdicts = np.zeros(len(known.values) + 1, dtype=np.bool_)  # the spare slot stands for "has no such key"
        for number in range(1, len(known.values)):
            verdicts[number] = holds(
                known.decoded[number] if number < len(known.decoded) else json.loads(known.values.get(number))
            )
        return self._rows(verdicts[known.value_of.array], size, of)

    def _rows(self, texts: Mask, size: int, of: Numbers | None) -> Mask:
        found: Mask = texts[self._column.array[:size] if of is None else of]
        return found

    def _path(self, path: str) -> _Path:
        """What is known of a key, brought up to date."""
        known = self._paths.get(path)
        if known is None:
            known = self._paths[path] = _Path()
            if len(self._paths) > _PATHS:
                self._paths.popitem(last=False)
        self._paths.move_to_end(path)
        numbers: list[int] = []
        for text in range(len(known.value_of), len(self._texts)):
            metadata = json.loads(self._texts.get(text) or b"{}")
            value = lookup(metadata, path) if isinstance(metadata, dict) else _ABSENT
            if value is _ABSENT:
                numbers.append(_MISSING)
                continue
            number = known.values.put(json.dumps(value, sort_keys=True).encode())
            if number == len(known.decoded) < _DECODED:
                known.decoded.append(value)
            numbers.append(number)
        known.value_of.extend(numbers)
        return known

    @property
    def nbytes(self) -> int:
        """Bytes held, without the texts themselves."""
        return sum(path.nbytes for path in self._paths.values())

    def check_invariants(self, rows: Mapping[int, Mapping[str, JsonValue]]) -> None:
        """Assert that the index holds exactly `rows`. For tests."""
        column = self._column.array.tolist()
        assert {row: json.loads(self._texts.get(text) or b"{}") for row, text in enumerate(column)} == dict(rows)
        for path, known in list(self._paths.items()):
            self._path(path)
            for row, text in enumerate(column):
                number, value = int(known.value_of.array[text]), lookup(rows[row], path)
                assert (number == _MISSING) == (value is _ABSENT)
                assert value is _ABSENT or json.loads(known.values.get(number)) == value


_ABSENT: Final = object()


def lookup(metadata: Mapping[str, JsonValue], path: str) -> Any:
    """The value of a key, or of a dotted path into nested objects; a private marker where there is none."""
    if path in metadata:
        return metadata[path]
    value: Any = metadata
    for name in _steps(path):
        if not isinstance(value, Mapping) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _steps(path: str) -> Iterator[str]:
    return iter(path.split("."))
