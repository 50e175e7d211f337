"""Phases found from conditions on signals that are sampled each in its own time, and how they are written down."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hub.resolve import deriving
from hub.resolve.resolution import resolve
from hub.store.samples import scan_samples
from tests.resolve.unit import BAD, NOW, UNCERTAIN, Plant, rule
from tests.swift import swift


@pytest.fixture
def plant(migrated_url: str, tmp_path: Path) -> Iterator[Plant]:
    database = swift(migrated_url, samples=tmp_path / "samples")
    yield Plant(database)
    database.close()


# ------------------------------------------------------------------------------ what a condition sees
def test_signals_that_are_never_sampled_at_one_time_hold_together(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, "B2"), (700, "B2"))
    plant.put("a", *((float(s), 1.0) for s in range(0, 600, 10)))
    plant.put("b", *((float(s), 1.0) for s in range(1, 600, 10)))
    plant.derive(rule(both="a > 0 and b > 0"))
    assert plant.phases() == [("both", 1, 600), ("both", 600, 700)]


def test_a_phase_lasts_until_a_signal_says_otherwise(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))
    plant.put("a", (0, 1.0), (200, 0.0), (300, 1.0))
    plant.put("b", (50, 1.0), (250, 1.0), (400, 0.0))
    plant.derive(rule(both="a > 0 and b > 0"))
    assert plant.phases() == [("both", 50, 200), ("both", 300, 400)]


def test_what_a_signal_stood_at_before_the_run_counts_from_its_beginning(plant: Plant) -> None:
    plant.put("BATCH", (100, "B1"), (600, ""))
    plant.put("a", (-86_400, 0.0), (-7_200, 1.0))
    plant.put("b", (0, 0.0), (99, 1.0), (300, 0.0), (400, 0.0))
    plant.derive(rule(both="a > 0 and b > 0"))
    assert plant.phases() == [("both", 100, 300)]


def test_a_value_from_long_before_the_run_tells_nothing(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))
    plant.put("a", (-40 * 86_400, 1.0), (200, 1.0))
    plant.derive(rule(on="a > 0"))
    assert plant.phases() == [("on", 200, 600)]


@pytest.mark.parametrize("quality", [UNCERTAIN, BAD])
def test_from_a_value_that_is_not_good_to_the_next_good_one_nothing_holds(plant: Plant, quality: int) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))
    plant.put("a", (-10, 1.0, quality), (100, 1.0), (200, 1.0, quality), (300, 1.0))
    plant.put("b", *((float(s), 1.0) for s in range(0, 600, 7)))
    plant.derive(rule(both="a > 0 and b > 0", off="a <= 0"))
    assert plant.phases() == [("both", 100, 200), ("both", 300, 600)]


def test_a_stretch_that_is_too_short_is_no_phase(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))
    plant.put("a", (0, 1.0), (29, 0.0), (100, 1.0), (130, 0.0))
    plant.derive(rule(min_s=30, on="a > 0"))
    assert plant.phases() == [("on", 100, 130)]


# ----------------------------------------------------------------------------------- writing it down
def test_while_samples_are_read_puts_go_on(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))
    put_meanwhile: list[int] = []

    def scan(*asked: Any, **how: Any) -> Iterator[pa.Table]:
        for piece in scan_samples(*asked, **how):
            plant.put("a", (float(len(put_meanwhile)), 1.0))
            put_meanwhile.append(piece.num_rows)
            yield piece

    monkeypatch.setattr(deriving, "scan_samples", scan)
    assert plant.derive(rule(on="a > 0")) == 1
    assert put_meanwhile == [2]


def test_only_what_differs_is_written_and_waits_for_resolution(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, "B2"), (700, ""))
    assert plant.derive(rule(on="a > 0")) == 2
    assert resolve(plant.database, clock=lambda: NOW).statements > 0
    assert plant.derive(rule(on="a > 0"), now=NOW + timedelta(minutes=1)) == 0
    assert resolve(plant.database, clock=lambda: NOW).statements == 0
    before = plant.documents()
    plant.put("a", (650, 1.0))
    assert plant.derive(rule(on="a > 0"), now=NOW + timedelta(minutes=2)) == 1
    after = plant.documents()
    assert [key for key in after if after[key] != before[key]] == ["U1|B2|2026-03-10T08:10:00Z"]


def test_a_run_that_is_not_found_any_more_is_taken_back(plant: Plant) -> None:
    plant.put("BATCH", (0, "B1"), (600, "B2"), (700, ""))
    plant.derive(rule())
    plant.put("BATCH", (600, "B1"))
    assert plant.derive(rule(), now=NOW + timedelta(minutes=1)) == 2
    assert list(plant.documents()) == ["U1|B1|2026-03-10T08:00:00Z"]
    plant.put("BATCH", (600, "B2"))
    assert plant.derive(rule(), now=NOW + timedelta(minutes=2)) == 2
    assert len(plant.documents()) == 2


def test_who_read_earlier_and_comes_to_write_later_changes_nothing(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.put("BATCH", (0, "B1"), (600, ""))

    def overtaken(*asked: Any, **how: Any) -> Iterator[pa.Table]:
        monkeypatch.setattr(deriving, "scan_samples", scan_samples)
        yield from scan_samples(*asked, **how)
        plant.put("BATCH", (300, "B2"))
        assert plant.derive(rule(), now=NOW + timedelta(minutes=1)) == 2

    monkeypatch.setattr(deriving, "scan_samples", overtaken)
    assert plant.derive(rule(), now=NOW) == 0
    assert len(plant.documents()) == 2
