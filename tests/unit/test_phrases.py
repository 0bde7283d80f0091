"""Key phrases of a text: what becomes a candidate, and what spellings share a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctx.text.phrases import LONGEST_NAME, MOST, key_of, normalise, phrases


def names(text: str) -> list[str]:
    return [phrase.name for phrase in phrases(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I went to a support group yesterday.", {"support_group", "support", "group"}),
        ("We met Ana Lopez in Lisbon.", {"ana_lopez", "lisbon"}),
        ("See #CatPictures for more.", {"cat_picture"}),
        ('She read "The Left Hand" twice.', {"the_left_hand"}),
        ("fix parse_config in readTheFile", {"parse_config", "read_the_file"}),
        ("Two dogs; three puppies.", {"dog", "puppy"}),
        ("", set()),
        ("Yeah, thanks! That is really good.", set()),
    ],
)
def test_names_of_a_text(text: str, wanted: set[str]) -> None:
    found = set(names(text))
    assert wanted <= found
    assert bool(wanted) == bool(found)


def test_phrases_do_not_cross_punctuation_or_stop_words() -> None:
    found = set(names("pottery, dogs and a garden"))
    assert found == {"pottery", "dog", "garden"}


def test_what_is_said_more_often_weighs_more() -> None:
    weights = {phrase.name: phrase.weight for phrase in phrases("garden. garden. fence.")}
    assert weights["garden"] > weights["fence"]


def test_a_capital_counts_only_within_a_sentence() -> None:
    weights = {phrase.name: phrase.weight for phrase in phrases("Garden work. We love Lisbon.")}
    assert weights["lisbon"] > weights["garden"]


@pytest.mark.parametrize(("left", "right"), [("Support Groups", "support_group"), ("adopting", "adopt")])
def test_spellings_of_one_phrase_share_a_key(left: str, right: str) -> None:
    assert key_of(left) == key_of(right)


@given(st.text(max_size=400))
def test_every_text_gives_bounded_tidy_names(text: str) -> None:
    found = phrases(text)
    assert len(found) <= MOST
    assert len({phrase.key for phrase in found}) == len(found)
    for phrase in found:
        assert phrase.name
        assert phrase.weight > 0
        assert len(phrase.key) <= LONGEST_NAME
        assert phrase.key == key_of(phrase.name)
        assert phrase.name == normalise(phrase.name)
    assert [phrase.weight for phrase in found] == sorted((phrase.weight for phrase in found), reverse=True)


@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)
