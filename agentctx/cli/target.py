"""Where a command works: on an embedded store or on a server. Either way it gets the same services."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from agentctx.cli.output import Output
from agentctx.cli.spread import options
from agentctx.errors import InvalidArgument, NotFound
from agentctx.types import CodeAPI, ContextAPI, MemoryAPI, RoutingAPI

if TYPE_CHECKING:
    from agentctx.client import Client
    from agentctx.config import Settings
    from agentctx.engine import ContextEngine

_LONGEST_TOKEN = 8192


@options
@dataclass(frozen=True)
class Target:
    """The options that every command has: where the store is, and what the output looks like."""

    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="PATH|URL",
            help="Embedded store: a file, or a postgresql:// URL. [env: AGENTCTX_STORE; default: a file in your data "
            "folder]",
        ),
    ] = None
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="ADDRESS",
            help="Server to use instead of a store: host:port or unix:/path. [env: AGENTCTX_SERVER]",
        ),
    ] = None
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", help="File with the server's bearer token. [env: AGENTCTX_TOKEN, the token]"
        ),
    ] = None
    tls: Annotated[
        bool, typer.Option("--tls", help="Use TLS, with a server that this machine's authorities vouch for.")
    ] = False
    tls_ca: Annotated[
        Path | None, typer.Option("--tls-ca", metavar="FILE", help="Use TLS, with a server that this one vouches for.")
    ] = None
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Your own certificate, for mutual TLS.")
    ] = None
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of --tls-cert.")] = None
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow sending a token without TLS to another machine.")
    ] = False
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder",
            metavar="SPEC",
            help="Embedder of an embedded store; a remote one must be named. [env: AGENTCTX_EMBEDDER; default: the one "
            "that filled it]",
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings (TOML) of an embedded store. [env: AGENTCTX_CONFIG]"),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")] = False

    @cached_property
    def out(self) -> Output:
        """Where the results go."""
        return Output(json=self.json)

    def address(self) -> str | None:
        """The server to use; None: an embedded store. What is written on the command line outdoes the environment."""
        if self.server is not None:
            if self.store is not None:
                raise InvalidArgument("give --store or --server, not both", field="server")
            return self.server
        return None if self.store is not None else os.environ.get("AGENTCTX_SERVER") or None

    def location(self) -> str | Path:
        """The embedded store to use."""
        named = os.environ.get("AGENTCTX_STORE") if self.store is None else self.store
        if named is None or (self.store is None and not named):
            from agentctx.engine import default_store  # noqa: PLC0415 - the engine is not for `--help`

            return default_store()
        return named

    def spec(self) -> str | None:
        """The embedder of an embedded store, where one is named."""
        return os.environ.get("AGENTCTX_EMBEDDER") or None if self.embedder is None else self.embedder

    def settings(self) -> Settings:
        """The settings of an embedded store."""
        from agentctx.config import Settings  # noqa: PLC0415

        return Settings.load(self.config)

    @contextmanager
    def open(self, *, create: bool = False) -> Iterator[MemoryAPI]:
        """The memory service. A store that is not there yet is made only where `create` says so."""
        with self._services(create=create) as services:
            yield services.memory

    @contextmanager
    def code(self, *, create: bool = False) -> Iterator[CodeAPI]:
        """The code service; as `open`."""
        with self._services(create=create, maker="agentctx index") as services:
            yield services.code

    @contextmanager
    def context(self, *, create: bool = False) -> Iterator[ContextAPI]:
        """The context service; as `open`."""
        with self._services(create=create) as services:
            yield services.context

    @contextmanager
    def routing(self) -> Iterator[RoutingAPI]:
        """The routing service. Where there is no store yet, it has learned nothing yet, and leaves none behind."""
        with self._services(create=False, without=True) as services:
            yield services.routing

    @contextmanager
    def _services(
        self, *, create: bool, maker: str = "agentctx memory add", without: bool = False
    ) -> Iterator[Client | ContextEngine]:
        address = self.address()
        if address is not None:
            with self.connect(address) as client:
                yield client
            return
        from agentctx.engine import ContextEngine  # noqa: PLC0415

        location = self.location()
        with ExitStack() as stack:
            try:
                if not create:
                    must_exist(location, maker)
            except NotFound:
                if not without:
                    raise
                location = Path(stack.enter_context(TemporaryDirectory(prefix="agentctx-"))) / "empty.db"
            yield stack.enter_context(ContextEngine.open(location, embedder=self.spec(), settings=self.settings()))

    def here(self) -> bool:
        """Whether paths of this machine mean the same where the store is."""
        address = self.address()
        if address is None:
            return True
        from agentctx.client.channel import is_local  # noqa: PLC0415

        return is_local(address)

    def connect(self, address: str, *, embedder_is_ours: bool = True, timeout: float = 30.0) -> Client:
        """A client of the server at `address`. `embedder_is_ours`: --embedder would say how to open a store."""
        from agentctx.client import TLS, connect  # noqa: PLC0415 - gRPC is for those who use it

        for name, given in (("embedder", self.embedder if embedder_is_ours else None), ("config", self.config)):
            if given is not None:
                raise InvalidArgument(f"--{name} is for an embedded store; a server has its own", field=name)
        secure = self.tls or self.tls_ca or self.tls_cert or self.tls_key
        tls = TLS(ca=self.tls_ca, certificate=self.tls_cert, key=self.tls_key) if secure else None
        return connect(address, token=self.token(), tls=tls, insecure=self.insecure, timeout=timeout)

    def token(self) -> str | None:
        """The bearer token, if there is one."""
        if self.token_file is None:
            return os.environ.get("AGENTCTX_TOKEN") or None
        try:
            with self.token_file.open(encoding="utf-8") as file:
                token = file.read(_LONGEST_TOKEN + 1).strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise InvalidArgument(f"cannot read {self.token_file}: {reason}", field="token_file") from None
        if not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            raise InvalidArgument(f"{self.token_file} must hold one token in plain characters", field="token_file")
        return token


def store_file(location: str | Path) -> Path | None:
    """The file of an SQLite store; None for a store that is no file."""
    text = str(location)
    if "://" not in text:
        return Path(text).expanduser()
    scheme, _, rest = text.partition("://")
    return Path(rest[1:].partition("?")[0]) if scheme.split("+")[0] == "sqlite" and len(rest) > 1 else None


def must_exist(location: str | Path, maker: str = "agentctx memory add") -> None:
    """Raises NotFound for a store that is not there: looking something up must not leave an empty store behind."""
    file = store_file(location)
    try:
        missing = file is not None and not file.exists()
    except (OSError, ValueError):
        missing = False  # opening it will say what is wrong
    if missing and str(location) not in ("", ":memory:") and "\0" not in str(location):
        raise NotFound(f"there is no store at {file}; `{maker}` makes one", field="store")
