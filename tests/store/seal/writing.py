"""Audited writes for tests of the seal: documents of one source, as the hub writes them down."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from hub.store.database import Database
from hub.store.sets import insert_all
from hub.store.tables import source_record, source_system

NOW = datetime(2026, 4, 20, 6, tzinfo=UTC)


class Clock:
    """A clock that tells one minute later each time."""

    def __init__(self, start: datetime = NOW) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def ensure_source(connection: Connection) -> int:
    """Give the id of the source `lims`."""
    found = connection.scalar(select(source_system.c.id).where(source_system.c.code == "lims"))
    if found is not None:
        return int(found)
    row = {"code": "lims", "kind": "LIMS", "recorded_at": NOW}
    return int(connection.execute(insert(source_system).returning(source_system.c.id), row).scalar_one())


def write_documents(connection: Connection, count: int, tag: str = "S") -> None:
    """Write down documents: one audit row each, and one for the source the first time."""
    system = ensure_source(connection)
    insert_all(connection, source_record, [document(system, f"{tag}-{number}") for number in range(count)])


def document(system: int, key: str) -> dict[str, Any]:
    """A row of `source_record`."""
    return {
        "source_system_id": system,
        "object_type": "sample",
        "source_key": key,
        "op": "U",
        "content_hash": "0" * 64,
        "payload": f'{{"id": "{key}"}}',
        "media_type": "application/json",
        "received_at": NOW,
        "mapping_version": "1",
    }


def add_documents(database: Database, count: int, tag: str = "S") -> None:
    """The same in a transaction of its own."""
    with database.begin("test") as connection:
        write_documents(connection, count, tag)
