"""Search, lookup, relations, outlines and maps over a small generation."""

from __future__ import annotations

import numpy as np
import pytest

from agentctx.code.analysis import analyze
from agentctx.code.codemap import Codebase
from agentctx.code.extract import extract
from agentctx.code.lookup import find, unit_of
from agentctx.code.neighbours import neighbours
from agentctx.code.outline import outline
from agentctx.code.overview import overview
from agentctx.code.rank import importance, importance_for
from agentctx.code.scope import clean_path, in_path
from agentctx.code.search import search
from agentctx.code.units import decode_units
from agentctx.code.words import term_hash, vocabulary
from agentctx.embed.static import StaticEmbedder
from agentctx.errors import InvalidArgument, NotFound, StoreCorrupt
from agentctx.text.tokens import open_counter
from tests.fixtures_codemap import SHOP, build_texts

SHOP_MAP = build_texts(SHOP)
ADD = "shop/cart.py::Cart.add_item:method"


def ids(codebase: Codebase, query: str, **options: object) -> list[str]:
    return [hit.symbol.id for hit in search(codebase, query, **options).hits]  # type: ignore[arg-type]


class TestWords:
    @pytest.mark.parametrize(
        ("word", "terms"),
        [
            ("getHTTPResponse", ["get", "http", "respons", "gethttprespons"]),
            ("get_http_response", ["get", "http", "respons", "gethttprespons"]),
            ("__init__", ["init"]),
            ("Migrations", ["migrat"]),
            ("the", []),
            ("x", []),
            ("utf8", ["utf", "8", "utf8"]),
            ("größe", ["größe"]),
            ("a" * 200, []),
        ],
    )
    def test_an_identifier_is_found_whole_and_in_parts(self, word: str, terms: list[str]) -> None:
        wanted = {term_hash(term) for term in terms if len(term) > 1}
        assert set(vocabulary().of_text(word.encode())) == wanted

    def test_in_a_name_every_word_counts(self) -> None:
        assert vocabulary().of_name(b"only") == (term_hash("onli"),)
        assert vocabulary().of_name(b"x") == (term_hash("x"),)

    def test_a_text_is_cut_as_its_words_are(self) -> None:
        text = "def getValue(self): return größe_x + HTTP2 # 東京 and more\n".encode()
        found = [int(term) for term in vocabulary().expand_text(text)[1]]
        words = text.replace(b"(", b" ").replace(b")", b" ").replace(b":", b" ").split()
        assert found == [term for word in words if word not in (b"+", b"#") for term in vocabulary().of_text(word)]


class TestAnalysis:
    def test_the_words_of_a_method_are_not_those_of_its_class(self) -> None:
        [hit] = search(SHOP_MAP, "put", granularity="symbol").hits
        assert hit.symbol.id == ADD

    def test_a_nested_function_is_part_of_the_text_around_it(self) -> None:
        made = build_texts({"a.py": "def outer():\n    def inner():\n        return quokka\n    return inner\n"})
        assert ids(made, "quokka") == ["a.py::outer.inner:function", "a.py::outer:function"]

    def test_a_long_text_is_cut_into_parts(self) -> None:
        lines = [f"    value_{n} = call({n})" for n in range(150)]
        lines[120] = "    wombat = 1"
        made = build_texts({"a.py": "def long():\n" + "\n".join(lines) + "\n"})
        [hit] = search(made, "wombat", granularity="chunk").hits
        assert hit.symbol.id == "a.py::long:function"
        assert hit.start_line <= 122 <= hit.end_line < hit.start_line + 41
        made.check_invariants()

    def test_a_chunk_of_a_class_ends_where_its_members_begin(self) -> None:
        [hit] = search(SHOP_MAP, "somebody wants", granularity="chunk").hits
        assert (hit.symbol.id, hit.start_line, hit.end_line) == ("shop/cart.py::Cart:class", 6, 8)

    def test_equal_contents_give_equal_bytes_whatever_the_path(self) -> None:
        content = SHOP["shop/cart.py"].encode()
        assert analyze(extract("a.py", content), content) == analyze(extract("b/c.py", content), content)

    def test_other_bytes_are_refused(self) -> None:
        for data in (b"", b"x" * 100, analyze(extract("a.py", b"x = 1"), b"x = 1")[:-9]):
            with pytest.raises(StoreCorrupt):
                decode_units(data)

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"\0\1\2" * 99, b"def f(:\n \xff\xfe", b"\xef\xbb\xbfx = 1\n", b"a" * 9000]
    )
    def test_odd_contents_have_units(self, content: bytes) -> None:
        units = decode_units(analyze(extract("a.py", content), content))
        assert len(units.columns) >= 1


