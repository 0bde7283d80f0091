"""Answering and judging, against a real HTTP server that speaks as an OpenAI-compatible endpoint does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from agentctx_bench import answering
from agentctx_bench.chat import Chat
from agentctx_bench.dataset import Question
from agentctx_bench.runner import Outcome
from agentctx_bench.systems import Found

from agentctx.errors import InvalidArgument, Unavailable

MAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
Reply = tuple[int, object]


class Endpoint:
    """A chat endpoint on a free port: keeps what it was asked, replies with what `behave` says."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.behave: Callable[[dict[str, Any]], Reply] = lambda _: self.says("yes")
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append({"path": self.path, **body})
                endpoint.tokens.append(self.headers.get("Authorization"))
                status, payload = endpoint.behave(body)
                sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @staticmethod
    def says(text: str | None) -> Reply:
        return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}

    def spec(self, model: str = "tiny") -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1#{model}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


def outcome(key: str = "q", *, answer: str = "a red kayak", abstention: bool = False) -> Outcome:
    question = Question(key, "4 single-hop", "What did Otto show?", answer, MAY, abstention=abstention)
    found = (
        Found("t2", "s1", "It floats well.", "Ines", MAY.replace(hour=15)),
        Found("t1", "s1", "A red kayak!", "Otto", MAY),
        Found("t3", "s1", "Out of reach.", "Otto", MAY),
    )
    return Outcome(question, found, {}, {}, 1.0, {})


