"""Tags worked on together: each has the figures that it has alone, whatever stands beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.insight import courses, reads
from hub.insight.course import MICROS, join_course, make_course
from hub.insight.courses import load_together, to_micros
from hub.insight.reads import Wanted, read_executed, read_windows
from hub.insight.statistics import STATISTICS, Spans, compute
from hub.model import SAMPLE_SCHEMA
from hub.resolve.context import place_batches
from hub.store.answers.tag_kinds import TagKind, read_kinds
from hub.store.coverage import Span
from hub.store.database import Connection, Database
from hub.store.samples import ALL_TIME, put_samples, read_samples
from hub.store.tables import ENTITY_TABLES
from tests.api.factories import NOW, START, add_fact, add_record, add_system, add_thing

pc: Any = pyarrow.compute
GOOD, BAD = 0, 0x80000000
Row = tuple[int, float | None, int]
"""Second, number, quality."""
OF_NUMBERS = [name for name in STATISTICS if name != "duration_in_state"]


@dataclass(frozen=True)
class Told:
    """The samples of a tag, and so many after them that are not its own."""

    rows: list[Row]
    is_step: bool
    strange: int


@st.composite
def tags(draw: st.DrawFn) -> Told:
    """Give a tag whose numbers lie near some level, far from or close to each other."""
    level = draw(st.sampled_from((0.0, -1e-6, 37.0, 1e9)))
    step = draw(st.sampled_from((1e-6, 0.5, 1e3)))
    number = st.integers(-20, 20).map(lambda at: level + at * step)
    value = st.one_of(number, number, number, st.none(), st.sampled_from((math.nan, math.inf)))
    row = st.tuples(st.integers(0, 60), value, st.sampled_from((GOOD, GOOD, GOOD, 0x40000000, BAD)))
    rows = draw(st.lists(row, unique_by=lambda row: row[0], max_size=25).map(sorted_by_time))
    return Told(rows, draw(st.booleans()), draw(st.integers(0, 2)))


def sorted_by_time(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row[0])


def lay_out(rows: Sequence[Row]) -> pa.Table:
    stamps = pa.array([second * MICROS for second, _, _ in rows], pa.int64())
    return pa.table(
        {
            "ts": stamps.cast(pa.timestamp("us", tz="UTC")),
            "value": pa.array([value for _, value, _ in rows], pa.float64()),
            "text": pa.nulls(len(rows), pa.string()),
            "quality": pa.array([quality for _, _, quality in rows], pa.uint32()),
        }
    )


GROUPS = st.lists(
    st.lists(st.tuples(st.integers(-5, 65), st.integers(1, 20)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)
"""Spans (start, length) of each group; groups may overlap, spans of one may not."""


def make_spans(groups: Sequence[Sequence[tuple[int, int]]]) -> Spans:
    found: list[tuple[int, int, int]] = []
    for group, spans in enumerate(groups):
        reached = -10
        for start, length in sorted(spans):
            if start >= reached:
                found.append((start * MICROS, (start + length) * MICROS, group))
                reached = start + length
    starts, ends, owners = (np.asarray(column, np.int64) for column in zip(*found, strict=True))
    return Spans(starts, ends, owners, len(groups))


@given(
    told=st.lists(tags(), min_size=1, max_size=5),
    groups=GROUPS,
    max_gap=st.sampled_from((None, 3 * MICROS, 20 * MICROS)),
)
def test_each_of_many_tags_has_the_figures_that_it_has_alone(
    told: list[Told], groups: list[list[tuple[int, int]]], max_gap: int | None
) -> None:
    spans = make_spans(groups)
    rows: list[Row] = []
    parts: list[slice] = []
    for one in told:
        parts.append(slice(len(rows), len(rows) + len(one.rows)))
        rows += one.rows + [(30, 1e12, GOOD)] * one.strange
    together = join_course(lay_out(rows), parts, steps=[one.is_step for one in told], max_gap=max_gap)
    found = compute(together, spans, list(STATISTICS), state=37.0)
    for number, one in enumerate(told):
        course = make_course(lay_out(one.rows), is_step=one.is_step, max_gap=max_gap)
        alone = compute(course, spans, list(STATISTICS), state=37.0)
        mine = slice(number * spans.count, (number + 1) * spans.count)
        for name in STATISTICS:
            assert found[name][mine] == pytest.approx(alone[name], rel=1e-9, abs=0.0, nan_ok=True), name


def test_small_deviations_survive_beside_great_values() -> None:
    ramp = [(second, 5 + 1e-6 * (second % 2), GOOD) for second in range(100)]
    great: list[Row] = [(second, 1e15 * second, GOOD) for second in range(100)]
    parts = [slice(0, 100), slice(100, 200)]
    course = join_course(lay_out(great + ramp), parts, steps=[False, True])
    spans = Spans.each(np.asarray([0]), np.asarray([100 * MICROS]))
    found = compute(course, spans, ["time_std", "std", "time_mean"])
    assert found["time_std"][1] == pytest.approx(5e-7, rel=1e-6)
    assert found["std"][1] == pytest.approx(5e-7 * math.sqrt(100 / 99), rel=1e-6)
    assert found["time_mean"][1] - 5 == pytest.approx(5e-7, rel=1e-6)


# ------------------------------------------------------------------------------------- out of the store
DAY = timedelta(days=1)
WINDOWS = [(START + hours, START + hours + timedelta(hours=1)) for hours in (timedelta(), 3 * DAY, 40 * DAY)]


@pytest.fixture
def stored(migrated_url: str) -> Iterator[tuple[Connection, list[TagKind]]]:
    """Tags of every kind, those with later codes first: some near the windows, some only far from them."""
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    told: dict[str, list[tuple[datetime, Any]]] = {
        "Z.dense": [(START + 90 * second * at, at % 7) for at in range(-3, 60)],
        "Y.step": [(START - 5 * hour, 1.0), (START + 1000 * second, 0.0), (START + 3 * DAY, 1.0)],
        "X.text": [(START - 2 * DAY, "Idle"), (START + 600 * second, "Run"), (START + 3 * DAY, "Idle")],
        "W.far": [(START - 20 * DAY, 4.0), (START + 12 * DAY, 8.0), (START + 55 * DAY, 2.0)],
        "V.none": [],
        "U.dense": [(START + 60 * second * at, 1e6 + at) for at in range(200)],
        "T.edge": [(START + timedelta(hours=at), float(at)) for at in (0, 1, 72, 73)],
    }
    database = Database(migrated_url)
    with database.begin("test") as connection:
        ids: dict[str, int] = {}
        unit = add_thing(connection, "equipment", "R1", level="Unit")
        for number, (code, samples) in enumerate(told.items()):
            is_step = code in {"Y.step", "X.text"}
            place = {"equipment_id": unit}
            ids[code] = add_thing(connection, "tag", code, is_step=is_step, property=code, **place)
            if samples:
                put_samples(connection, "s", number, as_samples(samples), {"t": ids[code]}, now=NOW)
    with database.begin("test") as connection:
        kinds = read_kinds(connection, ids.values()).values()
        yield connection, sorted(kinds, key=lambda kind: kind.code)
    database.close()


@pytest.mark.parametrize("holds", [False, True])
@pytest.mark.parametrize("gap", [None, timedelta(minutes=20)])
def test_batches_asked_together_answer_as_each_alone(
    stored: tuple[Connection, list[TagKind]], gap: timedelta | None, holds: bool
) -> None:
    connection, _ = stored
    batches = run_batches(connection)
    wanted = Wanted(OF_NUMBERS, max_gap=gap, without_holds=holds)
    together = read_all(connection, batches, wanted)
    alone = [read_all(connection, [batch], wanted) for batch in batches]
    assert together.to_pylist() == pa.concat_tables(alone).to_pylist()
    assert together.num_rows == len(batches) * 2 * 7


@pytest.mark.parametrize(("most", "expected"), [(250, []), (1_000, [268])])
def test_batches_are_read_at_once_only_where_that_fits_in_memory(
    stored: tuple[Connection, list[TagKind]],
    most: int,
    expected: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first two batches hold 224 samples; with the day around them, which is read too, it is 268."""
    connection, _ = stored
    read: list[int] = []

    def read_noted(connection: Connection, tag_ids: Sequence[int], span: Span) -> courses.Read:
        read.append(read_samples(connection, tag_ids, *courses.around(span)).num_rows)
        return courses.read_at_once(connection, tag_ids, span)

    monkeypatch.setattr(reads, "_AT_ONCE", most)
    monkeypatch.setattr(reads, "read_at_once", read_noted)
    read_all(connection, run_batches(connection), Wanted(OF_NUMBERS))
    assert read == expected


