"""Written types, of any language, as the classes that a value of them may have."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_TRANSPARENT: Final = frozenset(
    "Optional Union Annotated ClassVar Final Required NotRequired ReadOnly Awaitable Promise Option Box Rc Arc Result "
    "RefCell Mutex RwLock unique_ptr shared_ptr weak_ptr Readonly Partial Task ValueTask InitVar NonNullable Unpack "
    "TypeGuard Nullable Lazy optional reference_wrapper".split()
)
_FIRST_ONLY: Final = frozenset({"Annotated", "Result", "Task", "Promise"})
_EACH: Final = frozenset(
    "list List Sequence MutableSequence Iterable Iterator set Set AbstractSet MutableSet frozenset FrozenSet tuple "
    "Tuple Generator Collection deque AsyncIterator AsyncIterable "
    "AsyncGenerator Array ReadonlyArray Vec VecDeque HashSet "
    "BTreeSet IEnumerable IList ICollection IReadOnlyList IReadOnlyCollection ArrayList LinkedList vector array Stream "
    "Reversible KeysView ValuesView".split()
)
_CLASSES: Final = frozenset({"type", "Type", "Class"})
_NOTHING: Final = frozenset(
    "None null undefined void NoneType nil never Never NoReturn Any any object unknown var auto mixed error".split()
)
_NOISE: Final = re.compile(r"\b(?:const|mut|readonly|dyn|impl|struct|class|enum|volatile|final)\s+|'\w+\b(?!')|[&*?]")
_HEAD: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_MOST: Final = 4


class Written(NamedTuple):
    """A class named in a type, and whether the value is an instance, a collection of them, or the class itself."""

    name: str
    each: bool = False
    itself: bool = False


@lru_cache(maxsize=20_000)
def read_type(text: str) -> tuple[Written, ...]:
    """The classes that `text` names: `Optional[list[Foo]]` is a collection of Foo. Empty when it is not understood."""
    text = text.strip().lstrip(":").strip().strip("\"'`")
    text = text.replace("->", ".").replace("::", ".").replace("\\", ".").strip(".")
    text = " ".join(_NOISE.sub("", text).split()).replace("<>", "")  # `Foo<?>` is a Foo, no array
    found = _read(text.replace("<", "[").replace(">", "]"), 0)
    return found if len(found) <= _MOST else ()


def _read(text: str, depth: int) -> tuple[Written, ...]:
    text = text.strip().strip("\"'")
    if depth > 6 or not text:
        return ()
    parts = _split(text, "|")
    if len(parts) > 1:
        return tuple(dict.fromkeys(one for part in parts for one in _read(part, depth + 1)))
    if text.startswith("(") and text.endswith(")"):  # Go's results; the first is the value
        return _read(_split(text[1:-1], ",")[0], depth + 1)
    if text.startswith("[]"):
        return _each(_read(text[2:], depth + 1))
    if text.startswith("[") and text.endswith("]"):
        return _each(_read(text[1:-1].partition(";")[0], depth + 1))
    while text.endswith("[]"):
        return _each(_read(text[:-2], depth + 1))
    head, bracket, rest = text.partition("[")
    name = head.strip()
    last = name.rpartition(".")[2]
    if not bracket:
        return () if last in _NOTHING or not _HEAD.fullmatch(name) else (Written(name),)
    arguments = _split(rest.rpartition("]")[0], ",")
    if last in _TRANSPARENT:
        chosen = arguments[:1] if last in _FIRST_ONLY else arguments
        return tuple(dict.fromkeys(one for part in chosen for one in _read(part, depth + 1)))
    if last == "Coroutine":
        return _read(arguments[-1], depth + 1)
    if last in _EACH:
        return _each(_read(arguments[0], depth + 1))
    if last in _CLASSES:
        return tuple(Written(one.name, itself=True) for one in _read(arguments[0], depth + 1))
    if last in ("Literal", "Callable") or not _HEAD.fullmatch(name):
        return ()
    return (Written(name),)


def _each(found: tuple[Written, ...]) -> tuple[Written, ...]:
    return tuple(Written(one.name, each=True) for one in found)


def _split(text: str, separator: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return parts
