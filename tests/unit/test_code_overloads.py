"""Calls of names that several definitions share: Java, C# and C++ choose by arguments, and so does the map."""

from __future__ import annotations

import textwrap

import pytest

from agentctx.code.codec import decode, encode
from agentctx.code.extract import extract
from agentctx.code.facts import FileFacts
from agentctx.code.resolve.imprint import imprint
from agentctx.code.resolve.resolver import Resolver

Tree = dict[str, str]


def facts(path: str, text: str) -> FileFacts:
    return extract(path, textwrap.dedent(text).encode())


def bound(tree: Tree, caller: str, kind: str = "calls") -> list[str]:
    """What the symbol of that qualified name calls: of each target, the types that it takes; without any, its name."""
    read = {path: facts(path, text) for path, text in tree.items()}
    taken: dict[str, str] = {}
    for path, one in read.items():
        for definition in one.definitions:
            tail = f"~{definition.ordinal}" if definition.ordinal else ""
            symbol = f"{path}::{definition.qualname}:{definition.kind}{tail}"
            shown = definition.name if definition.parameters is None else f"({', '.join(definition.parameters)})"
            taken[symbol] = shown
    edges = [edge for one in Resolver(read).resolve() for edge in one.edges]
    sources = (edge.source.partition("::")[2].rpartition(":")[0] for edge in edges)
    return [
        taken[edge.target] for edge, source in zip(edges, sources, strict=True) if (edge.kind, source) == (kind, caller)
    ]


def why(tree: Tree, name: str) -> set[str]:
    read = {path: facts(path, text) for path, text in tree.items()}
    return {call.why for one in Resolver(read).resolve() for call in one.unresolved if call.name == name}


def java(body: str, *, use: str, base: str = "") -> Tree:
    """A class `Shop` with overloads, and a class that uses it."""
    return {
        "p/Shop.java": f"package p;\nclass Shop {base} {{ {body} }}\n",
        "p/Base.java": "package p;\nclass Base { void put(Object a, Object b, Object c) {} }\n",
        "p/Item.java": "package p;\nclass Item {}\nclass Book extends Item {}\nclass Pen extends Item {}\n",
        "p/Use.java": f"package p;\nclass Use {{ Shop shop; Book book; void go(int n, String s, Foo foo) {{{use}}} }}",
    }


class TestFacts:
    def test_java_says_what_is_given_and_taken(self) -> None:
        found = facts(
            "A.java",
            """
            class A<T> {
              A(final int a, @X Map<String, T> b, String... c) {}
              int[] f(p.Foo x, int y[]) {
                return g(x, -1, 2L, "a" + x, null, Foo.class, n -> 1, (Number) null, new Foo(1) {}); }
            }
            """,
        )
        taken = {one.name: one.parameters for one in found.definitions if one.kind != "class"}
        assert taken == {"A": ("int", "Map", "String..."), "f": ("p.Foo", "int[]")}
        assert [one.arguments for one in found.calls()] == [
            "(x,:int,:long,:string,:null,:Class,:lambda,:Number,:Foo)",
            "(:int)",
        ]

    def test_csharp_says_what_is_given_and_taken(self) -> None:
        found = facts(
            "A.cs",
            """
            class A {
              void F(this string a, ref int b, T? c, int d = 3, params object[] e) {
                G(1m, x: "x", out var y, $"a", default(int), typeof(X), x => 1, new A { B = 1 }, a.b); new A();
              }
            }
            """,
        )
        assert found.definitions[1].parameters == ("this string", "int", "T?", "int=", "object...")
        assert [one.arguments for one in found.calls()] == [
            "(:decimal,:string,?,:string,:int,:Type,:lambda,:A,a.b)",
            "()",
            "()",
        ]

    def test_cpp_says_what_is_given_and_taken(self) -> None:
        found = facts(
            "a.cc",
            """
            int f(const std::string& a, char* b, int c = 3, ...) {
              return g(nullptr, "x", 1.5, 'c', true, (int)x, new Foo(1)); }
            int h(void) {}
            """,
        )
        assert [one.parameters for one in found.definitions] == [("std.string", "char*", "int=", "..."), ()]
        assert next(one.arguments for one in found.calls()) == "(:null,:string,:double,:char,:bool,:int,:Foo)"

    @pytest.mark.parametrize("name", ["a.py", "a.js", "a.ts", "a.go", "a.rb", "a.php", "a.rs", "a.sh", "a.c"])
    def test_languages_without_overloads_say_neither(self, name: str) -> None:
        sources = {
            "py": "def f(a): g(a)\n",
            "go": "package p\nfunc f(a int) { g(a) }\n",
            "c": "int f(int a) { return g(a); }",
        }
        found = facts(name, sources.get(name.rpartition(".")[2], "f(a)\n"))
        assert all(one.parameters is None for one in found.definitions)
        assert not any(one.arguments for one in found.references)

    def test_what_is_read_back_is_what_was_written(self) -> None:
        for name, text in [
            ("A.java", "class A { void f(int a) { f(1); } }"),
            ("a.py", "def f(a): f(1)\n"),
            ("A.java", ""),
        ]:
            one = facts(name, text)
            assert decode(encode(one)) == one

    def test_an_imprint_tells_what_is_taken(self) -> None:
        one, other = (facts("A.java", f"class A {{ void f({kind} a) {{}} }}") for kind in ("int", "long"))
        assert imprint(one) != imprint(other)


