"""One script of calls on `code` of library, asyncio library, sync client and asyncio client: same results, same errors.

Each face has a store of its own and reads the same small tree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agentctx import connect, connect_async
from agentctx.aio import AsyncCode
from agentctx.config import Limits, Settings
from agentctx.errors import AgentctxError
from agentctx.types import CodeAPI, CodeSearchResult, IndexProgress, Repository, ScoutResult
from tests.fixtures_server import Blocking, open_engine, running_loop, serving

SMALL = Settings(limits=Limits(page_size=100))
Step = Callable[[CodeAPI], Any]

TREE = {
    "shop/__init__.py": '"""A shop."""\nfrom shop.cart import Cart\n\n__all__ = ["Cart"]\n',
    "shop/cart.py": '''"""The cart and what is in it."""

from shop.prices import Price, rounded


class Item:
    """Something that can be bought."""

    def __init__(self, name: str, price: Price) -> None:
        self.name = name
        self.price = price


class Gift(Item):
    """An item that costs nothing."""


class Cart:
    """Items that somebody wants to buy."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def add(self, item: Item) -> None:
        """Put an item in."""
        self.items.append(item)

    def total(self) -> int:
        """What all of it costs, in cents."""
        return rounded(sum(item.price.cents for item in self.items))
''',
    "shop/prices.py": '''class Price:
    """An amount of money."""

    def __init__(self, cents: float) -> None:
        self.cents = cents


def rounded(cents: float) -> int:
    """To whole cents, half up."""
    return int(cents + 0.5)
