"""What SQL on a hub's SQLite connection may not do: change the schema, its guards, or the audit trail.

Nor may a trigger that somebody planted in the file write by it.

This stops slips and injected SQL. It cannot stop a program that opens the file by itself: what such a one
does is found by its traces, and by the seal.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from hub.store.audited import AUDITED

_SCHEMA_CHANGES = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_CREATE_VTABLE,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_DROP_VIEW,
        sqlite3.SQLITE_DROP_VTABLE,
    }
)
_LOCKED_PRAGMAS = frozenset(
    {
        "foreign_keys",
        "ignore_check_constraints",
        "journal_mode",
        "legacy_alter_table",
        "recursive_triggers",
        "reset_database",
        "schema_version",
        "trusted_schema",
        "writable_schema",
    }
)
"""Settings that decide whether constraints and triggers hold; they may be read, not set."""
_READ, _YES = sqlite3.SQLITE_READ, sqlite3.SQLITE_OK
_WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_TRAIL = "audit_event"
_WRITERS = frozenset(f"audit_{t.name}_{verb}" for t in AUDITED for verb in ("insert", "update", "delete"))


def raise_walls(connection: sqlite3.Connection) -> None:
    """Refuse from now on what only a migration may do, and what triggers write besides audit rows."""
    connection.set_authorizer(_judge)


@contextmanager
def lowered_walls(connection: Connection) -> Generator[None]:
    """Let a migration through; on PostgreSQL there is no wall of this kind, but the rights of a role."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.set_authorizer(None)
    try:
        yield
    finally:
        raise_walls(driver)


def _may_write(table: str | None, trigger: str | None) -> bool:
    """Tell whether such a write is one of the hub's: its triggers write the trail, and nothing else does."""
    return table != _TRAIL if trigger is None else table == _TRAIL and trigger in _WRITERS


def _judge(  # noqa: PLR0917 - SQLite calls by position
    action: int, first: str | None, second: str | None, _schema: str | None, trigger: str | None
) -> int:
    """Answer for one step of a statement that is being compiled; nearly all of them read a column."""
    if action == _READ:
        return _YES
    if action in _SCHEMA_CHANGES:
        return sqlite3.SQLITE_DENY
    if action in _WRITES and not _may_write(first, trigger):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and second is not None and (first or "").lower() in _LOCKED_PRAGMAS:
        return sqlite3.SQLITE_DENY
    return _YES
