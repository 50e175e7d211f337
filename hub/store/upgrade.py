"""Bring a database to the newest shape: Alembic's migrations, then the guards and the units."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, inspect, select

from hub.model.unit import UNITS
from hub.store.database import Database
from hub.store.tables import unit


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
    """Migrate to `revision` and restore the derived objects and the unit table."""
    from alembic import command  # noqa: PLC0415 - as above

    with database.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
        if inspect(connection).has_table("unit"):
            _fill_units(connection)


def is_current(database: Database) -> bool:
    """Tell whether the database has the newest migration."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == head


def _fill_units(connection: Connection) -> None:
    known = set(connection.scalars(select(unit.c.code)))
    rows = [
        {
            "code": u.code,
            "unece": u.unece,
            "dimension": u.dimension,
            "factor": u.factor,
            "value_offset": u.offset,
            "aliases": list(u.aliases),
        }
        for u in UNITS
        if u.code not in known
    ]
    if rows:
        connection.execute(insert(unit), rows)
