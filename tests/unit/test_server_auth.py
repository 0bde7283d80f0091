"""Tokens: what a token file may hold, and what its grants open."""

from __future__ import annotations

from pathlib import Path

import pytest
from agentctx_server.auth import CODE_VERBS, VERBS, Grants, Tokens, covers, hash_token, load_tokens, readable_by_others

from agentctx.errors import InvalidArgument, Unauthenticated


def tokens(folder: Path, text: str) -> Tokens:
    path = folder / "tokens.toml"
    path.write_text(text, encoding="utf-8")
    return load_tokens(path)


def grants(loaded: Tokens, token: str) -> Grants:
    return loaded.grants((("user-agent", "x"), ("authorization", f"Bearer {token}")))


GOOD = f"""
[[tokens]]
name = "reader"
sha256 = "{hash_token("s3cret")}"
grants = [{{ verbs = ["read"], namespaces = ["acme/user-4", "acme/shared"] }}]

[[tokens]]
token = "plain"
grants = [
  {{ verbs = ["all"], namespaces = ["*"] }},
]
"""


class TestGrants:
    def test_prefixes_are_whole_segments(self) -> None:
        assert covers("acme/user-4", "acme/user-4")
        assert covers("acme/user-4", "acme/user-4/notes")
        assert not covers("acme/user-4", "acme/user-42")
        assert not covers("acme/user-4", "acme")
        assert not covers("acme", "acme2")
        assert covers("", "anything")

    def test_a_verb_opens_only_what_it_names(self, tmp_path: Path) -> None:
        reader = grants(tokens(tmp_path, GOOD), "s3cret")
        assert reader.name == "reader"
        assert reader.allows("search", "acme/user-4")
        assert reader.allows("export", "acme/shared/team")
        assert not reader.allows("add", "acme/user-4")
        assert not reader.allows("search", "acme/user-42")
        assert not reader.allows("purge", "acme/user-4")

    def test_all_on_everything(self, tmp_path: Path) -> None:
        admin = grants(tokens(tmp_path, GOOD), "plain")
        assert all(admin.allows(verb, "any/where") for verb in VERBS)
        assert admin.allows("reembed", "")

    def test_visible_parts_of_the_tree(self) -> None:
        some = Grants("x", {"list_namespaces": ("a/b", "a/b/c", "a/d", "z")})
        assert some.visible("list_namespaces", "") == ("a/b", "a/d", "z")
        assert some.visible("list_namespaces", "a") == ("a/b", "a/d")
        assert some.visible("list_namespaces", "a/b/x") == ("a/b/x",)
        assert some.visible("list_namespaces", "a/bc") == ()
        assert some.visible("get", "") == ()
        assert Grants("", {"list_namespaces": ("",)}).visible("list_namespaces", "") == ("",)


