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
    CustodyEvent,
    Equipment,
    Identifier,
    LotDisposition,
    MaterialActual,
    MaterialLot,
    QualityEvent,
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
LOT = Identifier(scheme="mes:material_lot", value="L-1")


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    one = World(migrated_url, keeps=True)
    one.begin()
    yield one
    one.database.close()


def tell(
    world: World, system: str, key: str, number: int, *records: Record, received: datetime = NOW
) -> None:
    """Let a system say something, and the hub find out what follows."""
    world.take([Version(system, key, number, records, deleted=not records)], now=received)
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


def made(**given: Any) -> tuple[Record, ...]:
    """The batch as its MES knows it, with the lot that it makes."""
    return (batch(status="Running", output_lot=LOT), MaterialLot(id=LOT, **given))


def released(at: datetime = NOW) -> tuple[Record, ...]:
    return (MaterialLot(id=LOT, disposition="UnRestricted", released_at=at),)


def test_a_release_of_what_the_batch_made_is_told_with_what_was_corrected_of_it(world: World) -> None:
    tell(world, "mes", "d1", 1, *made(quantity=Quantity.of("10", "kg")))
    since = now_of(world)
    tell(world, "lims", "ud", 1, *released(), received=since + timedelta(seconds=1))
    tell(world, "mes", "d1", 2, *made(quantity=Quantity.of("9", "kg"), expires_at=NOW))
    found = moved(world, since)
    assert {label: one["change"] for (of, label), one in found.items() if of == "golden"} == {
        "lot L-1: disposition": "added",
        "lot L-1: released_at": "added",
        "lot L-1: expires_at": "added",
        "lot L-1: quantity": "changed",
    }
    release = found["golden", "lot L-1: released_at"]
    assert (release["entity_type"], release["entity"]["code"], release["attribute"]) == (
        "material_lot",
        "L-1",
        "released_at",
    )
    assert (release["cause"], release["source"]) == ("late", "lims")
    assert found["golden", "lot L-1: quantity"]["cause"] == "corrected"
    assert {"attribute": "value", "from": None, "to": "UnRestricted"} in found[
        "statement", "lot L-1: disposition, lims"
    ]["moved"]
    since = now_of(world)
    tell(world, "lims", "ud", 2, *released(NOW + timedelta(hours=1)))
    found = moved(world, since)
    assert set(found) == {("golden", "lot L-1: released_at"), ("statement", "lot L-1: released_at, lims")}
    assert {one["cause"] for one in found.values()} == {"corrected"}


def test_facts_that_name_only_the_lot_are_told(world: World) -> None:
    tell(world, "mes", "d1", 1, *made())
    since = now_of(world)
    tell(
        world,
        "lims",
        "ud",
        1,
        LotDisposition(key="ud", lot=LOT, decision="Restricted"),
        CustodyEvent(key="c1", lot=LOT, at=NOW, to_custodian="courier"),
    )
    found = moved(world, since)
    assert set(found) == {("disposition", "disposition (ud)"), ("custody_event", "custody_event (c1)")}
    assert {"attribute": "decision", "from": None, "to": "Restricted"} in found[
        "disposition", "disposition (ud)"
    ]["moved"]
    since = now_of(world)
    tell(world, "lims", "ud", 2)
    assert {one["cause"] for one in moved(world, since).values()} == {"withdrawn"}


def test_what_comes_of_a_lot_that_only_a_movement_names_is_told(world: World) -> None:
    out = MaterialActual(key="m1", batch=B, lot=LOT, use="Produced", quantity=Quantity.of("1", "kg"))
    tell(world, "mes", "d1", 1, batch(status="Running"), MaterialLot(id=LOT), out)
    since = now_of(world)
    tell(world, "lims", "ud", 1, *released(), LotDisposition(key="ud", lot=LOT, decision="UnRestricted"))
    assert {("golden", "lot L-1: released_at"), ("disposition", "disposition (ud)")} <= set(
        moved(world, since)
    )


@pytest.mark.parametrize("about", [{"batch": B}, {"lot": LOT}])
def test_a_deviation_is_told_when_it_comes_and_when_it_is_closed(world: World, about: dict[str, Any]) -> None:
    def deviation(code: str, state: str) -> QualityEvent:
        return QualityEvent(id=Identifier(value=code), kind="deviation", state=state, **about)

    tell(world, "mes", "d1", 1, *made())
    tell(world, "lims", "q1", 1, deviation("DEV-1", "open"))
    since = now_of(world)
    tell(world, "lims", "q1", 2, deviation("DEV-1", "closed"))
    tell(world, "lims", "q2", 1, deviation("DEV-2", "open"), received=since + timedelta(seconds=1))
    found = moved(world, since)
    closed = found["golden", "quality event DEV-1: state"]
    assert closed["moved"] == [{"attribute": "state", "from": "open", "to": "closed"}]
    assert (closed["cause"], closed["why"]) == ("corrected", "lims corrected it: version 1 to 2.")
    opened = found["golden", "quality event DEV-2: state"]
    assert (opened["change"], opened["cause"]) == ("added", "late")
    assert opened["entity_type"] == "quality_event"
    assert ("name", "lims:quality_event DEV-2") in found


def test_a_decision_and_a_name_of_a_lot_are_named_as_what_moved_its_values(world: World) -> None:
    tell(world, "mes", "d1", 1, *made(disposition="Restricted"))
    tell(world, "lims", "ud", 1, MaterialLot(id=Identifier(value="77"), disposition="UnRestricted"))
    since = now_of(world)
    tell(
        world, "mes", "d2", 1, MaterialLot(id=LOT, also=(Identifier(scheme="lims:material_lot", value="77"),))
    )
    found = moved(world, since)
    assert found["name", "lims:material_lot 77"]["why"] == "The name meant 77 then."
    for item in (("statement", "lot L-1: disposition, lims"), ("golden", "lot L-1: disposition")):
        assert found[item]["why"] == "It had been said of a name that came to this lot."
    since = now_of(world)
    (conflict,) = world.conflicts()
    world.settle(conflict["place"], "mes")
    found = moved(world, since)
    assert found["decision", "lot L-1: disposition: mes"]["entity"]["code"] == "L-1"
    value = found["golden", "lot L-1: disposition"]
    assert value["moved"] == [{"attribute": "disposition", "from": "UnRestricted", "to": "Restricted"}]
    assert value["cause"] == "judged"


def test_what_was_told_of_two_instants_is_told_again_however_much_comes_later(world: World) -> None:
    tell(world, "mes", "d1", 1, *made())
    since = now_of(world)
    tell(world, "lims", "ud", 1, *released(), LotDisposition(key="ud", lot=LOT, decision="UnRestricted"))
    until = now_of(world)
    first = list(moved(world, since).values())
    tell(world, "lims", "ud", 2, MaterialLot(id=LOT, disposition="Restricted"))
    tell(world, "lims", "q1", 1, QualityEvent(id=Identifier(value="DEV-1"), lot=LOT, state="open"))
    with (
        world.database.read(as_known_at=since) as before,
        world.database.read(as_known_at=until) as after,
    ):
        found = find_thing(after, "batch", "A-1").id
        assert list_changes(Readings(before, after, found, since, until)) == first


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
