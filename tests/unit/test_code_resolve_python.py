"""The ladder of Python: each rung by the smallest tree that needs it, and the traps beside it."""

from __future__ import annotations

import textwrap
from typing import ClassVar

import pytest

from agentctx.code.extract import extract
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.resolver import Resolver


def resolve_tree(tree: dict[str, str]) -> dict[str, FileEdges]:
    facts = {path: extract(path, textwrap.dedent(text).encode()) for path, text in tree.items()}
    return {one.path: one for one in Resolver(facts).resolve()}


def edges(found: dict[str, FileEdges], kind: str) -> set[tuple[str, str]]:
    def short(symbol: str) -> str:
        path, _, name = symbol.partition("::")
        return f"{path}:{name.partition(':')[0]}" if name else path

    return {(short(e.source), short(e.target)) for one in found.values() for e in one.edges if e.kind == kind}


def calls(tree: dict[str, str]) -> set[tuple[str, str]]:
    return edges(resolve_tree(tree), "calls")


def rungs(tree: dict[str, str]) -> dict[str, str]:
    found = resolve_tree(tree)
    return {e.target.rpartition("::")[2]: e.rung for one in found.values() for e in one.edges if e.kind == "calls"}


class TestScopes:
    def test_the_nearest_scope_wins(self) -> None:
        tree = {"a.py": """
            def f(): pass
            def g():
                def f(): pass
                f()
            f()
        """}  # fmt: skip
        assert calls(tree) == {("a.py:g", "a.py:g.f"), ("a.py", "a.py:f")}

    def test_a_class_body_is_no_scope_for_its_methods(self) -> None:
        tree = {"a.py": """
            def f(): pass
            class A:
                def f(self): pass
                def g(self):
                    f()
        """}  # fmt: skip
        assert calls(tree) == {("a.py:A.g", "a.py:f")}

    @pytest.mark.parametrize(
        "body",
        ["f = other()", "for f in things: pass", "with x as f: pass", "f, y = x", "(f := x)", "import f"],
    )
    def test_a_local_name_hides_the_module(self, body: str) -> None:
        tree = {"a.py": f"def f(): pass\ndef g(x, things):\n    {body}\n    f()\n"}
        assert calls(tree) == set()

    def test_a_parameter_hides_the_module(self) -> None:
        assert calls({"a.py": "def f(): pass\ndef g(f): f()\n"}) == set()

    def test_global_reaches_over_functions(self) -> None:
        tree = {"a.py": """
            def f(): pass
            def outer():
                f = None
                def inner():
                    global f
                    f()
        """}  # fmt: skip
        assert calls(tree) == {("a.py:outer.inner", "a.py:f")}

    def test_two_constructors_in_one_file_are_two(self) -> None:
        tree = {"a.py": """
            class A:
                def __init__(self): self.x = B()
                def go(self): self.x.run()
            class B:
                def __init__(self): self.x = A()
                def run(self): self.x.go()
        """}  # fmt: skip
        assert calls(tree) == {
            ("a.py:A.__init__", "a.py:B"), ("a.py:A.__init__", "a.py:B.__init__"), ("a.py:A.go", "a.py:B.run"),
            ("a.py:B.__init__", "a.py:A"), ("a.py:B.__init__", "a.py:A.__init__"), ("a.py:B.run", "a.py:A.go"),
        }  # fmt: skip


