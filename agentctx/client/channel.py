"""Where a client connects to and how: targets, channel options, TLS, the token."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from agentctx.errors import InvalidArgument

MESSAGE_BYTES: Final = 64 * 1024 * 1024
_KEEPALIVE_MS: Final = 30_000
_KEEPALIVE_TIMEOUT_MS: Final = 15_000
_SCHEMES: Final = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:")
_HOST_PORT: Final = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:/\[\]]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class TLS:
    """How to check the server's certificate, and the client's own for mutual TLS. All files are PEM.

    ca: the authorities to trust (default: those of the system). certificate and key: the client's own, both or none.
    server_name: the name that the certificate is for, where it is not the target's.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """The files, read. Raises InvalidArgument for a file that cannot be read."""
        if (self.certificate is None) != (self.key is None):
            raise InvalidArgument("tls needs certificate and key, or neither", field="tls")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca, "tls.ca"),
            private_key=_read(self.key, "tls.key"),
            certificate_chain=_read(self.certificate, "tls.certificate"),
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """A checked set of everything that a channel is made from."""

    target: str
    tls: TLS | None
    metadata: tuple[tuple[str, str], ...]
    timeout: float | None
    max_message_bytes: int

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """The arguments of the channel."""
        options: list[tuple[str, str | int]] = [
            # The server allows a ping each 10 s; half-open connections are found within 45 s.
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", self.max_message_bytes),
            # A restarted server is found again at once, not after gRPC's default of up to two minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            # Retries are ours (calls.py): gRPC's own know nothing of which calls are safe to repeat.
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if is_local(self.target):
            options.append(("grpc.enable_http_proxy", 0))
        if self.tls is not None and self.tls.server_name:
            options.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return options


def checked(
    target: str,
    *,
    token: str | None,
    tls: TLS | bool | None,
    timeout: float | None,
    insecure: bool,
    max_message_bytes: int,
) -> Connection:
    """The Connection of what a caller gave `connect`. Raises InvalidArgument."""
    if not isinstance(target, str) or not target:
        raise InvalidArgument("target must be host:port or unix:/path", field="target")
    if "://" in target and not target.startswith(_SCHEMES):
        raise InvalidArgument(
            f"target is host:port or unix:/path, without a scheme, not {target[:80]!r}", field="target"
        )
    if not target.startswith(_SCHEMES):
        found = _HOST_PORT.fullmatch(target)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise InvalidArgument(f"target {target[:80]!r} must be host:port or unix:/path", field="target")
    if timeout is not None:
        seconds(timeout, "timeout")
    if not isinstance(max_message_bytes, int) or not 1024 <= max_message_bytes < 2**31:
        raise InvalidArgument("max_message_bytes must be from 1024 to 2147483647", field="max_message_bytes")
    secure = TLS() if tls is True else tls or None
    metadata: Sequence[tuple[str, str]] = ()
    if token is not None:
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidArgument("token must be printable ASCII without blanks", field="token")
        if secure is None and not insecure and not is_local(target):
            raise InvalidArgument(
                f"the token would cross the network in clear text on its way to {target}: give tls=True, or "
                "insecure=True if the road is safe",
                field="token",
            )
        metadata = (("authorization", f"Bearer {token}"),)
    return Connection(target, secure, tuple(metadata), timeout, max_message_bytes)


def seconds(value: object, field: str) -> float:
    """A positive number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0 or math.isnan(value):
        raise InvalidArgument(f"{field} must be a number of seconds above 0", field=field)
    return value


def is_local(target: str) -> bool:
    """Whether a target is on this machine: a Unix socket or a loopback address."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    address = target
    for scheme in _SCHEMES:
        address = address.removeprefix(scheme)
    found = _HOST_PORT.fullmatch(address.rpartition("/")[2])
    host = (found["host"] if found else address.rpartition("/")[2]).strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: str | Path | None, field: str) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"cannot read {field}: {error}", field=field) from error