def run_batches(connection: Connection) -> list[int]:
    """Say that batches ran on the tags' unit, two phases each: an hour apart, days, and over a month."""
    system = add_system(connection)
    said = {"system": system, "record": add_record(connection, system), "level": "phase", "occurrence": 1}
    unit = connection.scalar(select(ENTITY_TABLES["equipment"].c.id))
    batches: list[int] = []
    for number, after in enumerate((timedelta(), timedelta(hours=2), 3 * DAY, 40 * DAY)):
        batch = add_thing(connection, "batch", f"B{number}", kind="batch")
        for phase in range(2):
            start = START + after + timedelta(minutes=20 * phase)
            times = {"actual_start": start, "actual_end": start + timedelta(minutes=30 - 10 * phase)}
            place = {"batch_id": batch, "equipment_id": unit}
            add_fact(connection, "segment_response", name=f"P{phase}", **place, **times, **said)
        batches.append(batch)
    return batches


def read_all(connection: Connection, batches: Sequence[int], wanted: Wanted) -> pa.Table:
    context = place_batches(connection, batches, now=START + 80 * DAY)
    table = read_executed(connection, context, context.reached, wanted=wanted)
    return table.filter(pc.equal(table["level"], "phase"))


def as_samples(told: Sequence[tuple[datetime, Any]]) -> pa.Table:
    values = [None if isinstance(value, str) else float(value) for _, value in told]
    columns: dict[str, Any] = {
        "tag": ["t"] * len(told),
        "ts": [at for at, _ in told],
        "value": values,
        "text": [value if isinstance(value, str) else None for _, value in told],
        "quality": [GOOD] * len(told),
    }
    return pa.table(columns, schema=SAMPLE_SCHEMA)


