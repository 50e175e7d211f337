"""Bring a database to the newest shape: Alembic's migrations, then the guards and the units."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, inspect, select

from hub.model.unit import UNITS
from hub.store.database import Database
from hub.store.guards import find_broken_guards
from hub.store.lake.legacy import has_frames, take_up_frames
from hub.store.mart.installation import is_mart_current
from hub.store.roles import NotTheOwner, owns_tables
from hub.store.sets import upsert
from hub.store.tables import metadata, unit


def migrations_folder() -> Path:
    """Give the folder of the migrations: beside the packages in a checkout, in `hub.store` when installed."""
    here = Path(__file__).resolve()
    for candidate in (here.parent / "migrations", here.parents[2] / "migrations"):
        if (candidate / "env.py").exists():
            return candidate
    msg = f"no migrations found beside {here.parent}; reinstall plantwide"
    raise FileNotFoundError(msg)


def alembic_config(connection: Connection | None = None) -> Any:
    """Give Alembic's configuration, bound to a connection when given."""
    from alembic.config import Config  # noqa: PLC0415 - serving must not pay for the migration tool

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate to `revision`, restore the derived objects and the unit table, take up frames of before.

    A database in which nothing is gets the newest shape at once: the one that the migrations come to.
    """
    from alembic import command  # noqa: PLC0415 - as above

    with database.rebuild() as connection:
        if revision == "head" and not inspect(connection).get_table_names():
            metadata.create_all(connection)
            command.stamp(alembic_config(connection), revision)
        else:
            command.upgrade(alembic_config(connection), revision)
        if inspect(connection).has_table("unit"):
            _fill_units(connection)
        is_whole = inspect(connection).has_table("sample_put")
    if is_whole:
        take_up_frames(database)


def ensure_current(database: Database) -> list[str]:
    """Upgrade a store that lacks something, and no other; give the guards that had been changed.

    Raises `NotTheOwner` when this role may not.
    """
    with database.read() as connection:
        there = inspect(connection).has_table("audit_event")
        broken = find_broken_guards(connection) if there else []
        may_change = owns_tables(connection)
        has_mart = there and is_mart_current(connection)
    current = is_current(database)
    is_whole = not broken and has_mart
    if current and is_whole and _has_units(database) and not _has_legacy(database):
        return []
    if not may_change:
        raise NotTheOwner(
            "the store lacks something that only the owner of its tables may add; run `plantwide db upgrade` "
            "with the owner's --database, then `plantwide db roles --apply`"
        )
    upgrade(database)
    return broken if current else []


def _has_legacy(database: Database) -> bool:
    """Tell whether an upgrade was ended before it had taken up all frames."""
    with database.read() as connection:
        return has_frames(connection)


def is_current(database: Database) -> bool:
    """Tell whether the database has the newest migration."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == head


def _has_units(database: Database) -> bool:
    """Tell whether the table of units is the code's."""
    with database.read() as connection:
        found = {row["code"]: dict(row) for row in connection.execute(select(unit)).mappings()}
    return found == {row["code"]: row for row in _list_units()}


def _list_units() -> list[dict[str, Any]]:
    return [
        {
            "code": u.code,
            "unece": u.unece,
            "dimension": u.dimension,
            "factor": u.factor,
            "value_offset": u.offset,
            "aliases": list(u.aliases),
        }
        for u in UNITS
    ]


def _fill_units(connection: Connection) -> None:
    """Bring the table of units in line with the code's; nothing refers to its rows by key."""
    connection.execute(delete(unit).where(unit.c.code.not_in([u.code for u in UNITS])))
    upsert(connection, unit, _list_units(), keys=("code",))
