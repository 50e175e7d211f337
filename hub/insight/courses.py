"""Courses of tags out of the store: the samples of a span, and for each tag what bounds it on both sides."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from hub.insight.course import Column, Course, join_course, make_course
from hub.store.answers.tag_kinds import TagKind
from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.samples import STORED_SCHEMA, nearest_samples, read_samples

Read = Callable[[Iterable[int], datetime, datetime], pa.Table]
"""Gives the samples of tags from one instant until before another, as `read_samples` does."""
REACHES = (timedelta(minutes=10), timedelta(days=1), timedelta(days=31))
"""How far samples around a span are read, the next only for tags that had none so far; beyond the last one
the nearest sample alone is looked for."""
_TOGETHER = 100000
"""So many samples are worked on in one go: there are some twenty columns of intermediate figures then."""
_NEAR = timedelta(hours=6)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class _Source:
    """Where samples come from; `read` may know some of them already."""

    connection: Connection
    read: Read


def load_courses(
    connection: Connection,
    kinds: Iterable[TagKind],
    spans: Sequence[Span],
    *,
    max_gap: timedelta | None = None,
    for_gaps: bool = False,
) -> dict[int, Course]:
    """Give the course of each tag over these spans, by key; between them only what is near is there.

    It also holds the sample before each span and the one after it, however far off. After a span a step tag's
    is there only where a longest gap is asked for, here or later (`for_gaps`): nothing else depends on it.
    """
    wanted = {kind.tag_id: kind for kind in kinds}
    until_next = _until_next(wanted.values(), for_gaps=for_gaps or max_gap is not None)
    source = _Source(connection, partial(read_samples, connection))
    samples, parts = _load(wanted, spans, until_next, source=source)
    gap = _as_micros(max_gap)
    return {
        tag_id: make_course(_slice(samples, parts[tag_id]), is_step=kind.is_step, max_gap=gap)
        for tag_id, kind in wanted.items()
    }


def load_together(
    connection: Connection,
    kinds: Sequence[TagKind],
    spans: Sequence[Span],
    *,
    max_gap: timedelta | None = None,
    read: Read | None = None,
) -> Iterator[tuple[list[int], Course]]:
    """Give the same as few courses, each with the numbers in `kinds` of the tags that it holds, in order.

    Tags without texts share a course until it has `_TOGETHER` samples; a tag with texts has its own. `read`
    gives samples where a time has been read already (`read_at_once`).
    """
    until_next = _until_next(kinds, for_gaps=max_gap is not None)
    source = _Source(connection, read or partial(read_samples, connection))
    samples, found = _load({kind.tag_id for kind in kinds}, spans, until_next, source=source)
    parts = [found[kind.tag_id] for kind in kinds]
    has_text = np.zeros(samples.num_rows + 1, np.int64)
    if samples["text"].null_count < samples.num_rows:
        np.cumsum(samples["text"].is_valid().to_numpy(), out=has_text[1:])
    speaks = [bool(has_text[part.stop] > has_text[part.start]) for part in parts]
    for numbers in _gather(parts, speaks):
        whole = slice(parts[numbers[0]].start, parts[numbers[-1]].stop)
        table = _slice(samples, whole)
        if not speaks[numbers[0]]:
            table = table.select(["ts", "value", "quality"])
        course = join_course(
            table,
            [slice(parts[n].start - whole.start, parts[n].stop - whole.start) for n in numbers],
            steps=[kinds[n].is_step for n in numbers],
            max_gap=_as_micros(max_gap),
        )
        yield numbers, course


def _gather(parts: Sequence[slice], alone: Sequence[bool]) -> Iterator[list[int]]:
    """Give the numbers of parts that go together, in the order of their rows."""
    some: list[int] = []
    for number in sorted(range(len(parts)), key=lambda number: (parts[number].start, parts[number].stop)):
        if alone[number]:
            yield [number]
            continue
        if some and parts[number].stop - parts[some[0]].start > _TOGETHER:
            yield some
            some = []
        some.append(number)
    if some:
        yield some


def _slice(samples: pa.Table, part: slice) -> pa.Table:
    return samples.slice(part.start, part.stop - part.start)


def _as_micros(gap: timedelta | None) -> int | None:
    return None if gap is None else gap // timedelta(microseconds=1)


def _until_next(kinds: Iterable[TagKind], *, for_gaps: bool) -> set[int]:
    """Give the tags whose next sample tells how they go until the end of a span."""
    return {kind.tag_id for kind in kinds if for_gaps or not kind.is_step}


def _load(
    tag_ids: Collection[int],
    spans: Iterable[Span],
    until_next: AbstractSet[int],
    *,
    source: _Source,
) -> tuple[pa.Table, dict[int, slice]]:
    """Give the samples of all tags, and which rows are those of each; rows between may be nobody's."""
    tables = [STORED_SCHEMA.empty_table()]
    found: dict[int, list[slice]] = {tag_id: [] for tag_id in tag_ids}
    held = 0
    for start, end in _near_together(spans):
        near = source.read(tag_ids, _less(start, REACHES[0]), _more(end, REACHES[0]))
        for table, parts in _bounded(near, tag_ids, (start, end), until_next, source=source):
            for tag_id, part in parts.items():
                found[tag_id].append(slice(held + part.start, held + part.stop))
            tables.append(table)
            held += table.num_rows
    table = pa.concat_tables(tables)
    if all(len(some) == 1 for some in found.values()):
        return table, {tag_id: some[0] for tag_id, some in found.items()}
    return _join(table, found)


