"""What a user of the SQL connector would notice: nothing is written, nothing is injected, faults are named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from connectors.sql import SqlConfig
from connectors.sql.database import Source
from hub.model import Sample
from hub.sdk import Misconfigured, Window
from tests.connectors.sql.conftest import T0, Plant
from tests.connectors.sql.test_sql_conformance import make_sql, stream

PROVEN = [
    "sqlite",  # no proof: everybody's Python has it
    pytest.param("postgresql", marks=pytest.mark.against("sql", "PostgreSQL server", how="live")),
    pytest.param("mariadb", marks=pytest.mark.against("sql", "MariaDB server", how="live")),
]
EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "connectors" / "sql").glob("example*.yaml"))


@pytest.mark.parametrize("plant", PROVEN, indirect=True)
def test_a_row_states_the_record_whose_fields_its_columns_name(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant)) as sql:
        documents = [d for page in sql.read("samples", None) for d in page.documents]
        samples = [part for d in documents for part in sql.parse(d)]
    assert len(samples) == 7
    first = samples[0]
    assert isinstance(first, Sample)
    assert (first.key, first.taken_at, first.batch and first.batch.value) == ("0", T0, "B0")


def test_a_session_cannot_write(plant: Plant) -> None:
    config = make_sql(plant, streams=stream(plant)).config
    source = Source(config)
    with pytest.raises(Exception, match=r"(?i)read.?only") as told, source.session() as connection:
        connection.exec_driver_sql("INSERT INTO press VALUES (NULL, 1, 'X')")
    source.close()
    assert not isinstance(told.value, DBAPIError)
    with plant.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM press").scalar() == 30


def test_a_parameter_is_a_value_and_never_a_piece_of_the_statement(plant: Plant) -> None:
    evil = {"hidden": "x'; DROP TABLE lims_sample; --"}
    with make_sql(plant, streams=stream(plant, parameters=evil)) as sql:
        assert sum(len(page.documents) for page in sql.read("samples", None)) == 7


def test_what_commits_late_under_an_older_time_is_found_by_looking_back(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant, look_back=7200)) as sql:
        last = list(sql.read("samples", None))[-1].cursor
        plant.sample(50, T0 + timedelta(hours=2))
        later = [d.key for page in sql.read("samples", last) for d in page.documents]
    assert "50" in later
    assert "0" not in later


def test_a_row_without_a_change_time_is_told_and_not_left_out(plant: Plant) -> None:
    plant.run("INSERT INTO lims_sample (id, batch, gone) VALUES (77, 'B77', 0)")
    with make_sql(plant, streams=stream(plant)) as sql:
        rejected = [piece for page in sql.read("samples", None) for piece in page.rejected]
    assert [(piece.key, "changed is NULL" in piece.reason) for piece in rejected] == [("77", True)]


def test_rows_without_a_change_time_are_told_however_many_and_whenever_they_come(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant)) as sql:
        last = list(sql.read("samples", None))[-1].cursor
        rows = ", ".join(f"({n}, 'B{n}', 0)" for n in range(70, 75))
        plant.run(f"INSERT INTO lims_sample (id, batch, gone) VALUES {rows}")
        pages = list(sql.read("samples", last))
    assert sorted(piece.key for page in pages for piece in page.rejected) == ["70", "71", "72", "73", "74"]
    assert all(page.cursor for page in pages), "a page of them alone moves no cursor"


def test_a_row_dated_in_the_future_hides_no_change(plant: Plant) -> None:
    plant.sample(60, datetime(9999, 1, 1, tzinfo=UTC))
    with make_sql(plant, streams=stream(plant)) as sql:
        first = list(sql.read("samples", None))
        plant.sample(61, T0 + timedelta(hours=4))
        later = [d.key for page in sql.read("samples", first[-1].cursor) for d in page.documents]
    assert "60" in [d.key for page in first for d in page.documents]
    assert {"60", "61"} <= set(later)
    assert "0" not in later


def test_a_cursor_that_lies_in_the_future_already_begins_anew(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant)) as sql:
        good = list(sql.read("samples", None))[-1].cursor
        text = plant.write_time(datetime(9999, 1, 1, tzinfo=UTC))
        wrong = text if isinstance(good["clock"], str) else {"time": text}
        again = list(sql.read("samples", {"clock": wrong, "key": [60]}))
    assert "0" in [d.key for page in again for d in page.documents]
    assert again[-1].cursor == good


def test_a_stream_whose_rows_are_all_dated_in_the_future_is_read_whole_each_time(plant: Plant) -> None:
    plant.run("DELETE FROM lims_sample")
    plant.sample(60, datetime(9999, 1, 1, tzinfo=UTC))
    with make_sql(plant, streams=stream(plant)) as sql:
        cursor = list(sql.read("samples", None))[-1].cursor
        plant.sample(61, T0)
        assert {d.key for page in sql.read("samples", cursor) for d in page.documents} == {"60", "61"}


def test_a_missing_column_or_table_is_named_by_check(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant, clock="altered")) as sql, pytest.raises(Misconfigured) as told:
        sql.check()
    assert "no column altered" in str(told.value)
    gone = stream(plant, query="SELECT 1 AS one FROM no_such_table", parameters={})
    with make_sql(plant, streams=gone) as sql, pytest.raises(Misconfigured, match="no_such_table"):
        sql.check()


def test_a_stream_without_a_clock_is_read_whole(plant: Plant) -> None:
    with make_sql(plant, streams=stream(plant, clock=None)) as sql:
        assert sql.streams()[0].snapshot
        assert [len(page.documents) for page in sql.read("samples", None)] == [2, 2, 2, 1]


def test_a_history_whose_times_are_text_is_refused_by_name(tmp_path: Path) -> None:
    plant = Plant(f"sqlite:///{tmp_path / 'x.db'}")
    query = "SELECT ts, speed FROM press"
    settings = {"query": query, "layout": "wide", "tag": "P.{column}", "columns": {"speed": None}}
    with make_sql(plant, samples={"press": settings}) as sql, pytest.raises(Misconfigured, match="holds str"):
        list(sql.samples(["P.speed"], Window(T0, T0 + timedelta(hours=1))))


PRESS = {
    "query": "SELECT ts, speed FROM press",
    "layout": "wide",
    "tag": "P.{column}",
    "columns": {"speed": None},
}
_OWN = "datname = current_database() AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
def test_windows_share_a_connection_and_one_that_was_cut_off_is_made_anew(plant: Plant) -> None:
    def ask(statement: str) -> list[int]:
        with plant.engine.connect() as connection:
            return list(connection.exec_driver_sql(statement).scalars())

    others = f"SELECT pid FROM pg_stat_activity WHERE {_OWN}"
    window = Window(T0, T0 + timedelta(minutes=30))
    before = set(ask(others))
    with make_sql(plant, samples={"press": PRESS}) as sql:
        seen: list[set[int]] = []
        for _ in range(2):
            assert sum(batch.num_rows for batch in sql.samples(["P.speed"], window)) == 29
            seen.append(set(ask(others)) - before)
        assert seen[0] == seen[1]
        assert len(seen[0]) == 1
        ask(f"SELECT 1 FROM pg_terminate_backend({seen[0].pop()}, 5000)")
        assert sum(batch.num_rows for batch in sql.samples(["P.speed"], window)) == 29
        kept = set(ask(others)) - before
    assert len(kept) == 1
    ask(f"SELECT 1 FROM pg_terminate_backend({kept.pop()}, 5000)")  # which close() has ended, or nearly
    assert set(ask(others)) <= before


@pytest.mark.parametrize("plant", ["postgresql", "mariadb"], indirect=True)
def test_a_history_whose_query_cannot_be_run_is_told_as_any_other(plant: Plant) -> None:
    late = {**PRESS, "query": "SELECT ts, 1 / (speed - 58) AS speed FROM press ORDER BY ts"}
    if plant.dialect == "mysql":
        late["query"] = "SELECT ts, no_such_column AS speed FROM press"
    with make_sql(plant, samples={"press": late}) as sql, pytest.raises(Misconfigured, match="cannot run"):
        list(sql.samples(["P.speed"], Window(T0, T0 + timedelta(minutes=30))))


@pytest.mark.parametrize("plant", ["mariadb"], indirect=True)
def test_local_times_are_cut_by_their_instants_when_clocks_are_put_back(plant: Plant) -> None:
    rows = ", ".join(f"('2026-10-25 0{h}:{m}:00', {h}{m}, 'X')" for h in (0, 1, 2) for m in ("00", "30"))
    plant.run(f"INSERT INTO press VALUES {rows}")
    start = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 01:00 local for the second time
    window = Window(start, start + timedelta(hours=2))
    more = {"timezone": "Europe/Dublin", "ambiguous": "latest", "samples": {"press": PRESS}}
    with make_sql(plant, **more) as sql:
        found = [row for batch in sql.samples(["P.speed"], window) for row in batch.to_pylist()]
    assert sorted((row["ts"], row["value"]) for row in found) == [
        (start, 100.0),
        (start + timedelta(minutes=30), 130.0),
        (start + timedelta(hours=1), 200.0),
        (start + timedelta(minutes=90), 230.0),
    ]


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("DELETE FROM x", "sqlite://"),
        ("SELECT 1; DROP TABLE x", "sqlite://"),
        ("SELECT 1", "postgresql://u:secret@h/d"),
    ],
)
def test_what_could_write_or_shows_a_password_is_refused(query: str, url: str) -> None:
    one = {"query": query, "key": ["a"], "record": "sample"}
    with pytest.raises(ValidationError, match=r"one SELECT statement|password stands in"):
        SqlConfig.model_validate({"url": url, "streams": {"s": one}})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_a_valid_configuration(path: Path) -> None:
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))["settings"]
    assert SqlConfig.model_validate(settings)
