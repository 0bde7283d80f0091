"""Real conversations for the timing scripts, from whichever benchmark file is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agentctx.errors import InvalidArgument
from agentctx.types import NewEpisode
from agentctx_bench import locomo, longmemeval, synthetic
from agentctx_bench.dataset import Dataset


def load_any(path: str | Path) -> Dataset:
    """A LoCoMo or LongMemEval file. Raises InvalidArgument where it is neither."""
    try:
        return locomo.load(path)
    except InvalidArgument as error:
        try:
            return longmemeval.load(path)
        except InvalidArgument as other:
            raise InvalidArgument(f"neither LoCoMo ({error}) nor LongMemEval ({other})", field="data") from other


def material(path: str | Path | None, count: int, question_count: int, seed: int) -> tuple[list[NewEpisode], list[str]]:
    """`count` distinct episodes for one namespace and questions to ask, from a data file or, without one, made up.

    Fewer where the file has fewer. Sessions of different haystacks stay apart.
    """
    if path is None:
        return list(synthetic.episodes(count, seed)), synthetic.questions(question_count, count, seed)
    dataset = load_any(path)
    seen: set[str] = set()
    chosen: list[NewEpisode] = []
    for haystack in dataset.haystacks:
        for turn in haystack.turns:
            if len(chosen) < count and turn.text not in seen:
                seen.add(turn.text)
                episode = turn.episode()
                chosen.append(
                    replace(episode, id=f"t{len(chosen):07}", session=f"{haystack.namespace}-{episode.session}")
                )
    asked = list(dict.fromkeys(question.text for question in dataset.questions()))
    return chosen, asked[:question_count]
