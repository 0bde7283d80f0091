"""The edges of one file: every reference, import and base is asked for what it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Final

from agentctx.code.classify import Marks, path_marks
from agentctx.code.expressions import LITERAL
from agentctx.code.facts import CALL, CLASSES, FileFacts, Reference
from agentctx.code.resolve.affected import footprint
from agentctx.code.resolve.edges import (
    CALLS,
    CONTAINS,
    IMPORTS,
    INHERITS,
    OVERRIDES,
    REFERENCES,
    TESTS,
    Edge,
    FileEdges,
    Unresolved,
)
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.overloads import Overloads
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value

_SHORTEST_UNIQUE: Final = 4
_IMPLICIT: Final = frozenset(
    {"__enter__", "__exit__", "__getitem__", "__setitem__", "__getattr__", "__str__", "__len__"}
)
_NAMES: Final = resources.files("agentctx.code.resolve") / "common_names.txt"
# A name that builtin types or those of a standard library have says nothing about the receiver, however rare it is in
# the repository.
_COMMON: Final = frozenset(
    name
    for line in _NAMES.read_text(encoding="ascii").splitlines()
    if not line.startswith("#")
    for name in line.split()
)

Outcome = tuple[tuple[Value, ...], str, float]
"""The definitions that a reference means, with the rung and how sure it is; without any, why."""


class Linker:
    """Makes the edges of files over one evaluator. Not thread-safe."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._world = evaluator.world
        self._overloads = Overloads(evaluator)
        self._test_files: dict[str, bool] = {}

    def link(self, path: str, references: Iterable[Reference]) -> FileEdges:
        """All edges that begin in the file at `path`, which holds `references`."""
        self._evaluator.begin()
        self._overloads.begin()
        result = FileEdges(path)
        facts = self._world.files[path]
        self._structure(result, path, facts)
        self._imports(result, path, facts)
        memo: dict[tuple[str, int, str, str], Outcome] = {}
        chosen: dict[tuple[Outcome, int, str], Outcome] = {}
        for reference in references:
            key = (reference.kind, reference.scope, reference.receiver, reference.name)
            outcome = memo.get(key)
            if outcome is None:
                outcome = memo[key] = self._outcome(path, reference)
            if reference.arguments and outcome[0]:
                call = (outcome, reference.scope, reference.arguments)
                if call not in chosen:
                    chosen[call] = self._chosen(path, reference, outcome)
                outcome = chosen[call]
            targets, rung, confidence = outcome
            source = self._world.id(path, reference.scope)
            if reference.kind == CALL:
                result.calls[rung] += 1
                if not targets:
                    row = Unresolved(source, reference.name, reference.receiver, reference.line, rung)
                    result.unresolved.append(row)
            for value in targets:
                runs = value.kind != Kind.CONSTANT if reference.kind == CALL else self._runs(value, reference)
                kind = CALLS if runs else REFERENCES
                target = self._world.id(value.path, value.place)
                result.edges.append(Edge(kind, source, target, reference.line, rung, confidence))
        self._tests(result, path)
        result.footprint = footprint(path, self._world.notes.looks)
        return result

    def _is_test(self, path: str) -> bool:
        known = self._test_files.get(path)
        if known is None:
            known = self._test_files[path] = Marks.TEST in path_marks(path)
        return known

    def _tests(self, result: FileEdges, path: str) -> None:
        """What the code of a test file runs elsewhere is tested by it; a file of the like name that it imports too."""
        if not self._is_test(path):
            return
        stem = _subject(path)
        tested: dict[tuple[str, str], Edge] = {}
        for edge in result.edges:
            target = edge.target.partition("::")[0]
            if target == path or self._is_test(target):
                continue
            if edge.kind == CALLS:
                tested.setdefault((edge.source, edge.target), edge._replace(kind=TESTS))
            elif edge.kind == IMPORTS and edge.target == target and stem and _subject(target) == stem:
                tested.setdefault((path, target), edge._replace(kind=TESTS, source=path))
        result.edges.extend(tested.values())

    def _runs(self, value: Value, reference: Reference) -> bool:
        """Whether reading the name runs code: a property."""
        if value.kind not in (Kind.FUNCTION, Kind.BOUND) or not reference.receiver:
            return False
        one = self._world.files[value.path].definitions[value.place]
        if one.name in _IMPLICIT:
            return True
        return any(mark.partition("(")[0].endswith("property") for mark in one.decorators)

    def _structure(self, result: FileEdges, path: str, facts: FileFacts) -> None:
        for place, one in enumerate(facts.definitions):
            own = self._world.id(path, place)
            above = self._world.id(path, one.parent)
            result.edges.append(Edge(CONTAINS, above, own, one.start_line, "scope", 1.0))
            if one.kind in CLASSES:
                cls = Value(Kind.CLASS, path, place)
                for base in self._evaluator.bases(cls)[0]:
                    target = self._world.id(base.path, base.place)
                    result.edges.append(Edge(INHERITS, own, target, one.name_line, "import", CONFIDENCE["import"]))
            elif one.kind in ("method", "field", "property", "function"):
                self._overrides(result, path, place)

    def _overrides(self, result: FileEdges, path: str, place: int) -> None:
        one = self._world.files[path].definitions[place]
        owner = self._world.enclosing_type(path, place)
        if owner is None or one.kind == "function":
            return
        for base in self._evaluator.order(owner)[0][1:]:
            found = self._overloads.overridden(one, self._world.members(base, one.name) or ())
            if found is not None:
                target = self._world.id(found.path, found.place)
                edge = Edge(OVERRIDES, self._world.id(path, place), target, one.name_line, "self", CONFIDENCE["self"])
                result.edges.append(edge)
                return

    def _imports(self, result: FileEdges, path: str, facts: FileFacts) -> None:
        rules = self._evaluator.rules_of(path)
        if rules is None:
            return
        for imported in facts.imports:
            source = self._world.id(path, imported.scope)
            targets = [target for target in rules.files(path, imported) if target != path]
            if imported.name and imported.name != "*":
                found = rules.imported(self._evaluator, path, imported)
                targets += [self._world.id(v.path, v.place) for v in found.values if v.place >= 0]
            for target in dict.fromkeys(targets):
                result.edges.append(Edge(IMPORTS, source, target, imported.line, "import", CONFIDENCE["import"]))

    def _outcome(self, path: str, reference: Reference) -> Outcome:
        """The definitions that a reference means, with the rung; without any, why."""
        answer = self._answer(path, reference)
        inside = tuple(value for value in answer.values if value.kind != Kind.EXTERNAL)
        if not inside:
            if answer.values:
                known = answer.values[0].path.startswith("builtins.")
                return (), "builtin" if known else "external", 0.0
            if reference.receiver == LITERAL:
                return (), "builtin", 0.0
            if reference.kind != CALL:
                return (), "unknown", 0.0
            if self._receiver_known(path, reference):
                return (), "unknown" if self._world.defines(reference.name) else "external", 0.0
            return self._unique(reference)
        targets = self._targets(inside, reference)
        places = {value[1:] for value in targets}
        if len(inside) > 1 and len(places) > 1 and not self._through_getattr(inside[0]):
            return (), "ambiguous", 0.0
        if not targets:
            return (), "unknown", 0.0
        return targets, answer.rung or "scope", answer.confidence

    def _chosen(self, path: str, reference: Reference, outcome: Outcome) -> Outcome:
        """The outcome for the arguments of one call, where definitions share the name."""
        targets, rung, confidence = outcome
        left, why = self._overloads.chosen(path, reference, targets)
        return (left, rung, confidence) if left else ((), why, 0.0)

    def _answer(self, path: str, reference: Reference) -> Answer:
        evaluator = self._evaluator
        if not reference.receiver:
            if reference.name == "super" and reference.kind == CALL:
                owner = self._world.enclosing_type(path, reference.scope)
                if owner is not None and self._world.files[path].language != "python":
                    return Answer(evaluator.bases(owner)[0][:1], "self", CONFIDENCE["self"])
                return Answer((Value(Kind.EXTERNAL, "builtins.super"),), "import", 1.0)
            return evaluator.name(path, reference.scope, reference.name)
        before = evaluator.settled(evaluator.chain(path, reference.scope, reference.receiver))
        found = []
        for value in before.values:
            # The member itself, not what a property gives.
            owner = Value(Kind.CLASS, *value[1:]) if value.kind == Kind.INSTANCE else value
            answer = evaluator.member(owner, reference.name)
            if value.kind == Kind.INSTANCE and not evaluator.has_member(owner, reference.name):
                # `__getattr__` answers, and what it gives is called.
                fallback = evaluator.member(owner, "__getattr__")
                if any(one.place >= 0 for one in fallback.values):
                    given = evaluator.result(fallback.values[0]).values if reference.kind == CALL else ()
                    answer = Answer((*fallback.values, *given[:1]), "self", CONFIDENCE["self"])
            if answer.values:
                found.append(answer)
        if not found:
            return UNKNOWN
        values = tuple(dict.fromkeys(value for answer in found for value in answer.values))
        inside = tuple(value for value in values if value.kind != Kind.EXTERNAL)
        return before.then(inside or values, found[0].rung, min(answer.confidence for answer in found))

    def _targets(self, values: tuple[Value, ...], reference: Reference) -> tuple[Value, ...]:
        """What a call of these runs: of a class, the class and its constructor; of an instance, `__call__`."""
        targets: list[Value] = []
        for value in values:
            if value.kind == Kind.INSTANCE and reference.kind == CALL:
                called = self._evaluator.member(Value(Kind.CLASS, *value[1:]), "__call__")
                targets += [one for one in called.values if one.place >= 0]
            elif value.kind == Kind.CONSTANT and reference.kind == CALL:
                behind = self._evaluator.content(value)
                if len(behind.values) == 1 and behind.values[0].kind == Kind.INSTANCE:
                    called = self._evaluator.member(Value(Kind.CLASS, *behind.values[0][1:]), "__call__")
                    targets += [one for one in called.values if one.place >= 0]
                if len(behind.values) == 1 and behind.values[0].kind in (Kind.FUNCTION, Kind.BOUND, Kind.CLASS):
                    targets.append(behind.values[0])
                targets.append(value)
            elif value.kind == Kind.CLASS:
                targets.append(value)
                if reference.kind == CALL:
                    targets += self._constructor(value)
            elif value.place >= 0 and value.kind not in (Kind.EACH, Kind.SUPER, Kind.INSTANCE):
                targets.append(value)
        return tuple(dict.fromkeys(targets))

    def _constructor(self, cls: Value) -> list[Value]:
        language = self._world.files[cls.path].language
        names = {"python": "__init__", "ruby": "initialize", "php": "__construct"}.get(language, "constructor")
        if language in ("java", "csharp", "cpp"):
            names = self._world.files[cls.path].definitions[cls.place].name
        found = self._evaluator.member(cls, names).values
        return [one for one in found if one.place >= 0 and one.kind in (Kind.FUNCTION, Kind.BOUND)][:1]

    def _through_getattr(self, value: Value) -> bool:
        known = value.place >= 0 and value.kind in (Kind.FUNCTION, Kind.BOUND)
        return known and self._world.files[value.path].definitions[value.place].name == "__getattr__"

    def _receiver_known(self, path: str, reference: Reference) -> bool:
        """A known receiver without that member has it from somewhere unseen; a guess by name would be wrong."""
        return bool(reference.receiver) and bool(
            self._evaluator.chain(path, reference.scope, reference.receiver).values
        )

    def _unique(self, reference: Reference) -> Outcome:
        """The last rung: a name that one definition of the repository has, and no builtin type."""
        name = reference.name
        places = self._world.callables(name)
        if places is None:
            return (), "external", 0.0
        if not reference.receiver or len(name) < _SHORTEST_UNIQUE or name in _COMMON or name.startswith("__"):
            return (), "unknown", 0.0
        if len(places) != 1:
            return (), "ambiguous" if places else "unknown", 0.0
        return (places[0],), "unique", CONFIDENCE["unique"]


def _subject(path: str) -> str:
    """What a file is about by its name: `tests/test_foo.py`, `foo_test.go` and `foo.py` are all about foo."""
    stem = path.rpartition("/")[2].partition(".")[0].lower()
    return stem.removeprefix("test_").removesuffix("_test").removesuffix("tests").removesuffix("test").strip("_")
