"""The planner's knowledge of tables that were filled a moment ago."""

from datetime import UTC, datetime

from sqlalchemy import insert

from hub.store.database import Database
from hub.store.statistics import refresh_statistics
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
