"""Parsing in other processes, and what a bad file costs."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from agentctx.code import pool as pool_module
from agentctx.code.codec import EncodedFacts, decode, decode_outline, decode_references, encode
from agentctx.code.extract import extract, facts_key
from agentctx.code.git import blob_hash
from agentctx.code.pool import Extracted, ExtractionPool
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
        monkeypatch.setattr(pool_module, "_BOOT", WICKED)
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
        frame = json.dumps([0, str(tmp_path), name]).encode()
        requests += LENGTH.pack(len(frame)) + frame
    answers = io.BytesIO()
    serve(io.BytesIO(requests), answers)
    answers.seek(0)
    hashes = []
    for _ in range(3):
        _, content_hash, _, _, outline, references = json.loads(answers.read(LENGTH.unpack(answers.read(4))[0]))
        answers.read(outline + references)
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