''',
    "tests/test_cart.py": "from shop import Cart\n\n\ndef test_no_items_no_price():\n    assert Cart().total() == 0\n",
    "README.md": "# Shop\n\nA cart with prices.\n\n## Rounding\n\nPrices are rounded half up.\n",
    "web/app.js": "export function render(cart) {\n  return format(cart);\n}\n\nfunction format(a) {\n  return a;\n}\n",
    "broken.py": "def half(:\n",
}


def write(root: Path) -> Path:
    for name, text in TREE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "picture.bin").write_bytes(bytes(range(256)) * 8)
    (root / "latin.py").write_bytes('NAME = "Grüße"\n'.encode("latin-1"))
    return root


@contextmanager
def library(folder: Path, roots: Path) -> Iterator[Any]:
    with open_engine(folder, SMALL) as engine:
        yield engine.code


@contextmanager
def async_library(folder: Path, roots: Path) -> Iterator[Any]:
    with open_engine(folder, SMALL) as engine, running_loop() as loop:
        yield Blocking(AsyncCode(engine.code), loop)


@contextmanager
def sync_client(folder: Path, roots: Path) -> Iterator[Any]:
    with (
        open_engine(folder, SMALL) as engine,
        serving(engine, code_roots=(roots,)) as served,
        connect(served.address) as client,
    ):
        yield client.code


@contextmanager
def async_client(folder: Path, roots: Path) -> Iterator[Any]:
    with (
        open_engine(folder, SMALL) as engine,
        serving(engine, code_roots=(roots,)) as served,
        running_loop() as loop,
    ):

        async def start() -> Any:
            return connect_async(served.address)

        client = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        try:
            yield Blocking(client.code, loop)
        finally:
            asyncio.run_coroutine_threadsafe(client.close(), loop).result(10)


FACES = {
    "library": library,
    "asyncio library": async_library,
    "sync client": sync_client,
    "asyncio client": async_client,
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "trees" / "shop")


@pytest.fixture
def faces(tmp_path: Path, shop: Path) -> Iterator[dict[str, CodeAPI]]:
    with ExitStack() as stack:
        opened = {}
        for name, face in FACES.items():
            folder = tmp_path / name.replace(" ", "-")
            folder.mkdir()
            opened[name] = cast("CodeAPI", stack.enter_context(face(folder, shop.parent)))
        yield opened


def timeless(result: Any) -> Any:
    """A result without what took how long, and whether somebody has just looked at the tree."""
    if isinstance(result, IndexProgress):
        if (report := result.report) is None:
            return result
        return replace(result, report=replace(report, seconds=dict.fromkeys(report.seconds)))
    if isinstance(result, CodeSearchResult | ScoutResult):
        result = replace(result, stages_ms=dict.fromkeys(result.stages_ms))
    if hasattr(result, "generation") and not isinstance(result, Repository):
        result = replace(result, generation=replace(result.generation, changed=None))
    return result


def outcome(code: CodeAPI, step: Step) -> Any:
    """What a call gives: its result, or the error's class, code, field and details."""
    try:
        result = step(code)
        if isinstance(result, Iterator):
            result = list(result)
    except AgentctxError as error:
        return (type(error), error.code, error.field, error.details)
    return [timeless(one) for one in result] if isinstance(result, list) else timeless(result)


def agree(faces: dict[str, CodeAPI], steps: list[Step]) -> list[Any]:
    """Run the steps on each face and compare step by step; returns the library's outcomes."""
    results = []
    for number, step in enumerate(steps):
        expected = outcome(faces["library"], step)
        for name, code in faces.items():
            if name != "library":
                assert outcome(code, step) == expected, f"step {number} on the {name}"
        results.append(expected)
    return results


def last(steps: Any) -> Any:
    return list(steps)[-1]


def test_indexing_finding_and_removing(faces: dict[str, CodeAPI], shop: Path) -> None:
    root = str(shop)
    indexed, again, *rest = agree(
        faces,
        [
            lambda c: last(c.index(root)),
            lambda c: last(c.index(root)),
            lambda c: c.list(),
            lambda c: c.get("shop"),
            lambda c: c.search("shop", "total of a cart"),
            lambda c: c.search("shop", "round prices", granularity="file", k=3, explain=True),
            lambda c: c.search("shop", "cart", granularity="chunk", path="shop", tests=False, vendored=False),
            lambda c: c.search("shop", "cart", language="python", kinds=["class"]),
            lambda c: c.search("shop", "xyzzy"),
            lambda c: c.symbol("shop", "Cart.total"),
            lambda c: c.symbol("shop", "init", kinds=("method",), path="shop/cart.py", k=1),
            lambda c: c.symbol("shop", "nothing at all"),
            lambda c: c.neighbours("shop", "rounded"),
            lambda c: c.neighbours("shop", "Item", kinds=["inherits"], direction="in"),
            lambda c: c.neighbours("shop", "Cart.total", kinds=("calls", "tests"), depth=2, limit=1),
            lambda c: c.outline("shop"),
            lambda c: c.outline("shop", "shop", depth=2),
            lambda c: c.outline("shop", "shop/cart.py", limit=2),
            lambda c: c.source("shop", "shop/prices.py"),
            lambda c: c.source("shop", "shop/prices.py", start_line=8, end_line=9),
            lambda c: c.source("shop", "latin.py"),
            lambda c: c.source("shop", "shop/prices.py", start_line=90, end_line=91),
        ],
    )
    assert indexed.report.published
    assert not again.report.published
    assert indexed.report.repository.name == "shop"
    assert rest[2].hits[0].symbol.qualname == "Cart.total"
    assert rest[10].relations[0].symbol.qualname
    assert rest[-4].text == TREE["shop/prices.py"]
    (shop / "shop" / "prices.py").write_text("def rounded(cents):\n    return cents\n")
    changed, stale, *_, removed, gone = agree(
        faces,
        [
            lambda c: c.get("shop").generation.changed,
            lambda c: c.source("shop", "shop/prices.py").stale,
            lambda c: last(c.index(root, name="shop")),
            lambda c: c.get("shop").generation,
            lambda c: c.remove("shop"),
            lambda c: c.list(),
        ],
    )
    assert (changed, stale, removed, gone.repositories) == (True, True, None, ())


def test_mapping_and_scouting(faces: dict[str, CodeAPI], shop: Path) -> None:
    issue = 'The total is wrong.\n  File "shop/cart.py", line 33, in total\nTypeError: rounded() got None'
    results = agree(
        faces,
        [
            lambda c: last(c.index(str(shop))).stage,
            lambda c: c.map("shop"),
            lambda c: c.map("shop", budget=60, query="prices", counter="cl100k_base"),
            lambda c: c.map("shop", budget=1),
            lambda c: c.scout("shop", issue),
            lambda c: c.scout("shop", issue, budget=200, k=3, path="shop", tests=True, llm=False),
        ],
    )
    assert results[2].tokens <= 60
    assert results[3].tokens <= 1
    assert results[4].files[0] == "shop/cart.py"


def test_pages(faces: dict[str, CodeAPI], shop: Path) -> None:
    for name in ("a", "b", "c"):
        write(shop.parent / name)

    def names(code: CodeAPI) -> list[list[str]]:
        pages = [code.list(page_size=2)]
        while pages[-1].next_page_token:
            pages.append(code.list(page_size=2, page_token=pages[-1].next_page_token))
        return [[one.name for one in page.repositories] for page in pages]

    _, paged, *_ = agree(
        faces,
        [
            lambda c: [last(c.index(str(shop.parent / name))).report.repository.name for name in ("b", "c", "a")],
            names,
            lambda c: c.list(page_token="nonsense"),
            lambda c: c.list(page_size=0),
            lambda c: c.list(page_size=101),
            lambda c: c.list(page_size=True),
            lambda c: c.list(page_size="2"),  # type: ignore[arg-type]
            lambda c: c.list(page_token=3),  # type: ignore[arg-type]
        ],
    )
    assert paged == [["a", "b"], ["c"]]


BAD: list[Step] = [
    lambda c: c.get("nobody"),
    lambda c: c.get(""),
    lambda c: c.get("a\nb"),
    lambda c: c.get(3),  # type: ignore[arg-type]
    lambda c: c.get("\ud800"),
    lambda c: c.remove("nobody"),
    lambda c: c.remove(None),  # type: ignore[arg-type]
    lambda c: c.search("nobody", "cart"),
    lambda c: c.search("shop", ""),
    lambda c: c.search("shop", "  \n"),
    lambda c: c.search("shop", None),  # type: ignore[arg-type]
    lambda c: c.search("shop", "\ud800"),
    lambda c: c.search("shop", "cart", k=0),
    lambda c: c.search("shop", "cart", k=-1),
    lambda c: c.search("shop", "cart", k=100_000),
    lambda c: c.search("shop", "cart", k=2**80),
    lambda c: c.search("shop", "cart", k=1.5),  # type: ignore[arg-type]
    lambda c: c.search("shop", "cart", k=True),
    lambda c: c.search("shop", "cart", k="3"),  # type: ignore[arg-type]
    lambda c: c.search("shop", "cart", granularity="line"),  # type: ignore[arg-type]
    lambda c: c.search("shop", "cart", kinds="class"),
    lambda c: c.search("shop", "cart", kinds=[3]),  # type: ignore[list-item]
    lambda c: c.search("shop", "cart", tests=1),  # type: ignore[arg-type]
    lambda c: c.search("shop", "cart", limit=3),  # type: ignore[call-arg]
    lambda c: c.search("shop", "cart", path="../secrets"),
    lambda c: c.search("shop", "cart", language="klingon"),
    lambda c: c.symbol("nobody", "Cart"),
    lambda c: c.symbol("shop", ""),
    lambda c: c.symbol("shop", "Cart", k=0),
    lambda c: c.symbol("shop", "Cart", kinds="class"),
    lambda c: c.symbol("shop", "Cart", path=".."),
    lambda c: c.symbol("shop", None),  # type: ignore[arg-type]
    lambda c: c.neighbours("nobody", "Cart"),
    lambda c: c.neighbours("shop", "Kart"),
    lambda c: c.neighbours("shop", ""),
    lambda c: c.neighbours("shop", "__init__"),
    lambda c: c.neighbours("shop", "Cart", depth=0),
    lambda c: c.neighbours("shop", "Cart", depth=10**6),
    lambda c: c.neighbours("shop", "Cart", limit=0),
    lambda c: c.neighbours("shop", "Cart", kinds=["likes"]),  # type: ignore[list-item]
    lambda c: c.neighbours("shop", "Cart", direction="up"),  # type: ignore[arg-type]
    lambda c: c.neighbours("shop", "Cart", direction=None),  # type: ignore[arg-type]
    lambda c: c.outline("shop", "../x"),
    lambda c: c.outline("shop", "nowhere"),
    lambda c: c.outline("shop", depth=-1),
    lambda c: c.outline("shop", limit=0),
    lambda c: c.outline("nobody"),
    lambda c: c.source("nobody", "README.md"),
    lambda c: c.source("shop", "nothing.py"),
    lambda c: c.source("shop", "../../etc/passwd"),
    lambda c: c.source("shop", "/etc/passwd"),
    lambda c: c.source("shop", ""),
    lambda c: c.source("shop", "README.md", start_line=-1),
    lambda c: c.source("shop", "README.md", start_line=9, end_line=3),
    lambda c: c.source("shop", "README.md", end_line="3"),  # type: ignore[arg-type]
    lambda c: list(c.index("")),
    lambda c: list(c.index(3)),  # type: ignore[arg-type]
    lambda c: list(c.index("a\0b")),
    lambda c: list(c.index("x", name="a/b")),
    lambda c: list(c.index("x", name=3)),  # type: ignore[arg-type]
]


def test_bad_input_gets_the_same_error_everywhere(faces: dict[str, CodeAPI], shop: Path) -> None:
    inside = str(shop.parent / "nothing")
    steps: list[Step] = [
        *BAD,
        lambda c: list(c.index(inside)),
        lambda c: list(c.index(str(shop / "README.md"))),
        lambda c: list(c.index(str(shop), name="n" * 300)),
        lambda c: list(c.index(str(shop), commit="no such")),
        lambda c: list(c.index(str(shop / "web"), name="shop")),
    ]
    agree(faces, [lambda c: last(c.index(str(shop))).stage])
    before = agree(faces, [lambda c: c.get("shop")])
    results = agree(faces, steps)
    for number, result in enumerate(results):
        assert isinstance(result, tuple), f"step {number} was answered: {result!r}"
        assert isinstance(result[0], type), f"step {number} was answered: {result!r}"
        assert result[1] != "internal", f"step {number}"
    assert agree(faces, [lambda c: c.get("shop")]) == before, "what was published is still served"


BAD_BUDGETS: list[Step] = [
    lambda c: c.map("nobody"),
    lambda c: c.map("shop", budget=0),
    lambda c: c.map("shop", budget=-1),
    lambda c: c.map("shop", budget=2**40),
    lambda c: c.map("shop", budget="2000"),  # type: ignore[arg-type]
    lambda c: c.map("shop", counter="nonsense"),
    lambda c: c.map("shop", query=3),  # type: ignore[arg-type]
    lambda c: c.scout("nobody", "x"),
    lambda c: c.scout("shop", ""),
    lambda c: c.scout("shop", " "),
    lambda c: c.scout("shop", "x", budget=0),
    lambda c: c.scout("shop", "x", budget=-5),
    lambda c: c.scout("shop", "x", k=0),
    lambda c: c.scout("shop", "x", k=10**6),
    lambda c: c.scout("shop", "x", path="../x"),
    lambda c: c.scout("shop", "x", tests=None),  # type: ignore[arg-type]
    lambda c: c.scout("shop", "x", depth=2),  # type: ignore[call-arg]
]


def test_bad_budgets_get_the_same_error_everywhere(faces: dict[str, CodeAPI], shop: Path) -> None:
    agree(faces, [lambda c: last(c.index(str(shop))).stage])
    for number, result in enumerate(agree(faces, BAD_BUDGETS)):
        assert isinstance(result, tuple), f"step {number} was answered: {result!r}"
        assert isinstance(result[0], type), f"step {number} was answered: {result!r}"
        assert result[1] != "internal", f"step {number}"