class TestImports:
    def test_every_form_reaches_the_definition(self) -> None:
        tree = {
            "pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/mod.py": "def f(): pass\n",
            "pkg/a.py": "import pkg.sub.mod\npkg.sub.mod.f()\n",
            "pkg/b.py": "import pkg.sub.mod as m\nm.f()\n",
            "pkg/c.py": "from pkg.sub import mod\nmod.f()\n",
            "pkg/d.py": "from .sub.mod import f as g\ng()\n",
            "pkg/sub/e.py": "from . import mod\nmod.f()\n",
            "pkg/sub/f.py": "from ..sub.mod import f\nf()\n",
            "pkg/g.py": "from .sub.mod import *\nf()\n",
        }  # fmt: skip
        target = "pkg/sub/mod.py:f"
        files = ("pkg/a.py", "pkg/b.py", "pkg/c.py", "pkg/d.py", "pkg/sub/e.py", "pkg/sub/f.py", "pkg/g.py")
        assert calls(tree) == {(path, target) for path in files}

    def test_re_exports_are_followed_through_two_packages(self) -> None:
        tree = {
            "a/__init__.py": "from .b import make as build\n",
            "a/b/__init__.py": "from .c import create as make\n",
            "a/b/c.py": "def create(): pass\n",
            "use.py": "from a import build as alias\nalias()\nalias2 = alias\nalias2()\n",
        }
        assert calls(tree) == {("use.py", "a/b/c.py:create")}

    def test_a_source_folder_is_a_root(self) -> None:
        tree = {
            "pyproject.toml": "", "src/app/__init__.py": "", "src/app/core.py": "def run(): pass\n",
            "tests/test_core.py": "from app.core import run\ndef test_run(): run()\n",
        }  # fmt: skip
        found = resolve_tree(tree)
        assert edges(found, "calls") == {("tests/test_core.py:test_run", "src/app/core.py:run")}
        assert ("tests/test_core.py:test_run", "src/app/core.py:run") in edges(found, "tests")
        assert ("tests/test_core.py", "src/app/core.py") in edges(found, "tests")

    def test_a_star_import_brings_what_all_names(self) -> None:
        tree = {
            "m.py": "__all__ = ['f']\ndef f(): pass\ndef g(): pass\ndef _h(): pass\n",
            "n.py": "def g(): pass\ndef _h(): pass\n",
            "a.py": "from n import *\nfrom m import *\nf()\ng()\n_h()\n",
        }
        assert calls(tree) == {("a.py", "m.py:f"), ("a.py", "n.py:g")}

    def test_star_imports_in_a_circle_end(self) -> None:
        tree = {
            "a.py": "from b import *\nf()\n",
            "b.py": "from a import *\nfrom c import *\n",
            "c.py": "def f(): pass\n",
        }
        assert calls(tree) == {("a.py", "c.py:f")}

    def test_imports_in_a_circle_end(self) -> None:
        tree = {"a.py": "from b import x\nx()\n", "b.py": "from c import x\n", "c.py": "from a import x\n"}
        assert calls(tree) == set()

    def test_a_conditional_import_takes_the_one_that_is_here(self) -> None:
        tree = {
            "fast.py": "def f(): pass\n",
            "a.py": "try:\n    from elsewhere import f\nexcept ImportError:\n    from fast import f\nf()\n",
        }
        assert calls(tree) == {("a.py", "fast.py:f")}

    def test_a_neighbour_of_the_same_name_is_not_the_library(self) -> None:
        tree = {
            "tools/logging.py": "def info(x): pass\n",
            "app/__init__.py": "",
            "app/main.py": "import logging\nlogging.info(1)\n",
        }
        assert calls(tree) == set()

    def test_two_projects_do_not_mix(self) -> None:
        tree = {
            "one/pyproject.toml": "", "one/src/util/__init__.py": "def parse(): pass\n",
            "one/src/x.py": "from util import parse\nparse()\n",
            "two/pyproject.toml": "", "two/src/util/__init__.py": "def parse(): pass\n",
            "two/src/x.py": "from util import parse\nparse()\n",
        }  # fmt: skip
        assert calls(tree) == {
            ("one/src/x.py", "one/src/util/__init__.py:parse"),
            ("two/src/x.py", "two/src/util/__init__.py:parse"),
        }

    def test_import_edges_join_files_and_names(self) -> None:
        tree = {"pkg/__init__.py": "", "pkg/a.py": "X = 1\n", "pkg/b.py": "from .a import X\nfrom . import a\n"}
        assert edges(resolve_tree(tree), "imports") == {
            ("pkg/b.py", "pkg/a.py"), ("pkg/b.py", "pkg/a.py:X"), ("pkg/b.py", "pkg/__init__.py"),
        }  # fmt: skip


