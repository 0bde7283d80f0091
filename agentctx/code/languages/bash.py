"""Bash and other POSIX shells."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    """`source lib.sh` and `. lib.sh`; what stands before the last variable of the path is unknown and left out."""
    argument = node.child_by_field_name("argument")
    if argument is None:
        return
    path = text_of(argument).strip("\"'")
    if "$" in path:
        path = path.rpartition("}")[2] if "}" in path else path.partition("/")[2]
        path = path.rpartition(")")[2]
    path = path.strip("\"'").lstrip("/")
    if path:
        yield Imported(path.removeprefix("./"), "*", "", 1)


BASH = Language(
    name="bash",
    grammar="tree_sitter_bash:language",
    extensions=(".sh", ".bash", ".zsh", ".ksh", ".bats"),
    queries=("bash",),
    filenames=(".bashrc", ".bash_profile", ".profile", ".zshrc"),
    interpreters=("bash", "sh", "zsh", "dash", "ksh"),
    comment=("#",),
    attribute=(),
    imports=_imports,
    self_names=frozenset(),
)
