"""A counter over a small plant: one for all tests that only look, one of its own for a test that writes."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.api.rights import RIGHTS
from hub.model import Batch, Identifier
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.outbox.position import Position
from hub.store.permissions import Permission
from hub.store.schemes import save_scheme_groups
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system
from hub.store.webhooks import add_webhook
from tests.api.factories import NOW, add_plant
from tests.api.routes import check_problem
from tests.databases import Pool


@dataclass
class Counter:
    """An application over a store with the small plant, a client with a key that may read, and the keys."""

    app: FastAPI
    database: Database
    client: TestClient
    plant: dict[str, int]
    reader: str
    operator: str
    administrator: str = ""

    def get(self, path: str, **params: Any) -> Any:
        """Give the JSON of an address, which must answer 200."""
        response = self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def headers_for(self, path: str) -> dict[str, str]:
        """Give the headers for a path of the document: an administrator's key where a reader's is not enough."""
        right = RIGHTS.get(f"GET {path}")
        needs_more = right is not None and right.needs == Permission.ADMINISTER
        return {"X-API-Key": self.administrator} if needs_more else {}

    def problem(self, path: str, status: int, **params: Any) -> dict[str, Any]:
        """Give the problem of an address, which must have this status."""
        response = self.client.get(path, params=params)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        return check_problem(response.json())


@dataclass
class Filled:
    """A store that holds the small plant, and keys to it."""

    url: str
    plant: dict[str, int]
    reader: str
    operator: str
    administrator: str = ""


def fill(url: str) -> Filled:
    """Put the small plant into a store that is migrated and empty."""
    database = Database(url)
    with database.begin("test") as connection:
        plant = add_plant(connection)
        reader = create_key(connection, name="reader", scopes=["read"])
        operator = create_key(connection, name="operator", scopes=["operate"])
        administrator = create_key(connection, name="administrator", scopes=["role:admin"])
        add_webhook(
            connection,
            position=Position(0),
            now=NOW,
            url="https://receiver.example/hook/a-secret",
            types=[],
            description="",
            salt="0" * 32,
            key_id="0" * 16,
            created_by="test",
        )
    database.close()
    return Filled(url, plant, reader, operator, administrator)


def copy_store(url: str, other_url: str) -> None:
    """Copy one SQLite file to another, whoever has it open."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as one:
        with sqlite3.connect(other_url.removeprefix("sqlite:///")) as other:
            one.backup(other)
        other.close()
    one.close()


def open_counter(filled: Filled) -> Iterator[Counter]:
    """Open a counter over a filled store."""
    database = Database(filled.url)
    app = create_app(database)
    with TestClient(app, headers={"X-API-Key": filled.reader}, raise_server_exceptions=False) as client:
        keys = (filled.reader, filled.operator, filled.administrator)
        yield Counter(app, database, client, filled.plant, *keys)
    database.close()


@pytest.fixture(scope="session")
def filled(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A filled SQLite file, made once."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("counter"))
    return fill(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def looked_at(filled: Filled) -> Iterator[Counter]:
    """A counter that nobody may write to."""
    yield from open_counter(filled)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def either_looked_at(request: pytest.FixtureRequest) -> Iterator[Counter]:
    """A counter that nobody may write to, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield from open_counter(request.getfixturevalue("filled"))
    else:
        pool: Pool = request.getfixturevalue("postgres_pool")
        with pool.lend() as url:
            yield from open_counter(fill(url))


@pytest.fixture
def counter(filled: Filled, sqlite_url: str) -> Iterator[Counter]:
    """A counter of the test's own, over a copy of the filled file."""
    copy_store(filled.url, sqlite_url)
    yield from open_counter(replace(filled, url=sqlite_url))


@pytest.fixture
def either_counter(migrated_url: str) -> Iterator[Counter]:
    """A counter of the test's own, once on SQLite and once on PostgreSQL."""
    yield from open_counter(fill(migrated_url))


# ------------------------------------------------------------------ batches of several names
MES, ERP, LIMS = "mes:batch|A-1", "erp:batch|A1", "lims:batch|Z"


def tell(counter: Counter, *told: tuple[str, str, tuple[str, ...]], version: int = 1) -> None:
    """Let systems state batches by (system, name, names declared besides), and resolve."""
    for code, value, also in told:
        others = tuple(Identifier(scheme=n.split("|")[0], value=n.split("|")[1]) for n in also)
        record = Batch(id=Identifier(value=value), also=others, status="Running")
        document = Told(
            object_type="doc",
            source_key=value,
            payload=f"{value} {version}",
            media_type="text/plain",
            version=version,
            source_time=NOW,
            said=[state(code, record)],
        )
        with counter.database.begin("test") as connection:
            system = ensure_system(connection, code, code.upper(), now=NOW)
            store_documents(
                connection, system_id=system.id, stream="s", connector="t/1", documents=[document], now=NOW
            )
    resolve(counter.database)


@pytest.fixture
def three_batches(migrated_url: str) -> Iterator[Counter]:
    """MES and ERP write one batch differently; the LIMS has one of a name of its own."""
    database = Database(migrated_url)
    prepare(database)
    with database.begin("test") as connection:
        save_scheme_groups(connection, {"batch": [["mes:batch", "erp:batch"]]}, now=NOW)
        reader = create_key(connection, name="reader", scopes=["read"])
        operator = create_key(connection, name="operator", scopes=["operate"])
    database.close()
    for counter in open_counter(Filled(migrated_url, {}, reader, operator)):
        tell(counter, ("mes", "A-1", ()), ("erp", "A1", ()), ("lims", "Z", ()))
        yield counter
