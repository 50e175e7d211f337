"""Reads of samples that are worked out: statistics by window or by executed interval, grids, context."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from hub.insight.course import Column, Course
from hub.insight.courses import (
    Read,
    around,
    load_courses,
    load_together,
    read_at_once,
    split,
    to_micros,
    to_time,
)
from hub.insight.grid import Method, align, look_up
from hub.insight.statistics import Spans, compute
from hub.resolve.context import Context, Reached, cut_holds, find_innermost
from hub.store.answers.tag_kinds import TagKind
from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.samples import count_at_most, read_samples

arrow: Any = pa
"""Untyped on purpose: the stubs take an array of numbers for one of truth values."""
STAMP = pa.timestamp("us", tz="UTC")
_AT_ONCE = 4_000_000
"""Samples that are in memory at a time, unless one tag has more."""


@dataclass(frozen=True)
class Wanted:
    """Which statistics, of which state, over which gap at most, and whether holds count."""

    statistics: Sequence[str]
    state: float | str | None = None
    max_gap: timedelta | None = None
    without_holds: bool = False


def read_windows(
    connection: Connection, kinds: Sequence[TagKind], windows: Sequence[Span], *, wanted: Wanted
) -> pa.Table:
    """Give a row a tag and window: tag, start, end, then the statistics."""
    starts, ends = _micros(windows)
    spans = Spans.each(starts, ends)
    parts: list[pa.Table] = []
    for some in _portions(connection, kinds, windows):
        figures = _compute(connection, some, spans, times=windows, wanted=wanted)
        told = {
            "tag": _owned([kind.code for kind in some], len(windows)),
            "unit": _owned([kind.unit for kind in some], len(windows)),
            "start": _stamps(np.tile(starts, len(some))),
            "end": _stamps(np.tile(ends, len(some))),
        }
        parts.append(pa.table({**told, **_columns(figures)}))
    return pa.concat_tables(parts) if parts else _WINDOWS.empty_table()


def read_executed(
    connection: Connection, context: Context, rows: Mapping[int, Sequence[Reached]], *, wanted: Wanted
) -> pa.Table:
    """Give a row a tag and executed interval that reaches it, of those in `rows` (by equipment).

    Columns: batch, unit_procedure, operation, phase, level, name, occurrence, is_derived, is_open, tag,
    property, unit, start, end, then the statistics. `start` and `end` are the first and last instant at which
    the interval reaches the tag; where it does not in between, nothing is counted.
    """
    by_place: dict[int, list[TagKind]] = {}
    for kind in context.kinds.values():
        place = kind.equipment_id
        if place is not None and rows.get(place):
            by_place.setdefault(place, []).append(kind)
    parts: list[pa.Table] = []
    for place, kinds in sorted(by_place.items()):
        listed = sorted(kinds, key=lambda kind: (kind.code, kind.tag_id))
        asked = [
            (reached, *_spans_of(context, reached, without_holds=wanted.without_holds))
            for reached in _by_batch(rows[place]).values()
        ]
        asked = [(reached, spans, times) for reached, spans, times in asked if times]
        for some, fits in _together(connection, listed, [times for _, _, times in asked]):
            span = _extent(span for _, _, times in asked[some] for span in times)
            several = fits and len(asked[some]) > 1
            read = read_at_once(connection, [kind.tag_id for kind in listed], span) if several else None
            for reached, spans, times in asked[some]:
                described = _describe(context, reached)
                parts += [
                    _figures(connection, one, described, spans=spans, times=times, wanted=wanted, read=read)
                    for one in ([listed] if fits else _cut(connection, listed, times))
                ]
    return pa.concat_tables(parts) if parts else _EXECUTED.empty_table()


def _figures(
    connection: Connection,
    kinds: Sequence[TagKind],
    described: Mapping[str, Any],
    *,
    spans: Spans,
    times: Sequence[Span],
    wanted: Wanted,
    read: Read | None,
) -> pa.Table:
    """Give a row a tag and interval: what is told of the interval, of the tag, then the statistics."""
    figures = _compute(connection, kinds, spans, times=times, wanted=wanted, read=read)
    rows = arrow.array(np.tile(np.arange(spans.count), len(kinds)))
    columns = {name: column.take(rows) for name, column in described.items()}
    for name, source in (("tag", "code"), ("property", "property"), ("unit", "unit")):
        columns[name] = _owned([getattr(kind, source) for kind in kinds], spans.count)
    columns |= _columns(figures)
    return pa.table({name: columns[name] for name in (*_EXECUTED.names, *figures)})


def _compute(
    connection: Connection,
    kinds: Sequence[TagKind],
    spans: Spans,
    *,
    times: Sequence[Span],
    wanted: Wanted,
    read: Read | None = None,
) -> dict[str, Column]:
    """Give each statistic as a number a tag and group, the groups of the first tag first."""
    found = {name: np.empty((len(kinds), spans.count)) for name in wanted.statistics}
    for numbers, course in load_together(connection, kinds, times, max_gap=wanted.max_gap, read=read):
        figures = compute(course, spans, wanted.statistics, state=_state_of(course, wanted.state))
        for name, column in figures.items():
            found[name][numbers] = column.reshape(len(numbers), spans.count)
    return {name: column.ravel() for name, column in found.items()}


_WINDOWS = pa.schema(
    [
        pa.field("tag", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("start", STAMP),
        pa.field("end", STAMP),
    ]
)
_EXECUTED = pa.schema(
    [
        pa.field("batch", pa.string()),
        pa.field("unit_procedure", pa.string()),
        pa.field("operation", pa.string()),
        pa.field("phase", pa.string()),
        pa.field("level", pa.string()),
        pa.field("name", pa.string()),
        pa.field("occurrence", pa.int64()),
        pa.field("is_derived", pa.bool_()),
        pa.field("is_open", pa.bool_()),
        pa.field("tag", pa.string()),
        pa.field("property", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("start", STAMP),
        pa.field("end", STAMP),
    ]
)


def _describe(context: Context, reached: Sequence[Reached]) -> dict[str, Any]:
    """Give the columns that say which interval a row is about."""
    executed = [one.executed for one in reached]
    levels = ("unit_procedure", "operation", "phase")
    return {
        "batch": pa.array([context.batches[one.batch].code for one in executed], pa.string()),
        **{level: pa.array([one.name_at(level) for one in executed], pa.string()) for level in levels},
        "level": pa.array([one.level for one in executed], pa.string()),
        "name": pa.array([one.name for one in executed], pa.string()),
        "occurrence": pa.array([one.occurrence for one in executed], pa.int64()),
        "is_derived": pa.array([one.is_derived for one in executed], pa.bool_()),
        "is_open": pa.array([one.is_open for one in executed], pa.bool_()),
        "start": pa.array([one.spans[0][0] for one in reached], STAMP),
        "end": pa.array([one.spans[-1][1] for one in reached], STAMP),
    }


def _spans_of(
    context: Context, reached: Sequence[Reached], *, without_holds: bool
) -> tuple[Spans, list[Span]]:
    """Give the spans of intervals, a group each, and the same spans as times."""
    times: list[Span] = []
    groups: list[int] = []
    for number, one in enumerate(reached):
        spans = cut_holds(context, one) if without_holds else one.spans
        times += spans
        groups += [number] * len(spans)
    starts, ends = _micros(times)
    return Spans(starts, ends, np.asarray(groups, dtype=np.int64), len(reached)), times


def _by_batch(reached: Iterable[Reached]) -> dict[int, list[Reached]]:
    found: dict[int, list[Reached]] = {}
    for one in reached:
        found.setdefault(one.executed.batch, []).append(one)
    return found


# ---------------------------------------------------------------------------------- instants and context
def read_grid(
    connection: Connection, kinds: Sequence[TagKind], instants: Column, *, method: Method = "auto"
) -> pa.Table:
    """Give `ts` and a column a tag (by code), each at the same instants (µs, sorted, at least one).

    Raises `ValueError` for a step tag that should be interpolated.
    """
    span = to_time(int(instants[0])), to_time(int(instants[-1]) + 1)
    found = pa.table({"ts": _stamps(instants)})
    for some in _portions(connection, kinds, [span]):
        courses = load_courses(connection, some, [span])
        aligned = align({kind.code: courses[kind.tag_id] for kind in some}, instants, method=method)
        for name in aligned.column_names[1:]:
            found = found.append_column(name, aligned[name])
    return found


def read_instant(
    connection: Connection, kinds: Sequence[TagKind], at: datetime, *, method: Method = "auto"
) -> list[dict[str, Any]]:
    """Give what each tag was at an instant. Raises `ValueError` as `read_grid`."""
    courses = load_courses(connection, kinds, [(at, at + timedelta(microseconds=1))])
    found = look_up({kind.code: courses[kind.tag_id] for kind in kinds}, to_micros(at), method=method)
    return [{**row, "unit": kind.unit} for row, kind in zip(found, kinds, strict=True)]


def read_in_context(
    connection: Connection, context: Context, kinds: Sequence[TagKind], *, span: Span
) -> Iterator[pa.Table]:
    """Give samples with what they belong to, a table a tag: a row a sample and innermost run.

    A sample that belongs to nothing has one row without a batch; one that two batches share has two.
    """
    for some in _portions(connection, kinds, [span]):
        tables = split(read_samples(connection, [kind.tag_id for kind in some], *span))
        for kind in some:
            if kind.tag_id in tables:
                yield _in_context(context, kind, tables[kind.tag_id])


def _in_context(context: Context, kind: TagKind, samples: pa.Table) -> pa.Table:
    reached = find_innermost(context.of(kind))
    times: Any = samples["ts"].cast(pa.int64()).to_numpy()
    rows: list[Column] = []
    owners: list[Column] = []
    for number, one in enumerate(reached):
        for start, end in one.spans:
            edges: Any = np.searchsorted(times, [to_micros(start), to_micros(end)])
            first, after = int(edges[0]), int(edges[1])
            rows.append(np.arange(first, after))
            owners.append(np.full(after - first, number))
    taken = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    alone = np.setdiff1d(np.arange(len(times)), taken)
    row = np.concatenate((taken, alone))
    owner = np.concatenate((*owners, np.full(len(alone), -1))).astype(np.int64)
    order = np.lexsort((owner, row))
    indices: Any = pa.array(row[order])
    whose: Any = pa.array(owner[order], pa.int64(), mask=owner[order] < 0)
    described = pa.table(_describe(context, reached))
    names = ("batch", "unit_procedure", "operation", "phase", "is_derived")
    chosen = samples.take(indices)
    columns: dict[str, Any] = {
        "tag": _constant(kind.code, len(row)),
        **{name: chosen[name] for name in ("ts", "value", "text", "quality")},
        **{name: described[name].take(whose) for name in names},
    }
    return pa.table(columns)


# --------------------------------------------------------------------------------------------- columns
def _state_of(course: Course, state: float | str | None) -> float | str | None:
    """Give a state as the tag says it: a number where it has no texts."""
    if isinstance(state, str) and course.texts is None:
        try:
            return float(state)
        except ValueError:
            return state
    return state


def _columns(figures: Mapping[str, Column]) -> dict[str, Any]:
    return {name: pa.array(column, pa.float64(), mask=np.isnan(column)) for name, column in figures.items()}


def _constant(value: str | None, count: int) -> Any:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def _owned(values: Sequence[str | None], count: int) -> Any:
    """Give each value so many times, one after another."""
    return pa.array(values, pa.string()).take(arrow.array(np.repeat(np.arange(len(values)), count)))


def _stamps(micros: Column) -> Any:
    return pa.array(micros, pa.int64()).cast(STAMP)


def _micros(spans: Sequence[Span]) -> tuple[Column, Column]:
    """Give starts and ends; the empty list of spans gives empty columns of integers."""
    starts = np.asarray([to_micros(start) for start, _ in spans], dtype=np.int64)
    return starts, np.asarray([to_micros(end) for _, end in spans], dtype=np.int64)


def _portions(
    connection: Connection, kinds: Sequence[TagKind], spans: Sequence[Span]
) -> Iterable[Sequence[TagKind]]:
    """Cut tags into portions whose samples fit in memory together."""
    [(_, fits)] = _together(connection, kinds, [spans])
    return [kinds] if fits else _cut(connection, kinds, spans)


def _together(
    connection: Connection, kinds: Sequence[TagKind], asked: Sequence[Sequence[Span]], *, first: int = 0
) -> list[tuple[slice, bool]]:
    """Give which of these lie close to each other and fit in memory with all tags' samples, as many as do.

    Close: between them no longer than three times what they take. One that alone does not fit is told of
    with `False`.
    """
    if not asked:
        return []
    each = [_extent(some) for some in asked]
    start, end = _extent(each)
    every = [kind.tag_id for kind in kinds]
    are_close = sum((after - first for first, after in each), timedelta()) >= (end - start) / 4
    first_read, after = (start, end) if len(asked) == 1 else around((start, end))
    count = count_at_most(connection, every, start=first_read, end=after, roughly=True) if are_close else 0
    fits = are_close and count <= _AT_ONCE
    if fits or len(asked) == 1:
        return [(slice(first, first + len(asked)), fits)]
    half = len(asked) // 2
    return [
        *_together(connection, kinds, asked[:half], first=first),
        *_together(connection, kinds, asked[half:], first=first + half),
    ]


def _extent(spans: Iterable[Span]) -> Span:
    """Give the time from the first start to the last end."""
    starts, ends = zip(*spans, strict=True)
    return min(starts), max(ends)


def _cut(
    connection: Connection, kinds: Sequence[TagKind], spans: Sequence[Span]
) -> Iterator[Sequence[TagKind]]:
    start, end = _extent(spans)
    portion: list[TagKind] = []
    held = 0
    for kind in kinds:
        count = count_at_most(connection, [kind.tag_id], start=start, end=end)
        if portion and held + count > _AT_ONCE:
            yield portion
            portion, held = [], 0
        portion.append(kind)
        held += count
    if portion:
        yield portion
