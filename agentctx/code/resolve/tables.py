"""The names of one file, by scope: what resolution asks most."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentctx.code.facts import CLASSES, MODULE, Binding, FileFacts, Import


@dataclass(slots=True)
class Names:
    """What a name of one scope may come from, in the order of the text."""

    definitions: list[int] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)


class FileTables:
    """The scopes of a file as tables. Built once from its facts, O(facts); read-only after."""

    __slots__ = ("attributes", "facts", "firsts", "globals", "named", "outside", "returns", "scopes", "stars")

    def __init__(self, facts: FileFacts, self_names: frozenset[str]) -> None:
        self.facts = facts
        self.scopes: dict[int, dict[str, Names]] = {}
        self.attributes: dict[int, dict[str, list[Binding]]] = {}
        self.returns: dict[int, list[Binding]] = {}
        self.named: dict[str, list[int]] = {}  # places of all definitions by name, whatever their scope
        self.stars: list[Import] = []
        self.firsts: dict[int, str] = {}  # the first parameter of each function
        self.globals: dict[int, set[str]] = {}
        self.outside: dict[int, set[str]] = {}  # names that a scope declares to be an outer one's
        for place, one in enumerate(facts.definitions):
            if one.kind != "impl":  # names nothing, it adds to what is named
                self._names(one.parent, one.name).definitions.append(place)
            self.named.setdefault(one.name, []).append(place)
        for imported in facts.imports:
            if imported.name == "*":
                self.stars.append(imported)
            elif imported.alias:
                self._names(imported.scope, imported.alias).imports.append(imported)
        for binding in facts.bindings:
            if binding.how == "parameter":
                if binding.scope == MODULE:
                    continue  # of a function without a name
                self.firsts.setdefault(binding.scope, binding.target)
            if binding.how in ("return", "yield"):
                self.returns.setdefault(binding.scope, []).append(binding)
            elif binding.how in ("global", "nonlocal"):
                self.outside.setdefault(binding.scope, set()).add(binding.target)
                if binding.how == "global":
                    self.globals.setdefault(binding.scope, set()).add(binding.target)
            elif "." in binding.target:
                self._attribute(binding, self_names)
            else:
                self._names(binding.scope, binding.target).bindings.append(binding)

    def _names(self, scope: int, name: str) -> Names:
        table = self.scopes.setdefault(scope, {})
        names = table.get(name)
        if names is None:
            names = table[name] = Names()
        return names

    def _attribute(self, binding: Binding, self_names: frozenset[str]) -> None:
        """`self.x = ...` in a method gives the class an attribute `x`."""
        receiver, _, name = binding.target.partition(".")
        if "." in name or receiver not in self_names:
            return
        owner = self.enclosing_class(binding.scope)
        if owner != MODULE:
            self.attributes.setdefault(owner, {}).setdefault(name, []).append(binding)

    def enclosing_class(self, scope: int) -> int:
        """The nearest class around `scope`, itself included; MODULE for none."""
        definitions = self.facts.definitions
        while scope != MODULE and definitions[scope].kind not in CLASSES:
            scope = definitions[scope].parent
        return scope
