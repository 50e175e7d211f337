"""The SQL connector keeps the promises of the door on every database at hand."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.sql import Sql, SqlConfig
from hub.sdk import Window
from hub.sdk.testing import RecordSuite, SampleSuite
from tests.connectors.sql.conftest import CLOSED, SAMPLES, T0, Plant, is_there

QUERY = (
    'SELECT s.id AS code, s.id AS "key", s.batch, s.taken AS taken_at, s.changed, s.gone FROM lims_sample s '
    "WHERE s.batch <> :hidden"
)


def make_sql(plant: Plant, **settings: Any) -> Sql:
    """Give the connector; MariaDB writes names between backticks."""
    given = {"url": plant.url, "password": plant.password, "timezone": "UTC"}
    return Sql(SqlConfig.model_validate({**given, **settings}))


def stream(plant: Plant, **more: Any) -> dict[str, Any]:
    """Give the settings of one stream of samples."""
    query = QUERY if plant.dialect != "mysql" else QUERY.replace('"', "`")
    return {
        "samples": {
            "query": query,
            "parameters": {"hidden": "NONE"},
            "key": ["key"],
            "clock": "changed",
            "deleted": "gone",
            "page_rows": 2,
            "record": "sample",
            **more,
        }
    }


class TestChanges(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, plant: Plant) -> None:
        self.plant = plant

    def make(self) -> Sql:
        return make_sql(self.plant, streams=stream(self.plant))

    def make_refused(self) -> Sql | None:
        if not is_there(CLOSED):
            return None
        return make_sql(self.plant, url=CLOSED, password="stolen", streams=stream(self.plant))

    def holds(self) -> dict[str, int]:
        return {"samples": SAMPLES}

    def grow(self) -> bool:
        self.plant.sample(90, T0 + timedelta(hours=3))
        self.plant.sample(91, T0 + timedelta(hours=9))
        changed = self.plant.write_time(T0 + timedelta(hours=10))
        self.plant.run(f"UPDATE lims_sample SET batch = 'B-LATE', changed = '{changed}' WHERE id = 0")
        return True

    def make_large(self, factor: int) -> Sql:
        at = self.plant.write_time(T0)
        rows = ", ".join(f"({n}, 'B{n}', '{at}', '{at}', 0)" for n in range(100, 100 + 400 * factor))
        self.plant.run(f"INSERT INTO lims_sample VALUES {rows}")
        return make_sql(self.plant, streams=stream(self.plant, page_rows=100))


class _Series(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, plant: Plant) -> None:
        self.plant = plant

    def make_refused(self) -> Sql | None:
        if not is_there(CLOSED):
            return None
        return make_sql(self.plant, url=CLOSED, password="stolen", samples=self.settings())

    def settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def make(self) -> Sql:
        return make_sql(self.plant, samples=self.settings())

    def fill(self, table: str, row: str, rows: int) -> Window:
        """Let the database write so many seconds of history, `{at}` in each row filled; give their window."""
        start = T0 + timedelta(days=1)
        begin = self.plant.write_time(start)
        at, numbers = (
            f"TIMESTAMPADD(SECOND, n, '{begin}')",
            f"(SELECT seq AS n FROM seq_0_to_{rows - 1}) AS s",
        )
        if self.plant.dialect == "postgresql":
            at = f"TIMESTAMPTZ '{begin}' + n * INTERVAL '1 second'"
            numbers = f"generate_series(0, {rows - 1}) AS s(n)"
        filled = f"INSERT INTO {table} SELECT {row.format(at=at)} FROM {numbers}"
        self.plant.run(f"DELETE FROM {table}", filled)
        return Window(start, start + timedelta(seconds=rows))


@pytest.mark.parametrize("plant", ["postgresql", "mariadb"], indirect=True)
class TestLongHistory(_Series):
    def settings(self) -> dict[str, Any]:
        query = "SELECT tag, ts, value, quality FROM history"
        qualities = {"GOOD": 0, "*": 0x80000000}
        return {"h": {"query": query, "quality": "quality", "qualities": qualities, "batch_rows": 100}}

    def make_large(self, factor: int) -> tuple[Sql, Window]:
        window = self.fill("history", "'BR1.T', {at}, n, 'GOOD'", 8_000 * factor)
        return self.make(), window

    def holds(self) -> int:
        return 60


@pytest.mark.parametrize("plant", ["postgresql", "mariadb"], indirect=True)
class TestWideHistory(_Series):
    def settings(self, **more: Any) -> dict[str, Any]:
        columns = {"speed": "rpm", "state": None}
        return {
            "press": {
                "query": "SELECT * FROM press",
                "layout": "wide",
                "tag": "P1.{column}",
                "columns": columns,
                **more,
            }
        }

    def holds(self) -> int:
        return 59

    def window(self) -> Window:
        return Window(T0, T0 + timedelta(minutes=30))

    def make_large(self, factor: int) -> tuple[Sql, Window]:
        window = self.fill("press", "{at}, n, 'RUN'", 8_000 * factor)
        return make_sql(self.plant, samples=self.settings(batch_rows=100)), window
