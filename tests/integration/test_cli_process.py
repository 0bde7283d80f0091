"""The command line as other programs meet it: real processes, raw bytes, closed pipes, Ctrl-C, a real server."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agentctx.cli import main

AGENTCTX = [sys.executable, "-m", "agentctx.cli"]
Result = subprocess.CompletedProcess[bytes]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTX_")} | more


def agentctx(*args: str | bytes, stdin: bytes = b"", code: int = 0, **variables: str) -> Result:
    """Run a command in a process of its own; it must end with `code` and never show a traceback."""
    done = subprocess.run(
        [*AGENTCTX, *args], input=stdin, capture_output=True, check=False, timeout=60, env=environment(**variables)
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == code, done.stderr.decode()
    return done


Here = Callable[..., str]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Here:
    """Runs a command in this process, which is quicker, in a folder of its own; returns what it prints."""
    for name in [name for name in os.environ if name.startswith("AGENTCTX_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*args: str, stdin: bytes = b"", code: int = 0) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        ended = main(args)
        sys.stdin.close()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert ended == code, err
        return out if code in (0, 1) else err

    return run


@contextmanager
def started(*args: str, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on; it is ended with the block."""
    with subprocess.Popen([*AGENTCTX, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(*args: str) -> Iterator[Any]:
    """What `agentctx serve --json` said of a server that serves during the block and then drains well."""
    with started("serve", "--json", "--log-level", "warning", *args, env=environment()) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


STORE = ("--store", "m.db")


class TestBytes:
    """What is no text, too long or not there gets its documented code from a real process."""

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        store = ("--store", str(tmp_path / "m.db"))
        done = agentctx("memory", "add", b"\xff", "x", "--json", *store, code=2)
        assert json.loads(done.stderr)["error"]["field"] == "namespace"
        done = agentctx("memory", "add", "a", "-f", "-", "--json", *store, stdin=b'\xff\n"good"\n"\\ud800"\n', code=1)
        assert [json.loads(line)["error_code"] for line in done.stdout.splitlines()] == [
            "invalid_argument",
            "",
            "invalid_argument",
        ]

    def test_a_console_that_has_no_umlauts(self, here: Here) -> None:
        here("memory", "add", "a", "Grüße 😀", "--id", "x", *STORE)
        done = agentctx("memory", "get", "a", "x", *STORE, "--json", PYTHONIOENCODING="ascii")
        assert json.loads(done.stdout)["content"] == "Grüße 😀"
        assert done.stdout.isascii()
        assert b"fe" in agentctx("memory", "get", "a", "x", *STORE, PYTHONIOENCODING="ascii").stdout

    def test_closed_streams(self, here: Here) -> None:
        here("memory", "add", "a", "kept", "--id", "x", *STORE)
        shell = shlex.join([*AGENTCTX, "memory", "get", "a", "x", *STORE])
        for redirection, code in (("<&- >&- 2>&-", 0), (">/dev/full", 5), ("--bad 2>/dev/full", 2)):
            command = f"{shell} {redirection}"
            done = subprocess.run(command, shell=True, capture_output=True, check=False, env=environment())
            assert (done.returncode, b"Traceback" in done.stderr) == (code, False), redirection
        assert "kept" in here("memory", "get", "a", "x", *STORE)  # nothing was printed into the store's file
        assert "nothing is wrong" in here("doctor", *STORE)

    def test_a_reader_that_goes_away(self, here: Here) -> None:
        text = "".join(json.dumps("x" * 2_000) + "\n" for _ in range(200)).encode()
        here("memory", "add", "a", "--file", "-", *STORE, stdin=text)
        for command in (["export", "a"], ["list", "a", "--all", "--full"]):
            with started("memory", *command, *STORE, env=environment()) as process:
                assert process.stdout is not None
                assert process.stderr is not None
                process.stdout.read(10)
                process.stdout.close()
                assert process.wait(30) == 141
                assert process.stderr.read() == b""


class TestCtrlC:
    def test_a_waiting_command_stops_at_once(self, tmp_path: Path) -> None:
        store = tmp_path / "m.db"
        command = ("memory", "add", "a", "-f", "-", "--store", str(store))
        with started(*command, stdin=subprocess.PIPE, env=environment()) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            process.stdin.write(b'"one"\n' * 250)  # two batches are stored, the third waits for more lines
            process.stdin.flush()
            until(lambda: count(store) == 200)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
            said = process.stderr.read()
            assert said == b"agentctx: cancelled: interrupted after 200 lines; what was stored stays\n"
        assert count(store) == 200

    def test_reembed_goes_on_where_it_stopped(self, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "".join(f'"text {i}"\n' for i in range(1_100)).encode()
        here("memory", "add", "a", "-f", "-", *STORE, stdin=text)
        with embedding_endpoint(pause=0.15) as endpoint:
            command = ["memory", "reembed", "--embedder", f"openai:fake@{endpoint.url}", "--json", *STORE]
            with started(*command, env=environment()) as process:
                assert process.stdout is not None
                assert process.stderr is not None
                while json.loads(process.stdout.readline())["done"] < 256:
                    pass
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 130
                assert b"the same command goes on where this one stopped" in process.stderr.read()
            assert 256 <= endpoint.texts < 1_100
            steps = [json.loads(line) for line in here(*command).splitlines()]
            assert steps[0]["total"] <= 1_100 - 256
            assert endpoint.texts < 1_100 + 300  # one batch at most was asked for twice
            assert "name it" in here("doctor", *STORE)
            assert "name it" in here("memory", "search", "a", "text 7", *STORE, code=5).lower()
            monkeypatch.setenv("AGENTCTX_EMBEDDER", f"openai:fake@{endpoint.url}")
            assert "4 dimensions" in here("doctor", *STORE)
            found = json.loads(here("memory", "search", "a", "text 7", "--json", *STORE))
            assert found["degraded"] == []
        monkeypatch.delenv("AGENTCTX_EMBEDDER")
        assert "embedder_mismatch" in here("memory", "search", "a", "x", "--embedder", "static", *STORE, code=5)
        here("memory", "reembed", "--embedder", "static", *STORE)  # the endpoint is gone: it is not needed
        here("memory", "search", "a", "x", *STORE)


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def count(store: Path) -> int:
    """How many episodes are stored, asked beside whoever writes."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM episodes").fetchone()[0])
    except sqlite3.Error:
        return 0


class Endpoint:
    """An OpenAI-compatible embedding endpoint that counts what it is asked."""

    def __init__(self) -> None:
        self.texts = 0
        self.url = ""


@contextmanager
def embedding_endpoint(pause: float) -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            texts = body["input"]
            endpoint.texts += len(texts)
            if len(texts) > 1:
                time.sleep(pause)
            rows = [{"index": i, "embedding": [1.0, float(len(text)), 0.5, 0.25]} for i, text in enumerate(texts)]
            answer = json.dumps({"data": rows, "model": "fake"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- the same commands on a store and on a server ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    with serving("--store", str(folder / "m.db"), "--port", "0", "--metrics-port", "0") as said:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", said["metrics"])
        assert said["store"] == str(folder / "m.db")
        yield said["address"]


Call = Callable[..., Any]


@pytest.fixture(params=["store", "server"])
def call(request: pytest.FixtureRequest, here: Here, server: str) -> Call:
    """Runs a memory command with --json on a fresh store or on the server; returns what it prints, read."""
    where = STORE if request.param == "store" else ("--server", server)

    def run(*args: str, code: int = 0) -> Any:
        said = here("memory", *args, "--json", *where, code=code)
        found = [json.loads(line) for line in said.splitlines()]
        return found[0] if len(found) == 1 else found

    return run


class TestBothRoads:
    """Every command gives the same answer on a store and on a server."""

    def test_a_life(self, call: Call, tmp_path: Path) -> None:
        ns = f"life/{time.time_ns()}"
        new = (
            "--id",
            "a",
            "--speaker",
            "Ana",
            "--role",
            "user",
            "--session",
            "s",
            "--tag",
            "t",
            "--metadata",
            '{"n": 1}',
        )
        added = call("add", ns, "The ferry leaves at seven.", *new, "--occurred-at", "2026-05-04", "--request-id", "r")
        assert added["ids"] == ["a"]
        assert call("add", ns, "other", "--request-id", "r", code=4)["error"]["code"] == "request_conflict"
        text = b'{"content": "I like green tea.", "id": "b"}\nnope\n{"content": "x", "id": "a"}\n'
        (tmp_path / "in.jsonl").write_bytes(text)
        results = call("add", ns, "--file", "in.jsonl", code=1)
        assert [(one["line"], one["index"], one["id"], one["error_code"]) for one in results] == [
            (1, 0, "b", ""),
            (2, 1, "", "invalid_argument"),
            (3, 2, "", "already_exists"),
        ]
        assert results[2]["error_field"] == "lines[3].id"
        found = call(
            "search", ns, "when does the ferry leave?", "--explain", "--reference-time", "2026-05-05", "-k", "1"
        )
        assert [hit["episode"]["id"] for hit in found["hits"]] == ["a"]
        assert sum(found["hits"][0]["parts"].values()) == pytest.approx(found["hits"][0]["score"], abs=1e-5)
        assert found["explanation"]["candidates"]
        page = call("list", ns, "--page-size", "1")
        rest = call("list", ns, "--page-size", "1", "--page-token", page["next_page_token"])
        assert [one["id"] for one in page["episodes"] + rest["episodes"]] == ["a", "b"]
        changed = call(
            "update", ns, "a", "--valid-to", "2026-06-01", "--clear-tags", "--if-revision", added["revision"]
        )
        assert (changed["valid_to"], changed["tags"], changed["metadata"]) == (
            "2026-06-01T00:00:00+00:00",
            [],
            {"n": 1},
        )
        assert call("get", ns, "a") == changed
        assert call("update", ns, "a", "--valid-to", "none")["valid_to"] is None
        assert call("list", ns, "--filter", '{"n": {"in": [1, 2]}}', "--speaker", "Ana", "--all")["id"] == "a"
        call("delete", ns, "b")
        assert [one["kind"] for one in call("history", ns, "b")["changes"]] == ["add", "delete"]
        assert call("export", ns, "--output", "e.jsonl")["records"] == 5
        assert call("import", f"{ns}/copy", "e.jsonl")["imported"] == 5
        assert call("import", f"{ns}/copy", "e.jsonl")["skipped"] == 5
        assert [one["name"] for one in call("namespaces", ns, "--all")] == [ns, f"{ns}/copy"]
        assert call("purge", ns, "a", "b", "--yes")["ids"] == ["a", "b"]
        assert call("get", ns, "a", code=3)["error"]["field"] == "id"
        call("delete-namespace", f"{ns}/copy", "--yes")
        assert call("delete-namespace", f"{ns}/copy", "--yes", code=3)["error"]["code"] == "not_found"
        steps = call("reembed", "--embedder", "static")
        assert steps[-1]["message"] == "the store now uses static"

    @pytest.mark.parametrize(
        ("args", "code", "field"),
        [
            (("search", "a b", "x"), 2, "namespace"),
            (("search", "none", "x", "-k", "-1"), 2, "k"),
            (("search", "none", "x" * 100_000), 2, "query"),
            (("search", "none", "x", "--filter", '{"a": {"gt": [1]}}'), 2, "filter.a"),
            (("search", "none", "x\udcff"), 2, "query"),
            (("search", "none", "x"), 3, "namespace"),
            (("get", "none", "x\ny"), 2, "id"),
            (("add", "none", " "), 2, "episodes[0].content"),
            (("add", "none", "x", "--role", "king"), 2, "episodes[0].role"),
            (("list", "some", "--page-token", "?"), 2, "page_token"),
            (("reembed", "--embedder", "nope"), 2, "embedder"),
        ],
    )
    def test_errors(self, call: Call, args: tuple[str, ...], code: int, field: str) -> None:
        call("add", "some", "a store that exists")
        assert call(*args, code=code)["error"]["field"] == field


class TestServe:
    def test_tokens_over_a_unix_socket(self, here: Here, tmp_path: Path) -> None:
        (tmp_path / "tokens.toml").write_text(
            '[[tokens]]\ntoken = "sesame"\ngrants = [{ verbs = ["read", "write"], namespaces = ["acme"] }]\n'
        )
        (tmp_path / "tokens.toml").chmod(0o600)
        (tmp_path / "token").write_text("sesame\n")
        (tmp_path / "wrong").write_text("open")
        with serving(*STORE, "--unix", "s", "--tokens", "tokens.toml") as said:
            assert said["address"] == f"unix:{tmp_path}/s"
            use = ("--server", said["address"], "--token-file", "token")
            here("memory", "add", "acme/u", "hello", *use)
            here("memory", "add", "other", "hello", *use, code=3)
            here("memory", "list", "acme/u", "--server", said["address"], code=6)
            assert "--token-file" in here("doctor", "--server", said["address"], "--token-file", "wrong", code=1)
            assert "accepted" in here("doctor", *use)
        assert not (tmp_path / "s").exists()

    def test_tls_and_ctrl_c(self, here: Here, tmp_path: Path) -> None:
        certificate, key = self_signed(tmp_path)
        use = ("--tls-cert", certificate, "--tls-key", key)
        with started("serve", *STORE, "--port", "0", *use, env=environment()) as process:
            assert process.stdout is not None
            said = re.fullmatch(r"serving .*m\.db at 127\.0\.0\.1:(\d+)\n", process.stdout.readline().decode())
            assert said is not None
            address = f"localhost:{said[1]}"
            here("memory", "add", "a", "hello", "--server", address, "--tls-ca", certificate)
            assert "serves" in here("doctor", "--server", address, "--tls-ca", certificate)
            assert "TLS" in here("doctor", "--server", address, code=1)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0

    @pytest.mark.parametrize(
        ("args", "field"),
        [
            (("--host", "0.0.0.0"), "host"),
            (("--port", "70000"), "port"),
            (("--max-concurrent", "0"), "workers"),
            (("--log-level", "loud"), "log_level"),
            (("--tls-cert", "c.pem"), "tls_key"),
            (("--tls-client-ca", "c.pem"), "tls_client_ca"),
            (("--tls-cert", "c.pem", "--tls-key", "k.pem"), "tls.key"),
            (("--tokens", "none.toml"), "tokens"),
            (("--unix", "x" * 200), "unix_socket"),
            (("--embedder", "nope"), "embedder"),
            (("--store", "."), "store"),
        ],
    )
    def test_what_is_wrong_is_named(self, here: Here, args: tuple[str, ...], field: str) -> None:
        error = json.loads(here("serve", *STORE, "--port", "0", "--json", *args, code=2))["error"]
        assert error["field"] == field

    def test_a_port_that_is_taken(self, here: Here) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            assert "taken" in here("serve", *STORE, "--port", str(taken.getsockname()[1]), code=5)


def self_signed(folder: Path) -> tuple[str, str]:
    """A certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")
