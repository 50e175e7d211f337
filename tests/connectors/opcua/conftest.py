"""Historians in processes of their own, one for all tests of a run; certificates made for them."""

import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.house.tree import ROOT


@contextmanager
def run_server(*arguments: str) -> Generator[str]:
    """Give the URL of a historian."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.connectors.opcua.server", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().removeprefix("ready ").strip()
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="session")
def historian() -> Iterator[str]:
    """Give a historian that lets strangers in."""
    with run_server() as url:
        yield url


@pytest.fixture(scope="session")
def long_historian() -> Iterator[str]:
    """Give a historian with sixteen times the rows."""
    with run_server("--rows", "40000") as url:
        yield url


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of certificates: the server's, ours that it trusts, and a stranger's."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, uri in (
        ("server", "urn:test:historian"),
        ("client", "urn:plantwide:hub"),
        ("stranger", "urn:plantwide:hub"),
    ):
        _make_certificate(folder, name, uri)
    for kind, name in (("trusted_clients", "client"), ("trusted_servers", "server"), ("nobody", "stranger")):
        (folder / kind).mkdir()
        (folder / kind / f"{name}.der").write_bytes((folder / f"{name}.der").read_bytes())
    return folder


@pytest.fixture(scope="session")
def guarded(certificates: Path) -> Iterator[str]:
    """Give a historian that talks only to those whom it trusts."""
    with run_server("--secure", str(certificates)) as url:
        yield url


def _make_certificate(folder: Path, name: str, uri: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    uses = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(uses, critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.der").write_bytes(made.public_bytes(serialization.Encoding.DER))
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
