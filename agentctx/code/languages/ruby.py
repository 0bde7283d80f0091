"""Ruby."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from agentctx.code.languages.base import Imported, Language, text_of


def _imports(node: Node) -> Iterator[Imported]:
    """`require "a/b"` and `require_relative "b"`; level 1 marks the relative one."""
    method = text_of(node.child_by_field_name("method"))
    arguments = node.child_by_field_name("arguments")
    if arguments is None or not arguments.named_children or arguments.named_children[0].type != "string":
        return
    module = text_of(arguments.named_children[0]).strip("\"'")
    yield Imported(module, "*", "", 1 if method == "require_relative" else 0)


RUBY = Language(
    name="ruby",
    grammar="tree_sitter_ruby:language",
    extensions=(".rb", ".rake", ".gemspec", ".ru"),
    queries=("ruby",),
    filenames=("Rakefile", "Gemfile", "Guardfile", "Vagrantfile"),
    interpreters=("ruby", "jruby"),
    comment=("#",),
    attribute=(),
    imports=_imports,
    self_names=frozenset({"self"}),
)