class TestRepositories:
    TOKEN = '[[tokens]]\ntoken = "x"\ngrants = [{}]'

    def opened(self, folder: Path, *given: str) -> Grants:
        return grants(tokens(folder, self.TOKEN.format(", ".join(f"{{ {one} }}" for one in given))), "x")

    def test_a_verb_opens_only_the_repositories_that_it_names(self, tmp_path: Path) -> None:
        some = self.opened(tmp_path, 'verbs = ["read", "index"], repositories = ["website", "app"]')
        assert some.allows_repository("search", "website")
        assert some.allows_repository("index", "app")
        assert not some.allows_repository("search", "website2")
        assert not some.allows_repository("remove", "website")
        assert not some.allows_repository("list", "")
        assert not some.allows("search", "website")

    def test_all_on_everything(self, tmp_path: Path) -> None:
        every = self.opened(tmp_path, 'verbs = ["all"], repositories = ["*"]')
        assert all(every.allows_repository(verb, "anything") for verb in CODE_VERBS)
        assert not any(every.allows(verb, "anything") for verb in VERBS)

    def test_one_grant_may_open_both_each_with_its_own_verbs(self, tmp_path: Path) -> None:
        both = self.opened(tmp_path, 'verbs = ["search", "index"], namespaces = ["acme"], repositories = ["website"]')
        assert both.allows("search", "acme")
        assert both.allows_repository("search", "website")
        assert both.allows_repository("index", "website")
        assert not both.allows("search", "website")

    def test_every_verb_is_had_by_one_shorthand(self, tmp_path: Path) -> None:
        for verb in CODE_VERBS:
            holders = [
                word
                for word in ("read", "write", "admin")
                if self.opened(tmp_path, f'verbs = ["{word}"], repositories = ["*"]').allows_repository(verb, "r")
            ]
            assert len(holders) == 1, verb

    @pytest.mark.parametrize(
        ("grant", "field"),
        [
            ('verbs = ["purge"], repositories = ["*"]', "tokens[0].grants[0].verbs"),
            ('verbs = ["index"], namespaces = ["*"]', "tokens[0].grants[0].verbs"),
            ('verbs = ["read"], repositories = []', "tokens[0].grants[0].repositories"),
            ('verbs = ["read"], repositories = ["a*"]', "tokens[0].grants[0]"),
        ],
    )
    def test_bad_grants_name_the_entry(self, tmp_path: Path, grant: str, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            self.opened(tmp_path, grant)
        assert caught.value.field == field


class TestTokens:
    @pytest.mark.parametrize("header", ["Bearer nope", "Bearer ", "Basic s3cret", "s3cret", "Bearer s3cret2", ""])
    def test_unknown_tokens(self, tmp_path: Path, header: str) -> None:
        with pytest.raises(Unauthenticated):
            tokens(tmp_path, GOOD).grants((("authorization", header),))

    def test_no_token(self, tmp_path: Path) -> None:
        with pytest.raises(Unauthenticated):
            tokens(tmp_path, GOOD).grants(())

    def test_the_scheme_may_have_any_case(self, tmp_path: Path) -> None:
        assert tokens(tmp_path, GOOD).grants((("authorization", "bearer s3cret"),)).name == "reader"

    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("", "tokens"),
            ("tokens = []", "tokens"),
            ("tokens = 3", "tokens"),
            ("nonsense", "tokens"),
            ('[[tokens]]\ntoken = "x"\n[other]', "tokens"),
            ('[[tokens]]\ntoken = "x"', "tokens[0].grants"),
            ('[[tokens]]\ntoken = "x"\ngrants = []', "tokens[0].grants"),
            ('[[tokens]]\ntoken = "x"\nscope = "y"', "tokens[0]"),
            ('[[tokens]]\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens[0]"),
            (
                f'[[tokens]]\ntoken = "x"\nsha256 = "{"0" * 64}"\ngrants = [{{verbs=["all"], namespaces=["*"]}}]',
                "tokens[0]",
            ),
            ('[[tokens]]\ntoken = "has blank"\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens[0].token"),
            ('[[tokens]]\ntoken = ""\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens[0].token"),
            ('[[tokens]]\nsha256 = "abc"\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens[0].sha256"),
            ('[[tokens]]\nsha256 = "zz"\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens[0].sha256"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=["fly"], namespaces=["*"]}]', "tokens[0].grants[0].verbs"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=[], namespaces=["*"]}]', "tokens[0].grants[0].verbs"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=["all"]}]', "tokens[0].grants[0].namespaces"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=["all"], namespaces=["a/"]}]', "tokens[0].grants[0]"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=["all"], namespaces=["a*"]}]', "tokens[0].grants[0]"),
            ('[[tokens]]\ntoken = "x"\ngrants = [{verbs=["all"], namespaces=[""]}]', "tokens[0].grants[0]"),
            (
                '[[tokens]]\ntoken = "x"\ngrants = [{verbs=["all"], namespaces=["*"], expires = 3}]',
                "tokens[0].grants[0]",
            ),
            (GOOD + '[[tokens]]\ntoken = "plain"\ngrants = [{verbs=["all"], namespaces=["*"]}]', "tokens"),
        ],
    )
    def test_bad_files_name_the_entry(self, tmp_path: Path, text: str, field: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            tokens(tmp_path, text)
        assert caught.value.field == field

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument, match="cannot read"):
            load_tokens(tmp_path / "nowhere.toml")

    def test_a_token_never_shows_in_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument) as caught:
            tokens(tmp_path, '[[tokens]]\ntoken = "hunter2 x"\ngrants = [{verbs=["all"], namespaces=["*"]}]')
        assert "hunter2" not in str(caught.value)

    def test_readable_by_others(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.toml"
        path.write_text(GOOD, encoding="utf-8")
        path.chmod(0o640)
        assert readable_by_others(path)
        path.chmod(0o600)
        assert not readable_by_others(path)
