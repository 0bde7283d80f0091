"""Go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of

_VERSION = re.compile(r"v\d+")


def _imports(node: Node) -> Iterator[Imported]:
    module = text_of(node.child_by_field_name("path")).strip('"`')
    alias = text_of(node.child_by_field_name("name"))
    if alias == ".":
        yield Imported(module, "*")
    elif alias == "_":
        yield Imported(module)
    else:
        parts = module.split("/")
        last = parts[-2] if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else parts[-1]
        yield Imported(module, "", alias or last.removeprefix("go-").partition(".")[0].replace("-", "_"))


GO = Language(
    name="go",
    grammar="tree_sitter_go:language",
    extensions=(".go",),
    queries=("go",),
    wrappers=frozenset({"type_declaration", "const_declaration", "var_declaration"}),
    imports=_imports,
    exported=lambda name, _signature: name[:1].isupper(),
    self_names=frozenset(),
)
