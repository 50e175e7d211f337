"""A laboratory's tables in every database at hand: SQLite always, PostgreSQL and MariaDB where there is one."""

import os
import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import NullPool

from tests.databases import fresh_postgres

T0 = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SAMPLES = 7


class Plant:
    """A database with a view of samples and two history tables; `run` writes into it."""

    def __init__(self, url: URL | str) -> None:
        # PyMySQL reads all certificates of the machine for each connection, to reach one on loopback
        options = {"ssl_disabled": True} if make_url(url).get_backend_name() == "mysql" else {}
        self.engine: Engine = create_engine(url, poolclass=NullPool, connect_args=options)
        self.url = self.engine.url._replace(password=None).render_as_string()
        self.password = self.engine.url.password or None
        kind = {"sqlite": "TEXT", "postgresql": "TIMESTAMPTZ", "mysql": "DATETIME(6)"}[self.dialect]
        self.run(
            f"CREATE TABLE lims_sample (id INT, batch VARCHAR(40), taken {kind}, changed {kind}, gone INT)",
            f"CREATE TABLE history (tag VARCHAR(40), ts {kind}, value FLOAT, quality VARCHAR(20))",
            f"CREATE TABLE press (ts {kind}, speed FLOAT, state VARCHAR(10))",
        )
        stamps = [self.write_time(T0 + timedelta(hours=h)) for h in (0, 0, 1, 1, 1, 2, 3)]
        minutes = [self.write_time(T0 + timedelta(minutes=n)) for n in range(30)]
        samples = [f"({n}, 'B{n}', '{at}', '{at}', 0)" for n, at in enumerate(stamps)]
        temperatures = [f"('BR1.T', '{at}', {36 + n / 10}, 'GOOD')" for n, at in enumerate(minutes)]
        oxygen = [f"('BR1.DO', '{at}', {'NULL' if n == 3 else n}, 'BAD')" for n, at in enumerate(minutes)]
        press = [
            f"('{at}', {'NULL' if n == 5 else n * 2}, '{'RUN' if n % 2 else 'STOP'}')"
            for n, at in enumerate(minutes)
        ]
        self.run(
            f"INSERT INTO lims_sample VALUES {', '.join(samples)}",
            f"INSERT INTO history VALUES {', '.join(temperatures + oxygen)}",
            f"INSERT INTO press VALUES {', '.join(press)}",
        )

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def write_time(self, at: datetime) -> str:
        """Write a time as the database keeps it: MariaDB and SQLite have no zone, their plant writes UTC."""
        return at.isoformat(" ") if self.dialect == "postgresql" else at.replace(tzinfo=None).isoformat(" ")

    def sample(self, n: int, at: datetime, batch: str = "") -> None:
        stamp = self.write_time(at)
        self.run(f"INSERT INTO lims_sample VALUES ({n}, '{batch or f'B{n}'}', '{stamp}', '{stamp}', 0)")

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))


CLOSED = "mysql+pymysql://nobody@127.0.0.1:3306/x"
"""Where a password is refused: the PostgreSQL of the tests trusts everybody, and SQLite has no users."""


def is_there(url: str) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return not probe.connect_ex(("127.0.0.1", make_url(url).port or 3306))


def _mariadb() -> URL:
    if not is_there(CLOSED):
        pytest.skip("MariaDB: nothing listens on 127.0.0.1:3306")
    pytest.importorskip("pymysql", reason="MariaDB: the extra mariadb is not installed")
    return URL.create("mysql+pymysql", "root", "", "127.0.0.1", 3306)


@pytest.fixture(scope="module")
def postgres_plant(postgres_server: URL) -> Iterator[str]:
    """URL of a PostgreSQL database that is emptied after each test: making one takes longer than most of them."""
    with fresh_postgres(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """Give a database of this test's own."""
    if request.param == "sqlite":
        yield Plant(f"sqlite:///{tmp_path / 'lims.db'}")
    elif request.param == "postgresql":
        url = request.getfixturevalue("postgres_plant")
        yield Plant(url)
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        server = _mariadb()
        name = f"plantwide_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        admin = create_engine(server, poolclass=NullPool, connect_args={"ssl_disabled": True})
        with admin.begin() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield Plant(server.set(database=name))
        finally:
            with admin.begin() as connection:
                connection.execute(text(f"DROP DATABASE {name}"))
