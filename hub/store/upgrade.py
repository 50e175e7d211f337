"""Bring a database to the newest shape: Alembic's migrations, then the guards and the units."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
)

from hub.model.unit import UNITS
from hub.store.database import Database
from hub.store.guards import find_broken_guards, find_planted, install_guards, remove_guards
from hub.store.lake.legacy import has_frames, take_up_frames
from hub.store.mart.installation import install_mart, is_mart_current, remove_mart
from hub.store.roles import NotTheOwner, owns_tables
from hub.store.sets import upsert
from hub.store.tables import metadata, unit
from hub.store.views import has_views, install_views, remove_views

_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it: https://alembic.sqlalchemy.org/en/latest/tutorial.html."""
_REVISION = re.compile(r"^(down_)?revision\b[^=\n]*= *[\"'](\w+)[\"']", re.MULTILINE)


def migrations_folder() -> Path:
    """Give the folder of the migrations: beside the packages in a checkout, in `hub.store` when installed."""
    here = Path(__file__).resolve()
    for candidate in (here.parent / "migrations", here.parents[2] / "migrations"):
        if (candidate / "env.py").exists():
            return candidate
    msg = f"no migrations found beside {here.parent}; reinstall plantwide"
    raise FileNotFoundError(msg)


@cache
def newest_revision() -> str:
    """Give the migration that no other follows: read, as Alembic would run them all to tell."""
    own: set[str] = set()
    followed: set[str] = set()
    for path in (migrations_folder() / "versions").glob("*.py"):
        for down, revision in _REVISION.findall(path.read_text(encoding="utf-8")):
            (followed if down else own).add(revision)
    (newest,) = own - followed
    return newest


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
    with database.rebuild() as connection:
        if revision == "head" and not inspect(connection).get_table_names():
            metadata.create_all(connection)
            _VERSION.create(connection)
            connection.execute(insert(_VERSION).values(version_num=newest_revision()))
            install_derived(connection)
        else:
            from alembic import command  # noqa: PLC0415 - as above

            command.upgrade(alembic_config(connection), revision)
        if inspect(connection).has_table("unit"):
            _fill_units(connection)
        is_whole = inspect(connection).has_table("sample_put")
    if is_whole:
        take_up_frames(database)


def remove_derived(connection: Connection) -> None:
    """Drop what is made from the tables: guards, views, and the tables for BI tools."""
    remove_guards(connection)
    remove_mart(connection)
    remove_views(connection)


def install_derived(connection: Connection) -> None:
    """Make it anew, as the code has it; the guards only where there is a trail to guard."""
    tables = inspect(connection)
    if tables.has_table("source_record") and tables.has_table("audit_event"):
        install_guards(connection)
    install_views(connection)
    install_mart(connection)


def ensure_current(database: Database) -> list[str]:
    """Upgrade a store that lacks something, and no other; give the guards that were changed, or planted.

    Raises `NotTheOwner` when this role may not.
    """
    with database.read() as connection:
        there = inspect(connection).has_table("audit_event")
        broken = find_broken_guards(connection) if there else []
        planted = find_planted(connection) if broken else []
        may_change = owns_tables(connection)
        has_mart = there and is_mart_current(connection) and has_views(connection)
    current = is_current(database)
    is_whole = not broken and has_mart
    if current and is_whole and _has_units(database) and not _has_legacy(database):
        return []
    if not may_change:
        told = f"{'; '.join(broken)}: " if broken and current else ""
        raise NotTheOwner(
            f"{told}the store lacks something that only the owner of its tables may add or take away; run "
            "`plantwide db upgrade` with the owner's --database, then `plantwide db roles --apply`"
        )
    upgrade(database)
    return broken if current else planted


def _has_legacy(database: Database) -> bool:
    """Tell whether an upgrade was ended before it had taken up all frames."""
    with database.read() as connection:
        return has_frames(connection)


def is_current(database: Database) -> bool:
    """Tell whether the database has the newest migration."""
    with database.read() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return False
        return connection.scalar(select(_VERSION.c.version_num)) == newest_revision()


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
