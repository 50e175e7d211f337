"""The roll-up as readers get it: whole hours out of runs that nothing has been added to since."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from hub.store.coverage import Span, join_spans
from hub.store.lake.cellar import cellar_of
from hub.store.lake.periods import bounds, from_micros, to_micros
from hub.store.lake.reading import read_run
from hub.store.lake.rollup import HOUR
from hub.store.lake.runs import merge
from hub.store.lake.table import SCHEMAS
from hub.store.lake.view import View
from hub.store.past.reading import then_of

FIGURES = ("count", "good", "mean", "std", "min", "max", "first", "last")


def read_hours(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection,
    tag_ids: Iterable[int],
    start: datetime,
    end: datetime,
    *,
    columns: Sequence[str] = FIGURES,
) -> tuple[pa.Table, list[Span]]:
    """Give the roll-up by hours of these tags, and the times that it does not answer for.

    Columns: tag_id, hour, and those asked for; sorted by tag and hour. Each is decoded. Only hours
    that lie in the window as a whole are among them. The times left are to be read as samples: the ends of
    the window, periods that are not compacted, and those with frames or erasures. In the past, all.
    """
    first, last = -(-to_micros(start) // HOUR) * HOUR, to_micros(end) // HOUR * HOUR
    names = ["tag_id", "hour", *columns]
    empty = SCHEMAS["hourly"].empty_table().select(names)
    if then_of(connection) is not None or first >= last:
        return empty, [(start, end)]
    tags = np.unique(np.fromiter(tag_ids, np.int64))
    view = View(connection, start, end)
    parts: list[pa.Table] = []
    answered: list[tuple[int, int]] = []
    for period, run in view.rolled_up((first, last)):
        inside = max(first, bounds(period)[0]), min(last, bounds(period)[1])
        answered.append(inside)
        place = cellar_of(connection).lake.place
        part = read_run(place, "hourly", run, tags=tags, spans=[inside], columns=names)
        if part is not None:
            parts.append(part)
    table = merge([_as_run(part) for part in parts]) if parts else empty
    return _as_hours(table), _left(answered, (to_micros(start), to_micros(end)))


def _as_run(part: pa.Table) -> pa.Table:
    return part.rename_columns(["tag_id", "ts", *part.column_names[2:]])


def _as_hours(table: pa.Table) -> pa.Table:
    return table.rename_columns(["tag_id", "hour", *table.column_names[2:]])


def _left(answered: list[tuple[int, int]], window: tuple[int, int]) -> list[Span]:
    """Give the parts of a window that were not answered for."""
    left: list[Span] = []
    at = window[0]
    for start, end in join_spans((from_micros(a), from_micros(b)) for a, b in answered):
        if to_micros(start) > at:
            left.append((from_micros(at), start))
        at = to_micros(end)
    if at < window[1]:
        left.append((from_micros(at), from_micros(window[1])))
    return left
