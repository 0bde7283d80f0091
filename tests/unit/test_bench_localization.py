"""The rules of the localization benchmark, and that its parts agree with each other on a made-up repository."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from agentctx_bench import localization_bm25 as bm25
from agentctx_bench import localization_context as gold_in_context
from agentctx_bench.localization import Options, localization
from agentctx_bench.localization_data import Clone, Row, clones, load
from agentctx_bench.localization_scores import Ranking, compare, function_key, mcnemar, outcome
from agentctx_bench.localization_tables import show_localization
from rich.console import Console

from agentctx.errors import FailedPrecondition, InvalidArgument

CART = """
import os


class Cart:
    \"\"\"What somebody wants to buy.\"\"\"

    limit = 3

    def __init__(self):
        self.items = []

    def add(self, item):
        def check():
            return len(self.items) < self.limit
        if not check():
            raise ValueError("the cart is full")
        self.items.append(item)


def total(items):
    return sum(items)
"""
PRICES = "def price(item):\n    return item.price * tax(item)\n\n\ndef tax(item):\n    return 1.2\n"


def row(**changes: object) -> Row:
    given = {
        "key": "me__shop-1",
        "repository": "me/shop",
        "commit": "0" * 40,
        "issue": "Cart.add forgets the limit of the cart",
        "files": frozenset({"shop/cart.py"}),
        "modules": frozenset({"shop/cart.py::Cart"}),
        "functions": frozenset({"shop/cart.py::Cart", "shop/cart.py::Cart.add"}),
    }
    return Row(**(given | changes))  # type: ignore[arg-type]


def git(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, Path, str]:
    """(folder of clones, data file, commit) of a small repository, whose head has moved on."""
    work = tmp_path / "repos" / "me__shop"
    (work / "shop").mkdir(parents=True)
    (work / "tests").mkdir()
    (work / "shop" / "cart.py").write_text(CART)
    (work / "shop" / "prices.py").write_text(PRICES)
    (work / "shop" / "old.py").write_text("print 'python 2'\n")
    (work / "tests" / "test_cart.py").write_text("from shop.cart import Cart\n\ndef test_add():\n    Cart().add(1)\n")
    git(work, "init", "-q")
    git(work, "add", ".")
    git(work, "commit", "-qm", "first")
    commit = git(work, "rev-parse", "HEAD")
    (work / "shop" / "cart.py").write_text("# fixed\n")
    git(work, "commit", "-qam", "fix")
    one = row(commit=commit)
    data = tmp_path / "dev.jsonl"
    data.write_text(
        json.dumps(
            {
                "instance_id": one.key,
                "repo": one.repository,
                "base_commit": commit,
                "problem_statement": one.issue + "\r\nmore\u2028text",
                "gold_files": sorted(one.files),
                "gold_modules": sorted(one.modules),
                "gold_functions": sorted(one.functions),
            }
        )
        + "\n",
        encoding="utf-8",
    )
    return tmp_path / "repos", data, commit


class TestKeys:
    @pytest.mark.parametrize(
        ("names", "key"),
        [
            ([("A", False), ("__init__", True)], "p.py::A"),
            ([("A", False), ("run", True), ("inner", True)], "p.py::A.run"),
            ([("f", True), ("Local", False), ("g", True)], "p.py::f"),
            ([("A", False), ("B", False), ("run", True)], "p.py::A.B.run"),
            ([("__init__", True)], "p.py::__init__"),
        ],
    )
    def test_inner_functions_and_init_fold_outwards(self, names: list[tuple[str, bool]], key: str) -> None:
        assert function_key("p.py", names) == key


class TestScores:
    def test_the_whole_gold_has_to_be_there(self) -> None:
        half = outcome(row(), Ranking(("shop/cart.py",), ("shop/cart.py::Cart.add",)))
        assert (half["file@1"], half["module@5"], half["function@5"]) == (1, 1, 0)

    def test_init_counts_as_its_class(self) -> None:
        ranking = Ranking((), ("shop/cart.py::Cart.__init__", "shop/cart.py::Cart.add"))
        assert outcome(row(), ranking)["function@5"] == 1

    def test_copies_take_no_place_and_make_no_hit(self) -> None:
        other = tuple(f"x.py::f{i}" for i in range(4))
        gold = ("shop/cart.py::Cart", "shop/cart.py::Cart.add")
        assert outcome(row(), Ranking((), ("x.py::f0", *other[:3], *gold)))["function@5"] == 1
        assert outcome(row(), Ranking((), (gold[0], gold[0])))["function@5"] == 0

    def test_the_list_is_cut_at_k(self) -> None:
        files = (*(f"f{i}.py" for i in range(3)), "shop/cart.py")
        found = outcome(row(), Ranking(files, ()))
        assert (found["file@3"], found["file@5"]) == (0, 1)

    def test_an_empty_answer_is_a_miss(self) -> None:
        assert not any(outcome(row(), Ranking((), ())).values())

    def test_mcnemar_is_exact(self) -> None:
        assert mcnemar(0, 0) == 1
        assert mcnemar(5, 0) == pytest.approx(2 / 32)
        assert mcnemar(5, 5) == 1

    def test_a_comparison_is_ours_minus_theirs(self) -> None:
        found = compare([{"a": 1.0}] * 3 + [{"a": 0.0}], [{"a": 0.0}] * 4, seed=0)["a"]
        assert (found["mean"], found["won"], found["lost"]) == (0.75, 3, 0)


class TestBaselines:
    def test_identifiers_are_found_whole_and_in_parts(self) -> None:
        assert list(bm25.terms("parseURL2 snake_case x")) == [
            "parseurl2",
            "parse",
            "url",
            "snake_case",
            "snake",
            "case",
        ]

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("pkg/app.py", True),
            ("tests/app.py", False),
            ("pkg/testing/app.py", False),
            ("test_app.py", False),
            ("app_test.py", False),
            ("pkg/latest.py", True),
            ("setup.cfg", False),
        ],
    )
    def test_candidates_are_python_files_outside_tests(self, path: str, expected: bool) -> None:
        assert bm25.candidate(path) is expected

    def test_units_are_functions_class_headers_and_the_rest(self) -> None:
        units = bm25._units(CART)
        assert [name for name, _, _ in units] == ["", "Cart", "Cart.__init__", "Cart.add", "total"]
        assert "".join(text for _, _, text in units).count("limit = 3") == 1

    def test_what_does_not_parse_is_one_unit(self) -> None:
        assert [name for name, _, _ in bm25._units("print 'x'\n")] == [""]


class TestGold:
    def gold(self) -> dict[str, gold_in_context.Gold]:
        return gold_in_context.gold_of(row(), lambda path: CART.encode())

    def shown(self, text: str, path: str = "shop/cart.py") -> dict[str, float]:
        return gold_in_context.score(row(), self.gold(), [gold_in_context.Shown(path, tuple(text.splitlines()))])

    def test_the_file_whole_shows_everything(self) -> None:
        assert set(self.shown(CART).values()) == {1.0}

    def test_the_same_lines_of_another_file_show_nothing(self) -> None:
        assert not any(self.shown(CART, "shop/copy.py").values())

    def test_a_signature_is_seen_but_no_body(self) -> None:
        found = self.shown("class Cart:\n    def add(self, item): ...\n")
        assert found == {"file_recall": 1, "function_seen": 1, "function_body": 0, "function_body_all": 0}

    def test_a_body_with_a_hole_is_none(self) -> None:
        assert self.shown(CART.replace("        if not check():\n", ""))["function_body"] == 0.5

    def test_line_numbers_and_depth_do_not_matter(self) -> None:
        numbered = "\n".join(f"{i:4}| {line.strip()}" for i, line in enumerate(CART.splitlines(), 1))
        assert self.shown(numbered)["function_body_all"] == 1

    def test_a_class_is_shown_by_its_header_or_its_init(self) -> None:
        init = "def __init__(self):\n    self.items = []\n"
        assert self.shown(init)["function_body"] == 0.5


class TestData:
    def test_other_line_ends_do_not_split_a_row(self, shop: tuple[Path, Path, str]) -> None:
        (found,) = load(shop[1]).rows
        assert found.issue.endswith("\r\nmore\u2028text")

    def test_a_bad_row_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.jsonl").write_text('{"instance_id": 3}\n')
        with pytest.raises(InvalidArgument, match="line 1"):
            load(tmp_path / "x.jsonl")

    def test_trees_are_read_at_their_commit_without_a_checkout(self, shop: tuple[Path, Path, str]) -> None:
        repos, _, commit = shop
        with Clone(repos / "me__shop") as clone:
            blobs = {blob.path: blob.hash for blob in clone.blobs(commit)}
            assert clone.read(blobs["shop/cart.py"]).decode() == CART
        assert (repos / "me__shop" / "shop" / "cart.py").read_text() == "# fixed\n"

    def test_every_missing_commit_and_clone_is_listed(self, shop: tuple[Path, Path, str], tmp_path: Path) -> None:
        repos, data, commit = shop
        text = data.read_text()
        data.write_text(
            text
            + text.replace(commit, "1" * 40).replace("me__shop-1", "me__shop-2")
            + text.replace('"me/shop"', '"me/other"').replace("me__shop-1", "me__other-1")
        )
        with pytest.raises(FailedPrecondition) as raised, clones(repos, load(data)):
            pass
        assert "1" * 40 in str(raised.value)
        assert "me__other" in str(raised.value)


class TestRun:
    def test_a_small_run_reports_what_is_promised(self, shop: tuple[Path, Path, str], tmp_path: Path) -> None:
        repos, data, _ = shop
        report = localization(data, repos, Options(json_out=tmp_path / "out.json"))
        assert report["file"]["acc@1"] == 1
        assert report["function"]["acc@10"] == 1
        assert report["context"]["2000"]["function_body_all"] == 1
        assert report["context"]["2000"]["violations"] == 0
        assert report["baselines"]["bm25 files"]["file"]["acc@10"] == 1
        assert set(report["baselines"]["bm25 units"]["ours_minus_theirs"]) >= {"file@1", "function@10"}
        assert report["per_repo"]["me/shop"]["instances"] == report["instances"] == 1
        assert report["outcomes"][0]["files"][0] == "shop/cart.py"
        assert (report["environment"]["network"], report["environment"]["llm"]) == (False, False)
        assert json.loads((tmp_path / "out.json").read_text())["file"] == report["file"]
        show_localization(report, Console(file=(printed := io.StringIO()), width=100))
        assert "100.0" in printed.getvalue()

    def test_what_an_earlier_report_holds_is_told_and_not_run_again(
        self, shop: tuple[Path, Path, str], tmp_path: Path
    ) -> None:
        repos, data, _ = shop
        first = localization(data, repos, Options(json_out=tmp_path / "first.json"))
        again = localization(data, repos, Options(resume=(tmp_path / "first.json",)))
        assert again["outcomes"] == first["outcomes"]
        for name in ("file", "function", "context", "baselines", "structure_tokens"):
            assert again[name] == first[name]
        assert again["index_seconds"]["without_cache"] == {}
        (tmp_path / "other.json").write_text(json.dumps(first | {"benchmark": "time"}))
        with pytest.raises(InvalidArgument, match="no report of this benchmark"):
            localization(data, repos, Options(resume=(tmp_path / "other.json",)))

    def test_an_unknown_repository_is_named(self, shop: tuple[Path, Path, str]) -> None:
        with pytest.raises(InvalidArgument, match="me/other"):
            localization(shop[1], shop[0], Options(only=("me/other",)))