class TestClasses:
    TREE: ClassVar = {
        "base.py": """
            class Root:
                def run(self): self.step()
                def step(self): pass
            class Left(Root):
                def step(self): pass
            class Right(Root):
                def step(self): pass
        """,
        "a.py": """
            from base import Left, Right
            class Both(Left, Right):
                def go(self):
                    self.step()
                    self.run()
                    super().step()
                @classmethod
                def make(cls):
                    cls.other()
                    return cls()
                @staticmethod
                def other(): pass
            class Own(Both):
                def step(self): pass
        """,
    }

    def test_self_and_super_follow_the_resolution_order(self) -> None:
        found = calls(self.TREE)
        assert ("a.py:Both.go", "base.py:Left.step") in found
        assert ("a.py:Both.go", "base.py:Root.run") in found
        assert ("a.py:Both.make", "a.py:Both.other") in found
        assert ("a.py:Both.go", "base.py:Right.step") not in found

    def test_inheritance_and_overrides_are_edges(self) -> None:
        found = resolve_tree(self.TREE)
        assert edges(found, "inherits") == {
            ("base.py:Left", "base.py:Root"), ("base.py:Right", "base.py:Root"),
            ("a.py:Both", "base.py:Left"), ("a.py:Both", "base.py:Right"), ("a.py:Own", "a.py:Both"),
        }  # fmt: skip
        assert ("a.py:Own.step", "base.py:Left.step") in edges(found, "overrides")

    def test_an_override_takes_the_calls_of_unchanged_code(self) -> None:
        use = "from m import B\ndef f(b: B): b.run()\n"
        before = {"m.py": "class A:\n    def run(self): pass\nclass B(A): pass\n", "use.py": use}
        after = before | {"m.py": before["m.py"].replace("B(A): pass", "B(A):\n    def run(self): pass")}
        assert calls(before) == {("use.py:f", "m.py:A.run")}
        assert calls(after) == {("use.py:f", "m.py:B.run")}

    @pytest.mark.parametrize("bases", ["class A(A): pass", "class A(B): pass\nclass B(A): pass"])
    def test_classes_in_a_circle_end(self, bases: str) -> None:
        assert calls({"a.py": f"{bases}\nA().run()\nclass C:\n    def run(self): pass\n"}) <= {("a.py", "a.py:A")}

    def test_a_getter_and_its_setter_are_two_symbols_and_reading_calls_the_getter(self) -> None:
        tree = {"a.py": """
            class A:
                @property
                def x(self) -> "B": return self._x
                @x.setter
                def x(self, value): self._x = value
            class B:
                def run(self): pass
            def f(a: A):
                a.x.run()
        """}  # fmt: skip
        found = resolve_tree(tree)["a.py"]
        targets = {e.target for e in found.edges if e.kind == "calls"}
        assert targets == {"a.py::A.x:method", "a.py::B.run:method"}

    def test_a_method_named_like_a_builtin_types_is_still_bound(self) -> None:
        tree = {
            "a.py": "class Query:\n    def filter(self): return self\n    def get(self): pass\nQuery().filter().get()\n"
        }
        assert {("a.py", "a.py:Query.filter"), ("a.py", "a.py:Query.get")} <= calls(tree)

    def test_an_unknown_base_leaves_the_member_unbound(self) -> None:
        tree = {"a.py": """
            import lib
            class A(lib.Base):
                def f(self): self.special()
            class B:
                def special(self): pass
        """}  # fmt: skip
        found = resolve_tree(tree)
        assert edges(found, "calls") == set()
        assert [one.why for one in found["a.py"].unresolved] == ["external"]


