"""Which samples are a batch's: the spans of its signals are those of its context, in every door, on both engines."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub.resolve.context import place_batches
from hub.resolve.signals import list_signals
from hub.store.answers.signals import summarise_signals
from hub.store.database import Database
from hub.store.tables import FACT_TABLES
from tests.api.factories import NOW, START, add_fact, add_name, add_record, add_samples, add_system, add_thing
from tests.swift import swift


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


class Plant:
    """Two units with a tag each, which has a sample every ten minutes of its first twelve hours."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.begin("test", at=NOW) as connection:
            system = add_system(connection)
            self.said = {"system": system, "record": add_record(connection, system)}
            self.units = {
                code: add_thing(connection, "equipment", code, level="Unit") for code in ("U1", "U2")
            }
            self.tags = {
                unit: add_thing(connection, "tag", f"{unit}.T", equipment_id=key)
                for unit, key in self.units.items()
            }
            self.batches = {code: add_thing(connection, "batch", code, kind="batch") for code in ("B1", "B2")}
            for tag in self.tags.values():
                add_samples(connection, tag, [float(n) for n in range(72)], step_s=600)

    def run(self, batch: str, unit: str | None, first: float, last: float | None, **values: Any) -> int:
        """Let a batch run on a unit from one hour on, until another."""
        row = {"level": "unit_procedure", "name": "Run", "occurrence": 1, **values}
        return self.add(
            "segment_response",
            batch_id=self.batches[batch],
            equipment_id=None if unit is None else self.units[unit],
            actual_start=hour(first),
            actual_end=None if last is None else hour(last),
            **row,
        )

    def add(self, record_type: str, **values: Any) -> int:
        with self.database.begin("test") as connection:
            return add_fact(connection, record_type, **self.said, **values)

    def spans(self, batch: str = "B1", **when: datetime) -> dict[str, list[tuple[float, float]]]:
        """Give the spans of each signal of a batch in hours."""
        with self.database.read(**when) as connection:
            signals = list_signals(connection, self.batches[batch], now=hour(12))
        return {
            signal.tag["code"]: [
                ((start - START).total_seconds() / 3600, (end - START).total_seconds() / 3600)
                for start, end in signal.spans
            ]
            for signal in signals
        }


@pytest.fixture
def plant(migrated_url: str) -> Iterator[Plant]:
    database = swift(migrated_url)
    yield Plant(database)
    database.close()


def test_what_ran_in_a_unit_while_a_batch_was_away_is_none_of_its_samples(plant: Plant) -> None:
    plant.run("B1", "U1", 0, 2)
    plant.run("B2", "U1", 2, 5)
    plant.run("B1", "U2", 2, 5)
    plant.run("B1", "U1", 5, 6)
    assert plant.spans("B1") == {"U1.T": [(0, 2), (5, 6)], "U2.T": [(2, 5)]}
    assert plant.spans("B2") == {"U1.T": [(2, 5)]}
    with plant.database.read() as connection:
        signals = list_signals(connection, plant.batches["B1"], now=hour(12))
        figures = {f["tag"]["code"]: f for f in summarise_signals(connection, signals)}
    assert (figures["U1.T"]["samples"], figures["U1.T"]["max"], figures["U2.T"]["samples"]) == (18, 35, 18)
    assert (figures["U1.T"]["start"], figures["U1.T"]["end"]) == (hour(0), hour(6))


def test_a_run_that_another_system_saw_too_does_not_widen_the_time(plant: Plant) -> None:
    run = plant.run("B1", "U1", 1, 2)
    plant.run("B1", "U1", 0, 4, same_as_id=run)
    assert plant.spans() == {"U1.T": [(1, 2)]}


def test_equipment_that_took_part_reaches_as_the_run_does(plant: Plant) -> None:
    run = plant.run("B1", "U1", 1, 4)
    with plant.database.begin("test") as connection:
        name = add_name(connection, "equipment", plant.units["U2"], "U2", scheme="mes:equipment")
    plant.add(
        "resource_actual",
        batch_id=plant.batches["B1"],
        response_id=run,
        equipment_id=plant.units["U2"],
        equipment_identifier_id=name,
        start_at=hour(2),
        end_at=hour(3),
    )
    assert plant.spans() == {"U1.T": [(1, 4)], "U2.T": [(2, 3)]}


def test_a_skid_belongs_to_a_batch_while_it_serves_the_unit(plant: Plant) -> None:
    with plant.database.begin("test") as connection:
        asset = add_thing(connection, "physical_asset", "SKID")
        skid = add_thing(connection, "equipment", "S", level="EquipmentModule")
        add_samples(connection, add_thing(connection, "tag", "S.T", equipment_id=skid), [1.0])
    for equipment, first, last in ((skid, 0, 12), (plant.units["U1"], 0, 3), (plant.units["U2"], 3, 12)):
        row = {"equipment_id": equipment, "physical_asset_id": asset}
        plant.add("equipment_asset_mapping", **row, start_at=hour(first), end_at=hour(last))
    plant.run("B1", "U1", 1, 5)
    plant.run("B2", "U2", 1, 5)
    assert plant.spans("B1")["S.T"] == [(1, 3)]
    assert plant.spans("B2")["S.T"] == [(3, 5)]


def test_phases_without_a_unit_of_their_own_have_that_of_the_run_around_them(plant: Plant) -> None:
    run = plant.run("B1", "U1", 0, None)
    plant.run("B1", None, 1, 2, parent_id=run, level="phase")
    assert plant.spans() == {"U1.T": [(0, 12)]}


def test_the_spans_are_those_of_the_context_now_and_as_they_were_known(plant: Plant) -> None:
    run = plant.run("B1", "U1", 0, 2)
    plant.run("B1", "U1", 5, 6)
    table, corrected = FACT_TABLES["segment_response"], datetime.now(UTC) + timedelta(days=2)
    with plant.database.begin("test", at=corrected) as connection:
        moved = update(table).where(table.c.id == run).values(actual_start=hour(1), version=2)
        connection.execute(moved)
    assert plant.spans() == {"U1.T": [(1, 2), (5, 6)]}
    assert plant.spans(as_known_at=corrected - timedelta(days=1)) == {"U1.T": [(0, 2), (5, 6)]}
    with plant.database.read() as connection:
        context = place_batches(connection, [plant.batches["B1"]], now=hour(12))
        reached = context.reached[plant.units["U1"]]
    assert sorted(span for one in reached for span in one.spans) == [(hour(1), hour(2)), (hour(5), hour(6))]