class TestChat:
    def test_it_asks_as_openai_clients_do(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda _: endpoint.says("  hello ")
        chat = Chat(endpoint.spec("qwen3"), api_key="secret")
        assert chat.reply([{"role": "user", "content": "hi"}], max_tokens=5) == "hello"
        chat.close()
        (request,) = endpoint.requests
        assert request["path"] == "/v1/chat/completions"
        assert (request["model"], request["temperature"], request["max_tokens"]) == ("qwen3", 0, 5)
        assert endpoint.tokens == ["Bearer secret"]

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_passing_failure_is_tried_again_after_growing_pauses(self, endpoint: Endpoint, status: int) -> None:
        replies = iter([(status, {}), (status, {}), endpoint.says("at last")])
        endpoint.behave = lambda _: next(replies)
        pauses: list[float] = []
        chat = Chat(endpoint.spec(), sleep=pauses.append)
        assert chat.reply([]) == "at last"
        assert pauses == [2, 4]
        chat.close()

    def test_a_lasting_failure_is_unavailable(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda _: (503, {})
        chat = Chat(endpoint.spec(), sleep=lambda _: None, field="judge")
        with pytest.raises(Unavailable, match="4 attempts: HTTP 503") as caught:
            chat.reply([])
        assert caught.value.field == "judge"
        chat.close()

    def test_nobody_there_is_unavailable(self, endpoint: Endpoint) -> None:
        spec = endpoint.spec()
        endpoint.server.server_close()
        chat = Chat(spec, sleep=lambda _: None, attempts=2, timeout=2)
        with pytest.raises(Unavailable):
            chat.reply([])
        chat.close()

    def test_a_refusal_is_told_and_not_tried_again(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda _: (404, {"error": "no such model"})
        chat = Chat(endpoint.spec())
        with pytest.raises(InvalidArgument, match=r"404 .*no such model"):
            chat.reply([])
        assert len(endpoint.requests) == 1
        chat.close()

    @pytest.mark.parametrize("payload", [b"<html>", [], {"choices": []}, {"choices": [{"text": "x"}]}])
    def test_something_else_on_that_port_is_told(self, endpoint: Endpoint, payload: object) -> None:
        endpoint.behave = lambda _: (200, payload)
        chat = Chat(endpoint.spec())
        with pytest.raises(InvalidArgument, match="not an OpenAI-compatible endpoint"):
            chat.reply([])
        chat.close()

    def test_a_reply_without_text_is_empty(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda _: endpoint.says(None)
        chat = Chat(endpoint.spec())
        assert chat.reply([]) == ""
        chat.close()

    @pytest.mark.parametrize("spec", ["", "http://host/v1", "#model", "host:80#m", "ftp://host#m", "http://[::1#m"])
    def test_a_wrong_spec_is_named(self, spec: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            Chat(spec)
        assert caught.value.field == "answer"


class TestPrompts:
    def test_the_model_reads_the_best_k_in_the_order_they_were_said(self) -> None:
        _, user = answering.answer_messages(outcome(), k=2)
        assert user["content"].startswith(
            "Excerpts:\n[Monday, 08 May 2023, 13:56] Otto: A red kayak!\n[Monday, 08 May 2023, 15:56] Ines: It floats"
        )
        assert "Out of reach" not in user["content"]
        assert "Today is Monday, 08 May 2023." in user["content"]
        assert "red kayak" not in user["content"].split("Question:")[1]

    def test_the_judge_of_an_abstention_sees_no_answer(self) -> None:
        system, user = answering.judge_messages(outcome(answer="wrong", abstention=True).question, "Not mentioned.")
        assert system["content"] == answering.ABSTENTION_SYSTEM
        assert "wrong" not in user["content"]

    @pytest.mark.parametrize(
        ("text", "ruling"),
        [("Yes.", True), ("no", False), ("**No**, yes would be", False), ("", None), ("eyes", None), ("maybe", None)],
    )
    def test_the_first_yes_or_no_counts(self, text: str, ruling: bool | None) -> None:
        assert answering.read_verdict(text) is ruling


class TestAnswerAll:
    @staticmethod
    def answer(endpoint: Endpoint, outcomes: list[Outcome], **options: Any) -> dict[str, answering.Verdict]:
        model, judge = Chat(endpoint.spec("model")), Chat(endpoint.spec("judge"))
        try:
            return answering.answer_all(outcomes, model=model, judge=judge, k=2, **options)
        finally:
            model.close()
            judge.close()

    def test_replies_are_compared_and_judged(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda body: endpoint.says("The red kayak" if body["model"] == "model" else "yes")
        outcomes = [outcome("one"), outcome("two", answer="blue kayak")]
        verdicts = self.answer(endpoint, outcomes)
        assert verdicts["one"].f1 == 1
        assert verdicts["two"].f1 == 0.5
        table = answering.summary([o.question for o in outcomes], verdicts)
        assert table == {"questions": 2, "f1": 0.75, "bleu1": 0.75, "llm": 1.0, "unclear_rulings": 0}

    def test_an_abstention_is_judged_and_not_compared(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda body: endpoint.says("A parrot" if body["model"] == "model" else "no")
        outcomes = [outcome("one", abstention=True)]
        table = answering.summary([outcomes[0].question], self.answer(endpoint, outcomes))
        assert table == {"questions": 1, "f1": None, "bleu1": None, "llm": 0.0, "unclear_rulings": 0}

    def test_an_unclear_ruling_counts_as_wrong_and_is_told(self, endpoint: Endpoint) -> None:
        endpoint.behave = lambda _: endpoint.says("hard to say")
        outcomes = [outcome()]
        table = answering.summary([outcomes[0].question], self.answer(endpoint, outcomes))
        assert (table["llm"], table["unclear_rulings"]) == (0.0, 1)

    def test_kept_replies_are_not_asked_for_again(self, endpoint: Endpoint, tmp_path: Path) -> None:
        kept = tmp_path / "replies.jsonl"
        outcomes = [outcome("one"), outcome("two")]
        first = self.answer(endpoint, outcomes, predictions=kept)
        asked = len(endpoint.requests)
        assert self.answer(endpoint, outcomes, predictions=kept) == first
        assert len(endpoint.requests) == asked

    def test_a_broken_off_run_goes_on(self, endpoint: Endpoint, tmp_path: Path) -> None:
        """The last line was being written when the process died."""
        kept = tmp_path / "replies.jsonl"
        outcomes = [outcome("one"), outcome("two")]
        whole = self.answer(endpoint, outcomes, predictions=kept)
        kept.write_text(kept.read_text(encoding="utf-8")[:-30], encoding="utf-8")
        asked = len(endpoint.requests)
        assert self.answer(endpoint, outcomes, predictions=kept) == whole
        assert len(endpoint.requests) == asked + 2
        assert len(kept.read_text(encoding="utf-8").splitlines()) == 2

    def test_another_context_or_answer_is_another_question(self, endpoint: Endpoint, tmp_path: Path) -> None:
        kept = tmp_path / "replies.jsonl"
        self.answer(endpoint, [outcome("one")], predictions=kept)
        asked = len(endpoint.requests)
        self.answer(endpoint, [outcome("one", answer="corrected")], predictions=kept)
        assert len(endpoint.requests) == asked + 2

    def test_another_file_is_not_taken_for_kept_replies(self, endpoint: Endpoint, tmp_path: Path) -> None:
        kept = tmp_path / "notes.txt"
        kept.write_text("shopping list\n", encoding="utf-8")
        with pytest.raises(InvalidArgument) as caught:
            self.answer(endpoint, [outcome()], predictions=kept)
        assert caught.value.field == "predictions"
