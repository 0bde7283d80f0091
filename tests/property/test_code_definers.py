"""Which files define a name is what decoding all of them would tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctx.code.extract import extract
from agentctx.code.facts import FileFacts
from agentctx.code.resolve import definers as definers_module
from agentctx.code.resolve.definers import Definers
from agentctx.code.resolve.imprint import imprint
from agentctx.errors import StoreCorrupt

NAMES = st.sampled_from(["run", "load", "Base", "é", "x"])
BLOCKS = (
    "def {n}(): pass",
    "class {n}:\n    def {o}(self): {n}()",
    "{n} = {o}()",
    "import pytest\n@pytest.fixture\ndef {n}({o}): return {o}",
    "from {n} import {o}",
)
FILES = st.lists(st.lists(st.tuples(st.sampled_from(BLOCKS), NAMES, NAMES), max_size=4), max_size=5)


@given(files=FILES, many=st.sampled_from([0, 3, 1_000]))
def test_names_lead_to_the_files_that_define_them(files: list[list[tuple[str, str, str]]], many: int) -> None:
    texts = {
        f"{place}.py": "\n".join(block.format(n=name, o=other) for block, name, other in blocks)
        for place, blocks in enumerate(files)
    }
    facts = {path: extract(path, text.encode()) for path, text in texts.items()} | {"a.md": extract("a.md", b"# run\n")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definers_module, "_MANY", many)
        check(facts)


def check(facts: dict[str, FileFacts]) -> None:
    """Compare every answer with what the facts say."""
    definers = Definers({path: imprint(one) for path, one in facts.items()})
    assert definers.languages == {path: one.language for path, one in facts.items()}
    for name in ("run", "load", "Base", "é", "x", "other", ""):
        rows = [
            (path, place, one)
            for path, each in facts.items()
            for place, one in enumerate(each.definitions)
            if one.name == name
        ]
        assert definers.files(name) == tuple(dict.fromkeys(path for path, _, _ in rows))
        kinds = ("function", "method")
        assert definers.callables(name) == [(path, place) for path, place, one in rows if one.kind in kinds]
        fixtures = [(path, place) for path, place, one in rows if any("fixture" in mark for mark in one.decorators)]
        assert definers.fixtures(name) == fixtures


@pytest.mark.parametrize("data", [b"", b"aim1", b"x" * 40, imprint(extract("a.py", b"x = 1\n"))[:-1]])
def test_what_is_no_imprint_is_refused(data: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        Definers({"a.py": data})
