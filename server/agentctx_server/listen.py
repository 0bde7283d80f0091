"""Where a server listens, and who may then reach it."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import Final

import grpc

from agentctx.errors import FailedPrecondition, InvalidArgument
from agentctx_server.config import ServerConfig, ServerTLS

_KEEPALIVE: Final = (
    # A client may ping each 10 s, also without calls. gRPC's default of 300 s would hang up on clients that follow the
    # usual advice of 30 s. (The C constant is called MIN_RECV_PING_INTERVAL, but its value has no "recv": an option
    # with it is silently ignored.)
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # The server finds dead clients by itself, too: their streams would hold a lane.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


def options(config: ServerConfig) -> list[tuple[str, int]]:
    """The gRPC arguments of a server."""
    return [
        *_KEEPALIVE,
        ("grpc.max_receive_message_length", config.max_message_bytes),
        ("grpc.max_send_message_length", config.max_message_bytes),
        # A second server on the same port must fail, not take half of the calls.
        ("grpc.so_reuseport", 0),
    ]


def check_exposure(config: ServerConfig) -> None:
    """Refuse to serve everybody on a network without tokens. Raises InvalidArgument."""
    if config.unix_socket is None and not is_loopback(config.host) and config.tokens is None and not config.insecure:
        raise InvalidArgument(
            f"listening on {config.host!r} would open the store to the network: give a token file (--tokens), or say "
            "--insecure if the network is safe",
            field="host",
        )


def bind(server: grpc.Server, config: ServerConfig) -> str:
    """Listen; returns the address that a client connects to. Raises FailedPrecondition where it is taken."""
    if config.unix_socket is not None:
        return _bind_socket(server, Path(config.unix_socket), config.tls)
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = _add_port(server, f"{host}:{config.port}", config.tls)
    except RuntimeError:
        port = 0
    if not port:
        _check_certificates(config.tls)
        raise FailedPrecondition(
            f"cannot listen on {host}:{config.port}: the port is taken, or the host is not this machine's", field="port"
        )
    return f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bind_socket(server: grpc.Server, path: Path, tls: ServerTLS | None) -> str:
    path = path.absolute()
    if len(os.fsencode(path)) > 100:  # the limit of sockaddr_un, which gRPC reports as "address in use"
        raise InvalidArgument(f"the path of a Unix socket has at most 100 bytes: {path}", field="unix_socket")
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise FailedPrecondition(f"{path} exists and is no socket", field="unix_socket")
        if _answers(path):  # gRPC would take it away from the server that listens there
            raise FailedPrecondition(f"another server listens on {path}", field="unix_socket")
    before = os.umask(0o177)  # so that the socket is never open to others, not even for a moment
    try:
        _add_port(server, f"unix:{path}", tls)
    except RuntimeError as error:
        raise FailedPrecondition(f"cannot listen on {path}", field="unix_socket") from error
    finally:
        os.umask(before)
    return f"unix:{path}"


def _check_certificates(tls: ServerTLS | None) -> None:
    """Say so where it is the certificates that gRPC does not take; it tells that to its own log alone."""
    if tls is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key)
        except (ssl.SSLError, OSError) as error:
            raise InvalidArgument(
                f"{tls.certificate} and {tls.key} are no certificate and its key: {error}", field="tls"
            ) from error


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


def _add_port(server: grpc.Server, address: str, tls: ServerTLS | None) -> int:
    if tls is None:
        return server.add_insecure_port(address)
    authorities = None if tls.client_ca is None else _read(tls.client_ca, "tls.client_ca")
    credentials = grpc.ssl_server_credentials(
        [(_read(tls.key, "tls.key"), _read(tls.certificate, "tls.certificate"))],
        root_certificates=authorities,
        require_client_auth=authorities is not None,
    )
    return server.add_secure_port(address, credentials)


def _read(path: str | Path, field: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"cannot read {field}: {error}", field=field) from error
