"""The OData door over the small plant of the counter's tests and two more sites, on both engines."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.odata.door import make_door
from hub.odata.settings import OdataSettings
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.factories import NOW, add_plant, add_record, add_system
from tests.api.test_row_scope import BASEL, CORK, add_site
from tests.databases import ENGINES, fresh_postgres

SMALL = OdataSettings(page_rows=50, skipped=1_000, groups=11, requests=10, words=3)


@dataclass
class Odata:
    """A client of the door, and what is behind it."""

    client: TestClient
    database: Database
    keys: dict[str, str]
    url: str

    def get(self, path: str, **query: Any) -> Any:
        """Give the JSON of a GET that must succeed; `filter` stands for `$filter`."""
        response = self.ask(path, **query)
        assert response.status_code == 200, response.text
        assert response.headers["OData-Version"] == "4.0"
        return response.json()

    def rows(self, path: str, **query: Any) -> list[Any]:
        """Give the rows of a set that must come on one page."""
        document = self.get(path, **query)
        assert "@odata.nextLink" not in document
        return document["value"]

    def ask(self, path: str, key: str | None = None, **query: Any) -> Any:
        """Give the response to a GET; options are written with `$`."""
        params = {name if name == "as_known_at" else f"${name}": value for name, value in query.items()}
        headers = {} if key is None else {"X-API-Key": self.keys[key]}
        return self.client.get(path, params=params, headers=headers)

    def refused(self, status: int, path: str, key: str | None = None, **query: Any) -> dict[str, Any]:
        """Give the error of a GET that must be refused with a status."""
        response = self.ask(path, key, **query)
        assert response.status_code == status, response.text
        return check_error(response)


def check_error(response: Any) -> dict[str, Any]:
    """Give the error of an error document as the standard has it."""
    assert response.headers["OData-Version"] == "4.0"
    assert response.headers["Content-Type"].startswith("application/json")
    document = response.json()
    assert set(document) == {"error"}
    assert {"code", "message"} <= set(document["error"])
    assert document["error"]["message"].endswith(".")
    return document["error"]


def open_door(url: str) -> Iterator[Odata]:
    """Fill a migrated, empty store and open the door over it."""
    database = Database(url)
    with database.begin("test") as connection:
        plant = add_plant(connection)
        system = add_system(connection, "far")
        record = add_record(connection, system)
        for site in (CORK, BASEL):
            add_site(connection, site, plant["product"], system, record)
        keys = {
            "all": create_key(connection, name="all", scopes=["read"]),
            "cork": create_key(connection, name="cork", scopes=["read", f"site:{CORK}"]),
            "expired": create_key(
                connection,
                name="old",
                scopes=["read"],
                expires_at=datetime.now(UTC) + timedelta(seconds=0.01),
            ),
            "operate": create_key(connection, name="operate", scopes=["operate"]),
        }
    app = create_app(database, doors=[make_door(SMALL)])
    object.__setattr__(app.state.room, "clock", lambda: datetime.now(UTC) + timedelta(days=1))
    headers = {"X-API-Key": keys["all"]}
    with TestClient(
        app, base_url="http://testserver/odata", headers=headers, raise_server_exceptions=False
    ) as client:
        yield Odata(client, database, keys, url)
    database.close()


@pytest.fixture(scope="session", params=ENGINES)
def odata(
    request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Odata]:
    """The door, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("odata") / "hub.db"
        shutil.copyfile(migrated_sqlite, path)
        yield from open_door(f"sqlite:///{path}")
    else:
        server, template = (
            request.getfixturevalue(name) for name in ("postgres_server", "migrated_postgres")
        )
        with fresh_postgres(server, template=template) as url:
            yield from open_door(url)


assert NOW
