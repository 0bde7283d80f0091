"""Telling the kind of a request: rules and examples together, with a confidence that means something, or abstaining."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentctx.embed.base import Embedder
from agentctx.errors import InvalidArgument
from agentctx.routing.features import READ, make_up, terms
from agentctx.routing.rules import RuleSet
from agentctx.routing.tasks import UNKNOWN, TaskCatalog
from agentctx.types.routing import TaskEstimate

Matrix = npt.NDArray[np.float32]

# How much each view of a text counts. Chosen by leaving out one example at a time, never by labelled prompts.
DENSE, LEXICAL, MAKE_UP, BIAS = 1.0, 1.2, 0.3, 0.3
RIDGE: Final = 0.5
EARLIER: Final = 0.5  # what the message before counts beside a short one, and the one before that beside it
SHORT: Final = 6  # words; beside a longer prompt, what came before counts for less in proportion
PHRASES: Final = 3  # keywords that together count as one example


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns scores into probabilities: `sharpness` multiplies scores before the softmax, rules are scaled by
    `rule_trust`; below `threshold` the classifier abstains. docs/routing.md tells how the defaults were found.
    """

    sharpness: float = 12.0
    rule_trust: float = 1.0
    threshold: float = 0.35


class Classifier:
    """Tells task types by a ridge regression on embedding, terms and make-up of a few dozen examples each, plus rules.

    Learns from the catalogue's own examples at the first call (some 0.5 s), deterministically; nothing is stored.
    A request then takes some 0.3 ms. Thread-safe.
    """

    def __init__(
        self,
        catalog: TaskCatalog,
        embedder: Embedder,
        rules: RuleSet | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """embedder: shared, not closed here; the static one is what the calibration was made with."""
        self._catalog = catalog
        self._embedder = embedder
        self._rules = RuleSet.load(catalog) if rules is None else rules
        self._calibration = calibration or Calibration()
        self._lock = threading.Lock()
        self._model: _Model | None = None

    def classify(self, prompt: str, earlier: Sequence[str] = ()) -> TaskEstimate:
        """The kind of `prompt` with its probability, those of all types, and why.

        `earlier` are the user's messages before it, oldest first. The last two help with a short prompt ("and now the
        other one") and hardly with a long one.

        A blank prompt is abstained from. Raises InvalidArgument for anything but a str.
        """
        if not isinstance(prompt, str):
            raise InvalidArgument(f"prompt must be a str, not {type(prompt).__name__}", field="prompt")
        if not prompt.strip():
            return TaskEstimate(UNKNOWN, 0.0, True, "none", {}, ("the prompt is blank",))
        model = self._model or self._learn()
        scores = model.scores(prompt)
        share = EARLIER * min(1.0, SHORT / len(prompt[:READ].split()))
        for text in [text for text in earlier if text.strip()][:-3:-1]:
            scores += share * model.scores(text)
            share *= EARLIER
        scores *= self._calibration.sharpness
        matched = self._rules.matching(prompt)
        for rule in matched:
            scores[model.place[rule.task_type]] += self._calibration.rule_trust * rule.weight
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        best = int(chances.argmax())
        task_type, confidence = model.ids[best], float(chances[best])
        helped = [rule.name for rule in matched if rule.task_type == task_type]
        reasons = [f"rule: {name}" for name in helped] or [f"nearest to examples of {task_type}"]
        abstained = confidence < self._calibration.threshold
        if abstained:
            second = model.ids[int(np.argsort(chances)[-2])]
            reasons.append(f"not sure enough: {confidence:.2f}, next {second}")
        return TaskEstimate(
            task_type,
            confidence,
            abstained,
            "rules" if helped else "prototypes",
            dict(zip(model.ids, map(float, chances), strict=True)),
            tuple(reasons),
        )

    def left_out(self) -> tuple[Matrix, npt.NDArray[np.int64], Sequence[str]]:
        """Scores of each example prompt by a model that did not learn from it, their true places, and the ids.

        What calibration is made from; solves a system of the size of all examples once more.
        """
        return (self._model or self._learn()).left_out()

    def _learn(self) -> _Model:
        with self._lock:
            if self._model is None:
                self._model = _Model(self._catalog, self._embedder)
            return self._model


class _Model:
    """The regression, solved in its dual form: as many unknowns as there are examples."""

    def __init__(self, catalog: TaskCatalog, embedder: Embedder) -> None:
        self.ids = tuple(catalog.ids)
        self.place = {id: i for i, id in enumerate(self.ids)}
        self._embedder = embedder
        texts, labels, prompts = _examples(catalog)
        self._labels, self._is_prompt = np.array(labels), np.array(prompts)
        count = len(texts)
        dense = embedder.embed(texts)
        self._centre = dense.mean(axis=0)
        term_sets = [terms(text) for text in texts]
        spread = Counter(term for found in term_sets for term in found)
        self._columns = {term: i for i, term in enumerate(spread)}
        self._rarity = np.array([math.log(1 + count / rows) for rows in spread.values()], dtype=np.float32)
        made = [make_up(text) for text in texts]
        self._signs = {name: i for i, name in enumerate(sorted({name for found in made for name in found}))}
        rows = [self._lexical(found) for found in term_sets]
        fixed = self._fixed(dense, made)
        self._gram = fixed @ fixed.T + _products(rows, len(spread))
        self._targets = np.full((count, len(self.ids)), -1.0 / (len(self.ids) - 1), dtype=np.float32)
        self._targets[np.arange(count), self._labels] = 1.0
        dual = np.linalg.solve(self._gram + RIDGE * np.eye(count, dtype=np.float32), self._targets)
        self._fixed_weights: Matrix = (fixed.T @ dual).astype(np.float32)
        self._term_weights: Matrix = np.zeros((len(spread), len(self.ids)), dtype=np.float32)
        for (columns, values), row in zip(rows, dual, strict=True):
            self._term_weights[columns] += values[:, None] * row

    def scores(self, text: str) -> Matrix:
        """One score a type."""
        columns, values = self._lexical(terms(text))
        fixed = self._fixed(self._embedder.embed([text], "query"), [make_up(text)])
        scores: Matrix = (fixed @ self._fixed_weights)[0] + values @ self._term_weights[columns]
        return scores

    def left_out(self) -> tuple[Matrix, npt.NDArray[np.int64], Sequence[str]]:
        """See Classifier."""
        inverse = np.linalg.inv(self._gram + RIDGE * np.eye(len(self._labels), dtype=np.float32))
        scores = self._targets - (inverse @ self._targets) / np.diag(inverse)[:, None]
        return scores[self._is_prompt], self._labels[self._is_prompt], self.ids

    def _lexical(self, found: Mapping[str, float]) -> tuple[npt.NDArray[np.int64], Matrix]:
        """Columns and values of the known terms, scaled to length LEXICAL."""
        known = [(column, weight) for term, weight in found.items() if (column := self._columns.get(term)) is not None]
        columns = np.array([column for column, _ in known], dtype=np.int64)
        values = np.array([weight for _, weight in known], dtype=np.float32) * self._rarity[columns]
        return columns, LEXICAL * values / np.float32(np.linalg.norm(values) + 1e-9)

    def _fixed(self, dense: Matrix, made: Sequence[Mapping[str, float]]) -> Matrix:
        """The views of a fixed width side by side: embedding, scaled to length DENSE, make-up and bias."""
        centred = dense - self._centre
        # No known word at all is no signal, not minus the centre.
        centred[~dense.any(axis=1)] = 0
        centred *= DENSE / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9)
        signs = np.zeros((len(dense), len(self._signs)), dtype=np.float32)
        for i, have in enumerate(made):
            for name, weight in have.items():
                if name in self._signs:
                    signs[i, self._signs[name]] = MAKE_UP * weight
        return np.hstack([centred, signs, np.full((len(dense), 1), BIAS, dtype=np.float32)])


