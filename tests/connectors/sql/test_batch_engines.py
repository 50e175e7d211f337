"""Batch engines that keep their journal in a database, in tables as their makers document them, read by the examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from connectors.sql import Sql
from hub.model import Batch, Record, SegmentData, SegmentResponse
from hub.sdk import Rejected
from tests.connectors.sql.conftest import Plant
from tests.connectors.sql.test_sql_conformance import make_sql

FOLDER = Path(__file__).resolve().parents[3] / "connectors" / "sql"
DAY = "2026-03-01"
RUNS = [
    ("unit_procedure", "SEED:1", None, "BR-1", "08:01:05", "08:10:00"),
    ("operation", "GROW:1", "SEED:1", "BR-1", "08:02:00", "08:09:00"),
    ("phase", "INOCULATE", "GROW:1", "BR-1", "08:03:00", "08:07:00"),
]
"""Level, name, name of the one above, unit, start and end of the runs that every engine has noted."""

UP, OP, PHASE = r"41:MAB\SEED:1", r"41:MAB\SEED:1\GROW:1-1", r"41:MAB\SEED:1\GROW:1\INOCULATE:1-1"
EVENTS = [
    ("08:00:00", "41:MAB", "Product Code", "Recipe Header", "MAB214", "", "", ""),
    ("08:00:01", "41:MAB", "", "System Message", "Beginning Of BATCH", "", "", ""),
    ("08:03:00", PHASE, "", "State Change", "RUNNING", "", "BR-1", "INOCULATE"),
    ("08:04:00", PHASE, "", "State Change", "HELD", "", "BR-1", "INOCULATE"),
    ("08:05:00", PHASE, "", "State Change", "RUNNING", "", "BR-1", "INOCULATE"),
    ("08:06:00", PHASE, "TEMP", "Report", "36.9", "Deg C", "BR-1", "INOCULATE"),
    ("08:07:00", PHASE, "", "State Change", "COMPLETE", "", "BR-1", "INOCULATE"),
    ("08:11:00", "41:MAB", "", "System Message", "End Of BATCH", "", "", ""),
]
LOG = "0000000041"
ACTIONS = [
    (201, "08:00:01", "", "", "", "", ""),
    (500, "08:01:05", "BR-1", "SEED:1", "", "", ""),
    (502, "08:02:00", "BR-1", "SEED:1", "GROW:1", "", ""),
    (226, "08:03:00", "BR-1", "SEED:1", "GROW:1", "INOCULATE", "0000000007"),
    (227, "08:03:30", "BR-1", "SEED:1", "GROW:1", "INOCULATE", "0000000007"),
    (999, "08:04:00", "BR-1", "SEED:1", "GROW:1", "INOCULATE", "0000000007"),
    (234, "08:07:00", "BR-1", "SEED:1", "GROW:1", "INOCULATE", "0000000007"),
    (503, "08:09:00", "BR-1", "SEED:1", "GROW:1", "", ""),
    (501, "08:10:00", "BR-1", "SEED:1", "", "", ""),
    (205, "08:11:00", "", "", "", "", ""),
    (206, "09:00:00", "", "", "", "", ""),
]


def fill(plant: Plant, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Make a table and put rows into it; a column is a text unless its kind is written behind its name."""
    kinds = {"at": "TIMESTAMP" if plant.dialect == "postgresql" else "DATETIME", "int": "SMALLINT"}
    given = [one.partition(" ") for one in columns.split(", ")]
    told = ", ".join(f"{name} {kinds.get(kind, 'VARCHAR(80)')}" for name, _, kind in given)
    plant.run(f"CREATE TABLE {table} ({told})")
    times = [kind == "at" for _, _, kind in given]
    with plant.engine.begin() as connection:
        for row in rows:
            cells = {f"p{n}": f"{DAY} {v}" if times[n] and v else v for n, v in enumerate(row)}
            connection.execute(
                text(f"INSERT INTO {table} VALUES ({', '.join(f':{n}' for n in cells)})"), cells
            )


def fill_factorytalk(plant: Plant) -> None:
    rows = [(at, "41", "B26-1", *rest) for at, *rest in EVENTS]
    names = "gmt at, uniqueid, batchid, recipe, descript, event, pvalue, eu, unit, phase"
    fill(plant, "BHBatchHis", names, rows)
    up = ("41", "BR-1", f"{UP}-1", "SEED:1", "08:01:05", "08:10:00", "COMPLETE")
    names = "uniqueid, unitname, recipe, unitprocedure, starttime at, endtime at, completionstate"
    fill(plant, "BHUnitProcedure", names, [up, ("42", *up[1:4], "09:00:00", None, None)])
    op = ("41", "SEED:1", "BR-1", "GROW:1", OP, "08:02:00", "08:09:00", "COMPLETE")
    names = "uniqueid, unitprocedure, unitname, operation, recipe, starttime at, endtime at, completionstate"
    fill(plant, "BHOperation", names, [op, ("41", "SEED:1", "BR-1", "GRO", OP, None, None, None)])


