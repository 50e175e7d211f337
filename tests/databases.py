"""Databases made for one test and gone after it."""

import contextlib
import os
import uuid
from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from hub.store.database import Database
from hub.store.tables import metadata

ENGINES = ("sqlite", "postgresql")


@contextlib.contextmanager
def fresh_postgres(
    server: URL, *, template: str = "template1", tablespace: str = "pg_default"
) -> Iterator[str]:
    """SQLAlchemy URL (driver psycopg) of a database that exists inside the block and not after it."""
    name = f"plantwide_test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}").format(
            *map(sql.Identifier, (name, template, tablespace))
        )
        # Copying files means a checkpoint, which costs nothing where nothing waits for the disk.
        is_quick = admin.execute("SELECT current_setting('fsync') = 'off'").fetchone() == (True,)
        admin.execute(made + sql.SQL(" STRATEGY FILE_COPY" if is_quick else ""))
    try:
        yield server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


_EMPTYING = """DO $$ DECLARE name text; guards text; is_there boolean; BEGIN
PERFORM set_config('session_replication_role', 'replica', true); -- nothing refers to what goes: all goes
FOREACH name IN ARRAY %s LOOP
  CONTINUE WHEN pg_relation_size(name::regclass) = 0;
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %%I)', name) INTO is_there;
  CONTINUE WHEN NOT is_there;
  SELECT string_agg(format('ENABLE ALWAYS TRIGGER %%I', tgname), ', ') INTO guards
    FROM pg_trigger WHERE tgrelid = name::regclass AND NOT tgisinternal;
  IF guards IS NOT NULL THEN EXECUTE format('ALTER TABLE %%I DISABLE TRIGGER USER', name); END IF;
  EXECUTE format('DELETE FROM %%I', name);
  IF guards IS NOT NULL THEN EXECUTE format('ALTER TABLE %%I ', name) || guards; END IF;
END LOOP;
PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'; END $$""" % (
    "ARRAY[" + ", ".join(f"'{t.name}'" for t in reversed(metadata.sorted_tables) if t.name != "unit") + "]"
)


def empty(database: Database) -> None:
    """Take everything but the units out of a migrated PostgreSQL store: much quicker than a new copy."""
    with database.begin() as connection:
        connection.exec_driver_sql(_EMPTYING, execution_options={"no_parameters": True})


_SHAPE = """SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
  SELECT concat('class ', n.nspname, relname, relkind, relacl, relrowsecurity, relowner) FROM pg_class
    JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname NOT LIKE 'pg\\_%'
  UNION ALL SELECT concat('column ', attrelid::regclass, attname, atttypid, attnotnull) FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname NOT LIKE 'pg\\_%' AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT concat('trigger ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
    WHERE NOT tgisinternal
  UNION ALL SELECT concat('function ', proname, md5(prosrc), proacl, prosecdef, proconfig) FROM pg_proc
    JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname NOT LIKE 'pg\\_%'
  UNION ALL SELECT concat('schema ', nspname, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
  UNION ALL SELECT concat('policy ', polname, polrelid::regclass) FROM pg_policy
  UNION ALL SELECT concat('setting ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL SELECT concat('database ', datacl) FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT concat('unit ', md5(string_agg(u::text, '' ORDER BY u::text))) FROM unit AS u
  UNION ALL SELECT concat('version ', version_num) FROM alembic_version
) AS lines(line)"""


class Pool:
    """Migrated PostgreSQL databases, taken and given back: emptied, or dropped where more than rows changed."""

    def __init__(self, server: URL, template: str) -> None:
        """Begin with none."""
        self.server, self.template = server, template
        self.idle: list[tuple[contextlib.ExitStack, str, str]] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Give the URL of an empty migrated database that is nobody else's inside the block."""
        stack, url, shape = self.idle.pop() if self.idle else self._make()
        try:
            yield url
        finally:
            if self._clean(url, shape):
                self.idle.append((stack, url, shape))
            else:
                stack.close()

    def close(self) -> None:
        """Drop what is idle."""
        for stack, _, _ in self.idle:
            stack.close()

    def _make(self) -> tuple[contextlib.ExitStack, str, str]:
        stack = contextlib.ExitStack()
        url = stack.enter_context(fresh_postgres(self.server, template=self.template))
        with self._open(url) as connection:
            return stack, url, self._shape(connection)

    def _clean(self, url: str, shape: str) -> bool:
        with self._open(url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if self._shape(connection) != shape:
                return False
            connection.execute(_EMPTYING.encode())
            return True

    @staticmethod
    def _open(url: str) -> "psycopg.Connection[tuple[str]]":
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True)

    @staticmethod
    def _shape(connection: "psycopg.Connection[tuple[str]]") -> str:
        row = connection.execute(_SHAPE.encode()).fetchone()
        return row[0] if row else ""


def vacuum(database: Database) -> None:
    """Let PostgreSQL forget the rows that were taken back; SQLite keeps none."""
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")


_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def is_waiting(database: Database) -> bool:
    """Tell whether a transaction waits for another; on SQLite a second one does not even begin."""
    if database.dialect == "sqlite":
        return True
    with database.read() as connection:
        return bool(connection.exec_driver_sql(_WAITING).scalar())
