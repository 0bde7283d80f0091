"""Small generations made of texts, and what two of them must have in common to be equal."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from typing import Final

import numpy as np

from agentctx.code.analysis import analyze
from agentctx.code.codemap import Codebase
from agentctx.code.codemap_build import BuildFile, build
from agentctx.code.extract import extract
from agentctx.code.resolve.edges import FileEdges
from agentctx.code.resolve.resolver import Resolver

SHOP: Final[Mapping[str, str]] = {
    "shop/__init__.py": '"""A shop."""\nfrom shop.cart import Cart\n\n__all__ = ["Cart"]\n',
    "shop/cart.py": (
        '"""Carts and what is in them."""\n'
        "from shop.models import Item, Base\n"
        "from shop.prices import total_price\n\n\n"
        "class Cart(Base):\n"
        '    """Items that somebody wants to buy."""\n\n'
        "    limit = 10\n\n"
        "    def __init__(self):\n"
        "        self.items = []\n\n"
        "    def add_item(self, item: Item) -> None:\n"
        '        """Put an item into the cart."""\n'
        "        self.check_limit()\n"
        "        self.items.append(item)\n\n"
        "    def check_limit(self):\n"
        "        if len(self.items) >= self.limit:\n"
        '            raise ValueError("the cart is full")\n\n'
        "    def total(self):\n"
        "        return total_price(self.items)\n"
    ),
    "shop/models.py": (
        "class Base:\n"
        "    def save(self):\n"
        "        pass\n\n\n"
        "class Item(Base):\n"
        "    def save(self):\n"
        "        self.validate()\n\n"
        "    def validate(self):\n"
        "        return True\n"
    ),
    "shop/prices.py": (
        "TAX = 0.2\n\n\n"
        "def total_price(items):\n"
        '    """The sum of all prices, with tax."""\n'
        "    return sum(price_of(item) for item in items) * (1 + TAX)\n\n\n"
        "def price_of(item):\n"
        "    return item.price\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import Cart\n\n\n"
        "def test_a_full_cart_takes_no_item():\n"
        "    cart = Cart()\n"
        "    cart.add_item(None)\n"
    ),
    "vendor/jquery.js": "function total_price(cart) { return cart.items; }\n",
    "docs/guide.md": "# Guide\n\nHow to fill a cart.\n\n## Prices\n\nEvery price has tax.\n",
    "pyproject.toml": '[project]\nname = "shop"\n',
    "notes": "remember the milk\n",
}


def build_files(texts: Mapping[str, str], *, edges: bool = True) -> list[BuildFile]:
    """What an indexer would give to `build`."""
    contents = {path: text.encode() for path, text in texts.items()}
    facts = {path: extract(path, content) for path, content in contents.items()}
    found = {one.path: one for one in Resolver(facts).resolve()} if edges else {}
    return [
        BuildFile(
            path,
            sha1(content, usedforsecurity=False).hexdigest(),
            len(content),
            analyze(facts[path], content),
            found.get(path) or FileEdges(path),
        )
        for path, content in contents.items()
    ]


def build_texts(texts: Mapping[str, str]) -> Codebase:
    """A generation of these files."""
    return build(build_files(texts))


def assert_equal(one: Codebase, other: Codebase) -> None:
    """Every array, string and relation is the same."""
    for name in ("paths", "content_hashes", "languages", "kind_names", "rung_names"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("sizes", "marks", "first_unit", "file_of", "columns", "local", "folded", "offsets"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert bytes(one.strings) == bytes(other.strings)
    for name in ("graph", "words", "file_words", "path_words"):
        arrays = getattr(other, name).arrays()
        for part, array in getattr(one, name).arrays().items():
            assert np.array_equal(array, arrays[part]), f"{name}.{part}"
