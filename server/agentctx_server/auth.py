"""Bearer tokens and their grants: verbs on namespace prefixes, in whole segments, and on repositories by name.

The file holds tokens as SHA-256 hashes (or, for a try, in clear)::

    [[tokens]]
    name = "support-bot"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    grants = [
      { verbs = ["read"], namespaces = ["acme"] },
      { verbs = ["read", "write"], namespaces = ["acme/user-42"] },
      { verbs = ["read"], repositories = ["website"] },
    ]
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agentctx.errors import InvalidArgument, Unauthenticated

READ: Final = ("get", "list", "search", "history", "list_namespaces", "list_tags", "export", "build", "decide", "usage")
WRITE: Final = ("add", "update", "delete", "import", "edit_tags", "feedback")
ADMIN: Final = ("purge", "delete_namespace", "reembed", "consolidate", "retag", "backends")
SPEND: Final = ("complete",)
"""What costs money: granted by its name, or with everything else."""
VERBS: Final = (*READ, *WRITE, *ADMIN, *SPEND)
CODE_READ: Final = ("get", "list", "search", "symbol", "neighbours", "outline", "map", "scout", "source", "build")
CODE_WRITE: Final = ("index",)
CODE_ADMIN: Final = ("remove",)
CODE_VERBS: Final = (*CODE_READ, *CODE_WRITE, *CODE_ADMIN)
_SHORTHANDS: Final = {"read": READ, "write": WRITE, "admin": ADMIN, "all": VERBS}
_CODE_SHORTHANDS: Final = {"read": CODE_READ, "write": CODE_WRITE, "admin": CODE_ADMIN, "all": CODE_VERBS}
_VERBS_ON: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "namespaces": _SHORTHANDS | {verb: (verb,) for verb in VERBS},
    "repositories": _CODE_SHORTHANDS | {verb: (verb,) for verb in CODE_VERBS},
}
EVERYWHERE: Final = "*"
NOWHERE: Final = f"~{secrets.token_hex(16)}"
"""A namespace that does not exist. A call that is not granted is made on it, so that it gets the engine's own answer
for what is absent: the same message, by the same path."""
NO_REPOSITORY: Final = f"none-{secrets.token_hex(16)}"
"""A repository that does not exist, for the same purpose."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What a caller may do: for each verb the namespace prefixes and the names of repositories, "" for all."""

    name: str
    prefixes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repositories: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def allows(self, verb: str, namespace: str) -> bool:
        """Whether the verb is granted on a namespace."""
        return any(covers(prefix, namespace) for prefix in self.prefixes.get(verb, ()))

    def allows_repository(self, verb: str, repository: str) -> bool:
        """Whether the verb is granted on a repository; "": on all of them."""
        granted = self.repositories.get(verb, ())
        return repository in granted or "" in granted

    def visible(self, verb: str, prefix: str) -> tuple[str, ...]:
        """The parts of the tree below `prefix` on which the verb is granted, none within another, by name."""
        granted = self.prefixes.get(verb, ())
        if any(covers(one, prefix) for one in granted):
            return (prefix,)
        below = {one for one in granted if covers(prefix, one)}
        return tuple(sorted(one for one in below if not any(covers(up, one) for up in below - {one})))


ANYONE: Final = Grants("", dict.fromkeys(VERBS, ("",)), dict.fromkeys(CODE_VERBS, ("",)))
"""The grants of every caller of a server without tokens."""


def covers(prefix: str, namespace: str) -> bool:
    """Whether a namespace is at or below a prefix: `acme/user-4` covers `acme/user-4/a`, never `acme/user-42`."""
    return not prefix or namespace == prefix or namespace.startswith(prefix + "/")


class Tokens:
    """The tokens of a server. Immutable, thread-safe."""

    def __init__(self, entries: Iterable[tuple[bytes, Grants]]) -> None:
        self._entries = tuple(entries)

    def grants(self, metadata: Iterable[Any]) -> Grants:
        """The grants of the caller that sent this metadata. Raises Unauthenticated."""
        for key, value in metadata:
            if key == "authorization":
                scheme, _, token = value.partition(" ")
                if scheme.lower() != "bearer" or not token:
                    raise Unauthenticated("the authorization metadata must be `Bearer TOKEN`")
                return self._find(hashlib.sha256(token.strip().encode()).digest())
        raise Unauthenticated("this server wants a token: authorization metadata `Bearer TOKEN`")

    def _find(self, digest: bytes) -> Grants:
        found: Grants | None = None
        for known, grants in self._entries:  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = grants
        if found is None:
            raise Unauthenticated("unknown token")
        return found


