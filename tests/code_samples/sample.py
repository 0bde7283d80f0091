"""Stores orders and tells who asked for them."""

from __future__ import annotations

import json as codec
from .ledger import Ledger, open_ledger as opened
from typing import *

__all__ = ["OrderStore", "place"]

LIMIT: int = 100


class OrderStore(Ledger):
    """Keeps orders by number."""

    kind = "orders"

    def __init__(self, ledger: Ledger, *, limit=LIMIT) -> None:
        self.ledger = ledger
        self.cache = Cache(limit)

    @property
    def size(self) -> int:
        return len(self.cache)

    def place(self, order: Order) -> Receipt:
        """Enter an order."""
        receipt = self.ledger.write(codec.dumps(order.fields()))
        for line in order.lines:
            self.check(line)
        return receipt

    def check(self, line):
        def complain(text):
            raise ValueError(text)

        if not line:
            complain("empty")


@retry(times=3)
async def place(store: OrderStore, order: Order) -> Receipt:
    return await store.place(order)