def _join(table: pa.Table, found: Mapping[int, Sequence[slice]]) -> tuple[pa.Table, dict[int, slice]]:
    """Put together what was found of each tag, each sample once: what bounds one span may lie in another."""
    times: Any = table["ts"].cast(pa.int64()).to_numpy()
    rows: list[Column] = [np.zeros(0, np.int64)]
    parts: dict[int, slice] = {}
    held = 0
    for tag_id, some in found.items():
        pieces: list[Column] = [np.arange(part.start, part.stop) for part in some]
        mine = np.concatenate([rows[0], *pieces])
        if (np.diff(times[mine]) <= 0).any():
            mine = mine[np.unique(times[mine], return_index=True)[1]]
        rows.append(mine)
        parts[tag_id] = slice(held, held + len(mine))
        held += len(mine)
    return table.take(_indices(np.concatenate(rows))), parts


def _indices(rows: Column) -> Any:
    return pa.array(rows, pa.int64())


def _near_together(spans: Iterable[Span]) -> list[Span]:
    """Join spans between which it is quicker to read on than to begin again."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= _NEAR:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _bounded(  # noqa: PLR0917 - as load_courses
    near: pa.Table,
    tag_ids: Collection[int],
    span: Span,
    until_next: AbstractSet[int],
    *,
    source: _Source,
) -> Iterator[tuple[pa.Table, dict[int, slice]]]:
    """Give tables and the rows of each tag that count there; those of a tag follow each other in time.

    `near` is what is near the span; what bounds it farther off is looked for.
    """
    start, end = span
    edges = [to_micros(start), to_micros(end)]
    times: Any = near["ts"].cast(pa.int64()).to_numpy()
    parts = _parts(near)
    kept: dict[int, slice] = {}
    early, late = set[int](), set[int]()
    for tag_id in tag_ids:
        part = parts.get(tag_id, slice(0, 0))
        begin, stop = part.start, part.stop
        one, other = (begin + times[begin:stop].searchsorted(edges)).tolist()
        starts_inside = one < stop and times[one] == edges[0]
        if one == begin and not starts_inside:
            early.add(tag_id)
        if other == stop and tag_id in until_next:
            late.add(tag_id)
        first = max(one - (0 if starts_inside else 1), begin)
        kept[tag_id] = slice(first, min(other + (tag_id in until_next), stop))
    yield from _find(early, start, source=source, ahead=False)
    yield near, kept
    yield from _find(late, end, source=source, ahead=True)


def _find(
    tag_ids: set[int], at: datetime, *, source: _Source, ahead: bool
) -> Iterator[tuple[pa.Table, dict[int, slice]]]:
    """Give each tag's last sample before an instant, or the first one from it on, beyond the first reach."""
    reached, missing = REACHES[0], tag_ids
    for reach in REACHES[1:]:
        if not missing:
            return
        span = (_more(at, reached), _more(at, reach)) if ahead else (_less(at, reached), _less(at, reach))
        found = source.read(missing, *sorted(span))
        parts = _parts(found)
        edges = [part.start if ahead else part.stop - 1 for part in parts.values()]
        if edges:
            alone = found.take(_indices(np.asarray(edges)))
            yield alone, {tag_id: slice(row, row + 1) for row, tag_id in enumerate(parts)}
        reached, missing = reach, missing - parts.keys()
    if missing:
        edge = _more(at, reached) if ahead else _less(at, reached)
        alone = nearest_samples(source.connection, missing, edge, ahead=ahead)
        yield alone, _parts(alone)


def around(span: Span) -> Span:
    """Give a span with a day around it, in which nearly all that bounds what lies in it is found."""
    return _less(span[0], REACHES[1]), _more(span[1], REACHES[1])


def read_at_once(connection: Connection, tag_ids: Collection[int], span: Span) -> Read:
    """Read a span with a day around it; give what gives parts of it, and asks the store for what is beyond.

    Batches that follow each other on a unit lie in the same row groups of the cold runs, and each of those
    would be read again for each batch.
    """
    held = around(span)
    table = read_samples(connection, tag_ids, *held)
    times: Any = table["ts"].cast(pa.int64()).to_numpy()
    parts = _parts(table)

    def read(tag_ids: Iterable[int], start: datetime, end: datetime) -> pa.Table:
        if start < held[0] or end > held[1]:
            return read_samples(connection, tag_ids, start, end)
        edges = [to_micros(start), to_micros(end)]
        rows: list[Column] = [np.zeros(0, np.int64)]
        for tag_id in sorted(tag_ids):
            part = parts.get(tag_id, slice(0, 0))
            found: Sequence[int] = (part.start + times[part].searchsorted(edges)).tolist()
            rows.append(np.arange(found[0], found[1]))
        return table.take(_indices(np.concatenate(rows)))

    return read


def split(samples: pa.Table) -> dict[int, pa.Table]:
    """Cut samples sorted by tag and time into one table a tag, by key; nothing is copied."""
    return {tag_id: _slice(samples, part) for tag_id, part in _parts(samples).items()}


def _parts(samples: pa.Table) -> dict[int, slice]:
    """Give the rows of each tag in samples sorted by tag."""
    ids: Any = samples["tag_id"].to_numpy()
    if not len(ids):
        return {}
    edges: Sequence[int] = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
    return {int(ids[first]): slice(first, after) for first, after in pairwise(edges)}


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