def hash_token(token: str) -> str:
    """The `sha256` of a token, as the file has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def load_tokens(path: str | Path) -> Tokens:
    """The tokens of a TOML file. Raises InvalidArgument that names the entry."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"cannot read the token file {path}: {error}", field="tokens") from error
    entries = table.pop("tokens", None)
    if table or not isinstance(entries, list) or not entries:
        raise InvalidArgument(f"{path} must hold [[tokens]] entries and nothing else", field="tokens")
    loaded = [_entry(one, f"tokens[{i}]") for i, one in enumerate(entries)]
    if len({digest for digest, _ in loaded}) < len(loaded):
        raise InvalidArgument(f"{path} holds a token twice", field="tokens")
    return Tokens(loaded)


def readable_by_others(path: str | Path) -> bool:
    """Whether the file's mode lets others than its owner read it."""
    return os.name == "posix" and bool(Path(path).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _entry(given: object, where: str) -> tuple[bytes, Grants]:
    entry = _table(given, where, {"name", "token", "sha256", "grants"})
    name, token, hashed = entry.get("name", where), entry.get("token"), entry.get("sha256")
    if not isinstance(name, str) or (token is None) == (hashed is None):
        raise InvalidArgument(f"{where} needs either sha256 or token, and may have a name", field=where)
    if token is not None:
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidArgument(f"{where}.token must be printable ASCII without blanks", field=f"{where}.token")
        hashed = hash_token(token)
    try:
        digest = bytes.fromhex(hashed) if isinstance(hashed, str) else b""
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise InvalidArgument(f"{where}.sha256 must be 64 hexadecimal digits", field=f"{where}.sha256")
    on: dict[str, dict[str, tuple[str, ...]]] = {"namespaces": {}, "repositories": {}}
    for i, one in enumerate(_strings_or_tables(entry.get("grants"), f"{where}.grants", dict)):
        at = f"{where}.grants[{i}]"
        grant = _table(one, at, {"verbs", *on})
        nouns = [noun for noun in on if noun in grant]
        if not nouns:
            raise InvalidArgument(f"{at} needs namespaces or repositories", field=f"{at}.namespaces")
        for word in _strings(grant, "verbs", at):
            opened = {noun: _VERBS_ON[noun].get(word, ()) for noun in nouns}
            if not any(opened.values()):
                known = ", ".join(dict.fromkeys(name for noun in nouns for name in _VERBS_ON[noun]))
                raise InvalidArgument(
                    f"{at}.verbs: unknown verb {word!r} for {' and '.join(nouns)}; known: {known}", field=f"{at}.verbs"
                )
            for noun, verbs in opened.items():
                prefixes = [_prefix(name, at) for name in _strings(grant, noun, at)]
                for verb in verbs:
                    on[noun][verb] = (*on[noun].get(verb, ()), *prefixes)
    return digest, Grants(name, on["namespaces"], on["repositories"])


def _table(given: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict) or not given.keys() <= known:
        raise InvalidArgument(f"{where} may hold {', '.join(sorted(known))} and nothing else", field=where)
    return given


def _strings(table: dict[str, Any], key: str, where: str) -> Sequence[str]:
    return _strings_or_tables(table.get(key), f"{where}.{key}", str)


def _strings_or_tables(given: object, where: str, kind: type) -> Sequence[Any]:
    if not isinstance(given, list) or not given or not all(isinstance(one, kind) for one in given):
        raise InvalidArgument(f"{where} must be a list with at least one entry", field=where)
    return given


def _prefix(name: str, where: str) -> str:
    if name == EVERYWHERE:
        return ""
    if not name or name.startswith("/") or name.endswith("/") or EVERYWHERE in name:
        raise InvalidArgument(
            f"{where}: a name is a path such as acme/user-42, or {EVERYWHERE!r} for all, not {name!r}",
            field=where,
        )
    return name
