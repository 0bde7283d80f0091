"""Lets a model answer from what was retrieved, and a model judge the answers. All prompts are our own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument
from agentctx_bench.chat import Chat, Message
from agentctx_bench.dataset import Question
from agentctx_bench.runner import Outcome
from agentctx_bench.text_metrics import bleu1, token_f1

ANSWER_SYSTEM: Final = (
    "You answer questions about past conversations from the excerpts you are given. Excerpts carry the date and time "
    "at which they were said; work out relative dates such as 'yesterday' from it. Reply with the answer alone, as "
    "short as possible, with no explanation. If the excerpts do not hold the answer, or the question is about "
    "something that was never said or about the wrong person, reply exactly: Not mentioned."
)
JUDGE_SYSTEM: Final = (
    "You judge whether a reply to a question is right. You are given the question, the correct answer and the reply. "
    "The reply is right if it states the same facts as the correct answer; wording and the form of dates do not "
    "matter, and neither do further details that contradict nothing. It is wrong if it is vague where the correct "
    "answer is precise, leaves out a part, contradicts it, or says that the answer is unknown. "
    "Reply with one word: yes or no."
)
ABSTENTION_SYSTEM: Final = (
    "The question you are given cannot be answered: what it asks about was never mentioned. You judge whether the "
    "reply says so, that is, whether it says that this is unknown or was not mentioned, or points out that the "
    "question assumes something that was not said. A reply that gives an answer all the same is wrong. "
    "Reply with one word: yes or no."
)
# Bump when a prompt changes: replies kept by an earlier run no longer count.
PROMPT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question answered and judged. `f1` and `bleu1` are None where there is no answer to compare with."""

    key: str
    reply: str
    f1: float | None
    bleu1: float | None
    llm: float
    clear: bool
    fingerprint: str


def answer_messages(outcome: Outcome, k: int) -> list[Message]:
    """What the answering model is asked: the best `k` turns in the order in which they were said, and the question."""
    question = outcome.question
    turns = sorted(outcome.found[:k], key=lambda f: (f.occurred_at, f.id))
    lines = [f"[{t.occurred_at:%A, %d %B %Y, %H:%M}] {t.speaker}: {t.text}" for t in turns]
    asked = f"Today is {question.reference_time:%A, %d %B %Y}.\nQuestion: {question.text}"
    return [
        {"role": "system", "content": ANSWER_SYSTEM},
        {"role": "user", "content": "Excerpts:\n" + "\n".join(lines) + f"\n\n{asked}\nAnswer:"},
    ]


def judge_messages(question: Question, reply: str) -> list[Message]:
    """What the judge is asked; of an abstention question only whether the reply declines."""
    if question.abstention:
        return [
            {"role": "system", "content": ABSTENTION_SYSTEM},
            {"role": "user", "content": f"Question: {question.text}\nReply: {reply}"},
        ]
    return [
        {"role": "system", "content": JUDGE_SYSTEM},
        {"role": "user", "content": f"Question: {question.text}\nCorrect answer: {question.answer}\nReply: {reply}"},
    ]


def read_verdict(text: str) -> bool | None:
    """The judge's first yes or no; None where it said neither."""
    match = re.search(r"\b(yes|no)\b", text.lower())
    return None if match is None else match[1] == "yes"


def answer_all(
    outcomes: Iterable[Outcome],
    *,
    model: Chat,
    judge: Chat,
    k: int,
    predictions: str | Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Verdict]:
    """Answer and judge every question, one after the other; verdicts by question key.

    With a `predictions` file, replies are kept there line by line as they come, and a run that was broken off goes
    on where it stopped: a line counts again if model, judge, prompts and context are the same.
    """
    kept = _read(predictions) if predictions else {}
    verdicts: dict[str, Verdict] = {}
    for outcome in outcomes:
        question = outcome.question
        messages = answer_messages(outcome, k)
        about = json.dumps([PROMPT_VERSION, model.spec, judge.spec, messages, question.answer, question.abstention])
        fingerprint = hashlib.sha256(about.encode()).hexdigest()[:16]
        verdict = kept.get(question.key)
        if verdict is None or verdict.fingerprint != fingerprint:
            verdict = _ask(question, messages, model, judge, fingerprint)
            if predictions:
                with Path(predictions).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(verdict)) + "\n")
        verdicts[question.key] = verdict
        advance(1)
    return verdicts


def _ask(question: Question, messages: Sequence[Message], model: Chat, judge: Chat, fingerprint: str) -> Verdict:
    reply = model.reply(messages)
    ruling = read_verdict(judge.reply(judge_messages(question, reply), max_tokens=16))
    return Verdict(
        key=question.key,
        reply=reply,
        f1=None if question.abstention else token_f1(reply, question.answer),
        bleu1=None if question.abstention else bleu1(reply, question.answer),
        llm=float(ruling is True),
        clear=ruling is not None,
        fingerprint=fingerprint,
    )


def _read(path: str | Path) -> dict[str, Verdict]:
    file = Path(path)
    if not file.exists():
        return {}
    kept: dict[str, Verdict] = {}
    *lines, unfinished = file.read_text(encoding="utf-8").split("\n")
    if unfinished:
        # A run that was killed while it wrote: the next line must not be glued to half of this one.
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for number, line in enumerate(lines, 1):
        try:
            verdict = Verdict(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InvalidArgument(
                f"{path}, line {number}, is not a kept reply: name another file", field="predictions"
            ) from error
        kept[verdict.key] = verdict
    return kept


def summary(questions: Iterable[Question], verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """Means over questions: F1 and BLEU-1 over those that have an answer, the judge's score over all of them."""
    judged = [verdicts[q.key] for q in questions]
    compared = [v for v in judged if v.f1 is not None and v.bleu1 is not None]
    return {
        "questions": len(judged),
        "f1": _mean([v.f1 for v in compared if v.f1 is not None]),
        "bleu1": _mean([v.bleu1 for v in compared if v.bleu1 is not None]),
        "llm": _mean([v.llm for v in judged]),
        "unclear_rulings": sum(not v.clear for v in judged),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