@pytest.mark.parametrize("windows", [WINDOWS[:1], WINDOWS[:2], WINDOWS, WINDOWS[::-1]])
@pytest.mark.parametrize("gap", [None, timedelta(minutes=20)])
def test_tags_asked_together_answer_as_each_alone(
    stored: tuple[Connection, list[TagKind]], windows: list[Span], gap: timedelta | None
) -> None:
    connection, kinds = stored
    wanted = Wanted(list(STATISTICS), state="Run", max_gap=gap)
    together = read_windows(connection, kinds, windows, wanted=wanted)
    alone = [read_windows(connection, [kind], windows, wanted=wanted) for kind in kinds]
    assert together.to_pylist() == pa.concat_tables(alone).to_pylist()
    assert together["tag"].to_pylist() == [kind.code for kind in kinds for _ in windows]


@pytest.mark.parametrize("windows", [WINDOWS[:1], WINDOWS[:2]])
@pytest.mark.parametrize("gap", [None, timedelta(minutes=20), timedelta(hours=6), 10 * DAY])
def test_what_is_read_of_windows_is_what_all_samples_tell(
    stored: tuple[Connection, list[TagKind]], windows: list[Span], gap: timedelta | None
) -> None:
    connection, kinds = stored
    found = read_windows(connection, kinds, windows, wanted=Wanted(OF_NUMBERS, max_gap=gap))
    edges = np.asarray([[to_micros(at) for at in window] for window in windows])
    spans = Spans.each(edges[:, 0], edges[:, 1])
    count, max_gap = len(windows), None if gap is None else gap // timedelta(microseconds=1)
    for number, kind in enumerate(kinds):
        samples = read_samples(connection, [kind.tag_id], *ALL_TIME)
        expected = compute(make_course(samples, is_step=kind.is_step, max_gap=max_gap), spans, OF_NUMBERS)
        for name in OF_NUMBERS:
            mine = found[name].slice(number * count, count).to_numpy()
            assert mine == pytest.approx(expected[name], nan_ok=True), (kind.code, name)


def test_only_tags_with_texts_are_gone_through_alone(stored: tuple[Connection, list[TagKind]]) -> None:
    connection, kinds = stored
    held = [
        sorted(kinds[number].code for number in numbers)
        for numbers, _ in load_together(connection, kinds, WINDOWS)
    ]
    assert sorted(held, key=len) == [["X.text"], sorted({kind.code for kind in kinds} - {"X.text"})]