class TestSearch:
    def test_a_name_in_words_finds_the_definition(self) -> None:
        assert ids(SHOP_MAP, "add item")[0] == ADD
        assert ids(SHOP_MAP, "addItem")[0] == ADD
        assert ids(SHOP_MAP, "total price with tax")[0] == "shop/prices.py::total_price:function"

    def test_code_outranks_tests_and_vendored_files(self) -> None:
        assert ids(SHOP_MAP, "total_price")[0] == "shop/prices.py::total_price:function"
        assert ids(SHOP_MAP, "cart", granularity="file")[0] == "shop/cart.py"

    def test_files_sections_and_other_text_are_found(self) -> None:
        assert "docs/guide.md" in ids(SHOP_MAP, "fill a cart", granularity="file")
        assert "docs/guide.md::Guide/Prices:section" in ids(SHOP_MAP, "tax")
        assert ids(SHOP_MAP, "milk") == ["notes"]

    def test_filters_narrow(self) -> None:
        assert not any(one.startswith("tests/") for one in ids(SHOP_MAP, "cart", tests=False, k=50))
        assert not any(one.startswith("vendor/") for one in ids(SHOP_MAP, "total_price", vendored=False, k=50))
        assert all(one.startswith("shop/") for one in ids(SHOP_MAP, "cart item", path="shop", k=50))
        assert ids(SHOP_MAP, "cart", kinds=["class"]) == ["shop/cart.py::Cart:class"]
        assert ids(SHOP_MAP, "total price", language="javascript") == ["vendor/jquery.js::total_price:function"]
        assert ids(SHOP_MAP, "cart", path="**/test_*.py", granularity="file") == ["tests/test_cart.py"]

    @pytest.mark.parametrize("granularity", ["file", "symbol", "chunk"])
    @pytest.mark.parametrize("embedder", [None, StaticEmbedder()])
    def test_parts_sum_to_the_score(self, granularity: str, embedder: StaticEmbedder | None) -> None:
        result = search(SHOP_MAP, "total price of a cart", embedder, granularity=granularity, explain=True, k=50)  # type: ignore[arg-type]
        assert result.hits
        assert result.stages_ms
        for hit in result.hits:
            assert sum(hit.parts.values()) == pytest.approx(hit.score, rel=1e-3)
            assert hit.reason
        assert [hit.score for hit in result.hits] == sorted((hit.score for hit in result.hits), reverse=True)

    def test_where_no_word_is_known_words_near_in_meaning_are(self) -> None:
        assert ids(SHOP_MAP, "basket purchase")[0].startswith("shop/cart.py")

    def test_an_unknown_word_finds_nothing(self) -> None:
        assert ids(SHOP_MAP, "zzzqqq") == []
        assert ids(build_texts({}), "anything") == []

    @pytest.mark.parametrize(
        ("field", "options"),
        [
            ("k", {"k": 0}),
            ("granularity", {"granularity": "word"}),
            ("language", {"language": "cobol"}),
            ("path", {"path": "../x"}),
        ],
    )
    def test_bad_options_are_named(self, field: str, options: dict[str, object]) -> None:
        with pytest.raises(InvalidArgument) as caught:
            search(SHOP_MAP, "cart", **options)  # type: ignore[arg-type]
        assert caught.value.field == field
        with pytest.raises(InvalidArgument):
            search(SHOP_MAP, "  ")


