"""What every language of the code map must find: one suite, one sample each. docs/languages.md tells how to add one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from tree_sitter import Parser, Query, QueryCursor

from agentctx.code.extract import extract, extract_code
from agentctx.code.facts import MODULE, FileFacts, symbol_id
from agentctx.code.languages import BY_NAME, LANGUAGES, language_of

SAMPLES = Path(__file__).parents[1] / "code_samples"


@dataclass(frozen=True)
class Expected:
    """What the sample of a language holds. Calls are (scope, receiver, name)."""

    file: str
    definitions: dict[str, str]
    documented: dict[str, str]
    bases: dict[str, tuple[str, ...]]
    imports: set[tuple[str, str, str]]
    calls: set[tuple[str, str, str]]
    signature: tuple[str, str]
    comment: str = "//"
    broken: str = ")}]"


EXPECTED = {
    "python": Expected(
        "sample.py",
        {
            "LIMIT": "constant",
            "OrderStore": "class",
            "OrderStore.kind": "field",
            "OrderStore.place": "method",
            "place": "function",
            "OrderStore.check.complain": "function",
        },
        {"OrderStore": "Keeps orders by number.", "OrderStore.place": "Enter an order."},
        {"OrderStore": ("Ledger",)},
        {
            ("json", "", "codec"),
            ("ledger", "Ledger", "Ledger"),
            ("ledger", "open_ledger", "opened"),
            ("typing", "*", ""),
        },
        {
            ("OrderStore.place", "self.ledger", "write"),
            ("OrderStore.place", "codec", "dumps"),
            ("OrderStore.place", "self", "check"),
            ("OrderStore.check", "", "complain"),
            ("place", "store", "place"),
            ("", "", "retry"),
        },
        ("OrderStore.place", "def place(self, order: Order) -> Receipt"),
        comment="#",
    ),
    "javascript": Expected(
        "sample.js",
        {
            "LIMIT": "constant",
            "OrderStore": "class",
            "OrderStore.size": "field",
            "OrderStore.place": "method",
            "add": "function",
            "twice": "function",
        },
        {"OrderStore": "Keeps orders by number.", "OrderStore.place": "Enter an order.", "add": "Adds two numbers."},
        {"OrderStore": ("Ledger",)},
        {("fs", "default", "fs"), ("fs", "readFile", "read"), ("./paths.js", "", "paths"), ("./helper", "", "helper")},
        {
            ("OrderStore.constructor", "", "super"),
            ("OrderStore.constructor", "", "Cache"),
            ("OrderStore.place", "this.cache", "write"),
            ("OrderStore.place", "paths", "join"),
            ("add", "helper", "sum"),
            ("twice", "", "add"),
        },
        ("add", "function add(a, b)"),
    ),
    "typescript": Expected(
        "sample.ts",
        {
            "Order": "interface",
            "Order.lines": "field",
            "Order.total": "method",
            "State": "enum",
            "Handler": "type",
            "OrderStore": "class",
            "OrderStore.place": "method",
            "build": "function",
            "tools": "namespace",
            "tools.shout": "function",
        },
        {"OrderStore": "Keeps orders by number.", "Order": "What was ordered."},
        {"OrderStore": ("Ledger", "Store<Order>"), "Order": ("Base",)},
        {("./ledger", "Ledger", "Ledger"), ("./ledger", "Line", "Line"), ("./cache", "default", "Cache")},
        {
            ("OrderStore.place", "this.cache", "write"),
            ("OrderStore.place", "this.ledger", "sign"),
            ("build", "", "OrderStore"),
            ("tools.shout", "text", "toUpperCase"),
        },
        ("OrderStore.place", "place(order: Order): Receipt"),
    ),
    "tsx": Expected(
        "sample.tsx",
        {"Props": "interface", "OrderView": "function", "Empty": "function"},
        {"OrderView": "Shows one order."},
        {},
        {("react", "default", "React"), ("./sample", "OrderStore", "OrderStore")},
        {
            ("OrderView", "", "useOrder"),
            ("OrderView", "", "Panel"),
            ("OrderView", "order", "title"),
            ("Empty", "", "Panel"),
        },
        ("OrderView", "function OrderView({ store }: Props): JSX.Element"),
    ),
    "go": Expected(
        "sample.go",
        {
            "Limit": "constant",
            "Writer": "interface",
            "Writer.Write": "method",
            "Store": "struct",
            "Store.cache": "field",
            "NewStore": "function",
            "Store.Place": "method",
            "check": "function",
        },
        {"Store": "Store keeps orders by number.", "Store.Place": "Place enters an order."},
        {"Store": ("led.Base",)},
        {("fmt", "", "fmt"), ("example.com/shop/ledger", "", "led")},
        {
            ("NewStore", "", "Store"),
            ("NewStore", "", "newCache"),
            ("Store.Place", "s.ledger", "Write"),
            ("Store.Place", "fmt", "Println"),
            ("Store.Place", "", "check"),
        },
        ("NewStore", "func NewStore(ledger led.Ledger) *Store"),
    ),
    "java": Expected(
        "Sample.java",
        {
            "Sample": "class",
            "Sample.LIMIT": "field",
            "Sample.Sample": "constructor",
            "Sample.place": "method",
            "Sample.State": "enum",
            "Sample.State.OPEN": "constant",
            "Store": "interface",
            "Store.place": "method",
        },
        {"Sample": "Keeps orders by number.", "Sample.place": "Enter an order."},
        {"Sample": ("Ledger", "Store<Order>")},
        {("com.example.ledger", "Ledger", "Ledger"), ("java.util", "*", "")},
        {
            ("Sample.place", "cache", "write"),
            ("Sample.place", "", "check"),
            ("Sample.check", "Objects", "requireNonNull"),
            ("Sample.cache", "", "Cache"),
            ("Sample.Sample", "", "super"),
        },
        ("Store.place", "Receipt place(T order)"),
    ),
    "rust": Expected(
        "sample.rs",
        {
            "LIMIT": "constant",
            "Store": "trait",
            "Store.place": "method",
            "OrderStore": "struct",
            "OrderStore.cache": "field",
            "State": "enum",
            "OrderStore.new": "method",
            "check": "function",
        },
        {"OrderStore": "Keeps orders by number.", "Store": "What receives orders."},
        {"Store": ("Send",)},
        {
            ("crate", "ledger", "ledger"),
            ("crate::ledger", "Receipt", "Slip"),
            ("std::fmt", "*", ""),
            ("self", "cache", "cache"),
        },
        {
            ("OrderStore.new", "Cache", "new"),
            ("OrderStore.new", "", "OrderStore"),
            ("OrderStore.place", "self.ledger", "write"),
            ("OrderStore.place", "", "println"),
            ("OrderStore.place", "", "check"),
        },
        ("OrderStore.new", "pub fn new(ledger: Ledger) -> OrderStore"),
    ),
    "c": Expected(
        "sample.c",
        {
            "LIMIT": "macro",
            "store": "struct",
            "store.cache": "field",
            "store_t": "type",
            "state": "enum",
            "state.OPEN": "constant",
            "store_place": "function",
            "check": "function",
        },
        {"store": "Keeps orders by number.", "store_place": "Enter an order."},
        {},
        {("stdio.h", "*", ""), ("ledger.h", "*", "")},
        {
            ("store_place", "", "ledger_write"),
            ("store_place", "", "check"),
            ("store_place", "store", "fail"),
            ("store_place", "", "printf"),
        },
        ("store_place", "receipt_t *store_place(store_t *store, order_t *order)"),
    ),
    "cpp": Expected(
        "sample.cpp",
        {
            "orders": "namespace",
            "orders.Store": "class",
            "orders.Store.size": "method",
            "orders.Store.place": "method",
            "orders.twice": "function",
            "orders.State": "enum",
        },
        {"orders.Store": "Keeps orders by number.", "orders.Store.place": "Enter an order."},
        {"orders.Store": ("Ledger", "shop::Base")},
        {("ledger.hpp", "*", ""), ("string", "*", ""), ("shop", "*", ""), ("shop", "Receipt", "Receipt")},
        {
            ("orders.Store.size", "cache_", "count"),
            ("orders.Store.place", "cache_", "write"),
            ("orders.Store.place", "", "Line"),
            ("orders.Store.place", "shop", "sign"),
            ("orders.twice", "", "add"),
        },
        ("orders.Store.place", "Receipt Store::place(const Order& order)"),
    ),
    "csharp": Expected(
        "Sample.cs",
        {
            "Shop.Orders": "namespace",
            "Shop.Orders.OrderStore": "class",
            "Shop.Orders.OrderStore.Limit": "field",
            "Shop.Orders.OrderStore.OrderStore": "constructor",
            "Shop.Orders.OrderStore.Size": "property",
            "Shop.Orders.OrderStore.Place": "method",
            "Shop.Orders.IStore": "interface",
            "Shop.Orders.State": "enum",
        },
        {"Shop.Orders.OrderStore.Place": "<summary>Enter an order.</summary>"},
        {"Shop.Orders.OrderStore": ("Ledger", "IStore<Order>")},
        {("System", "*", ""), ("Shop.Ledgers", "*", ""), ("Shop", "Receipt", "Slip")},
        {
            ("Shop.Orders.OrderStore.Place", "cache", "Write"),
            ("Shop.Orders.OrderStore.Place", "", "Check"),
            ("Shop.Orders.OrderStore.Place", "Signer", "Sign"),
            ("Shop.Orders.OrderStore.cache", "", "Cache"),
        },
        ("Shop.Orders.OrderStore.Place", "public Slip Place(Order order)"),
    ),
    "ruby": Expected(
        "sample.rb",
        {
            "Orders": "module",
            "Orders.LIMIT": "constant",
            "Orders.Store": "class",
            "Orders.Store.initialize": "method",
            "Orders.Store.place": "method",
            "Orders.Store.open": "method",
        },
        {"Orders.Store": "Keeps orders by number.", "Orders.Store.place": "Enter an order."},
        {"Orders.Store": ("Ledger", "Comparable")},
        {("json", "*", ""), ("ledger", "*", "")},
        {
            ("Orders.Store.initialize", "Cache", "new"),
            ("Orders.Store.place", "self.ledger", "write"),
            ("Orders.Store.place", "", "check"),
            ("Orders.Store.place", "JSON", "dump"),
            ("Orders.Store.open", "Ledger", "load"),
        },
        ("Orders.Store.place", "def place(order)"),
        comment="#",
        broken="end end )",
    ),
    "php": Expected(
        "sample.php",
        {
            "LIMIT": "constant",
            "OrderStore": "class",
            "OrderStore.cache": "field",
            "OrderStore.__construct": "method",
            "OrderStore.place": "method",
            "Store": "interface",
            "check": "function",
        },
        {"OrderStore": "Keeps orders by number.", "OrderStore.place": "Enter an order."},
        {"OrderStore": ("Ledger", "Store", "Counts")},
        {("Shop", "Ledger", "Ledger"), ("Shop", "Receipt", "Slip")},
        {
            ("OrderStore.__construct", "", "Cache"),
            ("OrderStore.place", "this.ledger", "write"),
            ("OrderStore.place", "", "check"),
            ("OrderStore.place", "Signer", "sign"),
            ("check", "", "strlen"),
        },
        ("OrderStore.place", "public function place(Order $order): Slip"),
    ),
    "bash": Expected(
        "sample.sh",
        {"LIMIT": "constant", "place": "function", "check": "function"},
        {"place": "Enter an order."},
        {},
        {("ledger.sh", "*", ""), ("lib/cache.sh", "*", "")},
        {("place", "", "ledger_write"), ("place", "", "check"), ("", "", "place")},
        ("place", "place()"),
        comment="#",
        broken="fi done )",
    ),
}
LANGUAGE = pytest.mark.parametrize("name", list(EXPECTED))


def sample(name: str) -> bytes:
    return (SAMPLES / EXPECTED[name].file).read_bytes()


def facts_of(name: str, content: bytes | None = None) -> FileFacts:
    return extract(EXPECTED[name].file, sample(name) if content is None else content)


def qualname(facts: FileFacts, scope: int) -> str:
    return "" if scope == MODULE else facts.definitions[scope].qualname


def test_every_language_has_a_sample() -> None:
    assert set(EXPECTED) == {language.name for language in LANGUAGES}


@LANGUAGE
class TestEveryLanguage:
    def test_is_known_by_its_file_name(self, name: str) -> None:
        assert language_of(EXPECTED[name].file) is BY_NAME[name]

    def test_finds_definitions_with_their_kinds(self, name: str) -> None:
        found = {(one.qualname, one.kind) for one in facts_of(name).definitions}
        assert found >= set(EXPECTED[name].definitions.items())

    def test_finds_documentation(self, name: str) -> None:
        found = {one.qualname: one.doc for one in facts_of(name).definitions if one.doc}
        assert found.items() >= EXPECTED[name].documented.items()

    def test_finds_bases(self, name: str) -> None:
        found = {one.qualname: one.bases for one in facts_of(name).definitions if one.bases}
        assert found.items() >= EXPECTED[name].bases.items()

    def test_finds_imports(self, name: str) -> None:
        assert {(one.module, one.name, one.alias) for one in facts_of(name).imports} >= EXPECTED[name].imports

    def test_finds_calls_with_receiver_and_scope(self, name: str) -> None:
        facts = facts_of(name)
        found = {(qualname(facts, one.scope), one.receiver, one.name) for one in facts.calls()}
        assert found >= EXPECTED[name].calls

    def test_gives_signatures(self, name: str) -> None:
        wanted, signature = EXPECTED[name].signature
        assert signature in {one.signature for one in facts_of(name).definitions if one.qualname == wanted}

    def test_parses_its_sample_without_problems(self, name: str) -> None:
        assert facts_of(name).problems == ()

    def test_finds_what_the_grammars_own_tags_find(self, name: str) -> None:
        language = BY_NAME[name]
        module = importlib.import_module(language.grammar.partition(":")[0])
        tags = getattr(module, "TAGS_QUERY", None)
        if not tags or name == "tsx":
            pytest.skip("the grammar ships no tags")
        grammar, _ = language.load()
        root = Parser(grammar).parse(sample(name)).root_node
        shipped = {
            node.text.decode()
            for _, captures in QueryCursor(Query(grammar, tags)).matches(root)
            if any(role.startswith("definition.") for role in captures)
            for node in captures.get("name", ())
            if node.text
        }
        facts = facts_of(name)
        ours = {one.name for one in facts.definitions} | {
            part for one in facts.definitions for part in one.qualname.split(".")
        }
        assert shipped - ours - {facts.package} == set()  # a package is a fact of the file

    def test_ranges_nest_and_ids_are_distinct(self, name: str) -> None:
        facts = facts_of(name)
        for one in facts.definitions:
            assert 1 <= one.start_line <= one.name_line <= one.end_line <= facts.lines
            assert one.name.encode() in sample(name)[one.start_byte : one.end_byte]
            if one.parent != MODULE:
                above = facts.definitions[one.parent]
                assert above.start_byte <= one.start_byte
                assert one.end_byte <= above.end_byte
        ids = [symbol_id("f", one) for one in facts.definitions]
        assert len(set(ids)) == len(ids)

    def test_ids_survive_an_edit_elsewhere(self, name: str) -> None:
        content = sample(name)
        head, _, rest = content.partition(b"\n")
        edited = head + b"\n" + EXPECTED[name].comment.encode() + b" one more line\n" + rest
        before = [symbol_id("f", one) for one in facts_of(name).definitions]
        assert [symbol_id("f", one) for one in facts_of(name, edited).definitions] == before

    def test_a_syntax_error_costs_only_what_it_garbles(self, name: str) -> None:
        facts = facts_of(name, sample(name) + b"\n" + EXPECTED[name].broken.encode() + b"\n")
        assert any("syntax error" in problem for problem in facts.problems)
        found = {one.qualname for one in facts.definitions}
        assert len(found & set(EXPECTED[name].definitions)) >= len(EXPECTED[name].definitions) / 2

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"\xff\xfe\xfa garbage \x01", b"(" * 3_000, b"{" * 3_000, b"a." * 5_000]
    )
    def test_any_content_gives_facts(self, name: str, content: bytes) -> None:
        assert facts_of(name, content).language in (name, "")

    def test_line_endings_do_not_matter(self, name: str) -> None:
        windows = facts_of(name, sample(name).replace(b"\n", b"\r\n"))
        unix = facts_of(name)
        assert [(one.qualname, one.start_line, one.end_line) for one in windows.definitions] == [
            (one.qualname, one.start_line, one.end_line) for one in unix.definitions
        ]
        assert list(windows.calls()) == list(unix.calls())

    def test_equal_content_gives_equal_facts(self, name: str) -> None:
        assert extract_code(BY_NAME[name], sample(name)) == extract_code(BY_NAME[name], sample(name))
