"""The inverted index against a plain list of documents, through adding, hiding, folding and restoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentctx.index import lexical
from agentctx.index.growable import Growable
from agentctx.index.lexical import LexicalIndex
from agentctx.index.lexical_fold import Fold
from agentctx.index.snapshot import whole

DOCUMENT = st.dictionaries(st.sampled_from(["a", "b", "cc", "déjà", "e", "語"]), st.integers(1, 300), max_size=4)


class LexicalMachine(RuleBasedStateMachine):
    """Whatever happens, the index says what the documents say."""

    def __init__(self) -> None:
        super().__init__()
        self.session: Growable[np.int32] = Growable(np.int32)
        self.run: Growable[np.int32] = Growable(np.int32)
        self.length: Growable[np.float32] = Growable(np.float32)
        self.index = LexicalIndex(self.session, self.run, self.length)
        self.documents: list[dict[str, int]] = []
        self.visible: list[bool] = []
        self.runs: dict[int, int] = {}
        self.fold: Fold | None = None
        self.steps: Iterator[None] = iter(())

    @rule(batch=st.lists(st.tuples(DOCUMENT, st.integers(0, 2)), min_size=1, max_size=3))
    def add(self, batch: list[tuple[dict[str, int], int]]) -> None:
        for document, session in batch:
            fresh = len(set(self.run.array.tolist()))
            self.session.append(session)
            self.run.append(self.runs.setdefault(session, fresh) if session else fresh)
            self.length.append(sum(document.values()))
            self.documents.append(document)
            self.visible.append(True)
        self.index.add([document for document, _ in batch])

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def hide(self, data: st.DataObject) -> None:
        rows = data.draw(st.lists(st.integers(0, len(self.documents) - 1), unique=True, min_size=1, max_size=4))
        self.index.hide(np.array(rows))
        for row in rows:
            self.visible[row] = False

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def show(self, data: st.DataObject) -> None:
        rows = data.draw(st.lists(st.integers(0, len(self.documents) - 1), unique=True, min_size=1, max_size=4))
        self.index.show(np.array(rows))
        for row in rows:
            self.visible[row] = True

    @precondition(lambda self: self.fold is None)
    @rule()
    def begin_to_fold(self) -> None:
        self.fold = self.index.fold()
        self.steps = self.fold.steps()

    @precondition(lambda self: self.fold is not None)
    @rule(finish=st.booleans())
    def fold_on(self, finish: bool) -> None:
        assert self.fold is not None
        if not finish and next(self.steps, "end") is None:
            return
        for _ in self.steps:
            pass
        self.index.publish(self.fold)
        self.fold = None

    @precondition(lambda self: self.fold is not None)
    @rule()
    def give_up_folding(self) -> None:
        self.index.abandon()
        self.fold = None

    @precondition(lambda self: self.fold is None)
    @rule(at_once=st.booleans())
    def restore(self, at_once: bool) -> None:
        arrays: dict[str, Any] = {name: whole(one).copy() for name, one in self.index.arrays().items()}
        for one in arrays.values():
            one.flags.writeable = False
        before = lexical.TAKEN_UP
        lexical.TAKEN_UP = 0 if at_once else before  # type: ignore[misc]
        try:
            self.index = LexicalIndex.restore(arrays, self.session, self.run, self.length)
        finally:
            lexical.TAKEN_UP = before  # type: ignore[misc]

    @invariant()
    def says_what_the_documents_say(self) -> None:
        self.index.check_invariants(self.documents, np.array(self.visible, dtype=np.bool_))
        assert self.index.nbytes >= 0


LexicalMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
TestLexicalIndex = LexicalMachine.TestCase
