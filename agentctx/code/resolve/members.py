"""Members of classes: the order in which bases are asked, and what a member stands for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from agentctx.code.expressions import chain as as_chain
from agentctx.code.facts import CALLABLES, MODULE, Binding
from agentctx.code.resolve.frameworks import granted_member, made_bases
from agentctx.code.resolve.notes import MOST_STEPS, PATHS
from agentctx.code.resolve.roots import stem_of
from agentctx.code.resolve.rules import Rules
from agentctx.code.resolve.values import CONFIDENCE, UNKNOWN, Answer, Kind, Value
from agentctx.code.resolve.world import World

_MOST_BASES: Final = 200

Bases = tuple[tuple[Value, ...], tuple[str, ...]]
"""Classes of the repository, and the names of those outside of it."""


class Members(ABC):
    """The part of the evaluator that knows classes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.notes = world.notes
        self._depth = 0
        self._bases: dict[Value, Bases] = {}
        self._orders: dict[Value, Bases] = {}
        self._members: dict[tuple[Value, str], Answer] = {}

    def begin(self) -> None:
        """Forget every answer."""
        self._bases.clear()
        self._orders.clear()
        self._members.clear()
        self.notes.looks = set()
        self._depth = 0

    @abstractmethod
    def chain(self, path: str, scope: int, text: str) -> Answer:
        """What a chain stands for at `scope`."""

    @abstractmethod
    def settled(self, answer: Answer) -> Answer:
        """The answer with constants replaced by what they were given."""

    @abstractmethod
    def given(self, path: str, scope: int, bindings: Iterable[Binding]) -> Answer:
        """What several assignments of one name come to."""

    @abstractmethod
    def result(self, value: Value) -> Answer:
        """What calling `value` gives."""

    @abstractmethod
    def rules_of(self, path: str) -> Rules | None:
        """The rules of the file's language."""

    def bases(self, cls: Value) -> Bases:
        """The bases of a class that the repository has, in order, and the names of those it does not."""
        known = self._bases.get(cls)
        if known is None:
            self._bases[cls] = ((), ())  # a class that leads back to itself has no further bases
            self.notes.look(cls.path, self.world.files[cls.path].definitions[cls.place].name)
            known = self._bases[cls] = self._find_bases(cls)
        return known

    def _find_bases(self, cls: Value) -> Bases:
        inside: list[Value] = []
        outside: list[str] = []
        for part in self._parts(cls):
            one = self.world.files[part.path].definitions[part.place]
            for written in (simple for base in one.bases for simple in self._known_factories(base)):
                text = as_chain(written.partition("<")[0].partition("(")[0] if "<" in written else written)
                while text.endswith(("[]", "()")):
                    text = text[:-2]
                found = self.settled(self.chain(part.path, one.parent, text))
                classes = [value for value in found.values if value.kind == Kind.CLASS and value != cls]
                if len(classes) == 1:
                    inside.append(Value(Kind.CLASS, *classes[0][1:]))
                else:
                    outside.append(next((v.path for v in found.values if v.kind == Kind.EXTERNAL), f"?{text}"))
        return tuple(dict.fromkeys(inside)), tuple(outside)

    def _known_factories(self, base: str) -> tuple[str, ...]:
        """What a base that is made by a call inherits from; see `frameworks.py`."""
        return made_bases(base)

    def _parts(self, cls: Value) -> list[Value]:
        """The class and what adds bases to it elsewhere: `impl` blocks, partial and reopened classes."""
        facts = self.world.files[cls.path]
        if facts.language in ("python", "javascript", "typescript", "tsx", "java", "go"):
            return [cls]
        parts = list(self.world.parts(cls))
        name = facts.definitions[cls.place].qualname
        parts += (
            Value(Kind.CLASS, cls.path, place)
            for place, one in enumerate(facts.definitions)
            if one.kind == "impl" and one.qualname == name
        )
        return [cls, *(part for part in parts if part != cls)]

    def order(self, cls: Value) -> Bases:
        """The method resolution order within the repository, the class first, and the bases outside of it.

        C3 where it exists, else depth first.
        """
        known = self._orders.get(cls)
        if known is None:
            if self._depth > MOST_STEPS:
                return (cls,), ()
            self._orders[cls] = ((cls,), ())  # guards circles
            self._depth += 1
            known = self._orders[cls] = self._find_order(cls)
            self._depth -= 1
        return known

    def _find_order(self, cls: Value) -> Bases:
        bases, outside = self.bases(cls)
        orders = [self.order(base) for base in bases]
        merged = _c3([list(order) for order, _ in orders] + [list(bases)])
        if merged is None:
            merged = list(dict.fromkeys(value for order, _ in orders for value in order))
        merged = [value for value in merged if value != cls][:_MOST_BASES]
        beyond = dict.fromkeys((*outside, *(name for _, names in orders for name in names)))
        return (cls, *merged), tuple(beyond)

    def member(self, owner: Value, name: str) -> Answer:
        """What `owner.name` stands for."""
        if owner.kind in (Kind.MODULE, Kind.NAMESPACE):
            rules = self.rules_of(owner.path) if owner.kind == Kind.MODULE else None
            if owner.kind == Kind.NAMESPACE:
                rules = self.namespace_rules()
            return rules.member(self, owner, name) if rules is not None else UNKNOWN  # type: ignore[arg-type]
        if owner.kind == Kind.EXTERNAL:
            return Answer((Value(Kind.EXTERNAL, f"{owner.path}.{name}"),), "import", CONFIDENCE["import"])
        if owner.kind not in (Kind.CLASS, Kind.INSTANCE, Kind.SUPER):
            return UNKNOWN
        if name == "__class__" and owner.kind == Kind.INSTANCE:
            return Answer((Value(Kind.CLASS, owner.path, owner.place),), "self", CONFIDENCE["self"])
        key = (owner, name)
        known = self._members.get(key)
        if known is None:
            self._members[key] = UNKNOWN
            known = self._members[key] = self._find_member(owner, name)
        return known

    def has_member(self, cls: Value, name: str) -> bool:
        """Whether the class or a base in the repository defines the name, whatever it stands for."""
        return any(self.own_member(one, name, bound=False) is not None for one in self.order(cls)[0])

    def constructed(self, value: Value) -> Value:
        """The class where `value` is a constructor that has its name: inside of the class both go by it."""
        if value.kind in (Kind.FUNCTION, Kind.BOUND) and value.place >= 0:
            owner = self.world.enclosing_type(value.path, value.place)
            if owner is not None:
                name = self.world.files[value.path].definitions[value.place].name
                if self.world.files[owner.path].definitions[owner.place].name == name:
                    return owner
        return value

    def granted(self, order: tuple[Value, ...], name: str) -> Answer | None:
        """A member that a framework gives every class of its kind at run time; see `frameworks.py`."""
        for cls in order:
            source = granted_member(self.world.files[cls.path].definitions[cls.place].name, cls.path, name)
            if source is not None:
                path, made = source
                self.notes.look(PATHS, stem_of(path))
                if path not in self.world.paths:
                    return None
                found = self.settled(self.chain(path, MODULE, made))
                values = tuple(v for v in found.values if v.kind == Kind.INSTANCE)
                return Answer(values, "framework", CONFIDENCE["framework"]) if values else None
        return None

    def namespace_rules(self) -> Rules | None:
        """The rules for packages without a file of their own; only Python has them."""
        return None

    def _find_member(self, owner: Value, name: str) -> Answer:
        order, outside = self.order(Value(Kind.CLASS, owner.path, owner.place))
        for cls in order[1:] if owner.kind == Kind.SUPER else order:
            found = self.own_member(cls, name, bound=owner.kind != Kind.CLASS)
            if found is not None:
                return found
        if owner.kind == Kind.INSTANCE and not name.startswith("__"):
            for cls in order:
                hook = self.own_member(cls, "__getattr__", bound=True)
                if hook is not None and hook.values:
                    return self.result(hook.values[0])
        granted = self.granted(order, name) if owner.kind != Kind.SUPER else None
        if granted is not None:
            return granted
        if outside:
            return Answer((Value(Kind.EXTERNAL, f"{outside[0]}.{name}"),), "import", CONFIDENCE["import"])
        return UNKNOWN

    def own_member(self, cls: Value, name: str, *, bound: bool) -> Answer | None:
        """The member as the class itself has it; None when it has none of that name."""
        places = self.world.members(cls, name)
        if places:
            return self._stands_for(places, bound=bound)
        bindings = self.world.tables(cls.path).attributes.get(cls.place, {}).get(name)
        if bindings:
            return self.given(cls.path, bindings[0].scope, bindings)
        tables = self.world.tables(cls.path)
        names = tables.scopes.get(cls.place, {}).get(name)
        # A field that is declared where it is filled. In Python it would stand under a condition, mostly TYPE_CHECKING.
        if names is not None and names.bindings and tables.facts.language != "python":
            return self.given(cls.path, cls.place, names.bindings)
        return None

    def _stands_for(self, places: list[Value], *, bound: bool) -> Answer:
        value = places[0]
        if len(places) > 1:
            value = _implementation(self.world, places)
        one = self.world.files[value.path].definitions[value.place]
        if one.kind in CALLABLES or one.kind == "declaration":
            if bound and any(mark.partition("(")[0].endswith("property") for mark in one.decorators):
                got = self.result(Value(Kind.FUNCTION, *value[1:]))
                return got if got.values else Answer((), "return", 1.0)
            return Answer((Value(Kind.BOUND if bound else Kind.FUNCTION, *value[1:]),), "scope", 1.0)
        if one.kind in ("constant", "field", "property"):
            return Answer((Value(Kind.CONSTANT, *value[1:]),), "scope", 1.0)
        return Answer((Value(Kind.CLASS, *value[1:]),), "scope", 1.0)


def _implementation(world: World, places: list[Value]) -> Value:
    """Of several definitions of a member, the one that runs; see `pick`."""
    kept = []
    for value in places:
        one = world.files[value.path].definitions[value.place]
        if one.kind == "declaration" or any(
            mark.endswith(("overload", ".setter", ".deleter")) for mark in one.decorators
        ):
            continue
        kept.append(value)
    return (kept or places)[-1]


def _c3(sequences: list[list[Value]]) -> list[Value] | None:
    result: list[Value] = []
    while sequences := [one for one in sequences if one]:
        for sequence in sequences:
            head = sequence[0]
            if not any(head in other[1:] for other in sequences):
                break
        else:
            return None
        result.append(head)
        for sequence in sequences:
            if sequence[0] == head:
                del sequence[0]
    return result