class TestLookup:
    @pytest.mark.parametrize(
        "name",
        [
            ADD,
            "add_item",
            "ADD_ITEM",
            "add_item(item)",
            "Cart.add_item",
            "shop.cart.Cart.add_item",
            "shop/cart.py::Cart.add_item",
            "cart.add_item",
            "Cart.add_item:method",
            "Cart::add_item",
            "Cart#add_item",
        ],
    )
    def test_a_symbol_is_found_by_any_way_to_write_its_name(self, name: str) -> None:
        found = find(SHOP_MAP, name)
        assert found.symbols[0].id == ADD
        assert found.exact == 1

    def test_files_are_found_by_path_and_by_name(self) -> None:
        assert find(SHOP_MAP, "shop/cart.py").symbols[0].id == "shop/cart.py"
        assert find(SHOP_MAP, "cart.py").symbols[0].id == "shop/cart.py"

    def test_part_of_a_name_is_found_where_nothing_bears_it_whole(self) -> None:
        found = find(SHOP_MAP, "total_pr")
        assert found.exact == 0
        assert found.symbols[0].id == "shop/prices.py::total_price:function"
        assert find(SHOP_MAP, "_limit").symbols[0].name == "check_limit"

    def test_own_code_comes_before_vendored_code(self) -> None:
        assert [one.path for one in find(SHOP_MAP, "total_price").symbols] == ["shop/prices.py", "vendor/jquery.js"]

    def test_kinds_and_path_narrow(self) -> None:
        assert find(SHOP_MAP, "save", path="shop/models.py", kinds=["method"]).exact == 2
        assert find(SHOP_MAP, "save", kinds=["class"]).symbols == ()

    def test_an_ambiguous_name_is_refused_with_all_that_bear_it(self) -> None:
        with pytest.raises(InvalidArgument, match=r"Base\.save:method.*Item\.save:method"):
            unit_of(SHOP_MAP, "save")
        assert SHOP_MAP.id_of(unit_of(SHOP_MAP, "Item.save")) == "shop/models.py::Item.save:method"

    def test_an_unknown_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(NotFound, match="add_item") as caught:
            unit_of(SHOP_MAP, "add_items")
        assert caught.value.details["nearest"].split(",")[0] == ADD

    @pytest.mark.parametrize("name", ["", "  ", "x" * 2000])
    def test_no_name_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidArgument):
            find(SHOP_MAP, name)


class TestNeighbours:
    def test_callers_callees_bases_and_tests_are_told(self) -> None:
        def related(symbol: str, kind: str, direction: str) -> set[str]:
            found = neighbours(SHOP_MAP, symbol, kinds=[kind], direction=direction)  # type: ignore[list-item, arg-type]
            return {one.symbol.qualname for one in found.relations}

        assert related("Cart.check_limit", "calls", "in") == {"Cart.add_item"}
        assert related("Cart.add_item", "calls", "out") == {"Cart.check_limit"}
        assert related("Base", "inherits", "in") == {"Cart", "Item"}
        assert related("Base.save", "overrides", "in") == {"Item.save"}
        assert "test_a_full_cart_takes_no_item" in related(ADD, "tests", "in")

    def test_depth_reaches_callers_of_callers(self) -> None:
        found = neighbours(SHOP_MAP, "price_of", kinds=["calls"], direction="in", depth=3)
        assert [(one.symbol.qualname, one.depth) for one in found.relations] == [("total_price", 1), ("Cart.total", 2)]
        assert not found.truncated

    def test_a_limit_truncates(self) -> None:
        found = neighbours(SHOP_MAP, "Cart", limit=1)
        assert len(found.relations) == 1
        assert found.truncated

    @pytest.mark.parametrize("bad", [{"depth": 0}, {"limit": 0}, {"kinds": ["likes"]}, {"direction": "up"}])
    def test_bad_options_are_refused(self, bad: dict[str, object]) -> None:
        with pytest.raises(InvalidArgument):
            neighbours(SHOP_MAP, "Cart", **bad)  # type: ignore[arg-type]