def fill_deltav(plant: Plant) -> None:
    batch = ("41", "B26-1", "MAB214", "08:00:01", "08:11:00")
    waiting = ("42", "B26-2", "MAB214", None, None)
    fill(plant, "batchview", "uniqueid, batchid, product, starttime at, endtime at", [batch, waiting])
    names = "uniqueid, unitprocedure, operation, phase, unit, starttime at, endtime at"
    rows = [
        ("41", None, None, None, None, "08:00:01", "08:11:00"),
        ("41", "SEED:1", None, None, "BR-1", "08:01:05", "08:10:00"),
        ("41", "SEED:1", "GROW:1", None, "BR-1", "08:02:00", "08:09:00"),
        ("41", "SEED:1", "GROW:1", "INOCULATE", "BR-1", "08:03:00", "08:07:00"),
    ]
    fill(plant, "batchrecipeview", names, rows)


def fill_inbatch(plant: Plant) -> None:
    fill(plant, "BatchIdLog", "Batch_Log_ID, Batch_ID, Product_ID", [(LOG, "B26-1", "MAB214")])
    names = (
        "Action_CD int, DateTimeUTC at, UnitOrConnection, UnitProcedure_ID, Operation_ID, Phase_ID, "
        "Phase_Instance_ID, Batch_Log_ID"
    )
    fill(plant, "BatchDetail", names, [(*row, LOG) for row in ACTIONS])
    value = (LOG, "SEED:1", "GROW:1", "INOCULATE", "0000000007", "TEMP", "36.9", "Cel", "08:06:00")
    names = (
        "Batch_Log_ID, UnitProcedure_ID, Operation_ID, Phase_ID, Phase_Instance_ID, Parameter_ID, "
        "Actual_Value, UnitOfMeasure, DateTimeUTC at"
    )
    fill(plant, "ProcessVar", names, [value])


FILL = {"factorytalk": fill_factorytalk, "deltav": fill_deltav, "inbatch": fill_inbatch}


def connect(plant: Plant, engine: str) -> Sql:
    """Give the connector with the example's settings, but for where the database is; its times are UTC here."""
    example = yaml.safe_load((FOLDER / f"example-{engine}.yaml").read_text(encoding="utf-8"))
    settings = {k: v for k, v in example["settings"].items() if k not in ("url", "password")}
    return make_sql(plant, **settings)


def read(sql: Sql) -> list[Record]:
    """Give all that the streams state; nothing may be rejected."""
    said: list[Record] = []
    for stream in sql.streams():
        for page in sql.read(stream.name, None):
            assert not page.rejected
            for document in page.documents:
                for one in sql.parse(document):
                    assert not isinstance(one, Rejected), one
                    said.append(one)
    return said


def told(said: list[Record]) -> list[tuple[Any, ...]]:
    runs = [one for one in said if isinstance(one, SegmentResponse)]
    names = {one.key: one.name for one in runs}
    return [
        (
            one.level,
            one.name,
            names[one.parent] if one.parent else None,
            one.equipment and one.equipment.value,
            f"{one.actual_start:%X}",
            one.actual_end and f"{one.actual_end:%X}",
        )
        for one in runs
    ]


@pytest.mark.parametrize("engine", FILL)
def test_a_batch_with_its_runs_and_reports_is_read_out_of_an_engines_tables(
    plant: Plant, engine: str
) -> None:
    if plant.dialect == "sqlite" and engine == "factorytalk":
        pytest.skip("SQLite: CONCAT came with 3.44, and no such engine writes into it")
    FILL[engine](plant)
    with connect(plant, engine) as sql:
        sql.check()
        said = read(sql)
    (batch,) = [one for one in said if isinstance(one, Batch)]
    assert batch.product is not None
    assert (batch.id.value, batch.product.value) == ("B26-1", "MAB214")
    assert [(one.scheme, one.value) for one in batch.also] == [
        ("batch_uid", LOG if engine == "inbatch" else "41")
    ]
    assert (f"{batch.actual_start:%X}", f"{batch.actual_end:%X}") == ("08:00:01", "08:11:00")
    assert sorted(told(said)) == sorted(RUNS)
    values = [one for one in said if isinstance(one, SegmentData)]
    phase = next(one.key for one in said if isinstance(one, SegmentResponse) and one.level == "phase")
    expected = [] if engine == "deltav" else [("TEMP", "36.9", "Cel", phase)]
    assert [(v.name, v.value.text, v.value.unit, v.response) for v in values] == expected


def test_a_run_that_ends_later_is_read_again_with_its_end(plant: Plant) -> None:
    fill_inbatch(plant)
    plant.run("DELETE FROM BatchDetail WHERE Action_CD IN (234, 503, 501, 205, 206)")
    with connect(plant, "inbatch") as sql:
        pages = list(sql.read("runs", None))
        runs = [one for page in pages for d in page.documents for one in sql.parse(d)]
        assert [(one.state, one.actual_end) for one in runs if isinstance(one, SegmentResponse)] == [
            ("Running", None)
        ] * 3
        plant.run(
            "INSERT INTO BatchDetail VALUES (233, '2026-03-01 10:07:00', 'BR-1', 'SEED:1', 'GROW:1', 'INOCULATE', "
            f"'0000000007', '{LOG}')"
        )
        again = [
            one for page in sql.read("runs", pages[-1].cursor) for d in page.documents for one in sql.parse(d)
        ]
    (ended,) = [one for one in again if isinstance(one, SegmentResponse) and one.actual_end]
    assert (ended.name, ended.state, f"{ended.actual_end:%X}") == ("INOCULATE", "Aborted", "10:07:00")
