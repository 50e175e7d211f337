"""Stores for tests that make thousands of transactions: everything real, but nothing waits for the disk."""

from typing import Any

from sqlalchemy import event

from hub.store.database import Database


def swift(url: str) -> Database:
    """Give a store that does not wait for SQLite's writes to reach the disk."""
    database = Database(url)
    if database.dialect == "sqlite":
        event.listen(database.engine, "connect", _hurry)
    return database


def _hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")