class TestChoice:
    @pytest.mark.parametrize(
        ("use", "expected"),
        [
            ("shop.put();", "()"),
            ("shop.put(1);", "(int)"),
            ('shop.put("x" + n);', "(String)"),
            ("shop.put(s);", "(String)"),
            ("shop.put(book);", "(Item)"),
            ("shop.put((Pen) null);", "(Item)"),
            ("shop.put(n == 1);", "(Object)"),
            ("shop.put(foo, n);", "(Object, Object...)"),
            ("shop.put(s, s, s, s);", "(Object, Object...)"),
        ],
    )
    def test_number_and_types_of_arguments_decide(self, use: str, expected: str) -> None:
        body = "void put() {} void put(int a) {} void put(String a) {} void put(Item a) {} void put(Object a) {}"
        assert bound(java(f"{body} void put(Object a, Object... b) {{}}", use=use), "Use.go") == [expected]

    @pytest.mark.parametrize(
        "body", ["void put(Reader a) {} void put(Writer a) {}", "void put(Item a) {} void put(Foo a) {}"]
    )
    def test_what_several_suit_alike_is_not_bound(self, body: str) -> None:
        tree = java(body, use="shop.put(unknown());")
        assert bound(tree, "Use.go") == []
        assert why(tree, "put") == {"ambiguous"}

    def test_what_nothing_suits_is_not_bound(self) -> None:
        tree = java("void put(int a) {}", use="shop.put(1, 2);")
        assert bound(tree, "Use.go") == []
        assert why(tree, "put") == {"unknown"}

    def test_an_overload_of_a_base_is_found(self) -> None:
        tree = java("void put(int a) {}", use="shop.put(1, 2, 3); shop.put(1);", base="extends Base")
        assert bound(tree, "Use.go") == ["(Object, Object, Object)", "(int)"]

    def test_the_same_number_as_an_object_and_plain_are_told_apart(self) -> None:
        body = "void put(long a) {} void put(Integer a) {} void put(boolean a) {} void put(Boolean a) {}"
        tree = java(body, use="shop.put(n); shop.put(true); shop.put((Integer) null);")
        assert bound(tree, "Use.go") == ["(long)", "(boolean)", "(Integer)"]

    def test_a_constructor_is_chosen_and_the_class_stays_where_none_can_be(self) -> None:
        body = "Shop(int a) {} Shop(String a) {} Shop(Item a, int b) {}"
        assert bound(java(body, use='new Shop("x");'), "Use.go") == ["Shop", "(String)"]
        assert bound(java(body, use="new Shop(unknown());"), "Use.go") == ["Shop"]

    def test_an_argument_is_known_by_the_result_of_a_call(self) -> None:
        body = "void put(int a) {} void put(String a) {} static String name(int n) { return null; } "
        assert bound(java(body, use="shop.put(Shop.name(n));"), "Use.go") == ["(String)", "(int)"]

    def test_an_override_leads_to_what_takes_the_same(self) -> None:
        tree = {
            "Base.java": "class Base { void put(int a) {} void put(String a) {} void put(int a, int b) {} }",
            "Shop.java": "class Shop extends Base { void put(String a) {} void put() {} }",
        }
        assert bound({"All.java": "\n".join(tree.values())}, "Shop.put", "overrides") == ["(String)"]

    def test_csharp_knows_defaults_and_nullable_numbers(self) -> None:
        tree = {
            "Shop.cs": """
                namespace P { class Shop {
                  public void Put(int a) {} public void Put(int? a) {} public void Put(string a, int b = 0) {}
                  public void Put(string a, params object[] rest) {}
                } }""",
            "Use.cs": """
                namespace P { class Use { Shop shop; int? maybe;
                  void Go(int n) { shop.Put(n); shop.Put(maybe); shop.Put("x"); shop.Put("x", n, n); } } }""",
        }
        assert bound(tree, "P.Use.Go") == ["(int)", "(int?)", "(string, int=)", "(string, object...)"]

    def test_cpp_knows_the_defaults_of_a_declaration(self) -> None:
        tree = {
            "shop.h": "class Shop { public: int put(int a, int b = 1); int put(const Item& a, int b, int c); };",
            "shop.cc": '#include "shop.h"\nint Shop::put(int a, int b) { return 1; }\n'
            "int Shop::put(const Item& a, int b, int c) { return 2; }\n",
            "use.cc": '#include "shop.h"\nint go(Shop* shop, Item x) { return shop->put(1) + shop->put(x, 1, 2); }\n',
        }
        assert bound(tree, "go") == ["(int, int)", "(Item, int, int)"]

    def test_cpp_knows_that_a_text_is_no_number_and_prefers_a_template_to_a_conversion(self) -> None:
        tree = {
            "error.h": "struct Error { template<class... Args> void say(const std::string & form, Args &... args) {} "
            "void say(int code, const Hint & hint) {} void say(const Hint & hint, ...) {} };",
            "use.cc": '#include "error.h"\nvoid go(Error e, Path p) { e.say("no %s", p); e.say(2, p); }\n',
        }
        assert bound(tree, "go") == ["(std.string, Args...)", "(int, Hint)"]

    def test_cpp_functions_of_a_header_are_chosen_from(self) -> None:
        tree = {
            "math.h": "namespace m { int add(int a) { return a; } int add(int a, int b) { return a; } }",
            "use.cc": '#include "math.h"\nint go() { return add(1, 2); }\n',
        }
        assert bound(tree, "go") == ["(int, int)"]

    def test_a_file_that_has_its_own_of_several_alike_calls_that(self) -> None:
        source = "namespace b { class Bench { void run() { open(1); } void open(int a) {} void open() {} }; }\n"
        read = {path: facts(path, source) for path in ("one.cc", "three.cc", "two.cc")}
        edges = [edge for one in Resolver(read).resolve() for edge in one.edges if edge.kind == "calls"]
        assert [(edge.source.partition("::")[0], edge.target) for edge in edges] == [
            (path, f"{path}::b.Bench.open:method") for path in sorted(read)
        ]

    def test_a_chain_through_overloads_goes_on_where_they_agree(self) -> None:
        agreed = "Shop put(int a) { return this; } Shop put(String a) { return this; } void end() {} Shop(int a) {}"
        assert bound(java(agreed, use="shop.put(1).put(s).end();"), "Use.go") == ["(int)", "(String)", "()"]
        differing = "Shop put(int a) { return this; } Item put(String a) { return null; } void end() {}"
        assert bound(java(differing, use="shop.put(1).end();"), "Use.go") == ["(int)", "()"]
