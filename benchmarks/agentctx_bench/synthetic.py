"""Made-up conversation, for timings where no data set is at hand: distinct sentences with a natural spread of words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from agentctx.types import NewEpisode

_SPEAKERS: Final = ("Ana", "Bela", "Chidi", "Dora")
_OPENINGS: Final = ("Guess what,", "By the way,", "Honestly,", "You know,", "Well,", "Oh,", "So,", "")
_DOERS: Final = ("I", "my sister", "the neighbour", "our coach", "my colleague", "the whole team", "my cousin")
_DEEDS: Final = (
    "bought", "repaired", "lost", "painted", "borrowed", "planned", "forgot", "cooked", "sold", "recommended",
    "photographed", "cancelled", "visited", "finished", "started", "broke", "found", "tried", "missed", "booked",
)  # fmt: skip
_KINDS: Final = ("old", "blue", "expensive", "tiny", "second-hand", "wooden", "famous", "quiet", "strange", "new")
_THINGS: Final = (
    "bicycle", "recipe", "concert", "apartment", "novel", "garden", "flight", "guitar", "lamp", "course", "museum",
    "jacket", "kayak", "meeting", "podcast", "puppy", "camera", "ceramic bowl", "train ticket", "history lecture",
    "birthday cake", "chess set", "balcony", "marathon", "violin lesson", "spreadsheet", "tent", "exhibition",
)  # fmt: skip
_PLACES: Final = (
    "Lisbon", "the harbour", "Mill Street", "the office", "Oslo", "the old market", "grandmother's house", "Kyoto",
    "the library", "the lake", "Buenos Aires", "the station", "a small village", "the clinic", "the university",
)  # fmt: skip
_ENDINGS: Final = (
    "and it made my week.", "but I am not sure about it.", "which took much longer than expected.",
    "so we will have to do it again.", "and everybody was happy.", "because of the weather.", "What do you think?",
)  # fmt: skip
_SYLLABLES: Final = ("ka", "lo", "mir", "ten", "su", "ri", "bar", "no", "ve", "zu", "del", "pho", "gan", "ix", "ol")
_TURNS: Final = 20  # a session


def episodes(count: int, seed: int = 0) -> Iterator[NewEpisode]:
    """`count` distinct episodes in sessions of 20, some minutes apart. The same seed makes the same ones."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    start = datetime(2023, 1, 1, 9, tzinfo=UTC)
    for number in range(count):
        session, position = divmod(number, _TURNS)
        yield NewEpisode(
            content=_sentence(rng, number),
            id=f"t{number:07}",
            session=f"s{session:06}",
            position=position,
            speaker=_SPEAKERS[number % 2 + session % 2 * 2],
            occurred_at=start + timedelta(days=session, minutes=2 * position),
        )


def questions(count: int, episode_count: int, seed: int = 0) -> list[str]:
    """`count` distinct questions about what such episodes tell."""
    rng = random.Random(seed + 1)  # noqa: S311
    return [
        f"When was the {rng.choice(_KINDS)} {rng.choice(_THINGS)} {rng.choice(_DEEDS)} at {rng.choice(_PLACES)}, "
        f"and what did {_name(rng, rng.randrange(episode_count))} say?"
        for _ in range(count)
    ]


def _sentence(rng: random.Random, number: int) -> str:
    opening = rng.choice(_OPENINGS)
    told = (
        f"{opening} {rng.choice(_DOERS)} {rng.choice(_DEEDS)} a {rng.choice(_KINDS)} {rng.choice(_THINGS)} at "
        f"{rng.choice(_PLACES)} with {_name(rng, number)} on day {number} {rng.choice(_ENDINGS)}"
    )
    return told.strip()


def _name(rng: random.Random, number: int) -> str:
    """A name: few people come up often, most come up once or twice, as words of a language do."""
    chosen = int(number ** rng.random())
    name = ""
    while chosen or not name:
        chosen, syllable = divmod(chosen, len(_SYLLABLES))
        name += _SYLLABLES[syllable]
    return name.capitalize()
