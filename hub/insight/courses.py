"""Courses of tags out of the store: the samples of a span, and for each tag what bounds it on both sides."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from hub.insight.course import Course, make_course
from hub.store.answers.tag_kinds import TagKind
from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.samples import STORED_SCHEMA, read_samples

REACHES = (timedelta(minutes=10), timedelta(days=1), timedelta(days=31))
"""How far samples around a span are looked for, the next only for tags that had none so far."""
_NEAR = timedelta(hours=6)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def load_courses(
    connection: Connection,
    kinds: Iterable[TagKind],
    spans: Sequence[Span],
    *,
    max_gap: timedelta | None = None,
) -> dict[int, Course]:
    """Give the course of each tag over these spans, by key; between them only what is near is there.

    It also holds the sample before each span and, for a tag that slopes, the one after it, when there is one
    within a month.
    """
    wanted = {kind.tag_id: kind for kind in kinds}
    parts: dict[int, list[pa.Table]] = {tag_id: [] for tag_id in wanted}
    for start, end in _near_together(spans):
        for tag_id, table in _bounded(connection, wanted, start, end).items():
            parts[tag_id].append(table)
    gap = None if max_gap is None else max_gap // timedelta(microseconds=1)
    return {
        tag_id: make_course(_join(some), is_step=wanted[tag_id].is_step, max_gap=gap)
        for tag_id, some in parts.items()
    }


def _near_together(spans: Iterable[Span]) -> list[Span]:
    """Join spans between which it is quicker to read on than to begin again."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= _NEAR:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _join(parts: Sequence[pa.Table]) -> pa.Table:
    """Give the samples of parts in order, each once: what bounds one part may lie inside another."""
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables(parts or [STORED_SCHEMA.empty_table()])
    times: Any = table["ts"].cast(pa.int64()).to_numpy()
    if (np.diff(times) > 0).all():
        return table
    rows: Any = pa.array(np.unique(times, return_index=True)[1])
    return table.take(rows)


def _bounded(  # noqa: PLR0917 - as load_courses
    connection: Connection, kinds: Mapping[int, TagKind], start: datetime, end: datetime
) -> dict[int, pa.Table]:
    near = REACHES[0]
    read = read_samples(connection, list(kinds), _less(start, near), _more(end, near))
    first, after = to_micros(start), to_micros(end)
    tables = split(read)
    parts: dict[int, list[pa.Table]] = {}
    early, late = set[int](), set[int]()
    for tag_id, kind in kinds.items():
        table = tables.get(tag_id, STORED_SCHEMA.empty_table())
        times: Any = table["ts"].cast(pa.int64()).to_numpy()
        one, other = np.searchsorted(times, [first, after])
        starts_inside = one < len(times) and times[one] == first
        if one == 0 and not starts_inside:
            early.add(tag_id)
        if other == len(times) and not kind.is_step:
            late.add(tag_id)
        kept = max(int(one) - (0 if starts_inside else 1), 0)
        parts[tag_id] = [table.slice(kept, int(other) + (0 if kind.is_step else 1) - kept)]
    for tag_id, row in _find(connection, early, start, ahead=False).items():
        parts[tag_id].insert(0, row)
    for tag_id, row in _find(connection, late, end, ahead=True).items():
        parts[tag_id].append(row)
    return {tag_id: pa.concat_tables(some) for tag_id, some in parts.items()}


def _find(connection: Connection, tag_ids: set[int], at: datetime, *, ahead: bool) -> dict[int, pa.Table]:
    """Give each tag's last sample before an instant, or the first one from it on, beyond the first reach."""
    found: dict[int, pa.Table] = {}
    reached = REACHES[0]
    for reach in REACHES[1:]:
        missing = sorted(tag_ids - found.keys())
        if not missing:
            break
        span = (_more(at, reached), _more(at, reach)) if ahead else (_less(at, reach), _less(at, reached))
        for tag_id, table in split(read_samples(connection, missing, *span)).items():
            found[tag_id] = table.slice(0 if ahead else table.num_rows - 1, 1)
        reached = reach
    return found


def split(samples: pa.Table) -> dict[int, pa.Table]:
    """Cut samples sorted by tag and time into one table a tag, by key; nothing is copied."""
    ids: Any = samples["tag_id"].to_numpy()
    if not len(ids):
        return {}
    edges: Sequence[int] = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)]
    return {int(ids[first]): samples.slice(first, after - first) for first, after in pairwise(edges)}


def _less(at: datetime, by: timedelta) -> datetime:
    return at - by if at - _FIRST > by else _FIRST


def _more(at: datetime, by: timedelta) -> datetime:
    return at + by if _LAST - at > by else _LAST


def to_micros(at: datetime) -> int:
    """Give an instant in microseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def to_time(micros: int) -> datetime:
    """Give an instant of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
