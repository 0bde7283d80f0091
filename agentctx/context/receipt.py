"""The bundle that a build answers with: items with citations, and the receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agentctx.context.carry import Earlier
from agentctx.context.gather_code import CodeFinds
from agentctx.context.gather_memory import Memories
from agentctx.context.pack import Packed, Placed
from agentctx.context.pricing import Prices
from agentctx.context.render import Renderer
from agentctx.context.request import BuildRequest
from agentctx.context.units import CODE, MEMORY, Offer, Unit
from agentctx.text.tokens import TokenCounter
from agentctx.types.context import Bundle, BundleItem, BundleReceipt, CodeCitation, DroppedItem, DropReason

_TOLD: Final = 20  # of what was dropped, and of what more tokens would buy


def bundle_of(
    request: BuildRequest,
    renderer: Renderer,
    counter: TokenCounter,
    prices: Prices,
    packed: Packed,
    memories: Memories,
    finds: CodeFinds,
    earlier: Earlier,
    let_go: Sequence[Placed],
    stages_ms: Mapping[str, float],
) -> Bundle:
    """The answer to a request."""
    numbers = {one.unit.key: number for number, one in enumerate(packed.placed, 1)}
    items = tuple([_item(prices, one, number, numbers) for number, one in enumerate(packed.placed, 1)])
    left = [one for one in packed.choice.left if one.unit.key not in packed.choice.taken]
    dropped = [*_lost(earlier), *(_dropped(prices, one.unit, one.offer, "budget") for one in let_go)]
    dropped += [_dropped(prices, one.unit, one.offer, one.reason) for one in left[:_TOLD]]
    spent = {MEMORY: 0, CODE: 0}
    for one in packed.placed:
        spent[one.unit.side] += prices.tokens[one.offer.id]
    carried = sum(one.carried for one in packed.placed)
    text = packed.rendered.text
    receipt = BundleReceipt(
        budget=request.budget,
        tokens=packed.tokens,
        counter=counter.name,
        exact=counter.exact,
        memory_tokens=spent[MEMORY],
        code_tokens=spent[CODE],
        considered=len(prices.units),
        stopped=packed.choice.stopped,
        dropped=tuple(dropped[:_TOLD]),
        dropped_total=len(dropped) - min(len(left), _TOLD) + len(left),
        next_buys=tuple([_dropped(prices, one.unit, one.offer, one.reason) for one in packed.more[:_TOLD]]),
        carried=carried,
        prefix_chars=packed.rendered.ends[carried - 1] if carried else 0,
        degraded=(*memories.degraded, *finds.degraded),
        stale=any(isinstance(item.citation, CodeCitation) and item.citation.stale for item in items),
        revision=memories.revision,
        generations=finds.generations,
        stages_ms=dict(stages_ms),
    )
    return Bundle(text, request.format, items, receipt, renderer.messages(text))


def _item(prices: Prices, placed: Placed, number: int, numbers: Mapping[str, int]) -> BundleItem:
    unit, offer = placed.unit, placed.offer
    reason = unit.reason
    if placed.because:
        reason = f"needed to read {numbers[placed.because]}"
    return BundleItem(
        number=number,
        id=offer.id,
        level=offer.level,
        citation=offer.shown.citation,
        text=offer.shown.text,
        tokens=prices.tokens[offer.id],
        score=_score(prices, unit),
        parts=unit.parts,
        reason=reason,
        carried=placed.carried,
    )


def _dropped(prices: Prices, unit: Unit, offer: Offer, reason: DropReason) -> DroppedItem:
    return DroppedItem(offer.id, offer.level, prices.tokens[offer.id], _score(prices, unit), reason, unit.label)


def _lost(earlier: Earlier) -> list[DroppedItem]:
    if earlier.lost is None:
        return []
    id, reason = earlier.lost
    return [DroppedItem(id, "episode" if id.startswith("e:") else "body", 0, 0.0, reason)]


def _score(prices: Prices, unit: Unit) -> float:
    """The worth of a unit, that of the best one being 1."""
    return unit.score / prices.best if prices.best > 0 else 0.0
