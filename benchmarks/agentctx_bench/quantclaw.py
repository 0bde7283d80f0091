"""QuantClaw's published table: what 4 bit costs and saves by kind of task (arXiv 2604.22577 and its project page)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Sensitivity = Literal["high", "moderate", "low"]


class Row(NamedTuple):
    """gain: percent by which 16 bit scores higher than NVFP4; saving: percent by which NVFP4 is cheaper.

    low: whether its shipped example sends the type to 4 bit (cost view).
    """

    task_type: str
    sensitivity: Sensitivity
    gain: float
    saving: float
    low: bool


TABLE: Final = tuple(
    Row(*row)
    for row in (
        ("coding", "high", 12.27, 37.37, False),
        ("compliance", "high", 8.73, 12.04, False),
        ("terminal", "high", 6.69, 28.82, False),
        ("safety", "high", 6.50, 8.87, False),
        ("synthesis", "high", 6.39, 8.09, False),
        ("workflow", "high", 6.15, 14.82, False),
        ("organization", "high", 3.57, 15.93, False),
        ("operations", "high", 2.67, 22.36, False),
        ("security", "high", 2.42, 16.41, False),
        ("rewriting", "moderate", 1.37, 18.90, False),
        ("file_ops", "moderate", 1.34, 21.68, False),
        ("finance", "moderate", 1.17, 18.58, False),
        ("content", "moderate", 0.83, 21.22, True),
        ("procurement", "moderate", 0.73, 7.44, False),
        ("productivity", "moderate", 0.63, 25.29, True),
        ("ops", "moderate", 0.50, 18.61, True),
        ("memory", "moderate", 0.00, 17.75, True),
        ("communication", "moderate", -0.48, 19.12, True),
        ("research", "low", -2.64, 13.08, True),
        ("multimodal", "low", -2.71, 11.62, True),
        ("comprehension", "low", -4.02, 9.12, True),
        ("knowledge", "low", -6.29, 17.47, True),
        ("office_qa", "low", -6.84, 7.78, True),
        ("data_analysis", "low", -10.06, 22.56, True),
    )
)
SENSITIVITY: Final = {row.task_type: row.sensitivity for row in TABLE}
HIGH_SCORE: Final = 0.65
"""What the models of its study score on average at high precision, roughly; gains are relative to it."""
