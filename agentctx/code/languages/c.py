"""C and C++."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of

# `class EXPORTED_API Name {`: the macro between the two is no C++ until it is expanded.
_EXPORT_MACRO = re.compile(
    rb"\b(?:class|struct)\s+([A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?)(?=\s+[A-Za-z_]\w*\s*(?:final\s*)?[:{])"
)


def _prepare(source: bytes) -> bytes:
    return _EXPORT_MACRO.sub(lambda hit: hit[0][: hit.start(1) - hit.start()] + b" " * len(hit[1]), source)


def _imports(node: Node) -> Iterator[Imported]:
    """`#include`, `using namespace a::b`, `using a::b`."""
    if node.type == "preproc_include":
        path = text_of(node.child_by_field_name("path"))
        # Angle brackets mean the system's search path first; resolution still tries the tree.
        yield Imported(path.strip('"<>'), "*", "", 0 if path.startswith("<") else 1)
        return
    name = next((text_of(child) for child in node.named_children), "")
    module, _, last = name.rpartition("::")
    if any(child.type == "namespace" for child in node.children):
        yield Imported(name, "*", "", 2)
    elif last:
        yield Imported(module, last, last, 2)


def _exported(_name: str, signature: str) -> bool:
    return not signature.startswith("static ")


C = Language(
    name="c",
    grammar="tree_sitter_c:language",
    extensions=(".c", ".h"),
    queries=("c",),
    wrappers=frozenset({"type_definition"}),
    imports=_imports,
    exported=_exported,
    self_names=frozenset(),
)
CPP = Language(
    name="cpp",
    grammar="tree_sitter_cpp:language",
    extensions=(".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".ipp", ".inl", ".tpp", ".cu", ".cuh"),
    queries=("c", "cpp"),
    prepare=_prepare,
    wrappers=frozenset({"type_definition", "template_declaration"}),
    imports=_imports,
    overloads=True,
    exported=_exported,
)
