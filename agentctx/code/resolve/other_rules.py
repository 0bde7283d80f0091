"""Imports and visibility of the languages beside Python: files, packages and namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from agentctx.code.facts import MODULE, FileFacts, Import
from agentctx.code.resolve.evaluate import Evaluator, pick, value_of
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

_SCRIPTS: Final = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")
_INCLUDE_DEPTH: Final = 400


def _external(name: str) -> Answer:
    return Answer((Value(Kind.EXTERNAL, name),), "import", CONFIDENCE["import"])


def _found(value: Value, rung: str = "import") -> Answer:
    return Answer((value,), rung, CONFIDENCE[rung])


class FileRules:
    """Shared by all: a name is looked up in the files that an import leads to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._busy: set[tuple[str, str]] = set()

    def files(self, path: str, imported: Import) -> Iterable[str]:
        """The files that an import names."""
        return ()

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The name in the file that the import leads to, or the file itself."""
        targets = list(self.files(path, imported))
        if not targets:
            return _external(f"{imported.module}.{imported.name}".strip("."))
        if not imported.name:
            return _found(Value(Kind.MODULE, targets[0]))
        for target in targets:
            found = self.member(evaluator, Value(Kind.MODULE, target), imported.name)
            if found.values:
                return found.then(found.values, "import", CONFIDENCE["import"])
        return UNKNOWN

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name at the top of a file, then of the files that it passes on."""
        key = (owner.path, name)
        if key in self._busy:
            return UNKNOWN
        self._busy.add(key)
        try:
            tables = evaluator.world.tables(owner.path)
            if name in tables.scopes.get(MODULE, {}):
                return evaluator.name(owner.path, MODULE, name)
            for star in tables.stars:
                for target in self.files(owner.path, star):
                    found = self.member(evaluator, Value(Kind.MODULE, target), name)
                    if found.values:
                        return found.then(found.values, "star", CONFIDENCE["star"])
        finally:
            self._busy.discard(key)
        return UNKNOWN

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """What star imports bring."""
        for star in evaluator.world.tables(path).stars:
            for target in self.files(path, star):
                found = self.member(evaluator, Value(Kind.MODULE, target), name)
                if found.values:
                    return found.then(found.values, "star", CONFIDENCE["star"])
        return UNKNOWN


class ScriptRules(FileRules):
    """JavaScript and TypeScript: relative paths with or without an extension, folders with an index."""

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The file of a relative import; packages are from outside."""
        if not imported.module.startswith("."):
            return
        base = _joined(path.rpartition("/")[0], imported.module)
        if base is None:
            return
        stem = base.removesuffix(".js").removesuffix(".jsx").removesuffix(".mjs")
        candidates = [base, *(stem + end for end in _SCRIPTS), *(f"{base}/index{end}".lstrip("/") for end in _SCRIPTS)]
        for candidate in candidates:
            if candidate in self._world.files and candidate != path:
                yield candidate
                return

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """`default` is what the file exports as such: its only or first exported definition."""
        if name == "default":
            facts = evaluator.world.files[owner.path]
            marked = [
                place
                for place, one in enumerate(facts.definitions)
                if one.parent == MODULE and one.exported and one.kind in ("class", "function", "constant")
            ]
            return _found(value_of(owner.path, marked[0], facts.definitions)) if len(marked) == 1 else UNKNOWN
        return super().member(evaluator, owner, name)


class PackageRules(FileRules):
    """Java, C#, PHP and Go: names live in packages, which may span files."""

    def __init__(self, world: World, language: str, separator: str = ".") -> None:
        super().__init__(world)
        self._separator = separator
        self._language = language
        self._names: dict[tuple[str, str], list[Value]] = {}
        self._files_of: dict[str, list[str]] = {}
        for path, facts in sorted(world.files.items()):
            if facts.language == language:
                self._enter(path, facts)
        self._packages = {package for package, _ in self._names}

    def package_of(self, path: str, facts: FileFacts) -> str:
        """The package that the top of a file belongs to."""
        return facts.package.strip(self._separator).replace(self._separator, ".")

    def _enter(self, path: str, facts: FileFacts) -> None:
        package = self.package_of(path, facts)
        self._files_of.setdefault(package, []).append(path)
        for place, one in enumerate(facts.definitions):
            namespace = one.parent != MODULE and facts.definitions[one.parent].kind == "namespace"
            if (one.parent == MODULE and one.kind != "method") or namespace:
                above = facts.definitions[one.parent].qualname if one.parent != MODULE else ""
                inside = ".".join(part for part in (package, above.replace(self._separator, ".")) if part)
                self._names.setdefault((inside, one.name), []).append(value_of(path, place, facts.definitions))

    def _in(self, package: str, name: str, rung: str) -> Answer:
        values = self._names.get((package, name))
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
                first = value_of(first.path, pick(definitions, [value.index for value in same]), definitions)
            return _found(first, rung)
        return _found(values[0], rung)

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The file of an imported type."""
        module = imported.module.replace(self._separator, ".")
        for value in self._names.get((module, imported.name), ()):
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
        return _external(f"{module}.{imported.name}")

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """The same package and its parents, then whole packages that are imported."""
        facts = evaluator.world.files[path]
        packages = [self.package_of(path, facts)]
        packages += [one.qualname.replace(self._separator, ".") for one in facts.definitions if one.kind == "namespace"]
        for package in packages:
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
        parts = module.split("/")
        for start in range(len(parts)):
            folder = "/".join(parts[start:])
            if folder in self._files_of and (start > 0 or "." not in parts[0]):
                return folder if start > 0 else None
        return "" if "" in self._files_of and len(parts) <= 3 and "." in parts[0] else None

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The files of the package."""
        folder = self._folder(imported.module)
        if folder is not None:
            yield from (file for file in self._files_of[folder] if not file.endswith("_test.go"))

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The package."""
        folder = self._folder(imported.module)
        if folder is None:
            return _external(imported.module)
        return _found(Value(Kind.MODULE, self._files_of[folder][0]))

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name of the package that the file is in."""
        return self._in(owner.path.rpartition("/")[0], name, "import")


