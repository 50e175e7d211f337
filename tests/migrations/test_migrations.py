"""The database's shape can be reached step by step, given back, and is the one that the code declares."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, func, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from hub.model import parse_instant
from hub.model.unit import UNITS
from hub.store.database import Database
from hub.store.guards import find_broken_guards
from hub.store.mart.installation import VIEWS as MART
from hub.store.tables import audit_event, metadata, source_system, unit
from hub.store.upgrade import alembic_config, ensure_current, is_current, upgrade
from hub.store.views import VIEWS
from tests.migrations.shape import Shape, read_shape
from tests.migrations.steps import SCRIPTS, climb, downgrade, list_steps
from tests.store.test_guards import plant


def test_there_is_one_line_of_revisions() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert len(SCRIPTS.get_bases()) == 1


def test_revisions_are_numbered_without_gaps_and_say_what_they_change() -> None:
    steps = list_steps()
    assert [step.revision for step in steps] == [f"{number:04d}" for number in range(1, len(steps) + 1)]
    assert [step.revision for step in steps if len(step.doc.split()) < 3] == []
    assert [step.revision for step in steps if not Path(step.path).name.startswith(step.revision)] == []


def test_an_empty_database_is_not_current_and_becomes_so(empty: Database) -> None:
    assert not is_current(empty)
    upgrade(empty)
    assert is_current(empty)


def test_a_database_climbed_step_by_step_is_current(migrated: Database) -> None:
    assert is_current(migrated)


def test_a_second_upgrade_changes_nothing(migrated: Database) -> None:
    with migrated.read() as connection:
        before = read_shape(connection)
    upgrade(migrated)
    with migrated.read() as connection:
        assert read_shape(connection) == before


def test_the_code_declares_nothing_that_no_migration_makes(migrated: Database) -> None:
    with migrated.rebuild() as connection:
        command.check(alembic_config(connection))


@pytest.fixture
def fresh(migrated: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Another database on the same engine, which got the newest shape at once."""
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    is_embedded = migrated.dialect == "sqlite"
    database = Database(url if is_embedded else request.getfixturevalue("second_postgres_url"))
    upgrade(database)
    yield database
    database.close()


def test_a_migrated_database_has_the_shape_of_a_fresh_one(migrated: Database, fresh: Database) -> None:
    with migrated.read() as reached, fresh.read() as declared:
        reached_shape, declared_shape = read_shape(reached), read_shape(declared)
    assert reached_shape.keys() == declared_shape.keys()
    for name, declared_table in declared_shape.items():
        assert reached_shape[name] == declared_table, name


def test_each_step_can_be_given_back_and_all_taken_again(empty: Database) -> None:
    before: dict[str, Shape] = {}
    for step in list_steps():
        before[step.revision] = look_at(empty)
        upgrade(empty, step.revision)
    reached = look_at(empty)
    for step in list_steps()[::-1]:
        downgrade(empty, str(step.down_revision or "base"))
        assert look_at(empty) == before[step.revision], step.revision
    with empty.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
        assert inspect(connection).get_view_names() == []
    climb(empty)
    assert look_at(empty) == reached


def look_at(database: Database) -> Shape:
    """Give the shape of a database."""
    with database.read() as connection:
        return read_shape(connection)


def test_guards_and_views_are_there(migrated: Database) -> None:
    with migrated.read() as connection:
        assert find_broken_guards(connection) == []
        names = set(inspect(connection).get_view_names())
        schema = None if migrated.dialect == "sqlite" else "mart"
        names |= set(inspect(connection).get_view_names(schema))
    assert names == {*VIEWS, *MART}


def test_a_planted_trigger_is_told_even_where_an_upgrade_takes_it_away(migrated: Database) -> None:
    downgrade(migrated, str(list_steps()[-1].down_revision))
    plant(migrated, "stream")
    told = ensure_current(migrated)
    assert [fault.partition(":")[0] for fault in told] == ["trigger zz is not one of this version, on stream"]
    with migrated.read() as connection:
        assert find_broken_guards(connection) == []


def test_the_way_up_leaves_the_rows_that_a_fresh_database_has(migrated: Database, fresh: Database) -> None:
    counts = []
    for database in (migrated, fresh):
        upgrade(database)  # the units
        with database.read() as connection:
            counts.append(
                {
                    t.name: connection.scalar(select(func.count()).select_from(t))
                    for t in metadata.sorted_tables
                }
            )
    assert counts[0] == counts[1]


@pytest.mark.parametrize("change", ["update", "delete", "replace"])
def test_an_audit_event_cannot_be_changed(migrated: Database, change: str) -> None:
    row = {"code": "mes", "kind": "MES", "recorded_at": parse_instant("2026-01-01T00:00:00Z")}
    with migrated.begin("test") as connection:
        connection.execute(insert(source_system), row)
    with migrated.read() as connection:
        event = dict(connection.execute(select(audit_event)).mappings().one())
    statements: dict[str, Any] = {
        "update": update(audit_event).values(actor="nobody"),
        "delete": delete(audit_event),
        "replace": insert(audit_event).values(event | {"actor": "nobody"}),
    }
    statement = statements[change]
    if change == "replace" and migrated.dialect == "sqlite":
        statement = statement.prefix_with("OR REPLACE")
    with pytest.raises(DBAPIError), migrated.begin("test") as connection:
        connection.execute(statement)
    with migrated.read() as connection:
        assert connection.scalars(select(audit_event.c.actor)).all() == ["test"]


def test_every_unit_of_the_model_is_in_the_database(migrated: Database) -> None:
    with migrated.read() as connection:
        assert set(connection.scalars(select(unit.c.code))) == {known.code for known in UNITS}


def test_every_constraint_has_a_name_so_that_a_migration_can_drop_it(migrated: Database) -> None:
    with migrated.read() as connection:
        inspector = inspect(connection)
        nameless = [
            (table, kind)
            for table in inspector.get_table_names()
            if table != "alembic_version"
            for kind, found in (
                ("primary key", [inspector.get_pk_constraint(table)]),
                ("foreign key", inspector.get_foreign_keys(table)),
                ("unique", inspector.get_unique_constraints(table)),
                ("check", inspector.get_check_constraints(table)),
            )
            for constraint in found
            if not constraint["name"] or not re.match(r"(pk|fk|uq|ck)_", constraint["name"])
        ]
    assert nameless == []
