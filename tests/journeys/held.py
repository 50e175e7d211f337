"""What a hub holds after a command: rows, the canonical dump, and the API over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pyarrow as pa
from fastapi.testclient import TestClient
from sqlalchemy import column, func, inspect, select, table

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
def opened(url: str, samples: Path | None = None) -> Iterator[Database]:
    """Open a store for a while; `samples` is where cold runs lie that are not beside the database."""
    database = Database(url, samples=samples)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def counter_over(url: str, samples: Path | None = None) -> Iterator[Counter]:
    """Serve a store inside this process, with a key made for it."""
    with opened(url, samples) as database:
        with database.begin("test") as connection:
            key = create_key(connection, name="journey", scopes=["read"])
        with TestClient(create_app(database), headers={"X-API-Key": key}) as client:
            yield Counter(client)


NOTES = ("redelivery", "reading_mark", "audit_leaf", "tree_node", "tree_head")
"""What a reading notes of itself, also when it brings nothing: that documents came again, when it ended, the seal."""


def count_rows(url: str) -> dict[str, int]:
    """Give the number of rows of every table, but for the notes of the reading itself and their audit rows."""
    audit = table("audit_event", column("entity_type"))
    with opened(url) as database, database.read() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table(name))) or 0
            for name in sorted(set(inspect(connection).get_table_names()) - {*NOTES})
        }
        audited = select(func.count()).select_from(audit).where(audit.c.entity_type.not_in(NOTES))
        return counts | {"audit_event": connection.scalar(audited) or 0}


def dump(url: str, samples: Path | None = None) -> bytes:
    """Give the canonical dump."""
    with opened(url, samples) as database, database.read() as connection:
        return b"".join(line + b"\n" for line in dump_canonical(connection))


def hold_alike(one: bytes, other: bytes) -> None:
    """Fail with the first lines that only one of two dumps has; whole, they are megabytes."""
    lines = [dict.fromkeys(dump.splitlines()) for dump in (one, other)]
    differing = [[line.decode()[:400] for line in a if line not in b][:5] for a, b in (lines, lines[::-1])]
    assert not any(differing), f"only in the first: {differing[0]}, only in the other: {differing[1]}"
    is_same = one == other
    assert is_same, "the same lines in another order"