class GlobalRules(FileRules):
    """C, C++, Ruby, Rust and shells: what is included or sourced, then the one definition of that name anywhere.

    `private` says which definitions are their file's own, such as C's `static`.
    """

    def __init__(self, world: World, languages: frozenset[str]) -> None:
        super().__init__(world)
        self._names: dict[str, list[Value]] = {}
        self._by_file: dict[str, list[str]] = {}
        self._reached: dict[str, tuple[str, ...]] = {}
        for path, facts in sorted(world.files.items()):
            if facts.language not in languages:
                continue
            self._by_file.setdefault(path.rpartition("/")[2], []).append(path)
            for place, one in enumerate(facts.definitions):
                top = one.parent == MODULE or facts.definitions[one.parent].kind in ("namespace", "module")
                if top and one.kind not in ("method", "impl", "declaration") and (one.exported or facts.language == "rust"):
                    self._names.setdefault(one.name, []).append(value_of(path, place, facts.definitions))

    def files(self, path: str, imported: Import) -> Iterator[str]:
        """The included file: beside the including one, else the only one whose path ends so."""
        module = imported.module.replace("::", "/").removeprefix("crate/")
        if not module or imported.level == 2:
            return
        base = _joined(path.rpartition("/")[0], module)
        ends = ("", ".rb", ".rs", "/mod.rs", ".sh")
        for candidate in (f"{base}{end}" for end in ends if base is not None):
            if candidate in self._world.files and candidate != path:
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

    def _closure(self, path: str) -> tuple[str, ...]:
        known = self._reached.get(path)
        if known is None:
            reached: dict[str, None] = {}
            queue = [path]
            while queue and len(reached) < _INCLUDE_DEPTH:
                current = queue.pop(0)
                for star in self._world.tables(current).stars:
                    for target in self.files(current, star):
                        if target not in reached:
                            reached[target] = None
                            queue.append(target)
            known = self._reached[path] = tuple(reached)
        return known

    def member(self, evaluator: Evaluator, owner: Value, name: str) -> Answer:
        """A name at the top of the file, in any of its namespaces."""
        facts = evaluator.world.files[owner.path]
        places = [p for p, one in enumerate(facts.definitions) if one.name == name and one.kind != "method"]
        return _found(value_of(owner.path, pick(facts.definitions, places), facts.definitions)) if places else UNKNOWN

    def imported(self, evaluator: Evaluator, path: str, imported: Import) -> Answer:
        """The name in the file, else the only one of that name."""
        found = super().imported(evaluator, path, imported) if imported.level != 2 else UNKNOWN
        if any(value.kind != Kind.EXTERNAL for value in found.values):
            return found
        first = imported.module.partition("::")[0]
        if first in ("std", "core", "alloc"):
            return _external(f"{imported.module}.{imported.name}")
        alone = self._alone(path, imported.name)
        return alone if alone.values else found

    def visible(self, evaluator: Evaluator, path: str, name: str) -> Answer:
        """What the included files have; then the only definition of that name in the repository."""
        values = self._names.get(name)
        if not values:
            return UNKNOWN
        reached = self._closure(path)
        near = [value for value in values if value.path in reached or value.path == path]
        if len(near) == 1:
            return _found(near[0], "import")
        return self._alone(path, name)

    def _alone(self, path: str, name: str) -> Answer:
        values = self._names.get(name, ())
        solid = [v for v in values if self._world.files[v.path].definitions[v.index].kind not in ("type", "constant")]
        chosen = solid or list(values)
        same = [value for value in chosen if value.path == path]
        if len(same) == 1:
            return _found(same[0], "scope")
        kinds = {self._world.id(value.path, value.index).rpartition("::")[2].partition("~")[0] for value in chosen}
        if len(chosen) == 1 or (chosen and len(kinds) == 1 and self._world.files[path].language == "ruby"):
            return _found(chosen[0], "package")
        return UNKNOWN


def _joined(folder: str, relative: str) -> str | None:
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
