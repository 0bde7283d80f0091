"""C, C++, Rust, Ruby and shells: names live in what is included, else anywhere once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from agentctx.code.facts import MODULE, FileFacts, Import
from agentctx.code.resolve.choice import pick, value_of
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.file_rules import FileRules, answer_of, external, joined
from agentctx.code.resolve.notes import ANYWHERE, PATHS, STARS
from agentctx.code.resolve.roots import stem_of
from agentctx.code.resolve.values import UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

_INCLUDE_DEPTH: Final = 400


class GlobalRules(FileRules):
    """C, C++, Ruby, Rust and shells: what is included or sourced, then the one definition of that name anywhere.

    `private` says which definitions are their file's own, such as C's `static`.
    """

    def __init__(self, world: World, languages: frozenset[str]) -> None:
        super().__init__(world)
        self._languages = languages
        self._found: dict[str, list[Value]] | None = None
        self._by_file: dict[str, list[str]] = {}
        self._reached: dict[str, frozenset[str]] = {}
        for path in world.of_language(*languages):
            self._by_file.setdefault(path.rpartition("/")[2], []).append(path)

    def begin(self) -> None:
        """Forget every answer."""
        super().begin()
        self._reached.clear()

    def _names(self, name: str) -> list[Value]:
        """The definitions of that name at the top of any file."""
        self._notes.look(ANYWHERE, name)
        if self._found is None:
            self._found = {}
            for path in self._world.of_language(*self._languages):
                self._enter(path, self._world.files[path], self._found)
        return self._found.get(name, [])

    def _enter(self, path: str, facts: FileFacts, found: dict[str, list[Value]]) -> None:
        for place, one in enumerate(facts.definitions):
            top = one.parent == MODULE or facts.definitions[one.parent].kind in ("namespace", "module")
            if top and one.kind not in ("method", "impl", "declaration") and (one.exported or facts.language == "rust"):
                found.setdefault(one.name, []).append(value_of(path, place, facts.definitions))

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The included file: beside the including one, else the only one whose path ends so."""
        module = imported.module.replace("::", "/").removeprefix("crate/")
        if not module or imported.level == 2:
            return
        base = joined(path.rpartition("/")[0], module)
        self._notes.look(PATHS, stem_of(module))
        if base is not None:
            self._notes.look(PATHS, stem_of(base))
        ends = ("", ".rb", ".rs", "/mod.rs", ".sh")
        for candidate in (f"{base}{end}" for end in ends if base is not None):
            if candidate in self._world.paths and candidate != path:
                yield candidate
                return
        for end in ends:
            wanted = f"{module}{end}"
            matching = [
                one
                for one in self._by_file.get(wanted.rpartition("/")[2], ())
                if one == wanted or one.endswith(f"/{wanted}")
            ]
            if len(matching) == 1:
                yield matching[0]
                return

    def _closure(self, path: str) -> frozenset[str]:
        known = self._reached.get(path)
        if known is None:
            known = self._reached[path] = self._reach(path)
        return known

    def _reach(self, path: str) -> frozenset[str]:
        reached: dict[str, None] = {}
        queue = deque([path])
        while queue and len(reached) < _INCLUDE_DEPTH:
            current = queue.popleft()
            self._notes.look(current, STARS)
            for star in self._world.tables(current).stars:
                for target in self.files(current, star):
                    if target not in reached:
                        reached[target] = None
                        queue.append(target)
        return frozenset(reached)

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name at the top of the file, in any of its namespaces."""
        self._notes.look(owner.path, name)
        facts = self._world.files[owner.path]
        places = [
            p for p in self._world.tables(owner.path).named.get(name, ()) if facts.definitions[p].kind != "method"
        ]
        return (
            answer_of(value_of(owner.path, pick(facts.definitions, places), facts.definitions)) if places else UNKNOWN
        )

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The name in the file, else the only one of that name."""
        found = super().imported(evaluator, path, imported) if imported.level != 2 else UNKNOWN
        if any(value.kind != Kind.EXTERNAL for value in found.values):
            return found
        first = imported.module.partition("::")[0]
        if first in ("std", "core", "alloc"):
            return external(f"{imported.module}.{imported.name}")
        alone = self._alone(path, imported.name)
        return alone if alone.values else found

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """What the included files have; then the only definition of that name in the repository."""
        values = self._names(name)
        if not values:
            return UNKNOWN
        reached = self._closure(path)
        near = [value for value in values if value.path in reached or value.path == path]
        if len(near) == 1:
            return answer_of(near[0], "import")
        if near and self._overloaded(near):
            return answer_of(near[-1], "import")
        return self._alone(path, name)

    def _overloaded(self, values: list[Value]) -> bool:
        """Whether all are overloads of one function; which of them is meant, the arguments of the call tell."""
        first = values[0].path
        if any(value.path != first for value in values):
            return False
        definitions = [self._world.files[first].definitions[value.place] for value in values]
        return len({one.parent for one in definitions}) == 1 and all(one.parameters is not None for one in definitions)

    def _spans_files(self, path: str, values: list[Value]) -> bool:
        """Whether definitions of one name in several files are one thing: namespaces, and all that Ruby may reopen."""
        kinds = {self._world.files[value.path].definitions[value.place].kind for value in values}
        return self._world.files[path].language == "ruby" or kinds <= {"namespace", "module"}

    def _alone(self, path: str, name: str) -> Answer:
        values = self._names(name)
        solid = [v for v in values if self._world.files[v.path].definitions[v.place].kind not in ("type", "constant")]
        chosen = solid or list(values)
        same = [value for value in chosen if value.path == path]
        if len(same) == 1:
            return answer_of(same[0], "scope")
        kinds = {self._world.id(value.path, value.place).rpartition("::")[2].partition("~")[0] for value in chosen}
        if len(chosen) == 1 or (chosen and len(kinds) == 1 and self._spans_files(path, chosen)):
            return answer_of(chosen[0], "package")
        return UNKNOWN
