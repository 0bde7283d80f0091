"""Groups of options: a dataclass of options is written once and given to every command that takes the group."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

_GROUP = "__cli_options__"


def options(cls: type[Any]) -> type[Any]:
    """Mark a dataclass whose fields are `Annotated[..., typer.Option(...)]` as a group of options."""
    setattr(cls, _GROUP, True)
    return cls


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters of a group's type are replaced by the group's options, at the end of its help."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    own: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and hasattr(kind, _GROUP):
            groups[parameter.name] = kind
            shared += _parameters(kind)
        else:
            own.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kind))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    parameters = own + shared
    del run.__wrapped__  # what it takes is what its signature says
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
