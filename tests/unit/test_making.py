"""Values that are made in numbers are the values that their classes make."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from datetime import UTC, datetime

import pytest

from agentctx.types import Episode, Hit, Revision
from agentctx.types.making import maker_of

NOW = datetime(2024, 5, 1, tzinfo=UTC)
EPISODE = Episode("ns", "e1", "hello", "s", 1, "Ana", "user", NOW, NOW, Revision(1, 2), tags=("a",), metadata={"k": 1})


def values_of(value: object) -> list[object]:
    return [getattr(value, one.name) for one in fields(value)]  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [EPISODE, Revision(1, 2), Hit(EPISODE, 0.5, {"dense": 0.5}, ("says it",))])
def test_a_made_value_is_the_one_that_its_class_makes(value: object) -> None:
    made = maker_of(type(value))(*values_of(value))
    assert type(made) is type(value)
    assert made == value
    assert repr(made) == repr(value)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == value


def test_a_made_value_is_frozen_and_hashable_as_its_class_is() -> None:
    made = maker_of(Revision)(1, 2)
    assert {made: "one"}[Revision(1, 2)] == "one"
    assert made < Revision(1, 3)
    assert replace(made, sequence=5) == Revision(1, 5)
    with pytest.raises(FrozenInstanceError):
        made.sequence = 3  # type: ignore[misc]


def test_a_maker_takes_every_field() -> None:
    with pytest.raises(TypeError):
        maker_of(Revision)(1)


@dataclass(frozen=True, slots=True)
class Base:
    one: int = 1


@dataclass(frozen=True, slots=True)
class Derived(Base):
    two: list[int] = field(default_factory=list)


def test_a_class_that_inherits_slots_makes_its_values_itself() -> None:
    assert maker_of(Derived)(1, [2]) == Derived(1, [2])
