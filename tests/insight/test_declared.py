"""Declared figures: what is told, and which batches are told anew when something changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from hub.insight.declared import OBJECT_TYPE, SOURCE, Declaration, derive_features
from hub.insight.features import Feature
from hub.resolve.conditions import Condition
from hub.store.answers.features import list_declarations
from hub.store.answers.things import find_thing
from hub.store.database import Database
from hub.store.samples import ALL_TIME, erase_samples
from hub.store.statements import list_live_keys, stored_documents
from hub.store.systems import find_system
from hub.store.tables import FACT_TABLES, source_record
from tests.api.factories import (
    START,
    add_fact,
    add_name,
    add_record,
    add_samples,
    add_system,
    add_thing,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MEAN = Feature(name="feed_mean", tag="temperature", phase="Feed", statistic="mean")
HOT = Feature(
    name="hot_s", tag="temperature", statistic="duration", where=Condition("temperature >= 3 and stirrer > 0")
)
BOTH = Declaration((MEAN, HOT), {"by": "anna", "reason": "control strategy"})


class Plant:
    """Two batches one after another in a unit with two signals."""

    def __init__(self, database: Database, *, with_samples: bool = True) -> None:
        self.database = database
        self.at = NOW
        with database.begin("test") as connection:
            self.system = add_system(connection)
            self.record = add_record(connection, self.system)
            self.unit = add_thing(connection, "equipment", "R1", level="Unit")
            self.temperature = self.tag(connection, "R1.T", property="temperature", unit="Cel")
            self.stirrer = self.tag(connection, "R1.S", property="stirrer", is_step=True)
            self.runs = {code: self.batch(connection, code, hours) for code, hours in (("B1", 0), ("B2", 2))}
            if with_samples:
                add_samples(connection, self.temperature, [float(n) for n in range(24)], step_s=600)
                add_samples(connection, self.stirrer, [0.0, 1.0], step_s=2400)

    def tag(self, connection: Any, code: str, **values: Any) -> int:
        return add_thing(connection, "tag", code, equipment_id=self.unit, **values)

    def batch(self, connection: Any, code: str, hours: int) -> int:
        batch = add_thing(connection, "batch", code, kind="batch")
        add_name(connection, "batch", batch, code)
        return add_fact(
            connection,
            "segment_response",
            system=self.system,
            record=self.record,
            batch_id=batch,
            name="Feed",
            level="phase",
            occurrence=1,
            equipment_id=self.unit,
            actual_start=START + timedelta(hours=hours),
            actual_end=START + timedelta(hours=hours + 1),
        )

    def derive(self, declaration: Declaration = BOTH, **options: Any) -> int:
        self.at += timedelta(seconds=1)
        return derive_features(self.database, declaration, now=self.at, actor="test", **options)

    def erase(self, tag: int, span: tuple[datetime, datetime]) -> None:
        with self.database.begin("test") as connection:
            erase_samples(connection, tag, span, reason="the probe was out", by="ann", now=self.at)

    def told(self) -> dict[str, dict[str, Any]]:
        """What stands of each batch: by batch and figure."""
        with self.database.read() as connection:
            system = find_system(connection, SOURCE)
            assert system is not None
            keys = sorted(list_live_keys(connection, system, [OBJECT_TYPE]))
            documents = stored_documents(connection, system, keys)
        return {key.partition("|")[2]: orjson.loads(d.payload) for (_, key), d in documents.items()}

    def values(self) -> dict[str, dict[str, float | None]]:
        return {b: {n: f["value"] for n, f in figures.items()} for b, figures in self.told().items()}


@pytest.fixture
def plant(migrated_url: str) -> Iterator[Plant]:
    database = Database(migrated_url)
    yield Plant(database)
    database.close()


def test_a_figure_is_told_of_each_batch_with_what_it_is_of(plant: Plant) -> None:
    assert plant.derive() == 2
    assert plant.values() == {
        "B1": {"feed_mean": 2.5, "hot_s": 1200.0},  # samples 0 to 5; from the 5th on it is hot and stirred
        "B2": {"feed_mean": 14.5, "hot_s": 3600.0},
    }
    figure = plant.told()["B1"]["feed_mean"]
    assert (figure["of"], figure["unit"], figure["phase"]) == ("R1.T", "Cel", "Feed")
    assert figure["spans"] == [["2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z"]]


def test_nothing_new_is_nothing_to_do(plant: Plant) -> None:
    plant.derive()
    assert plant.derive() == 0
    assert plant.derive(every=True) == 0


def test_a_late_sample_changes_only_the_batches_that_it_bears_on(plant: Plant) -> None:
    plant.derive()
    with plant.database.begin("test") as connection:
        add_samples(
            connection, plant.temperature, [100.0], start=START + timedelta(hours=2.5, seconds=1), seq=2
        )
    assert plant.derive() == 1
    values = plant.values()
    assert values["B1"]["feed_mean"] == 2.5
    assert values["B2"]["feed_mean"] == pytest.approx((14.5 * 6 + 100) / 7)


def test_samples_that_are_erased_are_in_no_figure_any_more(plant: Plant) -> None:
    plant.derive()
    span = (START + timedelta(minutes=25), START + timedelta(hours=1))
    plant.erase(plant.temperature, span)
    assert plant.derive() == 1
    assert plant.values() == {
        "B1": {"feed_mean": 1.0, "hot_s": 0.0},  # samples 0 to 2; the next one is of the other batch
        "B2": {"feed_mean": 14.5, "hot_s": 3600.0},
    }
    plant.erase(plant.temperature, ALL_TIME)
    assert plant.derive() == 2
    assert {figures["feed_mean"] for figures in plant.values().values()} == {None}


def test_a_value_that_stood_before_a_batch_is_its_own_too(plant: Plant) -> None:
    plant.derive()
    with plant.database.begin("test") as connection:
        add_samples(connection, plant.stirrer, [0.0], start=START + timedelta(hours=1.5), seq=2)
    assert plant.derive() == 1
    assert plant.values()["B2"]["hot_s"] == 0


def test_a_phase_that_is_corrected_or_taken_back_is_told_anew(plant: Plant) -> None:
    plant.derive()
    run = FACT_TABLES["segment_response"]
    with plant.database.begin("test") as connection:
        connection.execute(
            update(run).where(run.c.id == plant.runs["B1"]).values(actual_end=START + timedelta(minutes=20))
        )
    assert plant.derive() == 1
    assert plant.values()["B1"]["feed_mean"] == 0.5
    with plant.database.begin("test") as connection:
        connection.execute(update(run).where(run.c.id == plant.runs["B1"]).values(is_retracted=True))
    assert plant.derive() == 1
    assert set(plant.told()) == {"B2"}


def test_a_batch_has_one_document_under_the_first_of_its_names_whichever_came_first(plant: Plant) -> None:
    plant.derive()
    with plant.database.begin("test") as connection:
        batch = find_thing(connection, "batch", "B1").id
        add_name(connection, "batch", batch, "1004711", scheme="erp:batch")
        add_name(connection, "batch", batch, "b 1", scheme="zzz:batch")
    assert plant.derive() == 2  # one taken back, one told
    assert set(plant.told()) == {"1004711", "B2"}


def test_another_declaration_is_a_version_with_who_approved_it(plant: Plant) -> None:
    plant.derive()
    other = Declaration((MEAN,), {"by": "bert", "reason": "time above is not used"})
    assert plant.derive(other) == 2
    with plant.database.read() as connection:
        versions = list_declarations(connection, SOURCE)
        kept = connection.scalars(
            select(source_record.c.mapping_version).where(source_record.c.object_type == OBJECT_TYPE)
        )
        assert {v["version"] for v in versions} == set(kept)
    assert [v["content"]["approved"]["by"] for v in versions] == ["bert", "anna"]
    assert plant.derive(Declaration()) == 2
    assert plant.told() == {}


def test_what_cannot_be_told_says_why(plant: Plant) -> None:
    missing = Feature(name="pressure", tag="pressure", statistic="mean")
    elsewhere = Feature(name="harvest", tag="temperature", phase="Harvest", statistic="mean")
    blind = Feature(name="blind", tag="temperature", statistic="mean", where=Condition("foam > 1"))
    with plant.database.begin("test") as connection:
        plant.tag(connection, "R1.T2", property="twin")
        plant.tag(connection, "R1.T3", property="twin")
        run = FACT_TABLES["segment_response"]
        connection.execute(update(run).where(run.c.id == plant.runs["B2"]).values(actual_end=None))
    twin = Feature(name="twin", tag="twin", statistic="mean")
    plant.derive(Declaration((MEAN, missing, elsewhere, blind, twin)))
    told = plant.told()
    reasons = {name: figure["reason"] for name, figure in told["B1"].items()}
    assert reasons["feed_mean"] is None
    assert reasons["pressure"] == "no unit of the batch has a tag pressure"
    assert reasons["harvest"] == "the batch had no Harvest where temperature is measured"
    assert reasons["blind"] == "no signal foam on R1.T's equipment"
    assert "R1.T2, R1.T3" in reasons["twin"]
    assert told["B2"]["feed_mean"]["reason"] == "the time that it is about has not ended yet"
