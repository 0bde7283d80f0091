"""Edges made again after a change equal those of a clean run, whatever was edited, added, removed or moved."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctx.code.extract import extract
from agentctx.code.facts import FileFacts
from agentctx.code.resolve.affected import Change, affected
from agentctx.code.resolve.edge_codec import decode_edges, encode_edges
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.imprint import imprint
from agentctx.code.resolve.resolver import Resolver

Tree = dict[str, str]

NAMES = st.sampled_from(["run", "load", "make", "Base", "Thing", "Other", "value", "pkg"])
MODULES = st.sampled_from(["a", "b", "c", "sub", "conftest", "pkg", "lib"])
PYTHON = (
    "pkg/__init__.py pkg/a.py pkg/b.py pkg/sub/__init__.py pkg/sub/c.py src/lib/a.py src/lib.py tests/conftest.py "
    "tests/test_a.py tests/__init__.py b.py pyproject.toml"
).split()
OTHERS = (
    "web/a.ts web/b.ts web/lib/index.ts web/lib.ts go/a.go go/b.go go/pkg/c.go c/a.c c/b.h c/c.c c/d.cc c/e.cc "
    "j/a/Thing.java j/b/Other.java r/a.rb r/b.rb s/a.rs s/pkg/mod.rs x/a.php x/b.cs"
).split()

BLOCKS = {
    "py": [
        "from .{m} import {n}",
        "from . import {m}",
        "import pkg.{m}",
        "from pkg.{m} import {n} as {o}",
        "from {m} import *",
        "from ..{m} import {n}",
        "__all__ = ['{n}']",
        "class {n}({o}):\n    def {p}(self): return self.{n}.{o}()",
        "class {n}:\n    {o}: {p}\n    def __init__(self): self.{p} = {o}()",
        "def {n}({o}): return {p}()",
        "def {n}() -> {o}: ...",
        "{n} = {o}()",
        "def go({n}: {o}): {n}.{p}()",
        "{n}().{o}()",
        "{n}.{o}.{p}()",
        "import pytest\n@pytest.fixture\ndef {n}(): return {o}()",
        "def test_{n}({o}): {o}.{p}()",
        "x = unknown().{n}()",
        "def {n}():\n    {o} = {p}()\n    return {o}",
    ],
    "ts": [
        "import {{ {n} }} from './{m}'",
        "export * from './{m}'",
        "import {n} from './{m}'",
        "export default {n}",
        "export class {n} extends {o} {{ {p}() {{ return this.{n}() }} }}",
        "export function {n}(): {o} {{ return {p}() }}",
        "const {n} = new {o}()\n{n}.{p}()",
    ],
    "go": [
        'package {m}\nimport "x.org/go/{m}"',
        "func {n}() {o} {{ return {p}() }}",
        "type {n} struct {{ {o} }}",
        "func (t *{n}) {o}() {{ t.{p}() }}",
    ],
    "c": [
        '#include "{m}.h"',
        "int {n}(void) {{ return {o}(); }}",
        "static int {n}(void) {{ return {p}(); }}",
        "struct {n} {{ int {o}; }};",
    ],
    "java": [
        "package {m};",
        "import {m}.{n};",
        "class {n} extends {o} {{ void {p}() {{ {n}(); }} {o} {n}() {{ return new {o}(); }} }}",
        "class {n} extends {o} {{ {o} x; {p}(int a) {{}} void {p}({o} a) {{ {n}(a, x); }} void {n}({o} a) {{}} }}",
        "class {n} {{ {o} {p}({p} x, {o}... y) {{ return {n}(x, new {o}()); }} {o} {n}(int a) {{ {p}(1, {n}(2)); }} }}",
    ],
    "rb": ["require_relative '{m}'", "class {n} < {o}\n  def {p}\n    {n}.new.{o}\n  end\nend", "def {n}\n  {o}\nend"],
    "rs": [
        "use crate::{m}::{n};",
        "mod {m};",
        "pub fn {n}() {{ {o}(); {m}::{p}() }}",
        "impl {n} {{ pub fn {o}(&self) {{ self.{p}() }} }}\npub struct {n};",
    ],
    "php": [
        "<?php\nnamespace {m};\nuse {m}\\{n};",
        "<?php\nclass {n} extends {o} {{ function {p}() {{ $this->{n}(); {o}(); }} }}",
    ],
    "cs": [
        "namespace {m} {{ partial class {n} : {o} {{ void {p}() {{ {n}(); }} }} }}",
        "namespace {m} {{ partial class {n} {{ void {p}({o} a, int b = 0) {{ {p}(a); {o}({p}); }} }} }}",
        "using {m};",
    ],
}
BLOCKS["h"] = BLOCKS["c"]
BLOCKS["cc"] = [
    *BLOCKS["c"],
    "struct {n} : {o} {{ int {p}(int a, {o} b = 1); }};",
    "int {n}::{p}(int a, {o} b) {{ return {p}(a) + {n}(b); }}\nint {n}({o} x) {{ return {n}(x, 1); }}",
]
BLOCKS["toml"] = ["[project]"]


@st.composite
def content(draw: st.DrawFn, path: str) -> str:
    blocks = draw(st.lists(st.sampled_from(BLOCKS[path.rpartition(".")[2]]), max_size=4))
    return "\n".join(block.format(n=draw(NAMES), o=draw(NAMES), p=draw(NAMES), m=draw(MODULES)) for block in blocks)


@st.composite
def histories(draw: st.DrawFn) -> list[Tree]:
    """A tree and what becomes of it."""
    paths = draw(st.sampled_from([PYTHON, OTHERS, PYTHON + OTHERS]))
    tree = {path: draw(content(path)) for path in draw(st.lists(st.sampled_from(paths), unique=True, min_size=1))}
    trees = [tree]
    for _ in range(draw(st.integers(1, 3))):
        tree = dict(tree)
        for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3, unique=True)):
            if path in tree and draw(st.integers(0, 3)) == 0:
                del tree[path]
            else:
                tree[path] = draw(content(path))
        trees.append(tree)
    return trees


def facts_of(tree: Tree) -> dict[str, FileFacts]:
    return {path: extract(path, text.encode()) for path, text in tree.items()}


def clean(facts: dict[str, FileFacts]) -> dict[str, FileEdges]:
    return {one.path: one for one in Resolver(facts).resolve()}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_edges_made_again_equal_those_of_a_clean_run(trees: list[Tree]) -> None:
    facts = facts_of(trees[0])
    edges = clean(facts)
    for tree in trees[1:]:
        old, facts = facts, facts_of(tree)
        before, after = ({path: imprint(one) for path, one in files.items()} for files in (old, facts))
        changes: dict[str, Change] = {
            path: (before.get(path), after.get(path))
            for path in old.keys() | facts.keys()
            if old.get(path) != facts.get(path)
        }
        again = affected(changes, old, facts, {path: one.footprint for path, one in edges.items()})
        assert again <= facts.keys()
        made = {one.path: one for one in Resolver(facts, None, after).resolve(again)}
        edges = {path: made[path] if path in made else edges[path] for path in facts}
        assert edges == clean(facts)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.randoms())
def test_the_edges_of_a_file_do_not_depend_on_which_were_resolved_before(trees: list[Tree], random: object) -> None:
    facts = facts_of(trees[0])
    wanted = clean(facts)
    resolver = Resolver(facts)
    paths = sorted(facts)
    random.shuffle(paths)  # type: ignore[attr-defined]
    for path in paths:
        assert list(resolver.resolve([path])) == [wanted[path]]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_stored_edges_are_those_that_were_made(trees: list[Tree]) -> None:
    for one in clean(facts_of(trees[0])).values():
        read = decode_edges(encode_edges(one))
        read.footprint = one.footprint
        assert read == one
        assert encode_edges(read) == encode_edges(one)
