"""What a chain stands for at a place of a file: names through scopes and imports, then members and results of calls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from agentctx.code.expressions import LITERAL
from agentctx.code.facts import CLASSES, MODULE, Binding
from agentctx.code.languages import BY_NAME
from agentctx.code.resolve.choice import element, merge, pick, value_of
from agentctx.code.resolve.members import Members
from agentctx.code.resolve.notes import MOST_STEPS
from agentctx.code.resolve.rules import IMPLICIT_MEMBERS, Rules
from agentctx.code.resolve.tables import Names
from agentctx.code.resolve.typetext import read_type
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

_STEP: Final = re.compile(r"\.?([^\W\d]\w*)|(\(\))|(\[\])")
_MEMBERS_ONLY: Final = CLASSES | {"impl"}
"""Scopes whose names are not seen from the functions in them."""
_MANAGED: Final = ("contextmanager", "fixture", "yield_fixture")
_EMPTY: Final = frozenset({"", "?", "''", "None", "null", "nil", "undefined"})


@lru_cache(maxsize=50_000)
def steps(chain: str) -> tuple[str, ...]:
    """`a.b().c` as ("a", "b", "()", "c")."""
    return tuple(hit[1] or hit[0] for hit in _STEP.finditer(chain))


class Evaluator(Members):
    """Evaluates chains over one world and remembers what it found. Not thread-safe; one for each resolving thread."""

    def __init__(self, world: World, rules: dict[str, Rules]) -> None:
        super().__init__(world)
        self._rules = rules
        self._chains: dict[tuple[str, int, str], Answer] = {}
        self._names: dict[tuple[str, int, str], Answer] = {}
        self._results: dict[Value, Answer] = {}
        self._contents: dict[Value, Answer] = {}

    def begin(self) -> None:
        """Forget every answer, so that those for the next file do not depend on the files before it."""
        super().begin()
        self._chains.clear()
        self._names.clear()
        self._results.clear()
        self._contents.clear()
        for rules in self._rules.values():
            rules.begin()

    def rules_of(self, path: str) -> Rules | None:
        """The rules of the file's language; None for a document."""
        return self._rules.get(self.world.files[path].language)

    def chain(self, path: str, scope: int, text: str) -> Answer:
        """What `text`, a chain, stands for at `scope`. Remembered for this file; a circle of definitions is unknown."""
        key = (path, scope, text)
        known = self._chains.get(key)
        if known is not None:
            return known
        if text in _EMPTY or self._depth > MOST_STEPS:
            return UNKNOWN
        if text != "super" and text.isidentifier():
            return self.name(path, scope, text)
        self._chains[key] = UNKNOWN
        self._depth += 1
        known = self._chains[key] = self._walk(path, scope, text)
        self._depth -= 1
        return known

    def _walk(self, path: str, scope: int, text: str) -> Answer:
        parts = steps(text)
        if not parts:
            return UNKNOWN
        if parts[0] == "super":
            owner = self.world.enclosing_type(path, scope)
            if owner is None:
                return UNKNOWN
            answer = Answer((Value(Kind.SUPER, owner.path, owner.place),), "self", CONFIDENCE["self"])
            rest = parts[2:] if parts[1:2] == ("()",) else parts[1:]
        else:
            answer, rest = self.name(path, scope, parts[0]), parts[1:]
        for part in rest:
            if not answer.values:
                return answer
            answer = self._step(self.settled(answer), part)
        return answer

    def _step(self, answer: Answer, part: str) -> Answer:
        found: list[Answer] = []
        for value in answer.values:
            if part == "()":
                found.append(self.result(value))
            elif part == "[]":
                found.append(element(value))
            else:
                found.append(self.member(value, part))
        merged = merge(found)
        return answer.then(merged.values, merged.rung, merged.confidence)

    def name(self, path: str, scope: int, name: str) -> Answer:
        """What a name stands for at `scope`: enclosing scopes, the file, imports, then what the language adds."""
        key = (path, scope, name)
        known = self._names.get(key)
        if known is None:
            if self._depth > MOST_STEPS:
                return UNKNOWN
            self._names[key] = UNKNOWN
            self.notes.look(path, name)
            self._depth += 1
            known = self._names[key] = self._look_up(path, scope, name)
            self._depth -= 1
        return known

    def _look_up(self, path: str, scope: int, name: str) -> Answer:
        tables = self.world.tables(path)
        definitions = tables.facts.definitions
        language = tables.facts.language
        place, first = scope, True
        while True:
            if place == MODULE or first or definitions[place].kind not in _MEMBERS_ONLY:
                if name not in tables.outside.get(place, ()):
                    names = tables.scopes.get(place, {}).get(name)
                    if names is not None:
                        return self.bound(path, place, name, names)
                elif place != MODULE and name in tables.globals.get(place, ()):
                    place = MODULE
                    continue
            elif language in IMPLICIT_MEMBERS:
                found = self.member(Value(Kind.INSTANCE, path, place), name)
                if found.values and found.values[0].kind != Kind.EXTERNAL:
                    return found
            if place == MODULE:
                break
            if first and definitions[place].kind not in ("constant", "field"):
                first = False
            place = definitions[place].parent
        return self._beyond(path, scope, name, language)

    def _beyond(self, path: str, scope: int, name: str, language: str) -> Answer:
        spoken = BY_NAME.get(language)
        if spoken is not None and language != "python" and name in spoken.self_names:
            owner = self.world.enclosing_type(path, scope)
            if owner is not None:
                kind = {"super": Kind.SUPER, "parent": Kind.SUPER, "base": Kind.SUPER, "Self": Kind.CLASS}.get(name)
                return Answer((Value(kind or Kind.INSTANCE, *owner[1:]),), "self", CONFIDENCE["self"])
        if language in IMPLICIT_MEMBERS:
            owner = self.world.enclosing_type(path, scope)
            if owner is not None:
                found = self.member(Value(Kind.INSTANCE, *owner[1:]), name)
                if found.values and found.values[0].kind != Kind.EXTERNAL:
                    return found
        rules = self.rules_of(path)
        return rules.visible(self, path, name) if rules is not None else UNKNOWN

    def bound(self, path: str, scope: int, name: str, names: Names) -> Answer:
        """What one scope's name stands for. A constant is answered as itself; `settled` looks behind it."""
        definitions = self.world.files[path].definitions
        solid = [place for place in names.definitions if definitions[place].kind not in ("constant", "field")]
        if solid:
            return Answer((value_of(path, pick(definitions, solid), definitions),), "scope", 1.0)
        if names.imports:
            rules = self.rules_of(path)
            found = [rules.imported(self, path, one) for one in names.imports] if rules is not None else []
            inside = [one for one in found if any(value.kind != Kind.EXTERNAL for value in one.values)]
            return inside[0] if inside else next((one for one in found if one.values), UNKNOWN)
        if names.definitions:
            return Answer((Value(Kind.CONSTANT, path, names.definitions[0]),), "scope", 1.0)
        return self.given(path, scope, names.bindings)

    def settled(self, answer: Answer) -> Answer:
        """The answer with every constant replaced by what it was given."""
        if all(value.kind != Kind.CONSTANT for value in answer.values):
            return answer
        found = [
            self.content(value) if value.kind == Kind.CONSTANT else Answer((value,), answer.rung, answer.confidence)
            for value in answer.values
        ]
        merged = merge(found)
        return answer.then(merged.values, merged.rung, merged.confidence)

    def content(self, constant: Value) -> Answer:
        """What a constant or field was given."""
        known = self._contents.get(constant)
        if known is None:
            if self._depth > MOST_STEPS:
                return UNKNOWN
            self._contents[constant] = UNKNOWN
            self.notes.look(constant.path, self.world.files[constant.path].definitions[constant.place].name)
            self._depth += 1
            known = self._contents[constant] = self._content(constant)
            self._depth -= 1
        return known

    def _content(self, constant: Value) -> Answer:
        tables = self.world.tables(constant.path)
        one = tables.facts.definitions[constant.place]
        names = tables.scopes.get(one.parent, {}).get(one.name)
        bindings = list(names.bindings) if names is not None else []
        owner = self.world.enclosing_type(constant.path, one.parent)
        if owner is not None and owner.path == constant.path:
            bindings += tables.attributes.get(owner.place, {}).get(one.name, ())
        return self.given(constant.path, one.parent, bindings)

    def given(self, path: str, scope: int, bindings: Iterable[Binding]) -> Answer:
        """What several assignments of one name come to: a written type decides, else what all of them agree on."""
        found: list[Answer] = []
        unknown = False
        narrowed: list[Answer] = []
        for binding in bindings:
            if binding.type:
                answer = self.written(path, binding.scope, binding.type)
                if answer.values and binding.how != "narrow":
                    return answer
                if binding.how == "narrow":
                    narrowed.append(Answer(answer.values, "narrow", CONFIDENCE["narrow"]))
                    continue
            answer = self._assigned(path, scope, binding)
            if answer.values:
                found.append(answer)
            elif binding.value not in ("None", "null", "nil", "undefined") and binding.how != "parameter":
                unknown = True
        if not found:
            return merge(narrowed)
        merged = merge(found)
        return merged.then(merged.values, "mixed", CONFIDENCE["mixed"]) if unknown else merged

    def _assigned(self, path: str, scope: int, binding: Binding) -> Answer:
        if binding.how == "parameter":
            return self._parameter(path, scope, binding)
        if binding.value == LITERAL and binding.how != "each":
            return Answer((Value(Kind.EXTERNAL, "builtins.literal"),), "import", CONFIDENCE["import"])
        if binding.value in _EMPTY or binding.how == "other":
            return UNKNOWN
        answer = self.settled(self.chain(path, binding.scope, binding.value))
        if binding.how == "each":
            return answer.then(tuple(v for value in answer.values for v in element(value).values), "return", 0.8)
        if binding.how == "with":
            found = []
            for value in answer.values:
                entered = self.member(value, "__enter__") if value.kind == Kind.INSTANCE else UNKNOWN
                result = self.result(entered.values[0]) if len(entered.values) == 1 else UNKNOWN
                found.append(result if result.values else Answer((value,), answer.rung, answer.confidence))
            return merge(found)
        return answer

    def _parameter(self, path: str, scope: int, binding: Binding) -> Answer:
        """`self` and `cls` of Python, and parameters that the rules of the language fill."""
        definitions = self.world.files[path].definitions
        one = definitions[scope]
        tables = self.world.tables(path)
        of_class = (
            one.parent != MODULE and definitions[one.parent].kind in CLASSES and "staticmethod" not in one.decorators
        )
        if of_class and tables.facts.language == "python" and binding.target == tables.firsts.get(scope):
            is_class = "classmethod" in one.decorators or one.name in ("__new__", "__init_subclass__")
            kind = Kind.CLASS if is_class or binding.target == "cls" else Kind.INSTANCE
            return Answer((Value(kind, path, one.parent),), "self", CONFIDENCE["self"])
        filled = getattr(self.rules_of(path), "parameter", None)
        return filled(self, path, scope, binding.target) if filled is not None else UNKNOWN

    def written(self, path: str, scope: int, text: str) -> Answer:
        """The instances that a written type promises."""
        values: list[Value] = []
        for one in read_type(text):
            if one.name in ("Self", "this", "static", "self"):
                owner = self.world.enclosing_type(path, scope)
                found = Answer((owner,)) if owner is not None else UNKNOWN
            else:
                found = self.settled(self.chain(path, scope, one.name))
            for value in map(self.constructed, found.values):
                if value.kind == Kind.CLASS:
                    kind = Kind.CLASS if one.itself else Kind.EACH if one.each else Kind.INSTANCE
                    values.append(Value(kind, value.path, value.place))
                elif value.kind == Kind.EXTERNAL:
                    values.append(value)
        inside = tuple(dict.fromkeys(value for value in values if value.kind != Kind.EXTERNAL))
        return Answer(inside or tuple(dict.fromkeys(values)), "annotation", CONFIDENCE["annotation"])

    def result(self, value: Value) -> Answer:
        """What calling `value` gives."""
        if value.kind == Kind.CLASS:
            return Answer((Value(Kind.INSTANCE, value.path, value.place),), "constructor", CONFIDENCE["constructor"])
        if value.kind == Kind.EXTERNAL:
            return Answer((Value(Kind.EXTERNAL, f"{value.path}()"),), "import", CONFIDENCE["import"])
        if value.kind == Kind.INSTANCE:
            called = self.member(value, "__call__")
            return self.result(called.values[0]) if len(called.values) == 1 else UNKNOWN
        if value.kind not in (Kind.FUNCTION, Kind.BOUND):
            return UNKNOWN
        known = self._results.get(value)
        if known is None:
            if self._depth > MOST_STEPS:
                return UNKNOWN
            self._results[value] = UNKNOWN
            self.notes.look(value.path, self.world.files[value.path].definitions[value.place].name)
            self._depth += 1
            known = self._results[value] = merge([self._returned(one) for one in self._overloads(value)])
            self._depth -= 1
        return known

    def _overloads(self, value: Value) -> list[Value]:
        """`value` and what shares its name in its class: a chain does not tell which of them is called."""
        one = self.world.files[value.path].definitions[value.place]
        if one.parameters is None or (owner := self.world.enclosing_type(value.path, value.place)) is None:
            return [value]
        found = [
            Value(value.kind, *other[1:])
            for other in self.world.members(owner, one.name) or ()
            if self.world.files[other.path].definitions[other.place].parameters is not None
        ]
        return found if Value(*value) in found else [value]

    def _returned(self, value: Value) -> Answer:
        tables = self.world.tables(value.path)
        one = tables.facts.definitions[value.place]
        managed = any(mark in decorator for decorator in one.decorators for mark in _MANAGED)
        if one.returns:
            written = self.written(value.path, one.parent, one.returns)
            if managed:
                inner = tuple(one for each in written.values for one in element(each).values)
                written = Answer(inner or written.values, *written[1:])
            if written.values:
                return written
        found = []
        for binding in tables.returns.get(value.place, ()):
            if (binding.how == "yield") != (managed and any(b.how == "yield" for b in tables.returns[value.place])):
                continue
            if binding.value in _EMPTY:
                continue
            answer = self.settled(self.chain(value.path, binding.scope, binding.value))
            if not answer.values:
                return UNKNOWN
            found.append(answer)
        merged = merge(found)
        return merged.then(merged.values, "return", CONFIDENCE["return"])
