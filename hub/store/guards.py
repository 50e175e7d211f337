"""Triggers that keep append-only rows as they were written; made anew after every migration.

They are derived objects: an SQLite batch migration rebuilds a table and silently drops its triggers.
"""

from sqlalchemy import Connection

from hub.store.tables.spine import APPEND_ONLY

_SQLITE = {
    "update": (
        "CREATE TRIGGER IF NOT EXISTS {name} BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
    "delete": (
        "CREATE TRIGGER IF NOT EXISTS {name} BEFORE DELETE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
    # INSERT OR REPLACE rewrites a row past UPDATE and DELETE triggers.
    "replace": (
        "CREATE TRIGGER IF NOT EXISTS {name} BEFORE INSERT ON {table} "
        "WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
}
_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$
"""
_POSTGRES = (
    "DROP TRIGGER IF EXISTS {name} ON {table}",
    (
        "CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
)


def install_guards(connection: Connection) -> None:
    """Create the append-only triggers of every protected table; existing ones stay."""
    for table in APPEND_ONLY:
        if connection.dialect.name == "sqlite":
            for what, statement in _SQLITE.items():
                connection.exec_driver_sql(
                    statement.format(name=f"guard_{table.name}_{what}", table=table.name)
                )
        else:
            connection.exec_driver_sql(_POSTGRES_FUNCTION)
            for statement in _POSTGRES:
                connection.exec_driver_sql(statement.format(name=f"guard_{table.name}", table=table.name))


def remove_guards(connection: Connection) -> None:
    """Drop the triggers, so that a migration can rebuild the tables."""
    for table in APPEND_ONLY:
        if connection.dialect.name == "sqlite":
            for what in _SQLITE:
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS guard_{table.name}_{what}")
        else:
            exists = connection.exec_driver_sql(f"SELECT to_regclass('{table.name}')").scalar()
            if exists:
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS guard_{table.name} ON {table.name}")


def list_guards(connection: Connection) -> set[str]:
    """Give the names of the triggers that are there."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return {name for (name,) in connection.exec_driver_sql(query)}


def expected_guards(dialect: str) -> set[str]:
    """Give the names of the triggers that must be there."""
    if dialect == "sqlite":
        return {f"guard_{t.name}_{what}" for t in APPEND_ONLY for what in _SQLITE}
    return {f"guard_{t.name}" for t in APPEND_ONLY}
