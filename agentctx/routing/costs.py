"""What a request is expected to cost on a backend, and what leaving a warm cache costs."""

from __future__ import annotations

from agentctx.errors import InvalidArgument
from agentctx.types.routing import Backend, Prices

MILLION = 1_000_000


def check_prices(prices: Prices, field: str = "prices") -> None:
    """InvalidArgument for a price that is negative or not a number."""
    for value in (prices.input_per_1m, prices.output_per_1m, prices.cached_input_per_1m):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9
        ):
            raise InvalidArgument(f"a price is dollars per million tokens, 0 or more, not {value!r:.50}", field=field)


def cost(prices: Prices, input_tokens: int, output_tokens: float, cached_tokens: int = 0) -> float:
    """Dollars for one request, `cached_tokens` of its input being a warm prefix."""
    cached = min(cached_tokens, input_tokens)
    cached_price = prices.input_per_1m if prices.cached_input_per_1m is None else prices.cached_input_per_1m
    fresh = input_tokens - cached
    return (fresh * prices.input_per_1m + cached * cached_price + output_tokens * prices.output_per_1m) / MILLION


def seconds(backend: Backend, output_tokens: float) -> float | None:
    """Expected seconds until the answer is complete; None where the backend's speed is not known."""
    if backend.tokens_per_second <= 0:
        return None
    return backend.first_token_seconds + output_tokens / backend.tokens_per_second


def cache_regret(prices: Prices | None, cached_tokens: int) -> float:
    """Dollars that a warm prefix saves on the current backend, and that moving the session elsewhere gives up once.

    0 where the backend does not price cached input, or no price is known.
    """
    if prices is None or prices.cached_input_per_1m is None:
        return 0.0
    return max(cached_tokens, 0) * max(prices.input_per_1m - prices.cached_input_per_1m, 0.0) / MILLION
