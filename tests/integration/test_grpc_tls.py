"""TLS and mutual TLS, with certificates made here."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import pytest
from agentctx_server import ServerConfig, ServerTLS, serve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agentctx import connect, connect_async
from agentctx.client import TLS
from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument, Unavailable
from tests.fixtures_server import engine, serving

__all__ = ["engine"]

NS = "acme/u"


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(
            certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )

    def sign(self, name: str) -> Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName(
            [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            if name == "localhost"
            else [x509.DNSName(name)]
        )
        certificate = self._builder(subject, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        signed = Signed(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        signed.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        signed.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return signed

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def filled(engine: ContextEngine) -> ContextEngine:
    engine.memory.add(NS, "fresh bread")
    return engine


def port_of(address: str) -> str:
    return address.rpartition(":")[2]


def test_tls(filled: ContextEngine, authority: Authority, tmp_path: Path) -> None:
    signed = authority.sign("localhost")
    tls = ServerTLS(signed.certificate, signed.key)
    with serving(filled, tls=tls) as served:
        with connect(f"localhost:{port_of(served.address)}", tls=TLS(ca=authority.certificate), token="t") as client:
            assert client.memory.search(NS, "bread").hits
            assert client.health() == "serving"
        with connect(served.address, timeout=0.5) as plain, pytest.raises(Unavailable):
            plain.memory.search(NS, "bread")
        stranger = Authority(tmp_path, "stranger")
        trusting_another = TLS(ca=stranger.certificate)
        with connect(served.address, tls=trusting_another, timeout=0.5) as client, pytest.raises(Unavailable):
            client.memory.search(NS, "bread")


def test_the_name_of_the_certificate_counts(filled: ContextEngine, authority: Authority) -> None:
    signed = authority.sign("memory.example.org")
    with serving(filled, tls=ServerTLS(signed.certificate, signed.key)) as served:
        unnamed = TLS(ca=authority.certificate)
        with connect(served.address, tls=unnamed, timeout=0.5) as client, pytest.raises(Unavailable):
            client.memory.search(NS, "bread")
        named = TLS(ca=authority.certificate, server_name="memory.example.org")
        with connect(served.address, tls=named) as client:
            assert client.memory.search(NS, "bread").hits


def test_mutual_tls(filled: ContextEngine, authority: Authority, tmp_path: Path) -> None:
    signed, mine = authority.sign("localhost"), authority.sign("me")
    others = Authority(tmp_path, "others").sign("intruder")
    tls = ServerTLS(signed.certificate, signed.key, client_ca=authority.certificate)
    ca = authority.certificate
    with serving(filled, tls=tls) as served:
        with connect(served.address, tls=TLS(ca, mine.certificate, mine.key)) as client:
            assert client.memory.search(NS, "bread").hits
        for refused in (TLS(ca), TLS(ca, others.certificate, others.key)):
            with connect(served.address, tls=refused, timeout=0.5) as client, pytest.raises(Unavailable):
                client.memory.search(NS, "bread")

        async def ask() -> int:
            async with connect_async(served.address, tls=TLS(ca, mine.certificate, mine.key)) as client:
                await client.wait_ready(5)
                assert await client.health() == "serving"
                return len((await client.memory.search(NS, "bread")).hits)

        assert asyncio.run(ask()) == 1


def test_tls_on_a_unix_socket(filled: ContextEngine, authority: Authority, tmp_path: Path) -> None:
    signed = authority.sign("localhost")
    with serving(filled, unix_socket=tmp_path / "s", tls=ServerTLS(signed.certificate, signed.key)) as served:
        named = TLS(ca=authority.certificate, server_name="localhost")
        with connect(served.address, tls=named) as client:
            assert client.memory.search(NS, "bread").hits


@pytest.mark.parametrize("missing", ["certificate", "key", "client_ca"])
def test_files_that_are_not_there(engine: ContextEngine, authority: Authority, missing: str) -> None:
    signed = authority.sign("localhost")
    files = {"certificate": signed.certificate, "key": signed.key, "client_ca": authority.certificate}
    tls = ServerTLS(**files | {missing: Path("/nowhere.pem")})
    with pytest.raises(InvalidArgument) as caught:
        serve(engine, ServerConfig(port=0, tls=tls, log_level="error"))
    assert caught.value.field == f"tls.{missing}"


def test_files_that_are_no_certificates(engine: ContextEngine, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    with pytest.raises(InvalidArgument) as caught:
        serve(engine, ServerConfig(port=0, tls=ServerTLS(nonsense, nonsense), log_level="error"))
    assert caught.value.field == "tls"
