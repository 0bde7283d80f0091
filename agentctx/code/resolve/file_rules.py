"""What the languages beside Python share, and JavaScript with TypeScript: names live in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from agentctx.code.facts import MODULE, Import
from agentctx.code.resolve.choice import value_of
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.notes import PATHS, STARS
from agentctx.code.resolve.roots import stem_of
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

_SCRIPTS: Final = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")


def external(name: str) -> Answer:
    """Something from outside the repository."""
    return Answer((Value(Kind.EXTERNAL, name),), "import", CONFIDENCE["import"])


def answer_of(value: Value, rung: str = "import") -> Answer:
    """One value, as sure as its rung."""
    return Answer((value,), rung, CONFIDENCE[rung])


class FileRules:
    """Shared by all: a name is looked up in the files that an import leads to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._notes = world.notes
        self._members: dict[tuple[str, str], Answer] = {}

    def begin(self) -> None:
        """Forget every answer."""
        self._members.clear()

    def files(self, path: str, imported: Import) -> Iterable[str]:
        """The files that an import names."""
        return ()

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The name in the file that the import leads to, or the file itself."""
        targets = list(self.files(path, imported))
        if not targets:
            return external(f"{imported.module}.{imported.name}".strip("."))
        if not imported.name:
            return answer_of(Value(Kind.MODULE, targets[0]))
        for target in targets:
            found = self.member(evaluator, Value(Kind.MODULE, target), imported.name)
            if found.values:
                return found.then(found.values, "import", CONFIDENCE["import"])
        return UNKNOWN

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name at the top of a file, then of the files that it passes on."""
        key = (owner.path, name)
        known = self._members.get(key)
        if known is None:
            self._members[key] = UNKNOWN
            self._notes.look(*key)
            known = self._members[key] = self._find_member(evaluator, owner.path, name)
        return known

    def _find_member(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        tables = self._world.tables(path)
        if name in tables.scopes.get(MODULE, {}):
            return evaluator.name(path, MODULE, name)
        return self._passed_on(evaluator, path, name)

    def _passed_on(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        self._notes.look(path, STARS)
        for star in self._world.tables(path).stars:
            for target in self.files(path, star):
                found = self.member(evaluator, Value(Kind.MODULE, target), name)
                if found.values:
                    return found.then(found.values, "star", CONFIDENCE["star"])
        return UNKNOWN

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """What star imports bring."""
        return self._passed_on(evaluator, path, name)


class ScriptRules(FileRules):
    """JavaScript and TypeScript: relative paths with or without an extension, folders with an index."""

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The file of a relative import; packages are from outside."""
        if not imported.module.startswith("."):
            return
        base = joined(path.rpartition("/")[0], imported.module)
        if base is None:
            return
        self._notes.look(PATHS, stem_of(base))
        stem = base.removesuffix(".js").removesuffix(".jsx").removesuffix(".mjs")
        candidates = [base, *(stem + end for end in _SCRIPTS), *(f"{base}/index{end}".lstrip("/") for end in _SCRIPTS)]
        for candidate in candidates:
            if candidate in self._world.paths and candidate != path:
                yield candidate
                return

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """`default` is what the file exports as such, else its only exported definition."""
        if name == "default":
            self._notes.look(owner.path, STARS)
            facts = evaluator.world.files[owner.path]
            named = next((one[8:] for one in facts.exports or () if one.startswith("default=")), "")
            if named:
                return super().member(evaluator, owner, named)
            marked = [
                place
                for place, one in enumerate(facts.definitions)
                if one.parent == MODULE and one.exported and one.kind in ("class", "function", "constant")
            ]
            return answer_of(value_of(owner.path, marked[0], facts.definitions)) if len(marked) == 1 else UNKNOWN
        return super().member(evaluator, owner, name)


def joined(folder: str, relative: str) -> str | None:
    """`relative` as seen from `folder`; None when it leads out of the tree."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
