"""Names of numeric precisions, and the tier (4, 8 or 16 bit) that each belongs to."""

from __future__ import annotations

import re
from typing import Final, Literal

from agentctx.errors import InvalidArgument

Tier = Literal[4, 8, 16]
TIERS: Final[tuple[Tier, ...]] = (4, 8, 16)

Precision = Literal[
    "int4", "int8", "fp4", "fp6", "fp8", "mxfp4", "mxfp8", "nvfp4", "fp16", "bf16", "fp32", "int3", "custom", "unknown"
]

# The OpenRouter `quantizations` names, with int3 for what runs locally below four bits, and custom. A tier is the
# nearest class from below: six bits are no eight. What is unknown is treated as the lowest.
_TIERS: Final[dict[Precision, Tier]] = {
    "int3": 4,
    "int4": 4,
    "fp4": 4,
    "mxfp4": 4,
    "nvfp4": 4,
    "fp6": 4,
    "int8": 8,
    "fp8": 8,
    "mxfp8": 8,
    "fp16": 16,
    "bf16": 16,
    "fp32": 16,
    "custom": 4,
    "unknown": 4,
}
PRECISIONS: Final[tuple[Precision, ...]] = tuple(_TIERS)

_SAME: Final[dict[str, Precision]] = {
    "f16": "fp16",
    "half": "fp16",
    "f32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float32": "fp32",
    "awq": "int4",
    "gptq": "int4",
    "w4a16": "int4",
    "w8a8": "int8",
    "w8a16": "int8",
    "nf4": "int4",
}
# llama.cpp's file types: Q8_0, Q4_K_M, IQ3_XXS and so on; the digit is the number of bits.
_LLAMA: Final = re.compile(r"i?q(?P<bits>[1-8])_")
_BY_BITS: Final[dict[int, Precision]] = {1: "int3", 2: "int3", 3: "int3", 4: "int4", 5: "int4", 6: "fp6", 8: "int8"}


def tier_of(precision: Precision, *, declared: Tier | None = None) -> Tier:
    """The tier of a precision; `declared` is believed for `custom` and `unknown`, which are else taken for 4 bit."""
    return declared if declared is not None and precision in ("custom", "unknown") else _TIERS[precision]


def parse_precision(text: str) -> Precision:
    """The precision that `text` names: one of PRECISIONS, or what servers call the same thing (Q4_K_M, AWQ, f16).

    Raises InvalidArgument for anything else; write `custom` and declare the tier for formats of your own.
    """
    name = text.strip().lower().replace("-", "_") if isinstance(text, str) else ""
    if name in _TIERS:
        return name
    if name in _SAME:
        return _SAME[name]
    found = _LLAMA.match(name)
    if found and int(found["bits"]) in _BY_BITS:
        return _BY_BITS[int(found["bits"])]
    raise InvalidArgument(f"unknown precision {text!r:.50}; known: {', '.join(PRECISIONS)}", field="precision")
