"""How a tag went, in few points: from its samples, or from its hours where there are very many samples.

An answer follows from what is asked and what is known, never from where it lies: the same hours come out of
the roll-up and out of samples, so that a past answer can be given again long after runs were put together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from hub.store.answers.pieces import read_pieces
from hub.store.answers.thinning import Marks, Sieve, Thinner, choose_extremes, find_plain, fit
from hub.store.coverage import Span, join_spans
from hub.store.database import Connection
from hub.store.lake.frames import STORED_SCHEMA
from hub.store.lake.hours import read_hours
from hub.store.lake.periods import from_micros, to_micros
from hub.store.lake.rollup import HOUR
from hub.store.lake.runs import Longs, keep, longs
from hub.store.samples import count_at_most

CALCULATED = 0x0401
"""The OPC UA status Good, Calculated: the value is a sample's, the time is that of the hour it lies in."""
BY_HOUR_ABOVE = 1_000_000
"""Of so many samples all are looked at; of more, hours."""
_STAMP = pa.timestamp("us", tz="UTC")
_HOUR = timedelta(microseconds=HOUR)
_FIGURES = ("count", "good", "min", "max")


@dataclass(frozen=True)
class Trend:
    """At most as many rows of a tag as there should be points, sorted by time (`STORED_SCHEMA`).

    `is_by_hour` says that good numbers are the least and the greatest of each hour that lies in the window as
    a whole, at the start of that hour and with the status `CALCULATED`.
    """

    samples: pa.Table
    is_by_hour: bool


@dataclass(frozen=True)
class _Hours:
    """What the roll-up tells of a window: hours with their extremes, and times to be read as samples."""

    told: pa.Table
    count: int
    spans: list[Span]


def read_trend(connection: Connection, tag_id: int, window: Span, *, points: int) -> Trend:
    """Thin a tag to so many points. Takes memory for a few pieces, whatever the number of samples.

    Goes by hours when the window has as many hours as points, and more than `BY_HOUR_ABOVE` samples.
    """
    if _may_go_by_hour(window, points):
        hours = _read_by_hour(connection, tag_id, window, points=points)
        if hours is not None:
            return Trend(hours, is_by_hour=True)
    thinner = Thinner(points)
    for piece in read_pieces(connection, tag_id, window):
        thinner.add(piece)
    return Trend(thinner.take(), is_by_hour=False)


def count_examined(connection: Connection, tag_id: int, window: Span, *, points: int) -> int:
    """Give an upper bound of the samples that `read_trend` reads one by one."""
    spans = _look_up(connection, tag_id, window).spans if _may_go_by_hour(window, points) else [window]
    return sum(count_at_most(connection, [tag_id], start=one, end=other) for one, other in spans)


def _may_go_by_hour(window: Span, points: int) -> bool:
    return (window[1] - window[0]) // _HOUR >= points


def _look_up(connection: Connection, tag_id: int, window: Span) -> _Hours:
    """Ask the roll-up. What it cannot tell by hours (also those with what is no good number) is left."""
    hours, left = read_hours(connection, [tag_id], *window, columns=_FIGURES)
    count = longs(hours, "count")
    least, most = (hours[name].to_numpy() for name in ("min", "max"))
    calm = (count == longs(hours, "good")) & np.isfinite(least) & np.isfinite(most)
    others = [from_micros(at) for at in longs(hours, "hour")[~calm].tolist()]
    return _Hours(
        told=keep(hours, calm),
        count=int(count[calm].sum()),
        spans=join_spans([*left, *((at, at + _HOUR) for at in others)]),
    )


def _read_by_hour(connection: Connection, tag_id: int, window: Span, *, points: int) -> pa.Table | None:
    """Thin by hours; None when there are so few samples that all can be looked at."""
    hours = _look_up(connection, tag_id, window)
    first, last = -(-to_micros(window[0]) // HOUR) * HOUR, to_micros(window[1]) // HOUR * HOUR
    marks, cut, whole = Marks(), Sieve(choose_extremes), Sieve(choose_extremes, width=HOUR, most=None)
    count = hours.count
    for piece in _read_left(connection, tag_id, hours, marks=marks):
        count += piece.num_rows
        plain = find_plain(piece)
        marks.add(piece, plain)
        stamps = longs(piece, "ts")
        inside = (stamps >= first) & (stamps < last)
        whole.add(keep(piece, plain & inside))
        cut.add(keep(piece, plain & ~inside))
    if count <= BY_HOUR_ABOVE:
        return None
    extremes = _at_hours(tag_id, hours.told, whole.take())
    edges = cut.take().select(STORED_SCHEMA.names)
    stamps = longs(edges, "ts")
    numbers = [keep(edges, stamps < first), extremes, keep(edges, stamps >= last)]
    return fit(pa.concat_tables(numbers).combine_chunks(), marks.take(), points)


def _read_left(connection: Connection, tag_id: int, hours: _Hours, *, marks: Marks) -> Iterator[pa.Table]:
    """Give the samples that the roll-up does not tell; between two of its hours no run of marks goes on."""
    told = longs(hours.told, "hour")
    before: datetime | None = None
    for start, end in hours.spans:
        if before is not None:
            one, other = np.searchsorted(told, [to_micros(before), to_micros(start)])
            if one < other:
                marks.end()
        yield from read_pieces(connection, tag_id, (start, end))
        before = end


def _at_hours(tag_id: int, told: pa.Table, read: pa.Table) -> pa.Table:
    """Give a row for the least and one for the greatest number of each hour, one where they are the same."""
    hours, found = longs(read, "ts") // HOUR * HOUR, read["value"].to_numpy()
    sorted_read = np.lexsort((found, hours))
    at: Longs = np.concatenate([*[longs(told, "hour")] * 2, hours[sorted_read]])
    value = np.concatenate([told["min"].to_numpy(), told["max"].to_numpy(), found[sorted_read]])
    order = np.argsort(at, kind="stable")  # no hour is both told and read: the least comes first in each
    at, value = at[order], value[order]
    fresh = np.concatenate(([True], (at[1:] != at[:-1]) | (value[1:] != value[:-1])))[: len(at)]
    at, value = at[fresh], value[fresh]
    columns: dict[str, Any] = {
        "tag_id": np.full(len(at), tag_id),
        "ts": pa.array(at).cast(_STAMP),
        "value": value,
        "text": pa.nulls(len(at), pa.string()),
        "quality": np.full(len(at), CALCULATED, np.uint32),
    }
    return pa.table(columns, schema=STORED_SCHEMA)
