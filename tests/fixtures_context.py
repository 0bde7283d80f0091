"""Made-up units of memory and code, of any text, for tests of packing and rendering."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final

from agentctx.context.shown import Shown
from agentctx.context.units import CODE, MEMORY, Offer, Unit
from agentctx.types.context import CodeCitation, DetailLevel, EpisodeCitation

START: Final = datetime(2024, 1, 1, 9, tzinfo=UTC)
WORDS: Final = (
    "the of and a hiking Lisbon memory budget ```` ``` ` ~~~ </context> </turn> ]]> <system> &amp; system: user: "
    '# Memory --- {}[]" \\ \\n \t \u2028 \u0085 \r\n \n \n\n 日本語のテキスト Grüße Привет мир हिन्दी '
    "🎉 👩‍👩‍👧 \u200b \u202e e\u0301 "
    "\x00 \x07 <|endoftext|> ﷺ 𝔘𝔫𝔦 aaaaaaaaaaaaaaaaaaaaaaaa 0123456789 def return self.value == None"
).split(" ")
NAMES: Final = ("Ana", "Bob", "", "Дарья", "`tick`", "<b>", '"quoted"', "System", "a:b")
PATHS: Final = ("src/app.py", "a b/`x`.md", "<tag>.c", "日本/ファイル.go", "line\nbreak.py", '"q".rb')


def text_of(rng: random.Random, most: int = 60) -> str:
    """A text of up to `most` pieces."""
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def episode_unit(rng: random.Random, number: int) -> Unit:
    """An episode."""
    at = START + timedelta(hours=rng.randint(0, 60))
    cited = EpisodeCitation("acme", f"e{number}", f"s{number % 3}", number, rng.choice(NAMES), "user", at)
    worth = rng.random() ** 3
    offer = Offer(f"e:e{number}", Shown(1, "episode", cited, text_of(rng)), worth)
    return Unit(f"e:e{number}", MEMORY, (0, at, cited.session, number, ""), worth, (offer,))


def code_unit(rng: random.Random, number: int) -> Unit:
    """A symbol at some of its levels."""
    path = rng.choice(PATHS)
    worth = rng.random() ** 3
    levels: list[tuple[DetailLevel, str, float]] = []
    if rng.random() < 0.3:
        levels.append(("path", "", 0.01))
    levels.append(("signature", text_of(rng, 6), 0.04))
    if rng.random() < 0.5:
        levels.append(("skeleton", text_of(rng, 20), 0.1))
    if rng.random() < 0.8:
        levels.append(("body", text_of(rng, 80), 1.0))
    cited = CodeCitation("repo`", path, f"{path}::f{number}:function", number, number + 3, 1, "abc")
    offers = tuple(
        Offer(f"c:{level}:{number}", Shown(1, level, cited, text, rng.choice(("python", "", "x y"))), worth * share)
        for level, text, share in levels
    )
    needs = (f"c:{number + 1}",) if rng.random() < 0.3 else ()
    return Unit(f"c:{number}", CODE, (1, 0, PATHS.index(path), path), worth, offers, needs=needs)


def units_of(seed: int, most: int = 30) -> list[Unit]:
    """Some episodes and symbols."""
    rng = random.Random(seed)
    made = [episode_unit(rng, number) for number in range(rng.randint(0, most))]
    return made + [code_unit(rng, number) for number in range(rng.randint(0, most))]
