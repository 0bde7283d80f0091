"""Parsing in other processes, and what a bad file costs."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from agentctx.code import pool as pool_module
from agentctx.code.codec import EncodedFacts, decode, decode_outline, decode_references, encode
from agentctx.code.extract import extract, facts_key
from agentctx.code.git import blob_hash
from agentctx.code.pool import Extracted, ExtractionPool
from agentctx.code.producers import PRODUCERS, make_parts
from agentctx.code.resolve.affected import affected
from agentctx.code.resolve.edge_codec import decode_edges, encode_edges
from agentctx.code.resolve.imprint import imprint
from agentctx.code.resolve.resolver import Resolver
from agentctx.code.tame import LARGEST
from agentctx.code.worker import LENGTH, serve
from agentctx.errors import StoreCorrupt

SOURCE = b'"""Doc."""\nimport os\n\n\nclass A(Base):\n    def b(self, x: int = 1) -> str:\n        return os.getcwd()\n'
# A worker that does to a file what its content says, with the protocol of the real one.
WICKED = """
import os, sys, json, time
sys.path[:] = json.loads(sys.argv[1])
from agentctx.code import worker
honest = worker.extract
def extract(path, content):
    if b"crash" in content:
        os.kill(os.getpid(), 9)
    if b"stall" in content:
        time.sleep(60)
    return honest(path, content)
