"""All files of a generation as resolution sees them: their tables, their types and the members of these."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from agentctx.code.facts import CLASSES, MODULE, FileFacts, symbol_id
from agentctx.code.languages import BY_NAME
from agentctx.code.resolve.definers import Definers
from agentctx.code.resolve.imprint import imprint
from agentctx.code.resolve.notes import ANYWHERE, Notes
from agentctx.code.resolve.tables import FileTables
from agentctx.code.resolve.values import Kind, Value

_BY_FILE: Final = frozenset({"python", "javascript", "typescript", "tsx", "java"})
_BY_FOLDER: Final = frozenset({"go"})
_OPEN: Final = CLASSES | {"impl", "module", "namespace", "type"}


class Group:
    """The types of one file, folder or language, as far as their parts may lie apart, and their members by name."""

    __slots__ = ("members", "types")

    def __init__(self) -> None:
        self.types: dict[str, list[Value]] = {}
        self.members: dict[str, dict[str, list[Value]]] = {}

    def enter(self, path: str, facts: FileFacts) -> None:
        """Add what a file defines."""
        definitions = facts.definitions
        for place, one in enumerate(definitions):
            if one.kind in _OPEN and one.kind != "impl":
                self.types.setdefault(one.qualname, []).append(Value(Kind.CLASS, path, place))
            outer = one.qualname[: -len(one.name) - 1]
            if outer and (one.parent == MODULE or definitions[one.parent].kind in _OPEN or owned(facts, place)):
                members = self.members.setdefault(outer, {})
                members.setdefault(one.name, []).append(Value(Kind.FUNCTION, path, place))


class _Held(dict[str, FileFacts]):
    """Facts by path, asked for once."""

    def __init__(self, source: Mapping[str, FileFacts]) -> None:
        super().__init__()
        self._source = source

    def __missing__(self, path: str) -> FileFacts:
        facts = self[path] = self._source[path]
        return facts


class World:
    """Facts of every file by path, with the indexes that cross files. A file's facts are asked for when it is led to.

    `imprints` are those of the same contents, and spare the facts of all others; without them they are made. Every look
    into a file goes into `notes`.
    """

    def __init__(self, files: Mapping[str, FileFacts], imprints: Mapping[str, bytes] | None = None) -> None:
        self.notes = Notes()
        self.paths: Collection[str] = files.keys()
        self.files = _Held(files)
        self._tables: dict[str, FileTables] = {}
        self._groups: dict[str, Group] = {}
        self._ids: dict[str, list[str]] = {}
        self._of_language: dict[str, list[str]] = {}
        self._callables: dict[str, list[Value]] = {}
        self._fixtures: dict[str, list[Value]] = {}
        self._definers = Definers(
            {path: imprint(self.files[path]) if imprints is None else imprints[path] for path in sorted(files)}
        )
        self._languages = self._definers.languages
        for path, language in self._languages.items():
            self._of_language.setdefault(language, []).append(path)

    def of_language(self, *languages: str) -> list[str]:
        """The paths of all files in one of the languages, in order."""
        return sorted(path for language in languages for path in self._of_language.get(language, ()))

    def callables(self, name: str) -> list[Value] | None:
        """Every function and method of that name; None when nothing of that name is defined."""
        self.notes.look(ANYWHERE, name)
        known = self._callables.get(name)
        if known is None:
            known = self._callables[name] = [Value(Kind.FUNCTION, *one) for one in self._definers.callables(name)]
        return known if known or self._definers.files(name) else None

    def defines(self, name: str) -> bool:
        """Whether any file defines that name."""
        self.notes.look(ANYWHERE, name)
        return bool(self._definers.files(name))

    def fixtures(self, name: str) -> list[Value]:
        """Every definition of that name with a decorator that says fixture."""
        self.notes.look(ANYWHERE, name)
        known = self._fixtures.get(name)
        if known is None:
            known = self._fixtures[name] = [Value(Kind.FUNCTION, *one) for one in self._definers.fixtures(name)]
        return known

    def group(self, path: str) -> Group:
        """The types among which those of the file at `path` are: of the file, its folder, or its language."""
        language = self._languages[path]
        if language in _BY_FILE:
            key = path
        elif language in _BY_FOLDER:
            key = f"{language}:{path.rpartition('/')[0]}"
        else:
            key = "c" if language == "cpp" else language
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group()
            for one in self._peers(path, language):
                group.enter(one, self.files[one])
        return group

    def _peers(self, path: str, language: str) -> Iterator[str]:
        if language in _BY_FILE:
            yield path
        elif language in _BY_FOLDER:
            folder = path.rpartition("/")[0]
            yield from (one for one in self._of_language[language] if one.rpartition("/")[0] == folder)
        else:
            yield from self.of_language("c", "cpp") if language in ("c", "cpp") else self._of_language[language]

    def members(self, cls: Value, name: str) -> list[Value] | None:
        """What a class or its parts elsewhere define under that name, bases aside."""
        self._look_around(cls.path, name)
        found = self.group(cls.path).members.get(self.files[cls.path].definitions[cls.place].qualname)
        return found.get(name) if found is not None else None

    def parts(self, cls: Value) -> list[Value]:
        """Every definition of the class: itself, and where it is reopened."""
        one = self.files[cls.path].definitions[cls.place]
        self._look_around(cls.path, one.name)
        return self.group(cls.path).types.get(one.qualname, [])

    def _look_around(self, path: str, name: str) -> None:
        self.notes.look(path, name)
        if self._languages[path] not in _BY_FILE:
            self.notes.look(ANYWHERE, name)

    def tables(self, path: str) -> FileTables:
        """The scopes of a file; made on first use."""
        tables = self._tables.get(path)
        if tables is None:
            facts = self.files[path]
            language = BY_NAME.get(facts.language)
            tables = self._tables[path] = FileTables(facts, language.self_names if language else frozenset())
        return tables

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
        facts = self.files[path]
        definitions = facts.definitions
        while scope != MODULE:
            one = definitions[scope]
            if one.kind in CLASSES:
                return Value(Kind.CLASS, path, scope)
            outer = one.qualname if one.kind == "impl" else one.qualname[: -len(one.name) - 1]
            if outer and (one.kind == "impl" or owned(facts, scope)):
                self._look_around(path, outer.rpartition(".")[2])
                found = self.group(path).types.get(outer)
                if found:
                    return found[0]
            scope = one.parent
        return None


def owned(facts: FileFacts, place: int) -> bool:
    """Whether a method stands outside of its type."""
    one = facts.definitions[place]
    outer = one.qualname[: -len(one.name) - 1]
    above = facts.definitions[one.parent].qualname if one.parent != MODULE else ""
    return one.kind == "method" and outer != above
