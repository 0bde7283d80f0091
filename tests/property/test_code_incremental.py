"""After any edits, an index that follows them equals one that is made anew of the same tree."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx.code.pool import ExtractionPool
from agentctx.code.service import Code
from agentctx.config import CodeSettings, Settings, StoreSettings
from agentctx.ids import SystemClock, TimeOrderedIds
from agentctx.store import Store, open_store
from tests.fixtures_store import sqlite_template

PATHS = (
    "app/__init__.py", "app/models.py", "app/views.py", "app/sub/__init__.py", "app/sub/deep.py", "src/tool.py",
    "src/app2/__init__.py", "tests/test_app.py", "tests/conftest.py", "util.py", "web/index.ts", "web/store.ts",
    "web/lib/index.ts", "pkg/main.go", "pkg/other.go", "lib/thing.rb", "j/Shop.java", "j/Use.java", "notes.md",
    "pyproject.toml",
)  # fmt: skip
PYTHON = (
    "class Base:\n    def run(self):\n        return self.stop()\n    def stop(self):\n        return helper()\n",
    "class Base:\n    def stop(self):\n        return 1\n\ndef helper():\n    return Base()\n",
    "from app.models import Base\n\nclass Child(Base):\n    def run(self):\n        return super().run()\n",
    "from app.models import *\n\ndef make() -> 'Base':\n    return Base()\n",
    "from app import models\nfrom app.views import make\n\ndef go():\n    make().run()\n    models.helper().stop()\n",
    "from .models import Base as B, helper\n__all__ = ['B', 'helper']\n",
    "from app.sub.deep import Child\nimport util\n\ndef test_child():\n    Child().run()\n    util.go()\n",
    "import pytest\n\n@pytest.fixture\ndef child():\n    from app.sub.deep import Child\n    return Child()\n",
    "def test_it(child):\n    child.run()\n    child.unusual_name()\n",
    "class Other:\n    def unusual_name(self):\n        return self.go_on()\n    def go_on(self):\n        pass\n",
    "def outer(thing):\n    thing.unusual_name()\n    thing.go_on()\n",
    "from app2 import *\nfrom tool import outer\nouter(1)\n",
    "def broken(:\n",
    "",
)  # fmt: skip
SCRIPT = (
    "export class Store { get(): Item { return new Item() } }\nexport class Item { use() {} }\n",
    "import { Store } from './store'\nexport function start() { new Store().get().use() }\n",
    "export * from '../store'\nexport default function help() { return 1 }\n",
    "import help, { Item } from './lib'\nfunction f(x: Item) { x.use(); help() }\n",
)
OTHER = {
    "go": (
        "package main\n\ntype T struct{}\n\nfunc (t T) Run() { other() }\n",
        "package main\n\nfunc other() { var t T; t.Run() }\n",
        "package main\n\nfunc other2() {}\n",
    ),
    "java": (
        "package j;\nclass Shop {\n  void put(int a) {}\n  void put(String a) {}\n  Shop put(Shop a, int b) { }\n}\n",
        "package j;\nclass Shop {\n  void put(Object a) {}\n  Shop put(Shop a, Object... b) { }\n}\n",
        'package j;\nclass Use {\n  Shop s;\n  void go(int n) { s.put(n); s.put("x"); s.put(s, 1).put(s); }\n}\n',
    ),
    "rb": ("class Thing\n  def go_on\n    helper\n  end\nend\n", "module Thing\nend\n"),
    "md": ("# One\n\ntext\n", "# Two\n\n## Deeper\n"),
    "toml": ("[project]\nname = 'x'\n", "[tool]\n"),
}


def contents(path: str) -> st.SearchStrategy[str]:
    ending = path.rpartition(".")[2]
    known = PYTHON if ending == "py" else SCRIPT if ending == "ts" else OTHER[ending]
    return st.sampled_from(known)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    paths = draw(st.lists(st.sampled_from(PATHS), unique=True, max_size=len(PATHS)))
    return {path: draw(contents(path)) for path in paths}


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, str]]:
    """Trees, each with some edits, removals and renames of the one before; or another one, as after a switch."""
    tree = draw(trees())
    history = [tree]
    for _ in range(draw(st.integers(1, 4))):
        how = draw(st.sampled_from(("edit", "edit", "edit", "rename", "switch", "back")))
        tree = dict(tree)
        if how == "switch":
            tree = draw(trees())
        elif how == "back":
            tree = history[0]
        elif how == "rename" and tree:
            old = draw(st.sampled_from(sorted(tree)))
            ending = old.rpartition(".")[2]
            tree[draw(st.sampled_from([path for path in PATHS if path.endswith(ending)]))] = tree.pop(old)
        else:
            for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True)):
                if draw(st.booleans()):
                    tree[path] = draw(contents(path))
                elif path in tree and draw(st.booleans()):
                    del tree[path]
                elif path in tree:
                    tree[path] = "\n" + tree[path]  # every line moves
        history.append(tree)
    return history


def write(root: Path, tree: dict[str, str]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def indexed(code: Code, root: Path, name: str) -> tuple[object, ...]:
    report = list(code.index(str(root), name=name))[-1].report
    assert report is not None
    return dict(report.edges), dict(report.calls), report.repository.files, report.repository.symbols


def stored(store: Store, name: str) -> tuple[object, ...]:
    found = store.code.find(name)
    assert found is not None
    rows = store.code.files(found.id, found.generation)
    edges = store.code.edges(found.id, found.generation, [row.path for row in rows])
    return [row[:4] for row in rows], edges


def in_memory(code: Code, name: str) -> tuple[object, ...]:
    base = code.codebase(name)
    units = [(base.id_of(unit), base.symbol(unit)) for unit in range(len(base))]
    edges = sorted(
        (base.id_of(edge.source), base.id_of(edge.target), edge.kind, edge.line, edge.rung, edge.confidence)
        for unit in range(len(base))
        for edge in base.out_edges(unit)
    )
    return base.paths, base.content_hashes, units, edges


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    with ExtractionPool(1) as made:
        yield made


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_an_index_that_follows_edits_equals_one_made_anew(history: list[dict[str, str]], pool: ExtractionPool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = Path(folder, "store.db")
        location.write_bytes(sqlite_template())
        root = Path(folder, "tree")
        options = Settings(store=StoreSettings(synchronous="NORMAL"), code=CodeSettings(snapshots=False))
        with open_store(location, clock=SystemClock(), ids=TimeOrderedIds(), settings=options.store) as store:
            following, anew = Code(store, options, pool=pool), Code(store, options, pool=pool)
            for number, tree in enumerate(history):
                write(root, tree)
                told = indexed(following, root, "followed")
                assert told == indexed(anew, root, f"new{number}")
                assert stored(store, "followed") == stored(store, f"new{number}")
                assert in_memory(following, "followed") == in_memory(anew, f"new{number}")
                # Another process, which has nothing in memory, sees the same.
                assert in_memory(anew, "followed") == in_memory(anew, f"new{number}")


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_a_process_that_starts_from_what_was_kept_makes_the_same(
    history: list[dict[str, str]], pool: ExtractionPool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = Path(folder, "store.db")
        location.write_bytes(sqlite_template())
        root = Path(folder, "tree")
        options = Settings(store=StoreSettings(synchronous="NORMAL"))
        with open_store(location, clock=SystemClock(), ids=TimeOrderedIds(), settings=options.store) as store:
            for number, tree in enumerate(history):
                write(root, tree)
                again, anew, reader = (Code(store, options, pool=pool) for _ in range(3))
                assert indexed(again, root, "followed") == indexed(anew, root, f"new{number}")
                expected = in_memory(anew, f"new{number}")
                assert in_memory(again, "followed") == expected
                assert in_memory(reader, "followed") == expected
