"""The benchmark commands on a real engine, from the shell's side and from Python's."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from agentctx_bench import commands
from agentctx_bench.commands import Options
from agentctx_bench.tables import show
from rich.console import Console

from agentctx import ContextEngine, NewEpisode
from agentctx.errors import InvalidArgument

DATA = Path(__file__).parents[1] / "unit" / "test_bench_data"
LOCOMO, AUDIT, LONGMEMEVAL = DATA / "locomo.json", DATA / "locomo_audit.json", DATA / "longmemeval.json"
SCRIPTS = Path(__file__).parents[2] / "benchmarks"
PROMISED = {
    "benchmark",
    "questions",
    "turn",
    "session",
    "by_category",
    "latency_ms",
    "ingest_per_s",
    "embedder",
    "versions",
}


class TestLoCoMo:
    def test_the_report_has_what_is_promised(self, tmp_path: Path) -> None:
        out = tmp_path / "new" / "report.json"
        report = commands.locomo(LOCOMO, Options(json_out=out), audit=AUDIT)
        assert json.loads(out.read_text(encoding="utf-8")) == report
        assert report.keys() >= PROMISED
        assert report["benchmark"] == "locomo"
        assert report["questions"] == 6
        for k in (5, 10):
            for level in ("turn", "session"):
                assert report[level].keys() >= {f"any@{k}", f"all@{k}", f"fraction@{k}", "ndcg@10"}
        assert report["latency_ms"].keys() == {"p50", "p95", "p99"}
        assert report["ingest_per_s"] > 0
        assert set(report["by_category"]) == {"1 multi-hop", "2 temporal", "4 single-hop", "5 adversarial"}
        assert report["turn"]["all@10"] == 1  # nine turns and an engine: everything is within ten
        assert report["rankings_that_depended_on_k"] == 0
        assert report["audited"]["changed"] == 1

    def test_nothing_of_the_data_is_in_the_report(self, tmp_path: Path) -> None:
        """LoCoMo may not be passed on, and reports are committed."""
        out = tmp_path / "report.json"
        commands.locomo(LOCOMO, Options(json_out=out, ablate=True), audit=AUDIT)
        text = out.read_text(encoding="utf-8")
        for word in ("Figaro", "parrot", "Vera", "marathon"):
            assert word not in text

    def test_ablations_and_plain_bm25_are_compared_in_one_run(self) -> None:
        report = commands.locomo(LOCOMO, Options(ablate=True))
        assert report["system"] == "static: full"
        systems = [row["system"] for row in report["comparison"]]
        assert systems == ["static: bm25 only", "static: dense only", "static: turn only", "plain BM25"]
        for row in report["comparison"]:
            assert row["difference"]["turn"].keys() == report["turn"].keys() - {"n"}
        assert report["comparison"][0]["ingest_per_s"] is None  # it asked the store that the first one filled

    def test_embedders_are_compared_in_one_run(self, endpoint: str) -> None:
        """The second one is an endpoint that gives every text the same vector."""
        other = f"openai:flat@{endpoint}"
        report = commands.locomo(LOCOMO, Options(embedder=("static", other), ablate=True, baseline=False))
        assert report["embedder"] == "static"
        systems = [row["system"] for row in report["comparison"]]
        assert systems[3:] == [f"{other}: full", f"{other}: dense only", f"{other}: turn only"]
        assert report["comparison"][3]["ingest_per_s"] > 0

    def test_the_same_run_gives_the_same_figures(self) -> None:
        def figures() -> Any:
            report = commands.locomo(LOCOMO, Options(ablate=True))
            rows = [(row["system"], row["turn"], row["difference"]) for row in report["comparison"]]
            return report["turn"], report["session"], rows

        assert figures() == figures()

    def test_a_store_that_is_lent_is_given_back_as_it_was(self, tmp_path: Path) -> None:
        store = tmp_path / "own.db"
        with ContextEngine.open(store) as engine:
            engine.memory.add("mine", "Do not touch this.")
        commands.locomo(LOCOMO, Options(store=store, ablate=True))
        with ContextEngine.open(store) as engine:
            assert [n.name for n in engine.memory.list_namespaces().namespaces] == ["mine"]
            assert engine.memory.list("mine").episodes[0].content == "Do not touch this."

    def test_a_model_answers_and_judges(self, endpoint: str, tmp_path: Path) -> None:
        options = Options(answer=f"{endpoint}#tiny", predictions=tmp_path / "replies.jsonl", baseline=False)
        report = commands.locomo(LOCOMO, options, audit=AUDIT)
        rows = report["answers"]["rows"]
        assert rows["all of the headline"]["questions"] == 7  # the one without evidence takes part
        assert rows["5 adversarial"] == {"questions": 2, "f1": None, "bleu1": None, "llm": 1.0, "unclear_rulings": 0}
        assert rows["headline without disputed answers"]["questions"] == 6
        assert len((tmp_path / "replies.jsonl").read_text(encoding="utf-8").splitlines()) == 9


class TestLongMemEval:
    def test_abstention_is_left_out_of_retrieval_and_told(self, endpoint: str) -> None:
        report = commands.longmemeval(LONGMEMEVAL, Options(answer=f"{endpoint}#tiny", judge=f"{endpoint}#other"))
        assert report["questions"] == 2
        assert report["excluded"]["abstention questions, no retrieval metrics"] == 1
        assert report["data"] | {"sha256": ""} == {
            "file": "longmemeval.json",
            "sha256": "",
            "namespaces": 3,
            "turns": 10,
            "questions": 3,
        }
        rows = report["answers"]["rows"]
        assert rows["all of the headline"]["questions"] == 3
        assert rows["abstention (also within the rows above)"]["questions"] == 1
        assert report["answers"]["judge"] == "other"


class TestWrongOptions:
    @pytest.mark.parametrize(
        ("options", "field"),
        [
            (Options(k=()), "k"),
            (Options(k=(0,)), "k"),
            (Options(k=(5000,)), "k"),
            (Options(embedder=()), "embedder"),
            (Options(embedder=("static", "static")), "embedder"),
            (Options(embedder=("magic",)), "embedder"),
            (Options(embedder=("static", "openai:x@http://127.0.0.1:1/v1"), store="x.db"), "store"),
            (Options(limit=0), "limit"),
            (Options(answer="nonsense"), "answer"),
            (Options(judge="http://127.0.0.1:1/v1#m"), "judge"),
            (Options(answer="http://127.0.0.1:1/v1#m", judge="nonsense"), "judge"),
            (Options(answer="http://127.0.0.1:1/v1#m", answer_k=51), "answer_k"),
        ],
    )
    def test_each_is_named(self, options: Options, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            commands.locomo(LOCOMO, options)
        assert caught.value.field == field

    def test_a_report_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument) as caught:
            commands.locomo(LOCOMO, Options(json_out=tmp_path, limit=1, baseline=False))
        assert caught.value.field == "json"


class TestShell:
    @staticmethod
    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agentctx_bench", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def test_tables_on_stdout_and_nothing_else_on_stderr(self, tmp_path: Path) -> None:
        out = tmp_path / "report.json"
        done = self.bench("locomo", "--data", str(LOCOMO), "--k", "5,10", "--ablate", "--json", str(out))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert "1 multi-hop" in done.stdout
        assert (
            "category 5 (adversarial), reported apart" in done.stdout.replace("\n", " ") or "adversarial" in done.stdout
        )
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert json.loads(out.read_text(encoding="utf-8"))["questions"] == 6

    def test_wrong_input_is_one_line_that_names_the_field(self, tmp_path: Path) -> None:
        for arguments in (
            ("locomo", "--data", str(tmp_path / "absent.json")),
            ("longmemeval", "--data", str(LOCOMO)),
            ("locomo", "--data", str(LOCOMO), "--k", "five"),
        ):
            done = self.bench(*arguments)
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 1
            assert done.stderr.startswith("invalid_argument: ")

    def test_help_loads_no_engine(self) -> None:
        code = "import agentctx_bench.app, sys; print([m for m in ('numpy', 'sqlalchemy', 'grpc') if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip() == "[]"


def test_every_table_can_be_shown(endpoint: str) -> None:
    report = commands.locomo(LOCOMO, Options(ablate=True, answer=f"{endpoint}#tiny"), audit=AUDIT)
    shown = io.StringIO()
    show(report, Console(width=80, file=shown))
    for heading in ("turn level", "session level", "audited evidence", "paired difference", "answers of tiny", "@50"):
        assert heading in shown.getvalue()
    assert "[image: ...]" in shown.getvalue()


class TestCrashCheck:
    """A check that finds nothing proves something only if it finds what is there."""

    @pytest.fixture
    def crash(self) -> Any:
        spec = importlib.util.spec_from_file_location("bench_crash", SCRIPTS / "crash.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["bench_crash"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[ContextEngine]:
        with ContextEngine.open(tmp_path / "memory.db") as engine:
            engine.memory.add("ns", [NewEpisode(f"text {i}", id=f"e{i}") for i in range(4)])
            engine.memory.update("ns", "e1", metadata={"value": 7})
            engine.memory.delete("ns", "e2")
            yield engine

    @staticmethod
    def book(crash: Any, **changes: Any) -> Any:
        known = {f"e{i}": f"text {i}" for i in range(4)}
        told = crash.Book(attempted=known, acknowledged=set(known), updated={"e1": 7}, deleted={"e2"})
        return replace(told, **changes)

    def test_a_whole_store_has_nothing_amiss(self, crash: Any, engine: ContextEngine) -> None:
        assert not crash.check(engine.memory, "ns", self.book(crash))

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"acknowledged": {"e0", "e9"}}, "acknowledged episodes lost"),
            ({"updated": {"e1": 8}}, "acknowledged updates lost"),
            ({"deleted": {"e2", "e3"}}, "acknowledged deletions undone"),
            ({"open_batches": [["e0", "e9"]]}, "batches torn apart"),
        ],
    )
    def test_what_is_amiss_is_found(
        self, crash: Any, engine: ContextEngine, changes: dict[str, Any], kind: str
    ) -> None:
        book = self.book(crash, **changes)
        book.attempted["e9"] = "text 9"
        assert crash.check(engine.memory, "ns", book) == {kind: 1}

    def test_other_content_and_episodes_that_nobody_wrote_are_found(self, crash: Any, engine: ContextEngine) -> None:
        book = self.book(crash)
        book.attempted["e0"] = "another text"
        del book.attempted["e3"]
        book.acknowledged.discard("e3")
        wrong = crash.check(engine.memory, "ns", book)
        assert wrong == {"episodes with other content": 1, "episodes nobody wrote": 1}

    def test_a_lost_namespace_is_a_loss(self, crash: Any, engine: ContextEngine) -> None:
        assert crash.check(engine.memory, "elsewhere", self.book(crash)) == {"acknowledged episodes lost": 4}

    def test_a_rebuild_answers_as_the_original(self, crash: Any, engine: ContextEngine) -> None:
        assert crash.compare(engine.memory, "ns", "static", ["text", "text 3"]) == (2, 0)


@pytest.mark.slow
class TestScripts:
    """The scripts beside the package, small: that they run, and say what they promise."""

    @staticmethod
    def script(name: str, *arguments: str, out: Path) -> Any:
        command = [sys.executable, str(SCRIPTS / name), *arguments, "--json", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(out.read_text(encoding="utf-8"))

    def test_search_latency(self, tmp_path: Path) -> None:
        arguments = ("--episodes", "300", "--queries", "20")
        result = self.script("search_latency.py", *arguments, out=tmp_path / "out.json")
        assert result["episodes"] == 300
        assert result["latency_ms"]["p50"] > 0
        assert result["ratio"]["p50"] > 0

    def test_ingest(self, tmp_path: Path) -> None:
        arguments = ("--data", str(LOCOMO), "--rounds", "1", "--threads", "1", "2")
        result = self.script("ingest.py", *arguments, out=tmp_path / "out.json")
        assert result["episodes"] == 9
        assert "2 single writers / 1, FULL" in result["ratio"]

    def test_crash(self, tmp_path: Path) -> None:
        result = self.script("crash.py", "--kills", "3", out=tmp_path / "out.json")
        assert result["acknowledged"] > 0
        assert result["searches_compared"] > 0
        assert not any(result["amiss"].values())


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A model that answers everything with the same words and finds everything right."""

    def reply(body: dict[str, Any]) -> object:
        judging = "yes or no" in body["messages"][0]["content"]
        return {"choices": [{"message": {"content": "yes" if judging else "a grey parrot"}}]}

    def embeddings(body: dict[str, Any]) -> object:
        return {"data": [{"index": i, "embedding": [1.0, 0.0, 0.0, 0.0]} for i in range(len(body["input"]))]}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent = json.dumps(embeddings(body) if self.path.endswith("/embeddings") else reply(body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()
