"""What a hub holds after a command: rows, the canonical dump, and the API over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pyarrow as pa
from fastapi.testclient import TestClient
from sqlalchemy import func, inspect, select, table

from hub.api.app import create_app
from hub.api.sampling import ARROW
from hub.store.database import Database
from hub.store.dump import dump_canonical
from hub.store.keys import create_key


@dataclass(frozen=True)
class Counter:
    """The API over a store, with a key that may read."""

    client: TestClient

    def get(self, path: str, **parameters: Any) -> Any:
        """Give the JSON of an address."""
        return self._ask(path, parameters).json()

    def all(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Give the items of all pages of a list."""
        items: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": None}
        while not items or page["next"]:
            cursor = {"cursor": page["next"]} if page["next"] else {}
            page = self.get(path, limit=1000, **parameters, **cursor)
            items += page["items"]
            if not page["items"]:
                break
        return items

    def arrow(self, path: str, **parameters: Any) -> pa.Table:
        """Give the samples of an address, read from its Arrow stream."""
        answer = self._ask(path, parameters, accept=ARROW)
        assert answer.headers["content-type"] == ARROW
        with pa.ipc.open_stream(answer.content) as reader:
            return reader.read_all()

    def _ask(self, path: str, parameters: dict[str, Any], accept: str = "application/json") -> httpx.Response:
        answer = self.client.get(path, params=parameters, headers={"Accept": accept})
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a store for a while."""
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def counter_over(url: str) -> Iterator[Counter]:
    """Serve a store inside this process, with a key made for it."""
    with opened(url) as database:
        with database.begin() as connection:
            key = create_key(connection, name="journey", scopes=["read"])
        with TestClient(create_app(database), headers={"X-API-Key": key}) as client:
            yield Counter(client)


def count_rows(url: str) -> dict[str, int]:
    """Give the number of rows of every table."""
    with opened(url) as database, database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table(name))) or 0
            for name in sorted(inspect(connection).get_table_names())
        }


def dump(url: str) -> bytes:
    """Give the canonical dump."""
    with opened(url) as database, database.read() as connection:
        return b"".join(line + b"\n" for line in dump_canonical(connection))
