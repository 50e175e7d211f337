"""Compaction, roll-ups, retention and checks: what is stored becomes smaller, what is read stays the same."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyarrow.parquet import read_schema

from hub.store.lake.checking import verify
from hub.store.lake.cleaning import clean, list_old, retire
from hub.store.lake.compaction import compact, plan
from hub.store.lake.frames import arrange
from hub.store.lake.hours import read_hours
from hub.store.lake.rollup import roll_up
from hub.store.lake.runs import RUN_SCHEMA
from hub.store.past.compiler import NotKept
from hub.store.samples import erase_samples, survey_samples
from tests.store.lake.cellars import (
    LARGE,
    START,
    TAGS,
    Cellar,
    Row,
    cellar,
    copied,
    moment,
    staged,
    table,
)
from tests.store.lake.test_folding import PUT


@pytest.fixture(params=[1, 1_000], ids=["puts are files", "puts are frames"])
def store(migrated_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cellar]:
    with cellar(migrated_url, tmp_path / "samples") as one, staged(request.param):
        yield one


def files(store: Cellar, table: str = "live") -> list[Path]:
    return sorted((Path(store.database.cellar.lake.place.root) / table).glob("period=*/*.parquet"))


STEPS = st.lists(
    PUT
    | st.just(("fold",))
    | st.tuples(st.just("compact"), st.sampled_from((4, 1_000)))
    | st.tuples(st.just("erase"), st.sampled_from(TAGS), st.integers(0, 96), st.integers(1, 50)),
    max_size=14,
)


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(steps=STEPS, large=LARGE)
def test_any_timing_of_folds_and_compactions_gives_the_same_reads(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple], large: int
) -> None:
    url = copied(migrated_sqlite, tmp_path_factory.getbasetemp() / "timing")
    with cellar(url) as one, staged(large):
        hold_through(one, steps)


def hold_through(one: Cellar, steps: list[tuple]) -> None:
    """Do the steps; fails when a reading, now or of the past, is not what was put."""
    instants: list[tuple[datetime, list[Row]]] = []
    for what, *rest in steps:
        if what == "put":
            one.put(rest[2], seq=rest[1], stream=rest[0])
        elif what == "fold":
            one.fold()
        elif what == "compact":
            with one.turn() as turn:
                compact(turn, runs=2, run_rows=rest[0])
        else:
            _erase(one, *rest)
        instants.append((one.clock, one.expected()))
        assert one.read() == one.expected()
    for then, seen in instants:
        assert one.read(then) == seen
    assert verify(one.database).faults == []


def _erase(one: Cellar, tag: str, hour: int, hours: int) -> None:
    one.clock += timedelta(seconds=1)
    with one.database.begin("test", at=one.clock) as connection:
        span = (moment(hour), moment(hour + hours))
        erase_samples(connection, one.tags[tag], span, reason="out", by="ann", now=one.clock)
    one.told = {k: r for k, r in one.told.items() if not (k[0] == tag and hour <= k[1] < hour + hours)}


def test_a_compaction_makes_one_run_of_a_period_and_keeps_what_was_superseded(store: Cellar) -> None:
    for seq in range(1, 4):
        store.put([("a", hour, float(hour * seq), None, 0) for hour in range(24)], seq=seq)
        store.fold()
    before, then = store.read(), store.clock - timedelta(seconds=1)
    past = store.read(then)
    with store.turn() as turn:
        assert [task.reason for task in plan(turn, runs=2)] == ["3 runs"]
        done = compact(turn, runs=2)
        assert (done.samples, done.superseded) == (24, 48)
        assert plan(turn, runs=2) == []
        assert turn.lake.snapshot("live", turn.read().live).rows == 24
    assert store.read() == before
    assert store.read(then) == past != before
    with store.database.read() as connection:
        assert survey_samples(connection, store.tags["a"], START, moment(24))[1] == 48


@pytest.mark.parametrize("hour", [0, 29])
def test_a_correction_of_the_first_or_last_sample_counts_wherever_both_lie(store: Cellar, hour: int) -> None:
    store.put([("a", h, 3.0, None, 0) for h in range(30)], seq=1)
    store.fold()
    before, then = store.read(), store.clock
    store.put([("a", hour, 7.0, None, 0)], seq=2)
    assert store.read() == store.expected()
    store.fold()
    assert store.read() == store.expected()
    assert store.read(then) == before
    assert all(read_schema(file).remove_metadata().equals(RUN_SCHEMA) for file in files(store))
    with store.turn() as turn:
        assert compact(turn, runs=2).superseded == 1
    assert store.read() == store.expected()
    assert store.read(then) == before
    assert verify(store.database).faults == []


def test_a_large_month_is_cut_into_days_and_later_samples_go_there(store: Cellar) -> None:
    store.put([(tag, hour, 1.0, None, 0) for tag in TAGS for hour in range(47)], seq=1)
    store.fold()
    with store.turn() as turn:
        compact(turn, run_rows=100)
        assert set(turn.lake.snapshot("live", turn.read().live).by_period) == {"2026-01-30", "2026-01-31"}
    store.put([("a", 5, 2.0, None, 0)], seq=2)
    store.fold()
    assert store.read() == store.expected()
    with store.turn() as turn:
        assert len(turn.lake.snapshot("live", turn.read().live).by_period["2026-01-30"]) == 2


def test_files_that_were_replaced_go_after_an_hour_and_leftovers_with_them(store: Cellar) -> None:
    for seq in (1, 2):
        store.put([("a", 1, float(seq), None, 0)], seq=seq)
        store.fold()
    left = Path(store.database.cellar.lake.place.root) / "live/period=2026-01/left.parquet"
    left.write_bytes(files(store)[0].read_bytes())
    with store.turn() as turn:
        compact(turn, runs=2)
        assert clean(turn) == 0  # whoever reads may still need them
    assert len(files(store)) == 4
    assert store.read() == store.expected()


def test_whole_hours_come_out_of_the_roll_up_and_the_rest_is_named(store: Cellar) -> None:
    rows: list[Row] = [("a", hour, float(hour), None, 0x80000000 if hour == 3 else 0) for hour in range(72)]
    store.put(rows, seq=1)
    store.fold()
    with store.turn() as turn:
        compact(turn, runs=2)
    store.put([("a", 60, 7.0, None, 0)], seq=2)  # on 1 February
    with store.database.read() as connection:
        hours, left = read_hours(connection, [store.tags["a"]], moment(0.5), moment(72))
    assert hours["hour"].to_pylist() == [moment(hour) for hour in range(1, 48)]
    assert hours["count"].to_pylist() == [1] * 47
    assert hours["good"].to_pylist() == [1, 1, 0, *[1] * 44]
    assert hours["mean"].to_pylist()[:4] == [1.0, 2.0, None, 4.0]
    assert left == [(moment(0.5), moment(1)), (moment(48), moment(72))]


def test_a_roll_up_says_what_its_samples_say() -> None:
    rng = np.random.default_rng(1)
    minutes = np.sort(rng.choice(600, 200, replace=False))
    values = rng.normal(size=200)
    rolled = roll_up(
        arrange(table([("a", m / 60, v, None, 0) for m, v in zip(minutes, values, strict=True)]), {"a": 1})
    )
    for row in rolled.to_pylist():
        inside = values[minutes // 60 == (row["hour"] - START).total_seconds() // 3600]
        assert row["count"] == row["good"] == len(inside)
        told = [row[name] for name in ("mean", "std", "min", "max", "first", "last")]
        assert told == pytest.approx(
            [inside.mean(), inside.std(), inside.min(), inside.max(), inside[0], inside[-1]]
        )
    assert rolled["count"].to_numpy().sum() == 200


def test_what_has_grown_old_is_let_go_only_when_told_and_the_past_says_so(store: Cellar) -> None:
    store.put([(tag, hour, 1.0, None, 0) for tag in TAGS for hour in range(96)], seq=1)
    store.fold()
    then = store.clock
    store.clock += timedelta(days=1)
    with store.turn() as turn:
        assert list_old(turn, moment(47)) == []
        assert list_old(turn, moment(49)) == ["2026-01"]
        assert retire(turn, moment(49), by="ann", reason="ten years are over") == ["2026-01"]
    assert [row[1] for row in store.read() if row[0] == "a"] == list(range(48, 96))
    with pytest.raises(NotKept, match="2026-02-01"):
        store.read(then)
    assert verify(store.database).faults == []


def test_a_check_names_what_is_lost(store: Cellar) -> None:
    store.put([("a", hour, float(hour), None, 0) for hour in range(24)], seq=1)
    store.put([("b", hour, float(hour), None, 0) for hour in range(48, 72)], seq=2)
    store.fold()
    assert verify(store.database).samples == 48
    files(store)[0].write_bytes(b"PAR1 and nothing more")
    faults = verify(store.database).faults
    assert len(faults) == 2
    assert "cannot be read" in faults[0]
    assert "put 1 (pi/samples 1) had 24 samples, 0 are there" in faults[1]
