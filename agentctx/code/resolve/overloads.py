"""Which of several definitions that share a name a call means: by how many arguments it gives, then by their types.

What several definitions suit alike is not bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from agentctx.code.facts import CLASSES, MODULE, Definition, Reference
from agentctx.code.languages import BY_NAME
from agentctx.code.languages.calling import bare_type
from agentctx.code.resolve.conversion import BOXED, MAYBE, NO, VALUE_TYPES, Typed, suits, typed
from agentctx.code.resolve.evaluate import Evaluator
from agentctx.code.resolve.values import Kind, Value

AMBIGUOUS: Final = "ambiguous"
UNSUITED: Final = "unknown"

_OVERLOADED: Final = frozenset({"function", "method", "constructor", "declaration"})
_UNTOLD: Final = frozenset({"var", "auto", "let", "dynamic", "decltype(auto)"})


class _Candidate(NamedTuple):
    """Definitions that take the same; declarations are among them only where there is nothing else."""

    values: tuple[Value, ...]
    parameters: tuple[str, ...]
    keys: tuple[str, ...]
    fewest: int
    most: int | None

    def takes(self, place: int) -> str:
        """The type of a parameter, without marks."""
        last = self.parameters[-1]
        found = last if place >= len(self.parameters) - 1 and last.endswith("...") else self.parameters[place]
        return _plain(found)


class Overloads:
    """Chooses over one evaluator. Not thread-safe."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._world = evaluator.world
        self._levels: dict[Value, list[list[_Candidate]]] = {}
        self._types: dict[tuple[str, int, str], Typed] = {}

    def begin(self) -> None:
        """Forget every answer."""
        self._levels.clear()
        self._types.clear()

    def chosen(self, path: str, reference: Reference, targets: Iterable[Value]) -> tuple[tuple[Value, ...], str]:
        """What of `targets` a call means, each replaced by the overload that suits it; if none is left, why.

        A class that is called stays whatever becomes of its constructor.
        """
        kept: list[Value] = []
        why = UNSUITED
        for target in targets:
            if not self._overloaded(target):
                kept.append(target)
                continue
            fitting = self._fitting(target, reference)
            best = fitting if len(fitting) <= 1 else self._best(path, reference, fitting)
            if len(best) == 1:
                kept.append(Value(target.kind, *_of_same(best[0].values, target, path)[1:]))
            elif best:
                why = AMBIGUOUS
        return tuple(dict.fromkeys(kept)), why

    def overridden(self, one: Definition, above: Sequence[Value]) -> Value | None:
        """What of `above`, the definitions of that name in a base, `one` takes the place of: what takes the same.

        Where type parameters are filled in, types differ, and their number has to do.
        """
        if one.parameters is None or not above:
            return above[-1] if above else None
        key, count = [_key(each) for each in one.parameters], len(one.parameters)
        alike: Value | None = None
        for value in above:
            parameters = self._world.files[value.path].definitions[value.place].parameters
            if parameters is None or (len(parameters) == count and alike is None):
                alike = value
            if parameters is not None and [_key(each) for each in parameters] == key:
                return value
        return alike

    def _overloaded(self, value: Value) -> bool:
        if value.kind not in (Kind.FUNCTION, Kind.BOUND) or value.place < 0:
            return False
        facts = self._world.files[value.path]
        one = facts.definitions[value.place]
        return BY_NAME[facts.language].overloads and one.kind in _OVERLOADED and one.parameters is not None

    def _fitting(self, target: Value, reference: Reference) -> list[_Candidate]:
        """The overloads that take so many arguments; a base's is left out where a nearer class takes the same."""
        count = len(_tokens(reference.arguments))
        levels = self._levels.get(target)
        if levels is None:
            levels = self._levels[target] = [self._candidates(level) for level in self._definitions(target)]
        fitting: dict[tuple[str, ...], _Candidate] = {}
        for level in levels:
            for one in level:
                if _fits(one, count):
                    fitting.setdefault(one.keys, one)
        return list(fitting.values())

    def _definitions(self, target: Value) -> list[list[Value]]:
        """All definitions of the name, by the class that they are in, nearest first."""
        world = self._world
        one = world.files[target.path].definitions[target.place]
        owner = world.enclosing_type(target.path, target.place)
        within = one.parent != MODULE and world.files[target.path].definitions[one.parent].kind not in (
            *CLASSES, "impl", "namespace", "module",
        )  # fmt: skip
        if owner is None or within:
            names = world.tables(target.path).scopes[one.parent][one.name]
            return [[Value(Kind.FUNCTION, target.path, place) for place in names.definitions]]
        # What stands outside of a class that has the name hides nothing there, but C++ hides what its bases have.
        language = world.files[target.path].language
        made = one.kind == "constructor" or one.name == world.files[owner.path].definitions[owner.place].name
        above = () if made or language in ("cpp", "c") else self._evaluator.order(owner)[0][1:]
        return [[*(world.members(cls, one.name) or ())] for cls in (owner, *above)]

    def _candidates(self, level: list[Value]) -> list[_Candidate]:
        """One for each list of types: a declaration adds its defaults to the definition."""
        found: dict[tuple[str, ...], _Candidate] = {}
        for value in level:
            one = self._world.files[value.path].definitions[value.place]
            if one.kind not in _OVERLOADED or one.parameters is None:
                continue
            key = tuple(map(_key, one.parameters))
            before = found.get(key)
            fewest, most = _range(one.parameters)
            if before is None:
                found[key] = _Candidate((value,), one.parameters, key, fewest, most)
            else:
                values = (*before.values, value)
                found[key] = _Candidate(values, one.parameters, key, min(fewest, before.fewest), most)
        return [one._replace(values=self._solid(one.values)) for one in found.values()]

    def _solid(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """Without declarations and what only an interface's name leads to (C#'s `IFoo.Name()`), if others are left."""
        if len(values) == 1:
            return values
        kept = []
        for value in values:
            one = self._world.files[value.path].definitions[value.place]
            if one.kind != "declaration" and f".{one.name}(" not in one.signature:
                kept.append(value)
        return tuple(kept) or values

    def _best(self, path: str, reference: Reference, fitting: list[_Candidate]) -> list[_Candidate]:
        """The one that suits the types of the arguments better than every other, else all that suit them."""
        tokens = _tokens(reference.arguments)
        language = self._world.files[path].language
        given = [self._given(path, reference.scope, token) for token in tokens]
        ranked: list[tuple[_Candidate, list[float]]] = []
        for one in fitting:
            ranks = [self._rank(value, one, place, language) for place, value in enumerate(given)]
            if NO not in ranks:
                ranked.append((one, ranks))
        fixed = [row for row in ranked if not _varies(row[0], language)]
        if fixed and len(fixed) < len(ranked):
            ranked = fixed  # any number of arguments is what a language tries last
        for one, ranks in ranked:
            if all(other is one or _better(one, ranks, other, others) for other, others in ranked):
                return [one]
        return [one for one, _ in ranked]

    def _rank(self, given: Typed | None, candidate: _Candidate, place: int, language: str) -> float:
        taken = candidate.takes(place)
        if given is None or not taken:
            return MAYBE
        value = candidate.values[-1]
        scope = self._world.files[value.path].definitions[value.place].parent
        return suits(given, self._type(value.path, scope, taken), language, self._distance)

    def _distance(self, below: Value, above: Value) -> int | None:
        order, outside = self._evaluator.order(below)
        for steps, cls in enumerate(order):
            if cls[1:] == above[1:]:
                return steps
        known = self._world.defines
        return None if any(name.startswith("?") and known(name[1:].rpartition(".")[2]) for name in outside) else -1

    def _type(self, path: str, scope: int, text: str) -> Typed:
        key = (path, scope, text)
        known = self._types.get(key)
        if known is None:
            known = self._types[key] = self._read_type(path, scope, text)
        return known

    def _read_type(self, path: str, scope: int, text: str) -> Typed:
        name = text.replace("[]", "").replace("*", "").replace("?", "")
        values = self._evaluator.chain(path, scope, name).values
        found = self._evaluator.constructed(values[0]) if len(values) == 1 else None
        cls = found if found is not None and found.kind == Kind.CLASS else None
        return typed(text, cls)

    def _given(self, path: str, scope: int, token: str) -> Typed | None:
        """The type of an argument, None when it is not known."""
        if token.startswith(":"):
            return self._type(path, scope, token[1:])
        if token == "?":  # noqa: S105
            return None
        if token.isidentifier():
            found = self._variable(path, scope, token)
            if found is not None:
                return found
        values = self._evaluator.chain(path, scope, token).values
        if len(values) != 1:
            return self._result(path, scope, token)
        value = values[0]
        if value.kind == Kind.INSTANCE:
            return Typed(self._world.files[value.path].definitions[value.place].name, 0, value)
        if value.kind == Kind.CONSTANT:
            return self._constant(value)
        return None

    def _variable(self, path: str, scope: int, name: str) -> Typed | None:
        """By the type that is written where a scope binds the name."""
        tables = self._world.tables(path)
        while True:
            names = tables.scopes.get(scope, {}).get(name)
            if names is not None and not names.definitions:
                written = {bare_type(one.type) for one in names.bindings if one.type and one.how != "narrow"}
                return self._type(path, scope, written.pop()) if len(written) == 1 and not written & _UNTOLD else None
            if scope == MODULE or names is not None:
                return None
            scope = tables.facts.definitions[scope].parent

    def _constant(self, value: Value) -> Typed | None:
        facts = self._world.files[value.path]
        one = facts.definitions[value.place]
        names = self._world.tables(value.path).scopes.get(one.parent, {}).get(one.name)
        written = {bare_type(each.type) for each in names.bindings if each.type} if names is not None else set()
        if len(written) == 1 and not written & _UNTOLD:
            return self._type(value.path, one.parent, written.pop())
        if one.parent != MODULE and facts.definitions[one.parent].kind == "enum":
            return Typed(facts.definitions[one.parent].name, 0, Value(Kind.CLASS, value.path, one.parent))
        return None

    def _result(self, path: str, scope: int, token: str) -> Typed | None:
        """By the written result of what is called, where all its overloads agree on it."""
        if not token.endswith("()"):
            return None
        values = self._evaluator.settled(self._evaluator.chain(path, scope, token[:-2])).values
        if len(values) != 1 or not self._overloaded(values[0]):
            return None
        value = values[0]
        definitions = [self._world.files[one.path].definitions[one.place] for one in self._definitions(value)[0]]
        written = {bare_type(one.returns) for one in definitions if one.kind in _OVERLOADED}
        if len(written) != 1 or not (text := written.pop()) or text in _UNTOLD:
            return None
        return self._type(value.path, self._world.files[value.path].definitions[value.place].parent, text)


def _of_same(values: tuple[Value, ...], target: Value, path: str) -> Value:
    """Of definitions that take the same: the caller's file has its own, else what the name led to, else the last."""
    for value in values:
        if value.path == path:
            return value
    return next((value for value in values if value[1:] == target[1:]), values[-1])


def _tokens(arguments: str) -> list[str]:
    inside = arguments[1:-1]
    return inside.split(",") if inside else []


def _plain(parameter: str) -> str:
    return parameter.removeprefix("this ").removesuffix("...").removesuffix("=")


@lru_cache(maxsize=20_000)
def _key(parameter: str) -> str:
    """What tells a parameter from that of another overload: in C#, `int?` is not `int`, but `string?` is `string`."""
    name = _plain(parameter).rpartition(".")[2]
    return name if name.removesuffix("?") in VALUE_TYPES else name.replace("?", "")


def _range(parameters: tuple[str, ...]) -> tuple[int, int | None]:
    """How many arguments are taken, at least and at most; None for any number."""
    needed = [one for one in parameters if not one.endswith(("=", "..."))]
    fewest = len(needed) - (bool(parameters) and parameters[0].startswith("this "))
    return fewest, None if parameters and parameters[-1].endswith("...") else len(parameters)


def _fits(candidate: _Candidate, count: int) -> bool:
    return count >= candidate.fewest and (candidate.most is None or count <= candidate.most)


def _varies(candidate: _Candidate, language: str) -> bool:
    """Whether it takes any number; what C++ makes of a template takes just what is given."""
    return candidate.most is None and (language not in ("cpp", "c") or candidate.parameters[-1] == "...")


def _better(one: _Candidate, ranks: list[float], other: _Candidate, others: list[float]) -> bool:
    """Whether `one` suits no argument worse than `other`, and some argument surely better."""
    surely = False
    for place, (rank, beside) in enumerate(zip(ranks, others, strict=True)):
        if rank == beside or _key(one.takes(place)) == _key(other.takes(place)):
            continue
        if rank < beside or (beside == MAYBE and rank < BOXED):
            return False
        surely = True
    return surely
