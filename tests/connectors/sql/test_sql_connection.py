"""A database elsewhere proves who it is, and one that falls silent does not keep a reading for ever."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from connectors.sql import Sql, SqlConfig
from connectors.sql.connection import arguments, limit_calls
from hub.sdk import Misconfigured, Unavailable
from tests.events.test_certificates import make_certificate

STREAMS = {"s": {"query": "SELECT 1 AS id", "key": ["id"], "record": "sample"}}
ELSEWHERE = [
    (
        "postgresql+psycopg://r@db.plant/lims",
        {"sslmode": "verify-full", "connect_timeout": 10, "keepalives": 1},
    ),
    ("postgresql+psycopg2://r@10.0.0.7/lims", {"sslmode": "verify-full", "tcp_user_timeout": 60_000}),
    ("postgresql+psycopg://r@/lims?host=/run/pg&host=db.plant", {"sslmode": "verify-full"}),
    ("mysql+pymysql://r@db.plant/lims", {"connect_timeout": 10, "read_timeout": 70, "write_timeout": 70}),
    ("mysql+mysqldb://r@db.plant/lims", {"ssl_mode": "VERIFY_IDENTITY", "read_timeout": 70}),
    (
        "oracle+oracledb://r@db.plant:2484/?service_name=lims",
        {"protocol": "tcps", "ssl_server_dn_match": True},
    ),
    (
        "mssql+pyodbc://r@db.plant/lims?driver=x",
        {"Encrypt": "yes", "TrustServerCertificate": "no", "timeout": 10},
    ),
]
TRUST = {"sslmode", "sslrootcert", "ssl", "ssl_mode", "protocol", "ssl_context", "Encrypt"}


def settings(url: str, **more: Any) -> SqlConfig:
    return SqlConfig.model_validate({"url": url, "streams": STREAMS, **more})


def told(url: str, **more: Any) -> dict[str, Any]:
    """Give what the driver is told."""
    return arguments(settings(url, **more), make_url(url))


@pytest.mark.parametrize(("url", "expected"), ELSEWHERE, ids=[url.partition(":")[0] for url, _ in ELSEWHERE])
def test_a_database_elsewhere_must_show_a_certificate_and_answer_in_time(
    url: str, expected: dict[str, Any]
) -> None:
    given = told(url)
    assert {name: given.get(name) for name in expected} == expected
    if isinstance(context := given.get("ssl_context", given.get("ssl")), ssl.SSLContext):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    if "+pymysql" in url:
        assert isinstance(given["ssl"], ssl.SSLContext)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://r@127.0.0.1/lims",
        "postgresql+psycopg://r@/lims?host=/run/postgresql",
        "postgresql+psycopg://r@[::1]/lims",
        "mysql+pymysql://r@localhost/lims",
    ],
)
def test_on_this_machine_no_certificate_is_asked_for_unless_the_settings_say_so(url: str) -> None:
    assert not TRUST & set(told(url))
    assert "connect_timeout" in told(url)
    assert TRUST & set(told(url, verify=True))


def test_settings_and_url_may_trust_whom_they_will(tmp_path: Path) -> None:
    url = "postgresql+psycopg://r@db.plant/lims"
    assert not TRUST & set(told(url, verify=False))
    authorities = make_certificate(tmp_path)
    assert told(url, verify=str(authorities))["sslrootcert"] == str(authorities)
    assert not TRUST & set(told(f"{url}?sslmode=require"))
    assert "connect_timeout" not in told(f"{url}?connect_timeout=3")
    assert told("sqlite:////data/lims.db") == {}


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql", "mssql+pyodbc"])
def test_authorities_that_cannot_be_had_are_named(tmp_path: Path, driver: str) -> None:
    with pytest.raises(Misconfigured, match="there is no such file"):
        told(f"{driver}://r@db.plant/lims", verify=str(tmp_path / "none.pem"))
    (tmp_path / "broken.pem").write_text("no certificate")
    if driver != "postgresql+psycopg":  # whose library reads the file when it connects
        with pytest.raises(
            Misconfigured, match=r"no certificate that can be read|authorities from the machine"
        ):
            told(f"{driver}://r@db.plant/lims", verify=str(tmp_path / "broken.pem"))


def test_statements_of_oracle_and_sql_server_end_with_their_time() -> None:
    connection = SimpleNamespace()
    limit_calls("oracle", connection, 60)
    assert connection.call_timeout == 60_000
    limit_calls("mssql", connection, 59.5)
    assert connection.timeout == 60


# ------------------------------------------------------------------------------------------------- live
@contextmanager
def listen(answer: Any) -> Iterator[int]:
    """Let something that is no database answer each connection on a free port, until the other side hangs up."""
    lines: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    lines.append(line)
                    with line, suppress(OSError):
                        answer(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for line in lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
    thread.join()


def postgres(port: int, **more: Any) -> Sql:
    pytest.importorskip("psycopg")
    return Sql(settings(f"postgresql+psycopg://r@127.0.0.1:{port}/lims", **more))


def wait_for_the_end(line: socket.socket) -> None:
    while line.recv(4096):
        pass


def test_a_database_without_tls_is_no_proof_and_the_check_says_what_to_do() -> None:
    def refuse(line: socket.socket) -> None:
        line.recv(8)
        line.sendall(b"N")
        wait_for_the_end(line)

    told = pytest.raises(Misconfigured, match=r"cannot prove over TLS who it is.*set `verify`")
    with listen(refuse) as port, postgres(port, verify=True) as sql, told:
        sql.check()


def test_a_certificate_that_nobody_knows_is_no_proof(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path))

    def pretend(line: socket.socket) -> None:
        line.recv(8)
        line.sendall(b"S")
        with context.wrap_socket(line, server_side=True) as wrapped:
            wait_for_the_end(wrapped)

    told = pytest.raises(Misconfigured, match=r"cannot prove over TLS who it is.*certificate")
    with listen(pretend) as port, postgres(port, verify=True) as sql, told:
        sql.check()


def test_a_host_that_takes_connections_and_says_nothing_is_given_up() -> None:
    with listen(wait_for_the_end) as port, postgres(port, timeout_s=2) as sql, pytest.raises(Unavailable):
        sql.check()
