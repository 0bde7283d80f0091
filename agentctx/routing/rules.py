"""Rules: patterns that speak for a task type, as data."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Self

from agentctx.errors import InvalidArgument
from agentctx.routing.features import READ
from agentctx.routing.tables import Table, number, shipped


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `pattern` matches, the log-odds of `task_type` grow by `weight`. `name` is what explanations call it."""

    name: str
    task_type: str
    pattern: re.Pattern[str]
    weight: float


class RuleSet:
    """All rules, applied at once: none shuts out another, and none decides alone. Thread-safe."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """rules: in any order; their weights add up."""
        self._rules = tuple(rules)

    @classmethod
    def load(cls, task_types: Container[str], custom: Table | None = None) -> Self:
        """The shipped rules of those task types and a user's: `[[rule]]` with name, task_type, pattern, weight.

        Raises InvalidArgument for a pattern that does not compile or a task type that does not exist.
        """
        rules = [_rule(row) for row in shipped("rules")["rule"]]
        rules = [rule for rule in rules if rule.task_type in task_types]
        for row in (custom or {}).get("rule", []):
            rule = _rule(row)
            if rule.task_type not in task_types:
                raise InvalidArgument(f"rule {rule.name!r} is for an unknown task type", field="rule.task_type")
            rules.append(rule)
        return cls(rules)

    def matching(self, text: str) -> list[Rule]:
        """The rules that match the first 4,000 characters of `text`."""
        text = text[:READ]
        return [rule for rule in self._rules if rule.pattern.search(text)]


def _rule(row: Any) -> Rule:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("name", "task_type", "pattern")):
        raise InvalidArgument("a [[rule]] needs name, task_type and pattern, each a text", field="rule")
    try:
        pattern = re.compile(row["pattern"], re.IGNORECASE)
    except re.error as error:
        raise InvalidArgument(f"rule {row['name']!r}: {error}", field="rule.pattern") from error
    return Rule(row["name"], row["task_type"], pattern, number(row, "weight", f"rule {row['name']}", -20, 20))
