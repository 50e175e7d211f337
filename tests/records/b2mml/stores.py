"""Small stores: what records say, told by one source, resolved."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hub.model import Record
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Database
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def make_store(migrated: Path, path: Path, **said: Sequence[Record]) -> Database:
    """Give a store in which each source has said its records."""
    shutil.copyfile(migrated, path)
    database = Database(f"sqlite:///{path}")
    prepare(database, now=NOW)
    for code, records in said.items():
        told = Told(
            object_type="doc",
            source_key="1",
            payload=code,
            media_type="text/plain",
            version=1,
            source_time=NOW,
            said=[state(code, record) for record in records],
        )
        with database.begin("test") as connection:
            system = ensure_system(connection, code, "MES", now=NOW)
            store_documents(
                connection, system_id=system.id, stream="s", connector="t/1", documents=[told], now=NOW
            )
    resolve(database)
    return database
