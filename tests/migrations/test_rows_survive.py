"""Rows that were there before the tables of the whole model came are there afterwards, and say the same."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Table, TableClause, column, insert, select, table
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, identifier, pending, statement
from hub.store.tables.parts import Json, UtcDateTime
from hub.store.upgrade import upgrade
from tests.databases import ENGINES, fresh_postgres

AT = datetime(2026, 3, 10, 8, tzinfo=UTC)
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("source_system", {"code": "mes", "kind": "MES", "recorded_at": AT}),
    (
        "source_record",
        {"source_system_id": 1, "object_type": "Batch", "source_key": "B1", "op": "U", "content_hash": "0" * 64,
         "payload": "<Batch/>", "media_type": "application/xml", "received_at": AT, "mapping_version": "1"},
    ),
    (
        "identifier",
        {"entity_type": "batch", "entity_id": 1, "origin_entity_id": 1, "scheme": "mes:batch", "value": "B1",
         "label": "B1", "value_norm": "B1", "method": "native", "recorded_at": AT},
    ),
    ("batch", {"uid": "b", "code": "B1", "lifecycle": "active", "recorded_at": AT, "status": "Running"}),
    (
        "material_definition",
        {"uid": "m", "code": "100", "lifecycle": "active", "recorded_at": AT, "material_class": "MEDIA"},
    ),
    ("quality_event", {"uid": "q", "code": "DEV-1", "lifecycle": "active", "recorded_at": AT, "kind": "other"}),
    (
        "segment_response",
        {"source_system_id": 1, "source_key": "B1/1", "source_record_id": 1, "content_hash": "1" * 64,
         "recorded_at": AT, "batch_id": 1, "batch_identifier_id": 1, "name": "Feed", "level": "phase",
         "segment_code": "PS-FEED"},
    ),
    (
        "operations_event",
        {"source_system_id": 1, "source_key": "E1", "source_record_id": 1, "content_hash": "2" * 64,
         "recorded_at": AT, "at": AT, "event_type": "Phase change", "subtype": "Process", "batch_id": 1},
    ),
    (
        "statement",
        {"source_system_id": 1, "object_type": "Batch", "source_key": "B1", "record_type": "segment_response",
         "record_key": "B1/1", "source_record_id": 1, "body": {"name": "Feed", "segment_code": "PS-FEED"},
         "body_hash": "1" * 64, "is_live": True, "is_pending": False},
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=ENGINES)
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that had rows when it was at the revision before, and is at the newest."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('grown') / 'hub.db'}"
        else:
            url = stack.enter_context(fresh_postgres(request.getfixturevalue("postgres_server")))
        database = Database(url)
        upgrade(database, "0003")
        with database.begin("test", at=AT) as connection:
            for name, row in ROWS:
                connection.execute(insert(_older(name, row)), row)
        upgrade(database)
        yield database
        database.close()


def _older(name: str, row: dict[str, Any]) -> TableClause:
    """Give as much of a table as a row of those days fills."""
    types: dict[str, Any] = {"body": Json()}
    types |= {k: UtcDateTime() for k, value in row.items() if isinstance(value, datetime)}
    return table(name, *(column(k, types.get(k)) for k in row))


def read(database: Database, rows: Table) -> Any:
    """Give the only row of a table."""
    with database.read() as connection:
        return connection.execute(select(rows)).one()


def test_rows_are_kept_with_their_references(grown: Database) -> None:
    run = read(grown, FACT_TABLES["segment_response"])
    assert (run.name, run.batch_id, run.batch_identifier_id) == ("Feed", 1, 1)
    assert read(grown, ENTITY_TABLES["batch"]).status == "Running"
    assert read(grown, identifier).is_active is True


def test_what_is_on_no_list_of_the_standards_is_kept_word_for_word(grown: Database) -> None:
    event = read(grown, FACT_TABLES["operations_event"])
    assert (event.event_type, event.event_type_text) == ("Other", "Phase change")
    assert (event.subtype, event.subtype_text) == ("Process", None)
    assert read(grown, ENTITY_TABLES["quality_event"]).kind == "Other"


def test_texts_that_are_names_now_wait_to_be_resolved_as_names(grown: Database) -> None:
    told = read(grown, statement)
    assert read(grown, pending).statement_id == told.id
    assert told.body == {
        "name": "Feed",
        "process_segment": {"scheme": "mes:process_segment", "value": "PS-FEED"},
    }


@pytest.mark.parametrize(
    ("name", "what", "value"),
    [
        ("batch", "status", "Molten"),
        ("segment_response", "actual_end", datetime(2026, 3, 9, tzinfo=UTC)),
        ("segment_response", "parent_key", "B1/1"),
        ("segment_response", "process_segment_id", 99),
    ],
)
def test_the_database_refuses_what_no_record_would_say(
    grown: Database, name: str, what: str, value: Any
) -> None:
    rows = {**ENTITY_TABLES, **FACT_TABLES}[name]
    start = {"actual_start": AT} if what == "actual_end" else {}
    with pytest.raises(DBAPIError), grown.begin("test") as connection:
        connection.execute(rows.update().values({what: value, **start}))
