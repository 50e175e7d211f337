"""The planner's knowledge of tables that were filled a moment ago."""

from datetime import UTC, datetime

from sqlalchemy import insert

from hub.store.database import Database
from hub.store.statistics import note_growth, refresh_statistics
from hub.store.tables import identifier

NOW = datetime(2026, 4, 20, tzinfo=UTC)
ROWS = 5000


def fill(database: Database) -> None:
    with database.begin("test") as connection:
        connection.execute(
            insert(identifier),
            [
                {
                    "entity_type": "batch",
                    "entity_id": number,
                    "origin_entity_id": number,
                    "scheme": "mes:batch",
                    "value": f"B{number}",
                    "label": f"B{number}",
                    "value_norm": f"b{number}",
                    "method": "native",
                    "recorded_at": NOW,
                }
                for number in range(ROWS)
            ],
        )


def test_after_a_load_postgresql_knows_how_many_rows_there_are(migrated_url: str) -> None:
    database = Database(migrated_url)
    try:
        fill(database)
        refresh_statistics(database)
        if database.dialect == "postgresql":
            with database.read() as connection:
                known = connection.exec_driver_sql(
                    "SELECT reltuples FROM pg_class WHERE oid = 'identifier'::regclass"
                ).scalar()
            assert known == ROWS
    finally:
        database.close()


def count_known(database: Database) -> float | None:
    with database.read() as connection:
        return connection.exec_driver_sql(
            "SELECT reltuples FROM pg_class WHERE oid = 'identifier'::regclass"
        ).scalar()


def test_while_much_is_stored_postgresql_counts_each_time_that_it_has_doubled(
    migrated_postgres_url: str,
) -> None:
    database = Database(migrated_postgres_url)
    try:
        fill(database)
        for many in (5_000, 5_000, 10_000):  # then 20,000, and so on
            mislead(database)
            note_growth(database, records=many - 1)
            assert count_known(database) == 7
            note_growth(database, records=1)
            assert count_known(database) == ROWS
    finally:
        database.close()


def mislead(database: Database) -> None:
    with database.rebuild() as connection:
        connection.exec_driver_sql("UPDATE pg_class SET reltuples = 7 WHERE oid = 'identifier'::regclass")
