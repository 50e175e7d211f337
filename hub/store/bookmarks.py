"""How far the hub's own work has come, by name; working state that is neither under audit nor in the past."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from hub.store.sets import upsert
from hub.store.tables import setting


def read_bookmark(connection: Connection, name: str) -> Any:
    """Give what was kept under a name, or None."""
    return connection.scalar(select(setting.c.value).where(setting.c.name == name))


def keep_bookmark(connection: Connection, name: str, value: Any, *, now: datetime) -> None:
    """Keep a JSON value under a name."""
    upsert(connection, setting, [{"name": name, "value": value, "updated_at": now}], keys=["name"])
