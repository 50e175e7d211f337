"""A receiver in the plant: its certificate is for its name, though the connection goes to a judged address."""

import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hub.events.envelope import wrap
from hub.events.gatekeeping import Gatekeeper
from hub.events.master import MasterKey
from hub.events.sending import Receipt, Sending

NAME = "receiver.plant"


def make_certificate(folder: Path) -> Path:
    """Write a certificate for the name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "receiver.pem"
    bare = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(bare + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("host", "knows", "status"), [(NAME, True, 200), ("other.plant", True, None), (NAME, False, None)]
)
def test_only_who_shows_a_certificate_for_the_name_is_told(
    tmp_path: Path, host: str, knows: bool, status: int | None
) -> None:
    file = make_certificate(tmp_path)
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            came.append(self.headers["host"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any, **__: Any) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: Any, **__: Any) -> None:
            """A client that does not trust us says so and goes."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    loopback = (ipaddress.ip_network("127.0.0.0/8"),)
    gatekeeper = Gatekeeper(loopback, lambda _host, _port: ["127.0.0.1"])
    sending = Sending(gatekeeper, authorities=str(file) if knows else None)
    url = f"https://{host}:{server.server_port}/hook"

    async def send() -> Receipt:
        async with sending.open(url, MasterKey.make().secret_of("00")) as line:
            return await line.send(wrap("1-1-1", "test", address=""), now=datetime.now(UTC))

    receipt = anyio.run(send)
    server.shutdown()
    thread.join()
    server.server_close()
    assert receipt.status == status
    assert came == ([f"{NAME}:{server.server_port}"] if status else [])
