"""Triggers that nobody of the hub made are named, put away with their text told, and cannot write meanwhile."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database
from hub.store.guards import find_broken_guards
from hub.store.seal.verification import verify
from hub.store.tables import source_system
from hub.store.upgrade import ensure_current
from tests.store.seal.writing import add_documents

FALSIFYING = "UPDATE source_system SET kind = 'MES'"
FUNCTION = (
    f"CREATE FUNCTION zz() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {FALSIFYING}; RETURN NULL; END $$"
)
PLANTED = {
    "sqlite": (f"CREATE TRIGGER zz AFTER INSERT ON {{table}} BEGIN {FALSIFYING}; END",),
    "postgresql": (FUNCTION, "CREATE TRIGGER zz AFTER INSERT ON {table} EXECUTE FUNCTION zz()"),
}


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = Database(migrated_url)
    yield one
    one.close()


@pytest.fixture
def postgres(migrated_postgres_url: str) -> Iterator[Database]:
    one = Database(migrated_postgres_url)
    yield one
    one.close()


def run_as_stranger(database: Database, *statements: str) -> None:
    """Do what only a program with the file, or the owner of the tables, can do."""
    if database.dialect == "postgresql":
        with database.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        return
    file = make_url(database.url).database or ""
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None))
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def plant(database: Database, table: str) -> None:
    run_as_stranger(database, *(text.format(table=table) for text in PLANTED[database.dialect]))


def find(database: Database) -> list[str]:
    with database.read() as connection:
        return find_broken_guards(connection)


@pytest.mark.parametrize("table", ["source_record", "signature", "statement", "stream", "unit"])
def test_a_planted_trigger_is_named_with_its_text_and_put_away_at_the_next_start(
    database: Database, table: str
) -> None:
    plant(database, table)
    (fault,) = find(database)
    assert fault.startswith(
        f"trigger zz is not one of this version, on {table}: CREATE TRIGGER zz AFTER INSERT"
    )
    assert [(f.kind, f.where) for f in verify(database).findings] == [("trigger", "trigger zz")]
    assert ensure_current(database) == [fault]
    assert find(database) == []
    assert ensure_current(database) == []


def test_a_second_trigger_of_one_of_the_hub_s_names_is_not_taken_for_it(postgres: Database) -> None:
    plant(postgres, "stream")
    run_as_stranger(postgres, "ALTER TRIGGER zz ON stream RENAME TO audit_source_record_insert")
    (fault,) = find(postgres)
    assert fault.startswith("trigger audit_source_record_insert is not one of this version, on stream")
    ensure_current(postgres)
    assert find(postgres) == []


def test_a_trigger_that_is_planted_under_a_running_hub_cannot_write(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hub.db"
    shutil.copyfile(migrated_sqlite, file)
    database = Database(f"sqlite:///{file}")
    add_documents(database, 1, tag="before")
    plant(database, "source_record")
    with pytest.raises(DBAPIError, match="not authorized"):
        add_documents(database, 1, tag="after")
    with database.read() as connection:
        assert connection.scalar(select(source_system.c.kind)) == "LIMS"
    assert len(ensure_current(database)) == 1
    add_documents(database, 1, tag="after")
    assert verify(database).findings == []
    database.close()


# ------------------------------------------------------------------ what PostgreSQL has besides
def test_a_rule_is_named_and_put_away(postgres: Database) -> None:
    run_as_stranger(postgres, f"CREATE RULE zz AS ON UPDATE TO stream DO ALSO {FALSIFYING}")
    (fault,) = find(postgres)
    assert fault.startswith("rule zz is not one of this version, on stream: CREATE RULE zz AS")
    assert ensure_current(postgres) == [fault]
    assert find(postgres) == []


@pytest.mark.parametrize(
    "table",
    ["other.t (id bigint REFERENCES source_record ON DELETE CASCADE)", "other.t () INHERITS (stream)"],
)
def test_a_trigger_in_another_schema_that_a_write_of_the_hub_reaches_is_named(
    postgres: Database, table: str
) -> None:
    run_as_stranger(postgres, "CREATE SCHEMA other", f"CREATE TABLE {table}")
    plant(postgres, "other.t")
    (fault,) = find(postgres)
    assert fault.startswith("trigger zz is not one of this version, on other.t: CREATE TRIGGER zz")
    assert ensure_current(postgres) == [fault]
    assert find(postgres) == []


def test_what_somebody_else_keeps_in_the_same_database_is_nobody_s_matter(postgres: Database) -> None:
    run_as_stranger(postgres, "CREATE SCHEMA other", "CREATE TABLE other.t (id bigint)")
    plant(postgres, "other.t")
    assert find(postgres) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("SET search_path = pg_temp, public", "function note_source_record was changed"),
        ("RESET TimeZone", "function note_source_record was changed"),
        ("SECURITY INVOKER", "function note_source_record was changed"),
    ],
)
def test_a_changed_setting_of_a_function_is_named_and_put_back(
    postgres: Database, change: str, fault: str
) -> None:
    run_as_stranger(postgres, f"ALTER FUNCTION note_source_record() {change}")
    assert find(postgres) == [fault]
    assert ensure_current(postgres) == [fault]
    assert find(postgres) == []
