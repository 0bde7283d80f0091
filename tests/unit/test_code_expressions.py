"""Expressions as chains, and written types as classes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctx.code.expressions import LITERAL, UNKNOWN, chain
from agentctx.code.resolve.evaluate import steps
from agentctx.code.resolve.typetext import Written, read_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.repo", "self.repo"),
        ("Foo(x, y=(1, 2))", "Foo()"),
        ("new Foo<Bar>(x)", "Foo()"),
        ("&pkg.Foo{A: 1, B: f(2)}", "pkg.Foo()"),
        ("await client.get('a)b').json()", "client.get().json()"),
        ("(await make())", "make()"),
        ("items[0].name", "items[].name"),
        ("a->b::c?.d!.e", "a.b.c.d.e"),
        ("$this->ledger", "this.ledger"),
        ("@ledger.write(1)", "self.ledger.write()"),
        ("Foo::new(1)", "Foo.new()"),
        ("vec.iter::<u8>()", "vec.iter()"),
        ("a\n    .b()\n    .c", "a.b().c"),
        ("'text'.join", UNKNOWN),
        ("'text'", LITERAL),
        ('f"{x}"', LITERAL),
        ("[1, 2]", LITERAL),
        ("{'a': 1}", LITERAL),
        ("1_000.5", LITERAL),
        ("a + b", UNKNOWN),
        ("a if b else c", UNKNOWN),
        ("lambda: 1", UNKNOWN),
        ("f(", UNKNOWN),
        ("", UNKNOWN),
        ("newest", "newest"),
        ("awaited.x", "awaited.x"),
    ],
)
def test_an_expression_is_a_chain_or_unknown(text: str, expected: str) -> None:
    assert chain(text) == expected


@given(st.text(max_size=80) | st.text(st.sampled_from("ab.()[]{}<>'\"$@&*:->?! \n0"), max_size=60))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_text_gives_a_chain_that_reads_back(text: str) -> None:
    found = chain(text)
    if found not in (UNKNOWN, LITERAL):
        assert chain(found) == found
        assert steps(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foo", [Written("Foo")]),
        ("'Foo'", [Written("Foo")]),
        ("a.b.Foo", [Written("a.b.Foo")]),
        ("Optional[Foo]", [Written("Foo")]),
        ("Foo | None", [Written("Foo")]),
        ("Union[Foo, 'Bar']", [Written("Foo"), Written("Bar")]),
        ("list[Foo]", [Written("Foo", each=True)]),
        ("Foo[]", [Written("Foo", each=True)]),
        ("[]*Foo", [Written("Foo", each=True)]),
        ("type[Foo]", [Written("Foo", itself=True)]),
        ("Annotated[Foo, Depends(x)]", [Written("Foo")]),
        ("Generic[T]", [Written("Generic")]),
        ("Promise<Foo>", [Written("Foo")]),
        ("&'a mut Foo", [Written("Foo")]),
        ("Result<Foo, Error>", [Written("Foo")]),
        ("Arc<Mutex<Foo>>", [Written("Foo")]),
        ("std::unique_ptr<ns::Foo>", [Written("ns.Foo")]),
        ("const Foo &", [Written("Foo")]),
        ("?Foo", [Written("Foo")]),
        (r"\Shop\Foo", [Written("Shop.Foo")]),
        ("(Foo, error)", [Written("Foo")]),
        ("*led.Ledger", [Written("led.Ledger")]),
        ("None", []),
        ("Literal['a']", []),
        ("Callable[[int], Foo]", []),
        ("A | B | C | D | E", []),
        ("", []),
        ("[" * 40, []),
    ],
)
def test_a_written_type_names_its_classes(text: str, expected: list[Written]) -> None:
    assert list(read_type(text)) == expected


@given(st.text(st.sampled_from("ab.[]()|<>,'\"&*? "), max_size=60))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_type_text_is_read(text: str) -> None:
    assert all(one.name for one in read_type(text))
