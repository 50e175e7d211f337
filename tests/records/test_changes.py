"""What has moved in a batch since an instant: each thing once, with what it was, what it is, and why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select, update

from hub.model import (
    SAMPLE_SCHEMA,
    Batch,
    Equipment,
    Identifier,
    MaterialActual,
    Quantity,
    Record,
    Sample,
    SegmentResponse,
    Tag,
    TestResult,
    format_instant,
)
from hub.model.measurement import Measurement
from hub.records.causes import CAUSES
from hub.records.changes import Readings, list_changes
from hub.store.answers.things import find_thing
from hub.store.order import newest_known
from hub.store.rules import Rule
from hub.store.samples import put_samples
from hub.store.tables import ENTITY_TABLES, FACT_TABLES
from tests.resolve.worlds import NOW, Version, World

UNIT = Identifier(scheme="mes:equipment", value="R1")
YEARS_LATER = 10**6
"""A version whose source time, in minutes after `NOW`, no clock of ours has reached."""
B = Identifier(scheme="mes:batch", value="A-1")


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    one = World(migrated_url, keeps=True)
    one.begin()
    yield one
    one.database.close()


def tell(world: World, system: str, key: str, number: int, *records: Record) -> None:
    """Let a system say something, and the hub find out what follows."""
    world.take([Version(system, key, number, records, deleted=not records)])
    world.resolve()


def now_of(world: World) -> datetime:
    with world.database.read() as connection:
        known = newest_known(connection)
    assert known is not None
    return known


def moved(world: World, since: datetime, name: str = "A-1") -> dict[tuple[str, str], dict[str, Any]]:
    """Give the changes of a batch by what they are of and their label."""
    with world.database.read(as_known_at=since) as before, world.database.read() as after:
        batch = find_thing(after, "batch", name).id
        found = list_changes(Readings(before, after, batch, since, now_of(world)))
    assert {one["cause"] for one in found} <= set(CAUSES)
    assert all(one["why"].endswith(".") or one["cause"] == "judged" for one in found)
    assert all(since < one["known_at"] <= now_of(world) for one in found)
    assert all(one["actor"] and one["acts"] for one in found)
    by_label = {(one["of"], one["label"]): one for one in found}
    assert len(by_label) == len(found)
    return by_label


def result(text: str, *, key: str = "r1", test: str = "pH") -> tuple[Record, ...]:
    return (
        Sample(key="s1", code="S-1", batch=B),
        TestResult(key=key, sample="s1", test_code=test, value=Measurement.of(text)),
    )


def batch(**given: Any) -> Batch:
    return Batch(id=Identifier(value="A-1"), **given)


def test_nothing_moved_where_nothing_was_said(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    since = now_of(world)
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "mes", "d2", 1, Batch(id=Identifier(value="B-2"), status="Running"))
    assert moved(world, since) == {}


def test_a_correction_says_what_it_was_and_which_versions_said_so(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "lims", "d1", 1, *result("7.1"))
    since = now_of(world)
    tell(world, "lims", "d1", 2, *result("7.3"))
    (found,) = moved(world, since).values()
    assert (found["of"], found["change"], found["cause"]) == ("result", "changed", "corrected")
    (value,) = found["moved"]
    assert (value["from"]["text"], value["to"]["text"]) == ("7.1", "7.3")
    assert found["why"] == "lims corrected it: version 1 to 2."
    assert found["source_record_before"] != found["source_record"]


def test_what_a_source_had_before_the_instant_is_late_and_what_it_says_since_is_new(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    since = now_of(world)
    tell(world, "lims", "d1", 1, *result("7.1"))
    tell(world, "lims", "d2", YEARS_LATER, *result("1", key="r2", test="HCP")[1:])
    found = moved(world, since)
    assert {key: (one["change"], one["cause"]) for key, one in found.items()} == {
        ("sample", "S-1 (s1)"): ("added", "late"),
        ("result", "pH (r1)"): ("added", "late"),
        ("result", "HCP (r2)"): ("added", "new"),
    }
    assert found["result", "pH (r1)"]["why"].startswith("lims had it by 2026-03-01 00:01:00 UTC")


def test_a_golden_value_moves_with_the_statement_that_counts(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "erp", "d1", 1, Batch(id=B, description="x"))
    since = now_of(world)
    tell(world, "mes", "d1", 2, batch(status="Complete"))
    found = moved(world, since)
    golden = found["golden", "status"]
    assert golden["moved"] == [{"attribute": "status", "from": "Running", "to": "Complete"}]
    assert (golden["cause"], golden["actor"]) == ("corrected", "hub.resolve")
    assert found["statement", "status, mes"]["moved"] == [
        {"attribute": "value", "from": "Running", "to": "Complete"}
    ]
    assert set(found) == {("golden", "status"), ("statement", "status, mes")}


def test_what_is_withdrawn_is_told(world: World) -> None:
    run = SegmentResponse(key="p1", name="run", batch=B, equipment=UNIT, actual_start=NOW)
    tell(world, "mes", "d1", 1, batch(status="Running", description="x"), run)
    since = now_of(world)
    tell(world, "mes", "d1", 2, batch(status="Running"))
    found = moved(world, since)
    assert found["golden", "description"]["cause"] == "withdrawn"
    assert found["golden", "description"]["change"] == "removed"
    assert found["phase", "run (p1)"]["cause"] == "withdrawn"
    assert found["phase", "run (p1)"]["moved"] == [{"attribute": "is_retracted", "from": False, "to": True}]


def test_what_comes_with_a_name_was_linked(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "erp", "d1", 1, Batch(id=Identifier(value="7"), description="x"))
    moves = MaterialActual(
        key="m1",
        batch=Identifier(scheme="erp:batch", value="7"),
        use="Produced",
        quantity=Quantity.of("1", "kg"),
    )
    tell(world, "erp", "d2", 1, moves)
    since = now_of(world)
    tell(world, "mes", "d1", 2, batch(status="Running", also=(Identifier(scheme="erp:batch", value="7"),)))
    found = moved(world, since)
    assert found["name", "erp:batch 7"]["cause"] == "linked"
    assert found["name", "erp:batch 7"]["why"] == "The name meant 7 then."
    assert found["statement", "description, erp"]["cause"] == "linked"
    assert found["golden", "description"]["cause"] == "linked"
    assert found["movement", "Produced (m1)"]["cause"] == "linked"
    assert found["movement", "Produced (m1)"]["why"] == "It belonged to batch 7 then."
    since = now_of(world)
    tell(world, "mes", "d1", 3, batch(status="Running"))
    found = moved(world, since)
    assert found["name", "erp:batch 7"]["change"] == "removed"
    assert found["movement", "Produced (m1)"]["why"] == "It belongs to batch 7 now."
    assert found["golden", "description"]["change"] == "removed"


def test_a_rule_and_a_decision_are_named_as_what_moved_a_value(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "erp", "d1", 1, Batch(id=B, status="Complete"))
    since = now_of(world)
    world.rule(Rule("batch", "status", "system", ("ERP", "MES")))
    found = moved(world, since)
    assert found["golden", "status"]["moved"] == [
        {"attribute": "status", "from": "Running", "to": "Complete"}
    ]
    assert found["golden", "status"]["cause"] == "ruled"
    assert "version" in found["golden", "status"]["why"]
    since = now_of(world)
    (conflict,) = world.conflicts()
    world.settle(conflict["place"], "mes")
    found = moved(world, since)
    assert found["golden", "status"]["cause"] == "judged"
    decision = found["decision", "status: mes"]
    assert (decision["change"], decision["why"]) == ("added", "test: so it was")
    since = now_of(world)
    world.undo(conflict["place"])
    found = moved(world, since)
    assert found["golden", "status"]["moved"] == [
        {"attribute": "status", "from": "Running", "to": "Complete"}
    ]
    assert found["golden", "status"]["cause"] == "judged"


def test_a_fact_that_moved_and_moved_back_is_told(world: World) -> None:
    tell(world, "mes", "d1", 1, batch(status="Running"))
    tell(world, "lims", "d1", 1, *result("7.1"))
    since = now_of(world)
    facts = FACT_TABLES["test_result"]
    for verdict, reason in (("fail", "a slip"), (None, "mended")):
        with world.database.begin("somebody", at=NOW, reason=reason) as connection:
            connection.execute(update(facts).values(verdict=verdict))
    (found,) = moved(world, since).values()
    assert (found["change"], found["cause"], found["acts"]) == ("restored", "stated_again", 2)
    assert (found["actor"], found["reason"]) == ("somebody", "mended")


def test_samples_that_come_late_and_windows_that_end_are_told(world: World) -> None:
    tag = Tag(id=Identifier(scheme="mes:tag", value="T-1"), equipment=UNIT)
    tell(world, "mes", "p", 1, Equipment(id=Identifier(value="R1"), level="Unit"), tag)
    run = SegmentResponse(
        key="p1", name="run", batch=B, equipment=UNIT, actual_start=NOW - timedelta(hours=3)
    )
    tell(world, "mes", "d1", 1, batch(status="Running"), run)
    put(world, 1, [1.0, 2.0])
    since = now_of(world)
    put(world, 2, [3.0])
    (found,) = moved(world, since).values()
    assert (found["of"], found["label"], found["cause"]) == ("signal", "T-1", "late")
    assert found["moved"] == [{"attribute": "samples", "from": 2, "to": 3}]
    since = now_of(world)
    end = NOW - timedelta(hours=1)
    tell(world, "mes", "d1", 2, batch(status="Running"), run.model_copy(update={"actual_end": end}))
    found = moved(world, since)
    assert found["signal", "T-1"]["moved"] == [{"attribute": "end", "from": None, "to": end}]
    assert found["signal", "T-1"]["cause"] == "derived"


def test_a_stay_in_a_unit_that_is_moved_is_told_though_the_first_start_and_the_last_end_stand(
    world: World,
) -> None:
    tag = Tag(id=Identifier(scheme="mes:tag", value="T-1"), equipment=UNIT)
    tell(world, "mes", "p", 1, Equipment(id=Identifier(value="R1"), level="Unit"), tag)
    first, last = (
        SegmentResponse(
            key=key,
            name="run",
            batch=B,
            equipment=UNIT,
            actual_start=NOW - timedelta(hours=hours),
            actual_end=NOW - timedelta(hours=hours - 1),
        )
        for key, hours in (("p1", 5), ("p2", 2))
    )
    tell(world, "mes", "d1", 1, batch(status="Running"), first, last)
    since = now_of(world)
    longer = last.model_copy(update={"actual_start": NOW - timedelta(hours=3)})
    tell(world, "mes", "d1", 2, batch(status="Running"), first, longer)
    [(name, before, after)] = [
        (one["attribute"], one["from"], one["to"]) for one in moved(world, since)["signal", "T-1"]["moved"]
    ]
    at = {hours: format_instant(NOW - timedelta(hours=hours)) for hours in range(6)}
    assert name == "spans"
    assert before == f"{at[5]}/{at[4]}, {at[2]}/{at[1]}"
    assert after == f"{at[5]}/{at[4]}, {at[3]}/{at[1]}"


def put(world: World, seq: int, values: list[float]) -> None:
    """Let samples come, a few minutes apart."""
    times = [NOW - timedelta(hours=2) + timedelta(minutes=10 * seq + at) for at in range(len(values))]
    columns: dict[str, Any] = {
        "tag": ["t"] * len(values),
        "ts": times,
        "value": values,
        "text": [None] * len(values),
        "quality": [0] * len(values),
    }
    with world.database.begin("test", at=NOW) as connection:
        table = ENTITY_TABLES["tag"]
        tag = connection.scalars(select(table.c.id).where(table.c.code == "T-1")).one()
        put_samples(connection, "s", seq, pa.table(columns, schema=SAMPLE_SCHEMA), {"t": tag}, now=NOW)
