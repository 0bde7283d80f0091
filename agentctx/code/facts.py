"""What one file says, with nothing resolved: definitions, imports, bindings and references.

Facts depend on the content and the extractor alone, never on the path or on other files, so branches, commits and
worktrees share them. Scopes are positions in `definitions`; `MODULE` stands for the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

EXTRACTOR_VERSION: Final = 6
"""Raised with every change of what the extractor or a query yields; facts of another version are made again."""

MODULE: Final = -1
CALL: Final = "call"
READ: Final = "read"
TYPE: Final = "type"

CONTAINERS: Final = frozenset(
    {"class", "interface", "struct", "enum", "trait", "union", "record", "namespace", "module"}
)
CLASSES: Final = frozenset({"class", "interface", "struct", "enum", "trait", "union", "record"})
CALLABLES: Final = frozenset({"function", "method", "constructor", "macro"})


@dataclass(frozen=True, slots=True)
class Definition:
    """A named element of a file. Lines count from 1 and include decorators; `end_line` is the last one.

    `qualname` joins the enclosing names with dots; `ordinal` counts earlier definitions of the same name and kind in
    the file. `bases` are as written; `returns` is the written return type. `name_line` is where the name stands.
    `parameters` are the types that a function takes, in languages with overloads: `int`, `int=` for one that may be
    left out, `Object...` for any number, `this Foo` for what an extension is called on; None elsewhere.
    """

    name: str
    qualname: str
    kind: str
    parent: int
    ordinal: int
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    name_line: int
    signature: str = ""
    doc: str = ""
    returns: str = ""
    decorators: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    exported: bool = True
    parameters: tuple[str, ...] | None = None


class Import(NamedTuple):
    """`from module import name as alias`, in any language. Without `name` the module itself is meant.

    `name` is `*` for everything; `alias` is the local name that is bound, empty when none is; `level` counts the dots
    of a relative import in Python; `guarded` says that it stands under a condition or in a try block.
    """

    module: str
    name: str
    alias: str
    level: int
    line: int
    scope: int
    guarded: bool = False


class Binding(NamedTuple):
    """A name that gets a value: an assignment, a parameter, a loop target.

    `target` may be an attribute, such as `self.x`. `type` is the written type, `value` the value as a chain (see
    `expressions.py`), empty when it is none. `how` is "assign", "parameter", "each" (a loop: the value's elements),
    "with", "return" or "yield" (what the scope answers with, no target), "narrow" (a type test), "global", "nonlocal"
    or "other" (a value that nothing is known of).
    """

    target: str
    how: str
    type: str
    value: str
    scope: int
    line: int


class Reference(NamedTuple):
    """An occurrence of a name: a call, a read or a type.

    `receiver` is the chain before the name, empty when there is none, `?` when it is no chain. What a statement calls
    without naming it (`__enter__` of a `with`, `__getitem__` of an index) is a read of that name, after all others.
    `arguments` are those of a call in a language with overloads: `(name,:int,?)` for a name or other chain, a value
    whose text tells its type, and one that does not; empty elsewhere.
    """

    kind: str
    name: str
    receiver: str
    scope: int
    line: int
    arguments: str = ""


class Section(NamedTuple):
    """A unit of a document: a heading with the text under it, or a key of a configuration file."""

    path: tuple[str, ...]
    kind: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """All facts of one content. `problems` says what was lost: a syntax error, a limit that was hit.

    `exports` holds the names that the file declares as its public ones (`__all__`, `export {a, b}`), None when it
    declares nothing, and `default=name` for a default export; `package` is what the file says it belongs to (Java, Go,
    C#, PHP). `marks` are those of the content: "generated", "minified", "binary", "lossy".
    """

    language: str
    lines: int
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    bindings: tuple[Binding, ...] = ()
    references: tuple[Reference, ...] = ()
    sections: tuple[Section, ...] = ()
    exports: tuple[str, ...] | None = None
    package: str = ""
    doc: str = ""
    problems: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def calls(self) -> Iterator[Reference]:
        """The references that are calls, in the order of the text."""
        return (reference for reference in self.references if reference.kind == CALL)

    def children(self, scope: int) -> Iterator[int]:
        """Positions of the definitions directly inside `scope`. O(definitions)."""
        return (place for place, one in enumerate(self.definitions) if one.parent == scope)


def symbol_id(path: str, definition: Definition) -> str:
    """The id of a definition in the file at `path`: `src/app.py::App.run:method`, a second one `...:method~1`.

    It stays when anything else in the file or the tree is edited.
    """
    ordinal = f"~{definition.ordinal}" if definition.ordinal else ""
    return f"{path}::{definition.qualname}:{definition.kind}{ordinal}"
