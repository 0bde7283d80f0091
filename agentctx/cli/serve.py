"""`agentctx serve`: the gRPC server on an embedded store."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agentctx.cli.output import one_line
from agentctx.cli.target import Target
from agentctx.errors import InvalidArgument, MissingDependency

_TURN: Final = 0.0005
"""Seconds after which a thread that computes lets another one go on: a call is made up of many short turns, and behind
one that loads an index or analyses texts it would wait for Python's 5 ms at each of them."""


def serve(
    *,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL",
            help="Store to serve, made if there is none: a file, or a postgresql:// URL. [env: AGENTCTX_STORE; "
            "default: a file in your data folder]",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any other than this machine's own needs --tokens or --insecure.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 50551,
    unix: Annotated[
        Path | None, typer.Option("--unix", metavar="PATH", help="Listen on this Unix socket instead.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Serve TLS with this certificate.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The key of --tls-cert.")] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option("--tls-client-ca", metavar="FILE", help="Admit only clients that this one vouches for."),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bearer tokens and what they grant (TOML, see docs/server.md).")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Serve a network without tokens.")] = False,
    code_root: Annotated[
        list[Path] | None,
        typer.Option(
            "--code-root",
            metavar="DIR",
            help="A folder whose code clients may index, with all below it; may be repeated. [default: none]",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    max_concurrent: Annotated[
        int | None, typer.Option(metavar="N", help="Calls at work at the same time. [default: 16]")
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Embedder; a remote one must be named. [env: AGENTCTX_EMBEDDER; default: the one that filled the "
            "store]",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings (TOML). [env: AGENTCTX_CONFIG]")] = None,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
    json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Serve a store over gRPC.

    Prints the address on stdout once it listens, and logs on stderr. Ctrl-C or SIGTERM lets calls in flight finish.
    """
    try:
        from agentctx_server import ServerConfig, ServerTLS, run_forever  # noqa: PLC0415 - only this command needs it
        from agentctx_server import serve as start  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "agentctx_server":
            raise
        raise MissingDependency(
            "the server is not part of this installation; install the whole package again: "
            "pip install --force-reinstall agentctx",
            package="agentctx_server",
        ) from None
    if (tls_cert is None) != (tls_key is None):
        raise InvalidArgument("TLS needs --tls-cert and --tls-key", field="tls_key" if tls_key is None else "tls_cert")
    if tls_client_ca is not None and tls_cert is None:
        raise InvalidArgument("--tls-client-ca needs --tls-cert and --tls-key", field="tls_client_ca")
    tls = ServerTLS(tls_cert, tls_key, tls_client_ca) if tls_cert is not None and tls_key is not None else None
    options: dict[str, Any] = {} if max_concurrent is None else {"workers": max_concurrent}
    server_config = ServerConfig(
        host=host,
        port=port,
        unix_socket=unix,
        tls=tls,
        tokens=tokens,
        insecure=insecure,
        code_roots=tuple(code_root or ()),
        metrics_port=metrics_port,
        log_level=log_level,  # type: ignore[arg-type]  # checked there
        **options,
    )
    from agentctx.engine import ContextEngine  # noqa: PLC0415 - not for `--help`

    target = Target(store=store, embedder=embedder, config=config, json=json)
    with (
        ContextEngine.open(target.location(), embedder=target.spec(), settings=target.settings()) as engine,
        start(engine, server_config) as server,
    ):
        answer = {"address": server.address, "store": engine.store_url}
        line = f"serving {engine.store_url} at {server.address}"
        if server.metrics_address:
            answer["metrics"] = f"http://{server.metrics_address}/metrics"
            line += f", metrics at {answer['metrics']}"
        if json:
            target.out.line(answer)
        else:
            target.out.text(one_line(line))
        # What is loaded by now stays for good. Python would look through all of it again and again, some 25 ms each
        # time, in which no call gets on.
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(_TURN)
        run_forever(server)