worker.extract = extract
worker.main()
"""


def extracted(root: Path, names: list[str], **settings: float) -> dict[str, Extracted]:
    with ExtractionPool(2, **settings) as pool:
        return {one.path: one for one in pool.extract(root, names)}


class TestPool:
    def test_gives_the_facts_that_extract_gives(self, tmp_path: Path) -> None:
        names = [f"{number}.py" for number in range(30)]
        for number, name in enumerate(names):
            (tmp_path / name).write_bytes(SOURCE + f"x{number} = {number}\n".encode())
        found = extracted(tmp_path, names)
        assert sorted(found) == sorted(names)
        for name, one in found.items():
            content = (tmp_path / name).read_bytes()
            assert one.facts is not None
            assert decode(one.facts) == extract(name, content)
            assert (one.content_hash, one.size, one.problem) == (blob_hash(content), len(content), "")
            assert one.key == facts_key(name, one.content_hash)

    def test_is_used_again_and_again(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_bytes(SOURCE)
        with ExtractionPool(1) as pool:
            first = list(pool.extract(tmp_path, ["a.py"]))
            assert list(pool.extract(tmp_path, ["a.py"])) == first
            assert list(pool.extract(tmp_path, [])) == []

    def test_a_few_small_files_start_no_process_and_more_or_larger_ones_do(self, tmp_path: Path) -> None:
        (tmp_path / "small.py").write_bytes(SOURCE)
        (tmp_path / "large.py").write_bytes(SOURCE * (1 + LARGEST // len(SOURCE)))
        for names, started in (["small.py"], 0), (["small.py", "large.py"], 1), (["small.py"] * 9, 1):
            with ExtractionPool(1) as pool:
                found = {one.path: one for one in pool.extract(tmp_path, names)}
                assert sum(worker.running for worker in pool._workers) == started
            assert found.keys() == set(names)
            for name, one in found.items():
                assert one.facts is not None
                assert decode(one.facts) == extract(name, (tmp_path / name).read_bytes())
                assert one.parts.keys() == {producer.key for producer in PRODUCERS}

    def test_a_file_that_fails_here_is_left_to_another_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(path: str, content: bytes, patience: float) -> None:
            raise TimeoutError(f"{path}: {len(content)} bytes in {patience} s")

        (tmp_path / "a.py").write_bytes(SOURCE)
        monkeypatch.setattr(pool_module, "extract", fails)
        with ExtractionPool(1) as pool:
            [found] = pool.extract(tmp_path, ["a.py"])
        assert found.facts is not None
        assert decode(found.facts) == extract("a.py", SOURCE)

    def test_a_file_that_is_gone_or_no_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_bytes(SOURCE)
        (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
        os.mkfifo(tmp_path / "pipe.py")
        found = extracted(tmp_path, ["a.py", "gone.py", "link.py", "pipe.py"])
        assert found["a.py"].problem == ""
        for name in ("gone.py", "link.py", "pipe.py"):
            assert found[name].facts is None
            assert found[name].problem.startswith("cannot be read")

    def test_a_crash_or_a_stall_costs_that_file_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool_module, "BOOT", WICKED)
        contents = {f"{n}.py": b"crash" if n in (3, 20) else b"stall" if n == 11 else SOURCE for n in range(30)}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        found = extracted(tmp_path, list(contents), timeout=2.0)
        problems = {name: one.problem for name, one in found.items() if one.problem}
        assert problems == {
            "3.py": "the parser crashed: facts are lost",
            "20.py": "the parser crashed: facts are lost",
            "11.py": "no answer in 2 s: facts are lost",
        }
        assert len(found) == 30

    def test_stopping_early_leaves_the_pool_fit_for_use(self, tmp_path: Path) -> None:
        names = [f"{number}.py" for number in range(40)]
        for name in names:
            (tmp_path / name).write_bytes(SOURCE + name.encode())
        with ExtractionPool(2) as pool:
            some = pool.extract(tmp_path, names)
            next(some)
            some.close()
            assert len(list(pool.extract(tmp_path, names))) == 40

    def test_nothing_of_the_tree_is_imported(self, tmp_path: Path) -> None:
        (tmp_path / "json.py").write_text("raise SystemExit('executed')")
        (tmp_path / "a.py").write_bytes(SOURCE)
        before = Path.cwd()
        os.chdir(tmp_path)
        try:
            assert extracted(tmp_path, ["a.py"])["a.py"].problem == ""
        finally:
            os.chdir(before)


def test_a_worker_answers_in_the_order_of_its_requests(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(SOURCE)
    requests = b""
    for name in ("a.py", "missing.py", "a.py"):
        frame = json.dumps(["file", str(tmp_path), name]).encode()
        requests += LENGTH.pack(len(frame)) + frame
    answers = io.BytesIO()
    serve(io.BytesIO(requests), answers)
    answers.seek(0)
    hashes = []
    for _ in range(3):
        [content_hash, _, _], sizes = json.loads(answers.read(LENGTH.unpack(answers.read(4))[0]))
        answers.read(sum(sizes))
        hashes.append(content_hash)
    assert hashes == [blob_hash(SOURCE), "", blob_hash(SOURCE)]


class TestCodec:
    def test_what_is_read_is_what_was_written(self) -> None:
        facts = extract("a.py", SOURCE)
        encoded = encode(facts)
        assert decode(encoded) == facts
        assert decode_references(encoded.references) == facts.references
        outline = decode_outline(encoded.outline)
        assert (outline.definitions, outline.imports, outline.bindings) == (
            facts.definitions,
            facts.imports,
            facts.bindings,
        )
        assert encode(facts) == encoded

    @pytest.mark.parametrize("damage", [b"", b"x", b"\x78\x9c\x03\x00\x00\x00\x00\x01"])
    def test_damaged_facts_are_refused(self, damage: bytes) -> None:
        with pytest.raises(StoreCorrupt):
            decode(EncodedFacts(damage, encode(extract("a.py", SOURCE)).references))
        with pytest.raises(StoreCorrupt):
            decode_references(damage)

    def test_the_key_tells_contents_kinds_and_versions_apart(self) -> None:
        assert facts_key("a/x.py", "h") == facts_key("b/y.py", "h")
        assert facts_key("a/x.py", "h") != facts_key("a/x.js", "h") != facts_key("a/x.js", "g")


class TestParts:
    def test_every_producer_is_run_beside_the_facts(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_bytes(SOURCE)
        one = extracted(tmp_path, ["a.py"])["a.py"]
        assert one.parts == make_parts(extract("a.py", SOURCE), SOURCE)
        assert set(one.parts) == {producer.key for producer in PRODUCERS}

    def test_contents_that_are_no_files_give_what_files_give(self, tmp_path: Path) -> None:
        contents = {f"{n}.py": SOURCE + b"#" * n * 9_000 for n in range(20)}  # more than a pipe holds
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        with ExtractionPool(2) as pool:
            blobs = {one.path: one for one in pool.extract_blobs(iter(contents.items()))}
        assert blobs == extracted(tmp_path, list(contents))


class TestHardInputs:
    """What a file holds never costs more than that file."""

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.py", b"def f(): return \xff\xfe\n"),
            ("a.py", "# -*- coding: latin-1 -*-\ndef é(): pass\n".encode("latin-1")),
            ("a.py", "def f(): pass\n".encode("utf-16")),
            ("a.py", b"def f():\n    pass\n\0\0\0"),
            ("a.py", b"(" * 5_000),
            ("a.py", b"x = " + b"[" * 200 + b"]" * 200),
            ("a.js", b"f(" * 200 + b")" * 200),
            ("a.json", b'{"a":' * 200 + b"1" + b"}" * 200),
            ("a.c", b"{" * 200 + b"}" * 200),
            ("a.py", b"".join(b"%sif a:\n" % (b" " * n) for n in range(200)) + b" " * 200 + b"f()\n"),
            ("a.js", b"var a=1;" * 20_000),
            ("a.py", b""),
            ("", b"x"),
        ],
    )
    def test_odd_contents_have_facts_and_parts(self, name: str, content: bytes) -> None:
        facts = extract(name, content)
        encoded = encode(facts)
        assert decode(encoded) == facts
        assert set(make_parts(facts, content)) == {producer.key for producer in PRODUCERS}
        [edges] = Resolver({name: facts}).resolve()
        assert decode_edges(encode_edges(edges)).edges == edges.edges


class TestResolving:
    def tree(self, count: int) -> dict[str, bytes]:
        tree = {
            f"pkg/m{n}.py": b"from pkg.m%d import f\ndef f(): return f()\n" % ((n + 1) % count) for n in range(count)
        }
        return tree | {"pkg/__init__.py": b""}

    @pytest.mark.parametrize("count", [5, 400])
    def test_files_are_resolved_alike_here_and_in_other_processes(self, count: int) -> None:
        facts = {path: extract(path, content) for path, content in self.tree(count).items()}
        encoded = {path: encode(one) for path, one in facts.items()}
        imprints = {path: imprint(one) for path, one in facts.items()}
        with ExtractionPool(2) as pool:
            found = {one.path: one for one in pool.resolve(encoded.__getitem__, imprints, list(facts))}
        wanted = {one.path: one for one in Resolver(facts).resolve()}
        assert {path: one.decode() for path, one in found.items()} == wanted
        assert all(one.kinds == Counter(e.kind for e in wanted[path].edges) for path, one in found.items())

    def test_few_files_of_many_are_resolved_without_decoding_all(self) -> None:
        encoded = {path: encode(extract(path, content)) for path, content in self.tree(100).items()}
        imprints = {path: imprint(decode(one)) for path, one in encoded.items()}
        asked: set[str] = set()

        def read(path: str) -> EncodedFacts:
            asked.add(path)
            return encoded[path]

        with ExtractionPool(2) as pool:
            [one] = pool.resolve(read, imprints, ["pkg/m3.py"])
        assert one.kinds["calls"] == 1
        assert asked <= {"pkg/m3.py", "pkg/m4.py", "pkg/__init__.py"}


class TestAffected:
    def again(self, before: dict[str, str], after: dict[str, str]) -> set[str]:
        old, new = ({p: extract(p, t.encode()) for p, t in tree.items()} for tree in (before, after))
        footprints = {one.path: one.footprint for one in Resolver(old).resolve()}
        imprints = [{p: imprint(one) for p, one in facts.items()} for facts in (old, new)]
        changed = [p for p in old.keys() | new.keys() if old.get(p) != new.get(p)]
        changes = {p: (imprints[0].get(p), imprints[1].get(p)) for p in changed}
        return affected(changes, old, new, footprints)

    CALLER = "from a import f\nf()\n"

    def test_a_body_concerns_its_file_only(self) -> None:
        before = {"a.py": "def f():\n    x = 1\n", "b.py": self.CALLER}
        assert self.again(before, before | {"a.py": "# longer\n\ndef f():\n    y = 2\n    g(y)\n"}) == {"a.py"}

    def test_a_name_that_nobody_asked_for_concerns_its_file_only(self) -> None:
        before = {"a.py": "def f(): pass\n", "b.py": self.CALLER}
        assert self.again(before, before | {"a.py": "def f(): pass\ndef other(): pass\n"}) == {"a.py"}

    def test_who_asked_for_a_name_is_asked_again_when_it_comes_goes_or_answers_otherwise(self) -> None:
        tree = {"a.py": "def f(): pass\n", "b.py": self.CALLER, "c.py": "import os\n"}
        assert self.again(tree, tree | {"a.py": "def g(): pass\n"}) == {"a.py", "b.py"}
        assert self.again(tree | {"a.py": ""}, tree) == {"a.py", "b.py"}
        assert self.again({"b.py": self.CALLER}, {"b.py": self.CALLER, "a.py": "def f(): pass\n"}) == {"a.py", "b.py"}
        assert self.again(tree, {"b.py": self.CALLER, "c.py": "import os\n"}) == {"b.py"}

    def test_an_override_that_appears_rebinds_callers_elsewhere(self) -> None:
        tree = {
            "base.py": "class Base:\n    def run(self): pass\n",
            "mid.py": "from base import Base\nclass Mid(Base):\n    pass\n",
            "use.py": "from mid import Mid\nMid().run()\n",
            "not.py": "from base import Base\nBase().run()\n",
        }
        after = tree | {"mid.py": "from base import Base\nclass Mid(Base):\n    def run(self): pass\n"}
        assert self.again(tree, after) == {"mid.py", "use.py"}

    def test_a_second_definition_unsettles_a_name_that_was_unique(self) -> None:
        tree = {"a.py": "class A:\n    def launch_it(self): pass\n", "b.py": "def g(x): x.launch_it()\n", "c.py": ""}
        after = tree | {"c.py": "class C:\n    def launch_it(self): pass\n"}
        assert self.again(tree, after) == {"b.py", "c.py"}