class TestReceivers:
    MODEL = "class A:\n    def run(self): pass\n    def me(self): return self\n"

    @pytest.mark.parametrize(
        ("code", "rung"),
        [
            ("def f(a: A): a.run()", "annotation"),
            ("def f(a: 'A | None' = None): a.run()", "annotation"),
            ("def f(a: Optional[A]): a.run()", "annotation"),
            ("def f(items: list[A]):\n    for a in items: a.run()", "return"),
            ("def f(items: Sequence[A]): items[0].run()", "annotation"),
            ("a: A = make_it()\na.run()", "annotation"),
            ("a = A()\na.run()", "constructor"),
            ("def f():\n    b = a = A()\n    a.run()", "constructor"),
            ("A().run()", "constructor"),
            ("A().me().run()", "return"),
            ("def make() -> A: ...\nmake().run()", "annotation"),
            ("def make(): return A()\nx = make()\nx.run()", "return"),
            ("async def make() -> A: ...\nasync def f(): (await make()).run()", "annotation"),
            ("class C:\n    def __init__(self): self.a = A()\n    def f(self): self.a.run()", "constructor"),
            ("class C:\n    def __init__(self, a: A): self.a = a\n    def f(self): self.a.run()", "annotation"),
            ("class C:\n    a: A\n    def f(self): self.a.run()", "annotation"),
            ("class C:\n    a = A()\n    def f(self): self.a.run()", "constructor"),
            ("with A() as a: a.run()", "constructor"),
            ("def f(x):\n    if isinstance(x, A): x.run()", "narrow"),
            ("def f(kind: type[A]): kind().run()", "annotation"),
            ("Alias = A\nAlias().run()", "constructor"),
        ],
    )
    def test_the_type_is_found(self, code: str, rung: str) -> None:
        found = rungs({"a.py": self.MODEL + "from typing import Optional, Sequence\n" + code + "\n"})
        assert found.get("A.run:method") == rung

    def test_two_possible_types_are_never_bound(self) -> None:
        tree = {"a.py": """
            class A:
                def run(self): pass
            class B:
                def run(self): pass
            def f(x: A | B): x.run()
        """}  # fmt: skip
        found = resolve_tree(tree)["a.py"]
        assert [e for e in found.edges if e.kind == "calls"] == []
        assert [one.why for one in found.unresolved] == ["ambiguous"]

    def test_two_types_with_one_inherited_method_are_bound_to_it(self) -> None:
        tree = {"a.py": """
            class Root:
                def run(self): pass
            class A(Root): pass
            class B(Root): pass
            def f(x: A | B): x.run()
        """}  # fmt: skip
        assert calls(tree) == {("a.py:f", "a.py:Root.run")}

    def test_a_lone_name_is_a_guess_and_says_so(self) -> None:
        tree = {"a.py": "class A:\n    def settle_accounts(self): pass\ndef f(x): x.settle_accounts()\n"}
        edge = next(e for e in resolve_tree(tree)["a.py"].edges if e.kind == "calls")
        assert (edge.rung, edge.confidence) == ("unique", 0.3)

    def test_names_of_builtin_types_are_never_guessed(self) -> None:
        assert calls({"a.py": "class A:\n    def items(self): pass\ndef f(x): x.items()\n"}) == set()

    def test_a_name_that_many_define_is_kept_unresolved(self) -> None:
        tree = {f"m{n}.py": "class A:\n    def execute_it(self): pass\n" for n in range(50)}
        found = resolve_tree(tree | {"use.py": "def f(x): x.execute_it()\n"})["use.py"]
        assert [(one.name, one.why) for one in found.unresolved] == [("execute_it", "ambiguous")]

    def test_pytest_fixtures_have_the_type_of_their_result(self) -> None:
        tree = {
            "app.py": "class App:\n    def run(self): pass\n",
            "tests/conftest.py": "import pytest\nfrom app import App\n@pytest.fixture\ndef app():\n    yield App()\n",
            "tests/test_app.py": "def test_run(app): app.run()\n",
        }
        assert ("tests/test_app.py:test_run", "app.py:App.run") in calls(tree)

    def test_decorated_functions_are_bound_and_so_are_decorators(self) -> None:
        tree = {"a.py": "def deco(f): return f\n@deco\ndef g(): pass\ng()\n"}
        found = resolve_tree(tree)
        assert edges(found, "calls") == {("a.py", "a.py:g")}
        assert ("a.py", "a.py:deco") in edges(found, "references")


def test_resolution_is_deterministic() -> None:
    tree = TestClasses.TREE
    assert resolve_tree(tree) == resolve_tree(dict(reversed(list(tree.items()))))


def test_an_attribute_that_the_class_sets_does_not_reach_getattr() -> None:
    tree = {"a.py": """
        class A:
            def __init__(self, given): self.known = given.copy()
            def __getattr__(self, name): return 1
            def f(self): return self.known
            def g(self): return self.other
    """}  # fmt: skip
    assert calls(tree) == {("a.py:A.g", "a.py:A.__getattr__")}


def test_storing_under_an_index_reads_nothing() -> None:
    tree = {"a.py": """
        class A:
            def __getitem__(self, key): ...
            def __setitem__(self, key, value): ...
        def f(): A()[1] = 2
    """}  # fmt: skip
    assert ("a.py:f", "a.py:A.__getitem__") not in calls(tree)


def test_a_name_of_the_standard_library_is_never_guessed() -> None:
    assert calls({"a.py": "class A:\n    def read_text(self): pass\ndef f(x): x.read_text()\n"}) == set()


def test_a_fixture_may_give_a_function() -> None:
    tree = {"tests/conftest.py": """
        import pytest
        from collections.abc import Callable, Iterator
        @pytest.fixture
        def make() -> Iterator[Callable[[], int]]:
            def inner(): return 1
            yield inner
    """, "tests/test_a.py": "def test_it(make): make()\n"}  # fmt: skip
    assert ("tests/test_a.py:test_it", "tests/conftest.py:make.inner") in calls(tree)
