"""Trends by hours: the same out of the roll-up and out of samples, now and later, wherever samples lie."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.store.answers import pieces, trend
from hub.store.answers.trend import CALCULATED, Trend, count_examined, read_trend
from hub.store.lake.compaction import compact
from hub.store.samples import erase_samples
from tests.store.lake.cellars import Cellar, Row, cellar, moment

BAD = 0x80000000
WINDOW = (moment(0.4), moment(71.4))
"""Nearly two days of January and one of February, whose first and last hour are cut."""


@pytest.fixture
def store(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cellar]:
    monkeypatch.setattr(trend, "BY_HOUR_ABOVE", 200)
    monkeypatch.setattr(pieces, "PIECE", 70)
    with cellar(migrated_url, tmp_path / "samples") as one:
        yield one


def course() -> list[Row]:
    """Give a sample each six minutes for three days: bad twice, once over hours without any; a text; a gap."""
    rows: list[Row] = []
    for at in range(720):
        hour = at / 10
        if 20 <= hour < 23:
            continue
        is_bad = 18.5 <= hour < 24.2 or 40.3 <= hour < 40.6 or 47.8 <= hour < 48.3
        number = None if is_bad else float((at * 37) % 101)
        rows.append(("a", hour, number, None, BAD if is_bad else 0))
    rows[300] = ("a", rows[300][1], None, "Calibrating", 0)
    return rows


def put_together(store: Cellar) -> None:
    store.fold()
    with store.turn() as turn:
        compact(turn, runs=2)


def ask(store: Cellar, then: datetime | None = None, *, tag: str = "a", points: int = 60) -> Trend:
    with store.database.read(as_known_at=then) as connection:
        return read_trend(connection, store.tags[tag], WINDOW, points=points)


def examined(store: Cellar, *, points: int = 60) -> int:
    with store.database.read() as connection:
        return count_examined(connection, store.tags["a"], WINDOW, points=points)


def show(found: Trend) -> list[dict[str, Any]]:
    return found.samples.to_pylist()


def test_hours_are_the_same_before_and_after_runs_are_put_together_and_in_the_past(store: Cellar) -> None:
    store.put(course(), seq=1)
    hot, then = ask(store), store.clock
    assert hot.is_by_hour
    assert hot.samples.num_rows <= 60
    whole = examined(store)
    put_together(store)
    assert show(ask(store)) == show(hot)
    assert examined(store) < whole / 4
    store.put([("a", 30.05, 500.0, None, 0), ("a", 70.0, -500.0, None, 0)], seq=2)
    later, then_later = ask(store), store.clock
    assert {500.0, -500.0} <= {row["value"] for row in show(later)}
    put_together(store)
    assert show(ask(store)) == show(later)
    assert show(ask(store, then)) == show(hot)
    assert show(ask(store, then_later)) == show(later)


def test_every_bad_stretch_and_text_is_told_from_its_samples(store: Cellar) -> None:
    rows = course()
    store.put(rows, seq=1)
    put_together(store)
    shown = show(ask(store))
    others = [(row["ts"], row["text"]) for row in shown if row["value"] is None]
    bad = [18.5, 24.1, 40.3, 40.5, 47.8, 48.2]
    expected = [(moment(hour), None) for hour in bad] + [(moment(rows[300][1]), "Calibrating")]
    assert sorted(others) == sorted(expected, key=lambda one: one[0])


def test_whole_hours_tell_their_extremes_at_their_start_and_cut_hours_their_samples(store: Cellar) -> None:
    rows = course()
    store.put(rows, seq=1)
    put_together(store)
    numbers = [row for row in show(ask(store, points=70)) if row["value"] is not None]
    told = {(row["ts"], row["value"]) for row in numbers if row["quality"] == CALCULATED}
    own = {(row["ts"], row["value"]) for row in numbers if row["quality"] == 0}
    good = [(hour, value) for _, hour, value, _, _ in rows if value is not None and 0.4 <= hour < 71.4]
    assert own <= {(moment(hour), value) for hour, value in good if not 1 <= hour < 71}
    assert own
    for start, value in told:
        inside = [v for hour, v in good if start <= moment(hour) < start.replace(minute=59)]
        assert value in {min(inside), max(inside)}
    assert {min(v for _, v in good), max(v for _, v in good)} <= {row["value"] for row in numbers}


def test_few_samples_and_short_times_are_told_as_they_came(
    store: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(course(), seq=1)
    put_together(store)
    assert not ask(store, points=72).is_by_hour
    monkeypatch.setattr(trend, "BY_HOUR_ABOVE", len(course()))
    seldom = ask(store)
    assert not seldom.is_by_hour
    assert all(row["quality"] in {0, BAD} for row in show(seldom))


def test_what_was_erased_is_in_no_trend_and_still_in_the_past_one(store: Cellar) -> None:
    store.put([*course(), ("a", 30.05, 500.0, None, 0)], seq=1)
    put_together(store)
    before, then = ask(store), store.clock
    store.clock = moment(100)
    with store.database.begin("test", at=store.clock) as connection:
        span = (moment(30), moment(31))
        erase_samples(connection, store.tags["a"], span, reason="out", by="ann", now=store.clock)
    assert 500.0 in [row["value"] for row in show(before)]
    assert 500.0 not in [row["value"] for row in show(ask(store))]
    assert show(ask(store, then)) == show(before)
