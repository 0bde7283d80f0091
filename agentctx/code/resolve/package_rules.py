"""Java, C#, PHP and Go: names live in packages, which may span files."""

from __future__ import annotations

from collections.abc import Iterator

from agentctx.code.facts import MODULE, FileFacts, Import
from agentctx.code.resolve.choice import pick, value_of
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.file_rules import FileRules, answer_of, external
from agentctx.code.resolve.notes import ANYWHERE, PATHS
from agentctx.code.resolve.values import UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World


class PackageRules(FileRules):
    """Java, C#, PHP and Go: names live in packages, which may span files."""

    def __init__(self, world: World, language: str, separator: str = ".") -> None:
        super().__init__(world)
        self._separator = separator
        self._language = language
        self._found: dict[tuple[str, str], list[Value]] = {}
        self._of_package: dict[str, list[str]] = {}
        self._entered = False

    def _index(self) -> None:
        if not self._entered:
            self._entered = True
            for path in self._world.of_language(self._language):
                self._enter(path, self._world.files[path])

    def _names(self, package: str, name: str) -> list[Value]:
        """What the package defines under the name."""
        self._index()
        self._notes.look(ANYWHERE, name)
        return self._found.get((package, name), [])

    def package_of(self, path: str, facts: FileFacts) -> str:
        """The package that the top of a file belongs to."""
        return facts.package.strip(self._separator).replace(self._separator, ".")

    def _enter(self, path: str, facts: FileFacts) -> None:
        package = self.package_of(path, facts)
        self._of_package.setdefault(package, []).append(path)
        for place, one in enumerate(facts.definitions):
            namespace = one.parent != MODULE and facts.definitions[one.parent].kind == "namespace"
            if (one.parent == MODULE and one.kind != "method") or namespace:
                above = facts.definitions[one.parent].qualname if one.parent != MODULE else ""
                inside = ".".join(part for part in (package, above.replace(self._separator, ".")) if part)
                self._found.setdefault((inside, one.name), []).append(value_of(path, place, facts.definitions))

    def _in(self, package: str, name: str, rung: str) -> Answer:
        values = self._names(package, name)
        if not values:
            return UNKNOWN
        if len(values) > 1:
            first = values[0]
            classes = all(value.kind == Kind.CLASS for value in values)
            if not classes or self._language != "csharp":  # partial classes are one
                same = [value for value in values if value.path == first.path]
                if len(same) != len(values):
                    return UNKNOWN
                definitions = self._world.files[first.path].definitions
                first = value_of(first.path, pick(definitions, [value.place for value in same]), definitions)
            return answer_of(first, rung)
        return answer_of(values[0], rung)

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The file of an imported type."""
        module = imported.module.replace(self._separator, ".")
        for value in self._names(module, imported.name):
            yield value.path

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """A type by its full name; a member of a type, for static imports."""
        module = imported.module.replace(self._separator, ".")
        found = self._in(module, imported.name, "import")
        if found.values:
            return found
        package, _, outer = module.rpartition(".")
        holder = self._in(package, outer, "import")
        if holder.values:
            return evaluator.member(holder.values[0], imported.name)
        return external(f"{module}.{imported.name}")

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """The same package and its parents, then whole packages that are imported."""
        facts = evaluator.world.files[path]
        packages = [self.package_of(path, facts)]
        packages += [one.qualname.replace(self._separator, ".") for one in facts.definitions if one.kind == "namespace"]
        for innermost in packages:
            package = innermost
            while True:
                found = self._in(package, name, "package")
                if found.values:
                    return found
                if "." not in package or self._language == "java":
                    break
                package = package.rpartition(".")[0]
        for star in evaluator.world.tables(path).stars:
            found = self._in(star.module.replace(self._separator, "."), name, "star")
            if found.values:
                return found
        return self._in("", name, "package") if self._language == "php" else UNKNOWN


class GoRules(PackageRules):
    """Go: a folder is a package; an import path ends with the folder."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "go")

    def package_of(self, path: str, facts: FileFacts) -> str:
        """The folder; `package x_test` beside `x` sees it through its import only."""
        folder = path.rpartition("/")[0]
        return f"{folder}#test" if facts.package.endswith("_test") else folder

    def _folder(self, module: str) -> str | None:
        """The folder with the longest path that the import path ends with."""
        self._index()
        parts = module.split("/")
        self._notes.look(PATHS, parts[-1])
        for start in range(len(parts)):
            folder = "/".join(parts[start:])
            if folder in self._of_package and (start > 0 or "." not in parts[0]):
                return folder if start > 0 else None
        self._notes.look(PATHS, "")
        return "" if "" in self._of_package and len(parts) <= 3 and "." in parts[0] else None

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The files of the package."""
        folder = self._folder(imported.module)
        if folder is not None:
            yield from (file for file in self._of_package[folder] if not file.endswith("_test.go"))

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The package."""
        folder = self._folder(imported.module)
        if folder is None:
            return external(imported.module)
        return answer_of(Value(Kind.MODULE, self._of_package[folder][0]))

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name of the package that the file is in."""
        return self._in(owner.path.rpartition("/")[0], name, "import")
