"""CodeService on a real port, over canned answers: what is carried, roots, grants, cancelling, limits, logs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, cast

import grpc
import pytest
from agentctx_server import ServerConfig
from agentctx_server.auth import CODE_VERBS
from agentctx_server.roots import CodeRoots

from agentctx import connect, connect_async
from agentctx.aio import AsyncCode
from agentctx.errors import (
    AgentctxError,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from agentctx.types import AsyncCodeAPI, CodeAPI, IndexProgress, MemoryAPI
from agentctx.v1 import code_service_pb2
from tests.fixtures_code import REPORT, FakeCode
from tests.fixtures_server import Holder, Served, running_loop, serving

NO_MEMORY = cast("MemoryAPI", None)


def held(code: Any) -> Holder:
    return Holder(NO_MEMORY, code)


@pytest.fixture
def fake() -> FakeCode:
    return FakeCode("docs", "website")


@pytest.fixture
def served(fake: FakeCode, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "website").mkdir()
    with serving(held(fake), code_roots=(tmp_path,)) as running:
        yield running


CALLS: list[Callable[[CodeAPI], Any]] = [
    lambda c: c.list(),
    lambda c: c.list(page_size=1),
    lambda c: c.list(page_size=1, page_token="docs"),
    lambda c: c.get("website"),
    lambda c: c.search("website", "run"),
    lambda c: c.search("website", "run", k=3, granularity="chunk", path="src", language="python", kinds=("a", "b")),
    lambda c: c.search("website", "run", tests=False, vendored=True, explain=True),
    lambda c: c.symbol("website", "run"),
    lambda c: c.symbol("website", "run", kinds=("method",), path="src", k=1),
    lambda c: c.neighbours("website", "run"),
    lambda c: c.neighbours("website", "run", kinds=("calls", "tests"), direction="in", depth=2, limit=5),
    lambda c: c.outline("website"),
    lambda c: c.outline("website", "src", depth=2, limit=7),
    lambda c: c.map("website"),
    lambda c: c.map("website", budget=100, query="fix", counter="cl100k_base"),
    lambda c: c.scout("website", "it breaks"),
    lambda c: c.scout("website", "it breaks", budget=100, k=2, path="src", tests=True, llm=False),
    lambda c: c.source("website", "src/app.py"),
    lambda c: c.source("website", "src/app.py", start_line=3, end_line=4),
    lambda c: c.source("website", "nothing.py"),
    lambda c: c.search("nobody", "run"),
    lambda c: c.remove("nobody"),
    lambda c: c.remove("docs"),
]


def outcome(call: Callable[[Any], Any], code: Any) -> Any:
    try:
        return call(code)
    except AgentctxError as error:
        return (type(error), error.message, error.field, error.details)


def async_outcome(call: Callable[[Any], Any], code: AsyncCodeAPI, loop: asyncio.AbstractEventLoop) -> Any:
    async def run() -> Any:
        return await call(code)

    return outcome(lambda _: asyncio.run_coroutine_threadsafe(run(), loop).result(20), None)


class TestCarrying:
    def test_every_face_asks_the_engine_the_same_and_answers_the_same(self) -> None:
        plain, threaded, sync, awaited = (FakeCode("docs", "website") for _ in range(4))
        with ExitStack() as stack:
            loop = stack.enter_context(running_loop())
            client = stack.enter_context(connect(stack.enter_context(serving(held(sync))).address))
            address = stack.enter_context(serving(held(awaited))).address

            async def start() -> Any:
                return connect_async(address)

            aio = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
            stack.callback(lambda: asyncio.run_coroutine_threadsafe(aio.close(), loop).result(10))
            for number, call in enumerate(CALLS):
                expected = outcome(call, plain)
                assert async_outcome(call, AsyncCode(threaded), loop) == expected, number
                assert outcome(call, client.code) == expected, number
                assert async_outcome(call, aio.code, loop) == expected, number
        defaults = {"kinds": (), "direction": "both", "depth": 1, "limit": 100}
        for one in (threaded, sync, awaited):
            for (name, given, options), (_, wanted, expected) in zip(one.calls, plain.calls, strict=True):
                assert given == wanted
                filled = (defaults if name == "neighbours" else {}) | expected
                assert {**filled, **options} == filled, name

    def test_an_index_streams_its_steps_and_ends_with_the_report(
        self, served: Served, fake: FakeCode, tmp_path: Path
    ) -> None:
        with connect(served.address) as client:
            steps = list(client.code.index(str(tmp_path / "website"), name="website", commit="HEAD"))
        assert [(one.stage, one.done, one.total) for one in steps] == [
            ("walk", 0, None),
            ("facts", 2, 3),
            ("done", 3, 3),
        ]
        assert [one.report for one in steps] == [None, None, REPORT]
        assert fake.calls == [("index", (str(tmp_path / "website"),), {"name": "website", "commit": "HEAD"})]

    def test_an_asyncio_index_can_be_left_in_the_middle(self, served: Served, fake: FakeCode, tmp_path: Path) -> None:
        async def run() -> list[IndexProgress]:
            async with connect_async(served.address) as client:
                steps = client.code.index(str(tmp_path / "website"))
                first = await anext(steps)
                await cast("Any", steps).aclose()
                return [first, *[one async for one in client.code.index(str(tmp_path / "website"))]]

        assert [one.stage for one in asyncio.run(run())] == ["walk", "walk", "facts", "done"]

    def test_every_method_of_the_api_has_its_call(self) -> None:
        calls = {method.name for method in code_service_pb2.DESCRIPTOR.services_by_name["CodeService"].methods}
        for api in (CodeAPI, AsyncCodeAPI):
            assert {name.title() for name in vars(api) if not name.startswith("_")} == calls
        assert {*(name.lower() for name in calls), "build"} == set(CODE_VERBS)


class TestCancelling:
    def test_a_caller_that_goes_stops_the_index(self, fake: FakeCode, tmp_path: Path) -> None:
        gate, ended = threading.Event(), threading.Event()

        class Slow(FakeCode):
            def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
                try:
                    yield IndexProgress("walk", 0, None)
                    assert gate.wait(20)
                    for done in range(1000):
                        yield IndexProgress("facts", done, 1000)
                        time.sleep(0.01)
                finally:
                    ended.set()

        with serving(held(Slow()), code_roots=(tmp_path,)) as running, connect(running.address) as client:
            steps = client.code.index(str(tmp_path))
            next(steps)
            cast("Any", steps).close()
            gate.set()
            assert ended.wait(5)

    def test_an_index_holds_no_thread_of_other_calls(self, tmp_path: Path) -> None:
        gate = threading.Event()

        class Slow(FakeCode):
            def index(self, path: str, *, name: str = "", commit: str = "") -> Iterator[IndexProgress]:
                yield IndexProgress("walk", 0, None)
                gate.wait(20)

        config = {"code_roots": (tmp_path,), "workers": 1, "backlog": 0, "streams": 1, "indexings": 2}
        with serving(held(Slow()), **config) as running, connect(running.address) as client:
            steps = [client.code.index(str(tmp_path)) for _ in range(2)]
            for one in steps:
                next(one)
            assert client.code.search("website", "run").hits
            with pytest.raises(ResourceExhausted) as caught:
                list(client.code.index(str(tmp_path)))
            assert caught.value.retry_after > 0
            gate.set()
            for one in steps:
                assert list(one) == []

    def test_the_deadline_of_a_call_is_kept(self) -> None:
        gate = threading.Event()

        class Slow(FakeCode):
            def scout(self, repository: str, query: str, **options: Any) -> Any:
                gate.wait(20)
                return super().scout(repository, query, **options)

        with serving(held(Slow())) as running, connect(running.address, timeout=0.3) as client:
            with pytest.raises(DeadlineExceeded):
                client.code.scout("website", "it breaks")
            gate.set()


class TestRoots:
    def test_without_a_root_nothing_is_indexed(self, fake: FakeCode, tmp_path: Path) -> None:
        with (
            serving(held(fake)) as running,
            connect(running.address) as client,
            pytest.raises(PermissionDenied, match="--code-root") as caught,
        ):
            list(client.code.index(str(tmp_path)))
        assert caught.value.field == "path"
        assert fake.calls == []

    def test_what_is_outside_gets_one_answer_be_it_there_or_not(self, tmp_path: Path) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        for folder in (root / "app", outside):
            folder.mkdir(parents=True)
        (root / "link").symlink_to(outside)
        (root / "loop").symlink_to(root / "loop")
        roots = CodeRoots([root])
        paths = [outside, tmp_path, tmp_path / "nothing", root / ".." / "outside", root / "link", root / "link" / "x"]
        said = set()
        for path in [*map(str, paths), "../outside", "link", "/", "/etc/passwd", str(root) + "2"]:
            with pytest.raises(PermissionDenied) as caught:
                roots.confine(path, commit=False)
            said.add((caught.value.message, caught.value.field, *caught.value.details))
        assert len(said) == 1
        assert str(tmp_path) not in said.pop()[0]

    def test_a_path_that_no_file_system_can_hold_is_no_fault_of_the_server(self, tmp_path: Path) -> None:
        long = str(tmp_path / ("x" * 5_000))
        for commit in (False, True):
            assert CodeRoots([tmp_path]).confine(long, commit=commit) == long

    def test_what_is_inside_is_handed_on_without_links(self, tmp_path: Path) -> None:
        (tmp_path / "root" / "app").mkdir(parents=True)
        (tmp_path / "other" / "lib").mkdir(parents=True)
        (tmp_path / "root" / "there").symlink_to("app")
        roots = CodeRoots([tmp_path / "root", os.fspath(tmp_path / "other")])
        app = str((tmp_path / "root" / "app").resolve())
        assert roots.confine(app, commit=False) == app
        assert roots.confine("app", commit=False) == app
        assert roots.confine("there", commit=False) == app
        assert roots.confine("lib", commit=False) == str((tmp_path / "other" / "lib").resolve())
        assert roots.confine("missing", commit=False) == str((tmp_path / "root" / "missing").resolve())
        assert roots.confine(str(tmp_path / "other"), commit=False) == str((tmp_path / "other").resolve())

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_a_path_that_is_none(self, tmp_path: Path, path: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            CodeRoots([tmp_path]).confine(path, commit=False)
        assert caught.value.field == "path"

    def test_git_objects_of_elsewhere_are_not_read(self, tmp_path: Path) -> None:
        """A .git file, a commondir, alternates and links can all lead out of the roots."""
        root, secret = tmp_path / "root", tmp_path / "secret"
        names = ("file", "common", "alternates", "linked", "pack", "packed", "nothing", "good")
        for name in names:
            (root / name).mkdir(parents=True)
            if name not in ("file", "linked", "nothing"):
                (root / name / ".git" / "objects" / "pack").mkdir(parents=True)
                (root / name / ".git" / "objects" / "info").mkdir()
                (root / name / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (secret / ".git" / "objects" / "pack").mkdir(parents=True)
        (secret / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (secret / ".git" / "objects" / "pack" / "a.pack").write_text("x")
        (root / "file" / ".git").write_text(f"gitdir: {secret}/.git\n")
        (root / "common" / ".git" / "commondir").write_text("../../../secret/.git\n")
        (root / "alternates" / ".git" / "objects" / "info" / "alternates").write_text(f"{secret}/.git/objects\n")
        (root / "linked" / ".git").symlink_to(secret / ".git")
        (root / "pack" / ".git" / "objects" / "pack").rmdir()
        (root / "pack" / ".git" / "objects" / "pack").symlink_to(secret / ".git" / "objects" / "pack")
        (root / "packed" / ".git" / "objects" / "pack" / "a.pack").symlink_to(secret / ".git/objects/pack/a.pack")
        roots = CodeRoots([root])
        for name in names[:-2]:
            with pytest.raises(PermissionDenied):
                roots.confine(name, commit=True)
            assert roots.confine(name, commit=False)
        for name in names[-2:]:
            assert roots.confine(name, commit=True)

    @pytest.mark.parametrize("decoy", [False, True])
    def test_a_work_tree_above_the_root_lends_no_commits(self, tmp_path: Path, decoy: bool) -> None:
        """Nor behind a .git in between that is none."""
        (tmp_path / ".git" / "objects").mkdir(parents=True)
        (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (tmp_path / "sub").mkdir()
        if decoy:
            (tmp_path / "sub" / ".git").mkdir()
        with pytest.raises(PermissionDenied):
            CodeRoots([tmp_path / "sub"]).confine(str(tmp_path / "sub"), commit=True)

    def test_a_bare_repository_is_its_own(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "HEAD").write_text("x")
        (tmp_path / "roots" / "a.git" / "objects").mkdir(parents=True)
        (tmp_path / "roots" / "a.git" / "HEAD").write_text("ref: refs/heads/main\n")
        assert CodeRoots([tmp_path / "roots"]).confine("a.git", commit=True)

    def test_a_root_that_is_no_folder_is_refused_at_the_start(self, fake: FakeCode, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        for path in (tmp_path / "file", tmp_path / "nothing"):
            with pytest.raises(InvalidArgument) as caught, serving(held(fake), code_roots=(path,)):
                pass
            assert caught.value.field == "code_root"
        assert ServerConfig().code_roots == ()


TOKENS = """
[[tokens]]
token = "reader"
grants = [{ verbs = ["read"], repositories = ["website"] }]

