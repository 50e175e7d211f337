"""The i3X door over the small plant of the counter's tests, with writes and without."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from hub.api.app import create_app
from hub.i3x.door import REASON, make_door
from hub.i3x.settings import I3xSettings
from hub.store.database import Connection, Database
from hub.store.keys import create_key
from tests.api.factories import START, add_fact, add_plant, add_record, add_system, add_thing
from tests.databases import ENGINES, fresh_postgres

BOGUS = "no-such-element-7f3a9c"


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class I3x:
    """A client of the door, and what is behind it."""

    client: TestClient
    database: Database
    plant: dict[str, int]
    clock: Clock
    keys: dict[str, str]

    def get(self, path: str, **query: Any) -> Any:
        """Give the result of a GET that must succeed."""
        response = self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        body = response.json()
        assert body["success"] is True
        return body["result"]

    def bulk(self, path: str, **body: Any) -> list[Any]:
        """Give the results of a bulk POST, one for each id, in order."""
        response = self.client.post(path, json=body)
        assert response.status_code == 200, response.text
        return check_bulk(response.json(), body.get("elementIds") or body["subscriptionIds"])

    def follow_time(self) -> None:
        """Let the door's clock go as clocks do, for clients that have one of their own."""
        object.__setattr__(self.client.app.state.room, "clock", lambda: datetime.now(UTC))  # type: ignore[attr-defined]

    def objects(self, **query: Any) -> dict[str, Any]:
        """Give all objects by id."""
        return {one["elementId"]: one for one in self.get("/objects", **query)}

    def everything(self) -> dict[str, Any]:
        """Give all objects by id: those that are listed, and those that others lead to."""
        found = self.objects()
        waiting = list(found)
        while waiting:
            items = self.bulk("/objects/related", elementIds=waiting)
            there = {edge["object"]["elementId"]: edge["object"] for item in items for edge in item["result"]}
            waiting = [one for one in there if one not in found]
            found |= {one: there[one] for one in waiting}
        return found

    def id_of(self, name: str, kind: str | None = None) -> str:
        """Give the elementId of the object of this display name."""
        found = [
            one["elementId"]
            for one in self.objects().values()
            if one["displayName"] == name and (kind is None or one["elementId"].startswith(f"{kind}/"))
        ]
        assert len(found) == 1, found
        return found[0]


def check_bulk(body: dict[str, Any], ids: list[str]) -> list[Any]:
    """Give the items of a bulk answer whose envelope is as the guide has it."""
    items = body["results"]
    assert len(items) == len(ids)
    for one, item in zip(ids, items, strict=True):
        assert (item.get("elementId") or item.get("subscriptionId")) == one
        if item["success"]:
            assert "responseDetail" not in item
        else:
            assert set(item["responseDetail"]) >= {"title", "status", "detail"}
            assert "result" not in item
    assert body["success"] is all(item["success"] for item in items)
    return items


def fill(connection: Connection) -> dict[str, int]:
    """Put the small plant into a store, with a recorded value, a signal that never spoke, and text."""
    plant = add_plant(connection)
    system = add_system(connection, "scada", "HISTORIAN")
    record = add_record(connection, system)
    add_fact(
        connection,
        "segment_data",
        system=system,
        record=record,
        batch_id=plant["batch"],
        response_id=1,
        name="Agitation",
        kind="setpoint",
        value_num=120.0,
        value_text="120",
        unit="{rev}/min",
        at=START,
        is_cpp=False,
    )
    add_thing(connection, "tag", "BR2000-01.STATE", value_type="string", is_step=True)
    add_thing(connection, "tag", "BR2000-01.RUN", value_type="boolean")
    return plant


def list_puts(database: Database) -> list[tuple[str, str]]:
    """Give who put samples into a store, and why, as its audit trail has it."""
    query = text("SELECT actor, reason FROM audit_event WHERE entity_type = 'sample_put' ORDER BY id")
    with database.read() as connection:
        return [(actor, reason) for actor, reason in connection.execute(query)]


@dataclass(frozen=True)
class Filled:
    """A store that holds the plant, and keys to it."""

    url: str
    plant: dict[str, int]
    keys: dict[str, str]


def fill_store(url: str) -> Filled:
    """Put the plant and two keys into a store that is migrated and empty."""
    database = Database(url)
    with database.begin("test") as connection:
        plant = fill(connection)
        keys = {scope: create_key(connection, name=scope, scopes=[scope]) for scope in ("read", "operate")}
    database.close()
    return Filled(url, plant, keys)


def copy_store(filled: Filled, path: Path) -> None:
    """Copy a SQLite store that may be open into a file."""
    with sqlite3.connect(filled.url.removeprefix("sqlite:///")) as one, sqlite3.connect(path) as other:
        one.backup(other)
    other.close()
    one.close()


def open_door(filled: Filled, settings: I3xSettings) -> Iterator[I3x]:
    """Open a door over a store with the plant, three days after its beginning."""
    database = Database(filled.url)
    app = create_app(database, doors=[make_door(settings)])
    clock = Clock(START + timedelta(days=3))
    object.__setattr__(app.state.room, "clock", clock)
    headers = {"X-API-Key": filled.keys["operate"], REASON: "a test of the door"}
    with TestClient(
        app, base_url="http://testserver/i3x/v1", headers=headers, raise_server_exceptions=False
    ) as client:
        yield I3x(client, database, filled.plant, clock, filled.keys)
    database.close()


SMALL = I3xSettings(poll_s=0.01)


@pytest.fixture(scope="session")
def filled(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A filled SQLite file, made once."""
    path = tmp_path_factory.mktemp("i3x") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    return fill_store(f"sqlite:///{path}")


@pytest.fixture(scope="session", params=ENGINES)
def i3x(request: pytest.FixtureRequest) -> Iterator[I3x]:
    """A door that only reads, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield from open_door(request.getfixturevalue("filled"), SMALL)
    else:
        server, template = (
            request.getfixturevalue(name) for name in ("postgres_server", "migrated_postgres")
        )
        with fresh_postgres(server, template=template) as url:
            yield from open_door(fill_store(url), SMALL)


@pytest.fixture
def make_i3x(filled: Filled, sqlite_url: str) -> Iterator[Callable[..., I3x]]:
    """Make one door of the test's own, with other settings."""
    opened: list[Iterator[I3x]] = []

    def make(**settings: Any) -> I3x:
        copy_store(filled, Path(sqlite_url.removeprefix("sqlite:///")))
        own = replace(filled, url=sqlite_url)
        opened.append(open_door(own, SMALL.model_copy(update=settings)))
        return next(opened[-1])

    yield make
    for one in opened:
        next(one, None)


@pytest.fixture
def writable(make_i3x: Callable[..., I3x]) -> I3x:
    """A door of the test's own that may be written to."""
    return make_i3x(writes=True)
