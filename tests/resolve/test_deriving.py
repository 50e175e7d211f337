"""Runs and phases are kept as samples come, late ones too, without going through the past again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.resolve import deriving, frames
from hub.resolve.frames import FrameRule
from hub.store.arrivals import forget_arrivals
from hub.store.bookmarks import keep_bookmark
from hub.store.samples import erase_samples, scan_samples
from tests.resolve.unit import NOW, START, Plant, rule
from tests.swift import Rehearsal, rehearsal, swift

pytestmark = pytest.mark.hypothesis
LAST = 40
Put = tuple[str, list[tuple[float, float | str]]]

batches = st.sampled_from(["B1", "B2", "B3", "", "B1 "])
seconds = st.integers(0, LAST).map(float)
puts = st.one_of(
    st.tuples(st.just("BATCH"), st.lists(st.tuples(seconds, batches), min_size=1, max_size=6)),
    st.tuples(
        st.sampled_from("ab"),
        st.lists(st.tuples(seconds, st.sampled_from([0.0, 1.0])), min_size=1, max_size=5),
    ),
)
erasures = st.tuples(st.sampled_from(["BATCH", "a"]), seconds, st.integers(1, 5).map(float))


@pytest.fixture
def plant(migrated_url: str, tmp_path: Path) -> Iterator[Plant]:
    database = swift(migrated_url, samples=tmp_path / "samples")
    yield Plant(database)
    database.close()


@pytest.fixture(scope="module")
def rehearsed(module_url: str) -> Iterator[tuple[Plant, Rehearsal]]:
    database = rehearsal(module_url)
    yield Plant(database), database
    database.close()


def erase(plant: Plant, tag: str, start: float, lasts: float) -> None:
    span = (START + timedelta(seconds=start), START + timedelta(seconds=start + lasts))
    with plant.database.begin("test", at=NOW) as connection:
        erase_samples(connection, plant.tags[tag], span, reason="so it is", by="QA", now=NOW)


def derive_anew(plant: Plant, *rules: FrameRule, now: datetime) -> int:
    """Go through all of the past."""
    with plant.database.begin("test") as connection:
        keep_bookmark(connection, "pi.frames", 0, now=now)
    return plant.derive(*rules, now=now)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the seconds from which on samples are read, of whatever tag."""
    begun: list[float] = []

    def scan(connection: Any, tags: Any, spans: Any, **how: Any) -> Iterator[pa.Table]:
        begun.extend((start - START).total_seconds() for start, _ in spans)
        return scan_samples(connection, tags, spans, **how)

    def read(connection: Any, tags: Any, *span: datetime) -> pa.Table:
        begun.append((span[0] - START).total_seconds())
        return read_samples(connection, tags, *span)

    read_samples = frames.read_samples
    monkeypatch.setattr(deriving, "scan_samples", scan)
    monkeypatch.setattr(frames, "read_samples", read)
    return begun


def test_what_comes_at_the_end_is_read_from_the_run_before_it_on(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rule(on="a > 0")
    plant.put("BATCH", *((100.0 * n, f"B{n}") for n in range(50)))
    plant.put("a", *((100.0 * n + 50, float(n % 2)) for n in range(50)))
    assert plant.derive(found) == 50
    begun = watch(monkeypatch)
    plant.put("BATCH", (5000.0, "B50"))
    plant.put("a", (5050.0, 1.0))
    assert plant.derive(found, now=NOW + timedelta(minutes=1)) == 2
    assert min(begun) == 4900
    begun.clear()
    assert plant.derive(found, now=NOW + timedelta(minutes=2)) == 0
    assert begun == []


def test_what_comes_late_is_looked_for_where_it_belongs(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rule()
    plant.put("BATCH", *((100.0 * n, f"B{n}") for n in range(50)))
    plant.derive(found)
    begun = watch(monkeypatch)
    plant.put("BATCH", (1050.0, "B10 again"))
    assert plant.derive(found, now=NOW + timedelta(minutes=1)) == 2
    assert begun == [1000]


def test_news_that_are_forgotten_and_rules_that_changed_let_all_be_looked_at(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.put("BATCH", (0.0, "B1"), (100.0, "B2"), (200.0, "B3"), (300.0, ""))
    plant.derive(rule())
    begun = watch(monkeypatch)
    plant.put("BATCH", (400.0, "B4"))
    plant.put("a", (450.0, 1.0))
    with plant.database.begin("test") as connection:
        forget_arrivals(connection, NOW + timedelta(days=1))
    assert plant.derive(rule(), now=NOW + timedelta(minutes=1)) == 1
    assert plant.derive(rule(on="a > 0"), now=NOW + timedelta(minutes=2)) > 0
    assert begun[:2] == [0, 0]


@pytest.mark.parametrize("sooner", [timedelta(minutes=-1), timedelta(minutes=1)])
def test_what_another_node_has_seen_meanwhile_is_looked_at_again_at_the_next_turn(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, sooner: timedelta
) -> None:
    plant.put("BATCH", (0.0, "B1"), (100.0, "B2"))
    plant.derive(rule())
    plant.put("BATCH", (200.0, "B3"))
    now = NOW + timedelta(minutes=10)
    looked = deriving._look

    def overtaken(*given: Any, **named: Any) -> Any:
        mine = looked(*given, **named)
        monkeypatch.setattr(deriving, "_look", looked)
        plant.put("BATCH", (200.0, "B2"))
        plant.derive(rule(), now=now - sooner)
        return mine

    monkeypatch.setattr(deriving, "_look", overtaken)
    plant.derive(rule(), now=now)
    plant.derive(rule(), now=now + timedelta(minutes=5))
    kept = plant.documents()
    assert [key.split("|")[1] for key in kept] == ["B1", "B2"]
    assert derive_anew(plant, rule(), now=now + timedelta(minutes=6)) == 0
    assert plant.documents() == kept


@pytest.mark.parametrize("gap_s", [None, 8.0])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(st.lists(puts, min_size=1, max_size=3), min_size=1, max_size=6), gone=erasures)
def test_whatever_comes_in_whatever_order_is_found_as_by_looking_at_all(
    rehearsed: tuple[Plant, Rehearsal],
    gap_s: float | None,
    happened: Sequence[Sequence[Put]],
    gone: tuple[str, float, float],
) -> None:
    rules = rule(gap_s, on="a > 0", both="a > 0 and b > 0")
    plant, database = rehearsed
    database.start()
    try:
        now = NOW
        for number, several in enumerate(happened):
            for tag, said in several:
                plant.put(tag, *said)
            if number == len(happened) // 2:
                erase(plant, *gone)
            now += timedelta(seconds=1)
            plant.derive(rules, now=now)
        kept = plant.documents()
        assert derive_anew(plant, rules, now=now + timedelta(seconds=1)) == 0
        assert plant.documents() == kept
    finally:
        database.end()