[[tokens]]
token = "builder"
grants = [{ verbs = ["read", "write"], repositories = ["website", "new"] }]

[[tokens]]
token = "memory"
grants = [{ verbs = ["all"], namespaces = ["*"] }]

[[tokens]]
token = "operator"
grants = [{ verbs = ["all"], repositories = ["*"] }]
"""


class TestGrants:
    @pytest.fixture
    def guarded(self, fake: FakeCode, tmp_path: Path) -> Iterator[Served]:
        file = tmp_path / "tokens.toml"
        file.write_text(TOKENS)
        file.chmod(0o600)
        (tmp_path / "website").mkdir()
        with serving(held(fake), tokens=file, code_roots=(tmp_path,)) as running:
            yield running

    READS: ClassVar[list[Callable[[CodeAPI, str], Any]]] = [
        lambda c, r: c.get(r),
        lambda c, r: c.search(r, "run"),
        lambda c, r: c.symbol(r, "run"),
        lambda c, r: c.neighbours(r, "run"),
        lambda c, r: c.outline(r),
        lambda c, r: c.map(r),
        lambda c, r: c.scout(r, "run"),
        lambda c, r: c.source(r, "src/app.py"),
    ]

    def test_what_is_forbidden_and_what_does_not_exist_get_the_same_answer(self, guarded: Served) -> None:
        with connect(guarded.address, token="reader") as client:
            for call in self.READS:
                assert call(client.code, "website")
                said = []
                for name in ("docs", "nothing"):
                    with pytest.raises(NotFound) as caught:
                        call(client.code, name)
                    error = caught.value
                    said.append((error.message.replace(name, "X"), error.field, {**error.details, "repository": "X"}))
                    assert error.details["repository"] == name
                assert said[0] == said[1]

    def test_each_verb_opens_only_its_own(self, guarded: Served, fake: FakeCode, tmp_path: Path) -> None:
        path = str(tmp_path / "website")
        with connect(guarded.address, token="reader") as client:
            for attempt in (
                lambda: client.code.remove("website"),
                lambda: list(client.code.index(path, name="website")),
            ):
                with pytest.raises(NotFound):
                    attempt()
        with connect(guarded.address, token="builder") as client:
            assert list(client.code.index(path, name="website"))[-1].report == REPORT
            assert list(client.code.index(path, name="new"))
            with pytest.raises(NotFound, match="docs"):
                list(client.code.index(path, name="docs"))
            with pytest.raises(InvalidArgument) as caught:
                list(client.code.index(path))
            assert caught.value.field == "name"
            with pytest.raises(NotFound):
                client.code.remove("website")
        with connect(guarded.address, token="operator") as client:
            assert list(client.code.index(path))
            client.code.remove("docs")
        assert fake.names == ["website"]

    def test_a_list_shows_what_is_granted_and_pages_over_no_more(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens.toml"
        file.write_text('[[tokens]]\ntoken = "some"\ngrants = [{verbs=["list"], repositories=["a", "c", "e", "team"]}]')
        names = ["a", "b", "c", "d", "e", "team", "team2"]
        with serving(held(FakeCode(*names)), tokens=file) as running, connect(running.address, token="some") as client:
            seen, token, pages = [], "", 0
            while True:
                page = client.code.list(page_size=2, page_token=token)
                seen += [one.name for one in page.repositories]
                pages += 1
                token = page.next_page_token
                if not token:
                    break
            assert seen == ["a", "c", "e", "team"]
            assert pages == 2
            with pytest.raises(InvalidArgument) as caught:
                client.code.list(page_token="nonsense")
            assert caught.value.field == "page_token"

    def test_grants_on_memory_open_no_code_and_the_other_way_round(self, guarded: Served) -> None:
        with connect(guarded.address, token="memory") as client:
            assert client.code.list().repositories == ()
            with pytest.raises(NotFound):
                client.code.search("website", "run")


class TestAround:
    def test_the_service_has_health_metrics_and_log_lines_without_content(self, fake: FakeCode) -> None:
        with serving(held(fake), metrics_port=0) as running, connect(running.address) as client:
            assert client.health("agentctx.v1.CodeService") == "serving"
            client.code.search("website", "a very secret query")
            with pytest.raises(NotFound):
                client.code.search("hidden-name", "a very secret query")
            address = running.running.metrics_address
            text = urllib.request.urlopen(f"http://{address}/metrics").read().decode()
        assert 'method="CodeService/Search",code="OK"' in text or 'code="OK",method="CodeService/Search"' in text
        lines = [line for line in running.log if line.get("method") == "CodeService/Search"]
        assert [line["code"] for line in lines] == ["OK", "NOT_FOUND"]
        assert "secret" not in running.log_text
        assert "hidden-name" not in running.log_text

    def test_a_message_that_is_none_is_a_typed_error(self, served: Served) -> None:
        with grpc.insecure_channel(served.address) as channel:
            call = channel.unary_unary("/agentctx.v1.CodeService/Search")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"\xff\xff")
        assert cast("Any", caught.value).code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_a_bug_is_an_internal_error_with_a_reference(self, tmp_path: Path) -> None:
        class Broken(FakeCode):
            def get(self, repository: str) -> Any:
                raise ZeroDivisionError(repository)

        with (
            serving(held(Broken())) as running,
            connect(running.address) as client,
            pytest.raises(AgentctxError) as caught,
        ):
            client.code.get("website")
        assert caught.value.code == "internal"
