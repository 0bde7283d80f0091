"""Python's module names: which file `import a.b` means, for whom."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

PROJECT_FILES: Final = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
_SOURCE_FOLDERS: Final = ("src", "lib", "python", "Lib")
_SUFFIX: Final = re.compile(r"(?:\.d)?\.(?:py|pyi|[cm]?[jt]s|[jt]sx|rb|rs|sh)$")
_FOLDER_STEMS: Final = frozenset({"__init__", "index", "mod"})


def stem_of(path: str) -> str:
    """The last part of a path less a suffix that imports leave out: `a/b.d.ts` and `a/b` are both `b`."""
    return _SUFFIX.sub("", path.rpartition("/")[2])


def stems_of(path: str) -> set[str]:
    """Every stem by which an import may mean the file at `path`: its own, and its folder's where it stands for it."""
    folder, _, name = path.rpartition("/")
    stem = stem_of(name)
    if stem in _FOLDER_STEMS or name.endswith(".go"):
        return {stem, folder.rpartition("/")[2]}
    return {stem}


class Differing(NamedTuple):
    """Last parts of the dotted names that changed, and folders that became packages or ceased to be."""

    stems: set[str]
    packages: set[str]


class Modules:
    """Every Python file by its dotted names. A file has one name for each root that it lies under.

    A root is the repository, a folder with a project file, its `src`, or a folder that holds a package. The folder of a
    script is a root for the files beside it only. Among several files of one name, the one under the deepest root that
    the importer shares is meant; then one under the main roots; else none.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        every = list(paths)
        self._python = {path for path in every if path.endswith((".py", ".pyi"))}
        folders = {path.rpartition("/")[0] for path in self._python}
        self._packages = {folder for folder in folders if self._has_init(folder)}
        projects = {path.rpartition("/")[0] for path in every if path.rpartition("/")[2] in PROJECT_FILES} | {""}
        self._main = {root for project in projects for root in self._roots_of(project, folders)}
        self._names: dict[str, list[tuple[str, str]]] = {}
        self._dotted: dict[str, str] = {}
        self._namespaces: set[str] = set()
        for path in sorted(self._python):
            self._enter(path)

    def _has_init(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._python or f"{folder}/__init__.pyi" in self._python

    def _roots_of(self, project: str, folders: set[str]) -> list[str]:
        roots = [project]
        for name in _SOURCE_FOLDERS:
            root = f"{project}/{name}".strip("/")
            if root not in self._packages and any(one == root or one.startswith(f"{root}/") for one in folders):
                roots.append(root)
        return roots

    def _enter(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        top = folder
        while top in self._packages:
            top = top.rpartition("/")[0]
        roots = {root for root in self._main if not root or path.startswith(f"{root}/")} | {top}
        for root in roots:
            inside = path[len(root) + 1 :] if root else path
            parts = inside.rpartition(".")[0].split("/")
            if parts[-1] == "__init__":
                parts.pop()
            if not parts or not all(part.isidentifier() for part in parts):
                continue
            dotted = ".".join(parts)
            entry = self._names.setdefault(dotted, [])
            if path.endswith(".pyi") and f"{path[:-1]}" in self._python:
                continue  # the source says more than the stub
            entry.append((root, path))
            if root == top or path not in self._dotted:
                self._dotted[path] = dotted
            for size in range(1, len(parts)):
                self._namespaces.add(".".join(parts[:size]))

    def dotted(self, path: str) -> str:
        """The name that the file has under its nearest root; empty when it can have none."""
        return self._dotted.get(path, "")

    def find(self, importer: str, dotted: str) -> str | None:
        """The file that `dotted` means in the file `importer`."""
        entries = self._names.get(dotted)
        if not entries:
            return None
        best, best_rank = None, (-1, -1)
        tied = False
        for root, path in entries:
            shared = not root or importer.startswith(f"{root}/")
            if not shared and root not in self._main:
                continue
            # A script's neighbour is found from that folder only, and from packages directly in it.
            neighbour = root not in self._main and path.rpartition("/")[0] == root
            if neighbour and "/" in importer[len(root) + 1 :] and not self._packages_below(importer, root):
                continue
            rank = (len(root) if shared else -1, int(root in self._main))
            if rank > best_rank:
                best, best_rank, tied = path, rank, False
            elif rank == best_rank and path != best:
                tied = True
        return None if tied else best

    def _packages_below(self, importer: str, root: str) -> bool:
        below = importer[len(root) + 1 :] if root else importer
        first = f"{root}/{below.split('/')[0]}".strip("/")
        return first in self._packages

    def is_namespace(self, dotted: str) -> bool:
        """Whether modules lie below the name though it is no file."""
        return dotted in self._namespaces

    def relative(self, importer: str, level: int, module: str) -> str | None:
        """The file of `from ..module import`, or of the package itself without `module`."""
        folder = self.folder(importer, level)
        if folder is None:
            return None
        base = "/".join(part for part in (folder, module.replace(".", "/")) if part)
        for candidate in (f"{base}.py", f"{base}/__init__.py", f"{base}.pyi", f"{base}/__init__.pyi"):
            if candidate in self._python:
                return candidate
        return None

    def folder(self, importer: str, level: int) -> str | None:
        """The folder that `level` dots mean."""
        folder = importer.rpartition("/")[0]
        for _ in range(level - 1):
            if not folder:
                return None
            folder = folder.rpartition("/")[0]
        return folder

    def submodule(self, package: str, name: str) -> str | None:
        """The file of the module `name` in the package whose `__init__` is at `package`."""
        if not package.rpartition("/")[2].startswith("__init__."):
            return None
        return self.relative(package, 1, name)

    def differing(self, other: Modules) -> Differing | None:
        """What lookups may answer differently in the two; None where any may, as the roots differ."""
        if self._main != other._main:
            return None
        names = {
            dotted
            for dotted in self._names.keys() | other._names.keys()
            if self._names.get(dotted) != other._names.get(dotted)
        }
        names |= self._namespaces ^ other._namespaces
        return Differing({name.rpartition(".")[2] for name in names}, self._packages ^ other._packages)
