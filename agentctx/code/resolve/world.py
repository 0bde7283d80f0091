"""All files of a generation as resolution sees them: their tables, their types and the members of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agentctx.code.facts import CLASSES, MODULE, FileFacts, symbol_id
from agentctx.code.languages import BY_NAME
from agentctx.code.resolve.tables import FileTables
from agentctx.code.resolve.values import Kind, Value

_BY_FILE: Final = frozenset({"python", "javascript", "typescript", "tsx", "java"})
_BY_FOLDER: Final = frozenset({"go"})
_OPEN: Final = CLASSES | {"impl", "module", "namespace", "type"}

TypeKey = tuple[str, str]


class World:
    """Facts of every file by path, with the indexes that cross files. Immutable once made; O(definitions) to make."""

    def __init__(self, files: Mapping[str, FileFacts]) -> None:
        self.files = files
        self._tables: dict[str, FileTables] = {}
        self.types: dict[TypeKey, list[Value]] = {}
        self.members: dict[TypeKey, dict[str, list[Value]]] = {}
        self.by_name: dict[str, list[Value]] = {}
        self.defined: set[str] = set()
        self._ids: dict[str, list[str]] = {}
        for path, facts in files.items():
            group = self.group(path, facts.language)
            for place, one in enumerate(facts.definitions):
                self.defined.add(one.name)
                value = Value(Kind.FUNCTION, path, place)
                if one.kind in _OPEN and one.kind != "impl":
                    self.types.setdefault((group, one.qualname), []).append(Value(Kind.CLASS, path, place))
                outer = one.qualname[: -len(one.name) - 1]
                if outer and (
                    one.parent == MODULE or facts.definitions[one.parent].kind in _OPEN or _owned(facts, place)
                ):
                    self.members.setdefault((group, outer), {}).setdefault(one.name, []).append(value)
                if one.kind in ("function", "method"):
                    self.by_name.setdefault(one.name, []).append(value)

    def group(self, path: str, language: str) -> str:
        """How far the parts of a type may lie apart: in one file, one folder, or the whole repository."""
        if language in _BY_FILE:
            return path
        if language in _BY_FOLDER:
            return f"{language}:{path.rpartition('/')[0]}"
        return "c" if language == "cpp" else language

    def tables(self, path: str) -> FileTables:
        """The scopes of a file; made on first use."""
        tables = self._tables.get(path)
        if tables is None:
            facts = self.files[path]
            language = BY_NAME.get(facts.language)
            tables = self._tables[path] = FileTables(facts, language.self_names if language else frozenset())
        return tables

    def key(self, value: Value) -> TypeKey:
        """Where the members of a class are listed."""
        facts = self.files[value.path]
        return self.group(value.path, facts.language), facts.definitions[value.place].qualname

    def id(self, path: str, index: int) -> str:
        """The symbol id of a definition, or the path for the file itself; one string object for each."""
        if index == MODULE:
            return path
        ids = self._ids.get(path)
        if ids is None:
            ids = self._ids[path] = [symbol_id(path, one) for one in self.files[path].definitions]
        return ids[index]

    def enclosing_type(self, path: str, scope: int) -> Value | None:
        """The class whose member the code at `scope` is, by nesting or by its written owner (`func (s *Store)`)."""
        definitions = self.files[path].definitions
        group = self.group(path, self.files[path].language)
        while scope != MODULE:
            one = definitions[scope]
            if one.kind in CLASSES:
                return Value(Kind.CLASS, path, scope)
            outer = one.qualname if one.kind == "impl" else one.qualname[: -len(one.name) - 1]
            if outer and (one.kind == "impl" or _owned(self.files[path], scope)):
                found = self.types.get((group, outer))
                if found:
                    return found[0]
            scope = one.parent
        return None


def _owned(facts: FileFacts, place: int) -> bool:
    """Whether a method stands outside of its type."""
    one = facts.definitions[place]
    outer = one.qualname[: -len(one.name) - 1]
    above = facts.definitions[one.parent].qualname if one.parent != MODULE else ""
    return one.kind == "method" and outer != above
