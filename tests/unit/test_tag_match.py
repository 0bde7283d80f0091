"""From a query to tags and rows: what is matched, how far it is followed, and what bounds it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from agentctx.index import tags as tags_module
from agentctx.index.tag_match import NO_MATCHES, MatchLimits, match_tags
from agentctx.index.tags import TagIndex
from agentctx.text.phrases import phrases
from agentctx.types import TagEdit

SAID = [
    *["The support group meets."] * 3,
    *["Another group, again."] * 4,
    *["A garden with roses."] * 2,
    *["Nothing to say."] * 60,
]


def filled(said: Sequence[str] = SAID) -> TagIndex:
    index = TagIndex()
    index.add([phrases(text) for text in said], [()] * len(said))
    return index


def embed(names: Sequence[str]) -> npt.NDArray[np.float32]:
    """A garden and a park point the same way, everything else another one."""
    return np.array([[1, 0] if name in ("garden", "park") else [0, 1] for name in names], dtype=np.float32)


PARK = np.array([1, 0], dtype=np.float32)


def names(index: TagIndex, query: str, limits: MatchLimits | None = None, *, meaning: bool = False) -> dict[str, int]:
    found = match_tags(index, query, PARK if meaning else None, embed if meaning else None, limits or MatchLimits())
    return {tag.name: tag.depth for tag in found.tags}


def test_tags_that_the_query_names_and_those_below_them() -> None:
    index = filled()
    assert names(index, "Which groups are there?") == {"group": 0, "support_group": 1, "support": 1}
    assert names(index, "Which groups are there?", MatchLimits(depth=0)) == {"group": 0}
    assert names(index, "my support group") == {"support_group": 0, "group": 0, "support": 0}
    assert names(index, "who sings?") == {}


def test_broader_tags_only_where_asked_for() -> None:
    index = filled()
    index.edit([TagEdit("add", "plants"), TagEdit("link", "garden", "plants")])
    assert "plants" not in names(index, "the garden")
    index.change(0, (), ("plants",))
    index.graph()
    assert names(index, "the garden", MatchLimits(up=0.5))["plants"] == 1


def test_tags_of_like_meaning() -> None:
    index = filled()
    assert names(index, "a park", meaning=True) == {"garden": 0}
    assert names(index, "a park") == {}


def test_a_nearer_and_a_rarer_tag_weigh_more() -> None:
    weights = {tag.name: tag.weight for tag in match_tags(filled(), "group, garden").tags}
    assert weights["garden"] > weights["group"]
    assert weights["support_group"] < weights["group"]
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    assert all(0 < weight <= 1 for weight in weights.values())


def test_a_row_scores_the_same_whatever_is_asked_about_beside_it() -> None:
    index = filled()
    found = match_tags(index, "garden and group")
    every = found.score(np.arange(index.rows))
    for row in range(index.rows):
        assert found.score(np.array([row]))[0] == every[row]
        bears = [tag.weight for tag in found.tags if row in tag.rows]
        assert every[row] == pytest.approx(max(bears, default=0.0))
        assert found.names(row) == [tag.name for tag in found.tags if row in tag.rows]


def test_rows_are_bounded_and_broad_tags_lead_nowhere() -> None:
    index = filled(["A violin."] * 400 + ["A cello, the violin too."] * 3)
    found = match_tags(index, "violin cello")
    assert found.left_out == 1
    assert found.rows.tolist() == [400, 401, 402]
    assert {tag.name for tag in found.tags} == {"violin", "cello"}
    assert match_tags(index, "violin cello", limits=MatchLimits(rows=2)).rows.tolist() == []


def test_a_hub_does_not_reach_everything() -> None:
    said = [f"red {chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(100) for _ in range(2)]
    found = match_tags(filled(said), "red", limits=MatchLimits(reached=10))
    assert len(found.tags) == 10


def test_edits_count() -> None:
    index = filled()
    index.edit([TagEdit("merge", "garden", "group")])
    assert match_tags(index, "garden", limits=MatchLimits(broad=1, depth=0)).rows.tolist() == list(range(9))
    index.edit([TagEdit("delete", "group")])
    assert match_tags(index, "garden group", limits=MatchLimits(depth=0)) == NO_MATCHES


def test_a_large_namespace_does_not_wait_for_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags_module, "AT_ONCE", 10)
    index = filled()
    assert names(index, "group") == {"group": 0}
    index.graph()
    assert names(index, "group") == {"group": 0, "support_group": 1, "support": 1}
    more = ["The violin."] * 50
    index.add([phrases(text) for text in more], [()] * len(more))
    assert names(index, "group") == {"group": 0, "support_group": 1, "support": 1}
    assert index.graph_at_hand() is not index.graph()


def test_an_empty_namespace_matches_nothing() -> None:
    assert match_tags(TagIndex(), "anything") == NO_MATCHES


def test_only_new_tags_are_embedded() -> None:
    asked: list[list[str]] = []

    def counting(names: Sequence[str]) -> npt.NDArray[np.float32]:
        asked.append(list(names))
        return embed(names)

    index = filled()
    match_tags(index, "x", PARK, counting)
    match_tags(index, "x", PARK, counting)
    index.add([phrases("The violin.")] * 2, [()] * 2)
    index.graph()
    match_tags(index, "x", PARK, counting)
    assert len(asked) == 2
    assert asked[1] == ["violin"]
