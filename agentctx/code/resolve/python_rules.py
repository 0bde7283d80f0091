"""Python: modules, re-exports, star imports, builtins, and the fixtures of pytest."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Final

from agentctx.code.facts import MODULE, Import
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.notes import PATHS, STARS
from agentctx.code.resolve.roots import Modules
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

BUILTINS: Final = frozenset(dir(builtins)) | {"__file__", "__class__", "reveal_type"}


class PythonRules:
    """Looks names up as Python would. One for each world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._notes = world.notes
        self._modules = Modules(world.paths)
        self._starred_names: dict[tuple[str, str], Answer] = {}

    def begin(self) -> None:
        """Forget every answer."""
        self._starred_names.clear()

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The file of the module, and that of a submodule imported by name."""
        module = self._module(path, imported)
        if module is None or not imported.name or imported.name == "*":
            if module is not None and module.kind == Kind.MODULE:
                yield module.path
            return
        self._notes.look(PATHS, imported.name)
        if module.kind == Kind.MODULE:
            yield module.path
            below = self._modules.submodule(module.path, imported.name)
            if below is not None:
                yield below
        elif module.kind == Kind.NAMESPACE:
            found = self._modules.find(path, f"{module.path}.{imported.name}")
            if found is not None:
                yield found

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """`import a.b as c`, `from . import x`: the module, or the name in it, behind any number of re-exports."""
        if not imported.name:
            dotted = imported.module
            if "." in dotted and imported.alias == dotted.partition(".")[0]:
                dotted = imported.alias  # `import a.b` binds `a`
            return self._answer(self._named(path, dotted) or Value(Kind.EXTERNAL, dotted))
        module = self._module(path, imported)
        if module is None:
            return self._answer(Value(Kind.EXTERNAL, f"{'.' * imported.level}{imported.module}.{imported.name}"))
        found = self.member(evaluator, module, imported.name)
        return found.then(found.values, "import", CONFIDENCE["import"])

    def _answer(self, value: Value) -> Answer:
        return Answer((value,), "import", CONFIDENCE["import"])

    def _named(self, path: str, dotted: str) -> Value | None:
        self._notes.look(PATHS, dotted.rpartition(".")[2])
        found = self._modules.find(path, dotted)
        if found is not None:
            return Value(Kind.MODULE, found)
        return Value(Kind.NAMESPACE, dotted) if self._modules.is_namespace(dotted) else None

    def _module(self, path: str, imported: Import) -> Value | None:
        if not imported.level:
            return self._named(path, imported.module)
        folder = self._modules.folder(path, imported.level)
        if folder is None:
            return None
        dotted = ".".join(part for part in (folder.replace("/", "."), imported.module) if part)
        self._notes.look(PATHS, dotted.rpartition(".")[2])
        found = self._modules.relative(path, imported.level, imported.module)
        if found is not None:
            return Value(Kind.MODULE, found)
        return Value(Kind.NAMESPACE, dotted) if self._modules.is_namespace(dotted) else None

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name of a module: what it binds, then what its star imports bring, then its submodules."""
        if owner.kind == Kind.NAMESPACE:
            found = self._named("", f"{owner.path}.{name}")
            return self._answer(found) if found is not None else UNKNOWN
        self._notes.look(owner.path, name)
        if name in self._world.tables(owner.path).scopes.get(MODULE, {}):
            answer = evaluator.name(owner.path, MODULE, name)
            # `from . import x` in the package itself binds the submodule, which answers below.
            if answer.values:
                return answer
        self._notes.look(PATHS, name)
        below = self._modules.submodule(owner.path, name)
        if below is not None:
            return self._answer(Value(Kind.MODULE, below))
        return self._starred(evaluator, owner.path, name)

    def _starred(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        key = (path, name)
        known = self._starred_names.get(key)
        if known is None:
            self._notes.look(path, STARS)
            if not self._world.tables(path).stars:
                return UNKNOWN
            self._starred_names[key] = UNKNOWN
            known = self._starred_names[key] = self._find_starred(evaluator, path, name)
        return known

    def _find_starred(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        outside: Answer = UNKNOWN
        for star in reversed(self._world.tables(path).stars):
            module = self._module(path, star)
            if module is None or module.kind != Kind.MODULE:
                outside = self._answer(Value(Kind.EXTERNAL, f"{star.module}.{name}"))
                continue
            self._notes.look(module.path, STARS)
            declared = self._world.files[module.path].exports
            if declared is not None and name not in declared:
                continue
            if declared is None and name.startswith("_"):
                continue
            found = self.member(evaluator, module, name)
            if found.values:
                return found.then(found.values, "star", CONFIDENCE["star"])
        return outside

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """Names from star imports, then the builtins."""
        found = self._starred(evaluator, path, name)
        if name in BUILTINS and not any(value.kind != Kind.EXTERNAL for value in found.values):
            return Answer((Value(Kind.EXTERNAL, f"builtins.{name}"),), "import", CONFIDENCE["import"])
        return found

    def parameter(self, evaluator: Evaluator, path: str, scope: int, name: str) -> Answer:
        """What pytest passes for a parameter of a test or fixture: the result of the nearest fixture of that name."""
        one = evaluator.world.files[path].definitions[scope]
        file = path.rpartition("/")[2]
        if not (one.name.startswith("test") or any("fixture" in mark for mark in one.decorators)):
            return UNKNOWN
        if not (file.startswith(("test", "conftest")) or file.endswith("_test.py")):
            return UNKNOWN
        places = [path]
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            places.append(f"{folder}/conftest.py".lstrip("/"))
        for place in places:
            fixture = self._fixture(place, name)
            if fixture is not None and (fixture.path, fixture.place) != (path, scope):
                return self._filled(evaluator, fixture)
        alone = self._world.fixtures(name)  # from a plugin of the repository's own
        return self._filled(evaluator, alone[0]) if len(alone) == 1 and alone[0][1:] != (path, scope) else UNKNOWN

    def _filled(self, evaluator: Evaluator, fixture: Value) -> Answer:
        result = evaluator.result(fixture)
        return Answer(result.values, "fixture", min(result.confidence, CONFIDENCE["fixture"]))

    def _fixture(self, path: str, name: str) -> Value | None:
        self._notes.look(path, name)
        if path not in self._world.paths:
            return None
        names = self._world.tables(path).named.get(name, ())
        definitions = self._world.files[path].definitions
        marked = [place for place in names if any("fixture" in mark for mark in definitions[place].decorators)]
        return Value(Kind.FUNCTION, path, marked[-1]) if marked else None