class TestOutline:
    def test_a_file_shows_its_symbols_in_order(self) -> None:
        shown = outline(SHOP_MAP, "shop/cart.py")
        assert [(one.symbol.qualname, one.depth) for one in shown.entries] == [
            ("Cart", 0), ("Cart.limit", 1), ("Cart.__init__", 1), ("Cart.add_item", 1), ("Cart.check_limit", 1),
            ("Cart.total", 1),
        ]  # fmt: skip
        assert [one.symbol.qualname for one in outline(SHOP_MAP, "shop/cart.py", depth=1).entries] == ["Cart"]
        assert all(one.tokens > 0 for one in shown.entries)

    def test_a_folder_shows_folders_then_files(self) -> None:
        shown = outline(SHOP_MAP)
        assert [one.symbol.path for one in shown.entries] == [
            "docs",
            "shop",
            "tests",
            "vendor",
            "notes",
            "pyproject.toml",
        ]
        assert [one.symbol.kind for one in shown.entries[:2]] == ["folder", "folder"]
        deeper = outline(SHOP_MAP, "./", depth=2)
        assert [(one.symbol.path, one.depth) for one in deeper.entries[:3]] == [
            ("docs", 0), ("docs/guide.md", 1), ("shop", 0),
        ]  # fmt: skip
        assert outline(SHOP_MAP, limit=2).truncated

    def test_an_unknown_path_is_not_found(self) -> None:
        with pytest.raises(NotFound, match="shop/cart"):
            outline(SHOP_MAP, "shop/card.py")
        with pytest.raises(InvalidArgument):
            outline(SHOP_MAP, "shop/../../etc")


class TestRank:
    def test_what_is_used_is_important(self) -> None:
        rank = importance(SHOP_MAP)
        assert rank.sum() == pytest.approx(1)
        assert rank[unit_of(SHOP_MAP, "shop/prices.py::total_price:function")] > rank[unit_of(SHOP_MAP, "Cart.total")]

    def test_seen_from_a_task_its_surroundings_are_important(self) -> None:
        start = np.zeros(len(SHOP_MAP))
        start[unit_of(SHOP_MAP, "Cart.total")] = 1
        rank = importance_for(SHOP_MAP, start)
        assert (
            rank[unit_of(SHOP_MAP, "shop/prices.py::total_price:function")] > rank[unit_of(SHOP_MAP, "Item.validate")]
        )


class TestOverview:
    def test_a_map_shows_signatures_and_no_bodies(self) -> None:
        made = overview(SHOP_MAP, 1000, counter=open_counter())
        assert "shop/cart.py\n  class Cart(Base)\n" in made.text
        assert "def add_item(self, item: Item) -> None" in made.text
        assert "append" not in made.text

    def test_a_task_decides_what_a_small_map_shows(self) -> None:
        assert "price" in overview(SHOP_MAP, 40, "tax of prices", counter=open_counter()).text
        assert "validate" in overview(SHOP_MAP, 40, "validate an item", counter=open_counter()).text

    @pytest.mark.parametrize("budget", [0, -1, True, 1.5, "7", 10**9])
    def test_a_budget_is_a_whole_number(self, budget: object) -> None:
        with pytest.raises(InvalidArgument):
            overview(SHOP_MAP, budget, counter=open_counter())  # type: ignore[arg-type]

    def test_a_budget_that_no_line_fits_gives_nothing(self) -> None:
        made = overview(SHOP_MAP, 1, counter=open_counter())
        assert (made.text, made.tokens) == ("", 0)
        assert overview(build_texts({}), 100, counter=open_counter()).text == ""


class TestScope:
    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("shop", 4),
            ("shop/", 4),
            ("./shop/cart.py", 1),
            ("*.py", 5),
            ("**/*.py", 5),
            ("shop/*.py", 4),
            ("*/test_cart.py", 1),
            ("[st]*/*.py", 5),
            ("sho", 0),
            ("", 9),
        ],
    )
    def test_a_prefix_or_glob_selects_files(self, path: str, wanted: int) -> None:
        assert in_path(SHOP_MAP, path).sum() == wanted

    def test_a_path_stays_inside(self) -> None:
        assert clean_path("/a//b/./c/") == "a/b/c"
        for path in ("..", "a/../../b", "a\0b"):
            with pytest.raises(InvalidArgument):
                clean_path(path)
