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
from agentctx.routing.features import make_up, terms
from agentctx.routing.rules import RuleSet
from agentctx.routing.tasks import UNKNOWN, TaskCatalog
from agentctx.routing.types import TaskEstimate

Matrix = npt.NDArray[np.float32]

# How much each view of a text counts. Chosen by leaving out one example at a time, never by labelled prompts.
DENSE, LEXICAL, MAKE_UP, BIAS = 1.0, 1.2, 0.3, 0.3
RIDGE: Final = 0.5
PHRASES: Final = 4  # keywords that together count as one example


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

    def classify(self, prompt: str) -> TaskEstimate:
        """The kind of `prompt` with its probability, those of all types, and why.

        A blank prompt is abstained from. Raises InvalidArgument for anything but a str.
        """
        if not isinstance(prompt, str):
            raise InvalidArgument(f"prompt must be a str, not {type(prompt).__name__}", field="prompt")
        if not prompt.strip():
            return TaskEstimate(UNKNOWN, 0.0, True, "none", {}, ("the prompt is blank",))
        model = self._model or self._learn()
        scores = self._calibration.sharpness * model.scores([prompt])[0]
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
    def __init__(self, catalog: TaskCatalog, embedder: Embedder) -> None:
        self.ids = tuple(catalog.ids)
        self.place = {id: i for i, id in enumerate(self.ids)}
        self._embedder = embedder
        self._is_prompt: list[bool] = []
        texts: list[str] = []
        labels: list[int] = []
        for i, id in enumerate(self.ids):
            examples = catalog.examples(id)
            parts = -(-len(examples.keywords) // PHRASES)
            # Every n-th phrase, so that phrases which stand together in the list do not all go together.
            own = [*examples.prompts, *(", ".join(examples.keywords[k::parts]) for k in range(parts))]
            texts += own
            labels += [i] * len(own)
            self._is_prompt += [True] * len(examples.prompts) + [False] * parts
        self._labels = np.array(labels)
        dense = embedder.embed(texts)
        self._centre = dense.mean(axis=0)
        term_sets = [terms(text) for text in texts]
        spread = Counter(term for found in term_sets for term in found)
        self._columns = {term: i for i, term in enumerate(spread)}
        self._rarity = np.array([math.log(1 + len(texts) / count) for count in spread.values()], dtype=np.float32)
        made = [make_up(text) for text in texts]
        self._signs = {name: i for i, name in enumerate(sorted({name for found in made for name in found}))}
        self._features = self._all_features(dense, term_sets, made)
        self._gram = self._features @ self._features.T
        self._targets = np.full((len(texts), len(self.ids)), -1.0 / (len(self.ids) - 1), dtype=np.float32)
        self._targets[np.arange(len(texts)), self._labels] = 1.0
        dual = np.linalg.solve(self._gram + RIDGE * np.eye(len(texts), dtype=np.float32), self._targets)
        self._weights: Matrix = (self._features.T @ dual).astype(np.float32)

    def scores(self, texts: Sequence[str]) -> Matrix:
        """One row a text, one column a type."""
        dense = self._embedder.embed(texts, "query")
        features = self._all_features(dense, [terms(text) for text in texts], [make_up(text) for text in texts])
        return features @ self._weights

    def left_out(self) -> tuple[Matrix, npt.NDArray[np.int64], Sequence[str]]:
        """See Classifier."""
        inverse = np.linalg.inv(self._gram + RIDGE * np.eye(len(self._labels), dtype=np.float32))
        dual = inverse @ self._targets
        scores = self._targets - dual / np.diag(inverse)[:, None]
        prompts = np.array(self._is_prompt)
        return scores[prompts], self._labels[prompts], self.ids

    def _all_features(
        self, dense: Matrix, term_sets: Sequence[Mapping[str, float]], made: Sequence[Mapping[str, float]]
    ) -> Matrix:
        """The three views side by side. Embedding and terms are scaled to length 1 each."""
        centred = dense - self._centre
        # No known word at all is no signal, not minus the centre.
        centred[~dense.any(axis=1)] = 0
        lexical = np.zeros((len(dense), len(self._columns)), dtype=np.float32)
        signs = np.zeros((len(dense), len(self._signs)), dtype=np.float32)
        for i, (found, have) in enumerate(zip(term_sets, made, strict=True)):
            for term, weight in found.items():
                column = self._columns.get(term)
                if column is not None:
                    lexical[i, column] = weight * self._rarity[column]
            for name, weight in have.items():
                column = self._signs.get(name)
                if column is not None:
                    signs[i, column] = weight
        bias = np.full((len(dense), 1), BIAS, dtype=np.float32)
        return np.hstack([DENSE * _unit(centred), LEXICAL * _unit(lexical), MAKE_UP * signs, bias])


def _unit(rows: Matrix) -> Matrix:
    lengths: Matrix = np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    unit: Matrix = rows / lengths
    return unit