def _examples(catalog: TaskCatalog) -> tuple[list[str], list[int], list[bool]]:
    """Texts to learn from, the place of each one's type, and whether it is a whole request."""
    texts: list[str] = []
    labels: list[int] = []
    prompts: list[bool] = []
    for i, id in enumerate(catalog.ids):
        examples = catalog.examples(id)
        parts = -(-len(examples.keywords) // PHRASES)
        # Every n-th phrase, so that phrases which stand together in the list do not all go together.
        texts += [*examples.prompts, *(", ".join(examples.keywords[k::parts]) for k in range(parts))]
        labels += [i] * (len(examples.prompts) + parts)
        prompts += [True] * len(examples.prompts) + [False] * parts
    return texts, labels, prompts


def _products(rows: Sequence[tuple[npt.NDArray[np.int64], Matrix]], width: int) -> Matrix:
    """The products of all pairs of sparse rows. Most columns occur in one row only: they matter on the diagonal alone,
    and leaving them out of the matrix makes it several times smaller.
    """
    seen = np.bincount(np.concatenate([columns for columns, _ in rows]), minlength=width)
    place = np.cumsum(seen > 1) - 1
    shared = np.zeros((len(rows), int((seen > 1).sum())), dtype=np.float32)
    alone = np.zeros(len(rows), dtype=np.float32)
    for i, (columns, values) in enumerate(rows):
        often = seen[columns] > 1
        shared[i, place[columns[often]]] = values[often]
        alone[i] = np.square(values[~often]).sum()
    products: Matrix = shared @ shared.T
    products[np.diag_indices_from(products)] += alone
    return products
