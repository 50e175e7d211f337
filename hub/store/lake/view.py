"""A view of samples at one reading: hot frames and cold runs as one; never twice, never missing, no lock.

Frames are looked up first and what is folded after them; frames that were folded in between are then left
out. So it does not matter when a fold or a compaction becomes true.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, bindparam, func, select

from hub.model import format_instant
from hub.store.lake.cellar import Cellar, cellar_of
from hub.store.lake.frames import FIELDS, as_run
from hub.store.lake.periods import bounds, month_of, split, to_micros
from hub.store.lake.place import TableName
from hub.store.lake.reading import count_run, read_run
from hub.store.lake.runs import Longs, Mask, Run, cut, keep, longs, merge, newest
from hub.store.lake.state import LakeState, read_lake
from hub.store.lake.table import Snapshot, overlapping
from hub.store.lake.whereabouts import telling_where
from hub.store.past.compiler import NotKept
from hub.store.past.reading import then_of
from hub.store.sets import chunks
from hub.store.tables import sample_erasure, sample_hot, sample_put
from hub.store.tables.parts import UtcDateTime

Cut = tuple[int, int]
"""A half-open time in microseconds since 1970."""
_SETTLED = timedelta(days=1)
"""No writing transaction lasts so long: what was put before is known, whatever the order of commits was."""
_BASE = ("tag_id", "ts")
_START, _END = bindparam("start", type_=UtcDateTime), bindparam("end", type_=UtcDateTime)
# Every reading asks these two. A statement that is made anew each time costs more than its answer.
_HOT = (
    select(sample_hot.c.put_id, sample_hot.c.files)
    .where(sample_hot.c.last_at >= _START, sample_hot.c.first_at < _END)
    .order_by(sample_hot.c.put_id)
)
_ERASURES = select(
    sample_erasure.c.tag_id, sample_erasure.c.start_at, sample_erasure.c.end_at, sample_erasure.c.put_id
).where(sample_erasure.c.start_at < _END, sample_erasure.c.end_at > _START)


@dataclass(frozen=True)
class Hot:
    """A put that is not folded: its samples, or the runs that were staged for it."""

    put_id: int
    table: pa.Table | None
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True)
class Erasure:
    """Samples of a tag (of all when None) in a time that came by a put or before it."""

    tag_id: int | None
    start: int
    end: int
    put_id: int


class View:
    """Samples of one connection's reading, for a time that `start` and `end` bound."""

    def __init__(self, connection: Connection, start: datetime, end: datetime) -> None:
        self._connection = connection
        self._then = then_of(connection)
        self._cellar: Cellar = cellar_of(connection)
        self._puts: dict[int, bool] = {}
        hot = list(_hot(connection, self._cellar, start, end))
        state = read_lake(connection)
        self._hot = [one for one in hot if one.put_id > state.watermark]
        self._live = self._snapshot("live", state.live)
        self._superseded = self._snapshot("superseded", state.superseded)
        self._hourly_version = state.hourly
        self._erasures = list_erasures(connection, start, end)
        self._refuse_what_is_gone(state, start)
        self._safe = self._safe_put() if self._then is not None else None

    def pieces(
        self, tags: Longs, cuts: Sequence[Cut], *, columns: Sequence[str] = (), backwards: bool = False
    ) -> Iterator[pa.Table]:
        """Give the samples piece by piece: whole months or days, in the order of time.

        Each piece is sorted by tag and time, with one row for each; columns: tag_id, ts and those asked for.
        """
        wanted = [*_BASE, *columns]
        for bucket in self._buckets(cuts, backwards=backwards):
            inside = [
                (max(a, bucket[0]), min(b, bucket[1])) for a, b in cuts if a < bucket[1] and b > bucket[0]
            ]
            found = self._candidates(tags, inside, columns=columns)
            if found is not None:
                yield newest(found).select(wanted)

    def candidates(
        self, tags: Longs, cuts: Sequence[Cut], *, columns: Sequence[str] = ()
    ) -> Iterator[pa.Table]:
        """Give every write that was known of these tags and times, also those that were superseded.

        Columns as for `pieces`, and `put`. What was erased is not among them.
        """
        for bucket in self._buckets(cuts, backwards=False):
            inside = [
                (max(a, bucket[0]), min(b, bucket[1])) for a, b in cuts if a < bucket[1] and b > bucket[0]
            ]
            found = self._candidates(tags, inside, columns=columns, whole=True)
            if found is not None:
                yield _once(found)

    def count(self, tags: Longs, span: Cut, *, roughly: bool = False) -> int:
        """Give an upper bound of the samples in a time: what came twice may count twice.

        `roughly` is quicker and counts whole row groups.
        """
        runs = overlapping([*self._live.runs, *(run for hot in self._hot for run in hot.runs)], *span)
        frames = [hot.table for hot in self._hot if hot.table is not None]
        count = sum(cut(table, tags, [span]).num_rows for table in frames)
        for run in runs:
            count += count_run(self._cellar.lake.place, run, tags=tags, span=span, roughly=roughly)
        return count

    def rolled_up(self, span: Cut) -> Iterator[tuple[str, Run]]:
        """Give the periods that touch a time and are one run with a roll-up, and that roll-up."""
        hourly = {run.path: run for run in self._snapshot("hourly", self._hourly_version).runs}
        for period, runs in sorted(self._live.by_period.items()):
            start, end = bounds(period)
            # Beside the run of a whole month there may be none of its days.
            lengths = {len(run.period) for run in self._live.by_month[month_of(period)]}
            is_alone = len(runs) == 1 and len(lengths) == 1
            if start >= span[1] or end <= span[0] or not is_alone or self._is_touched(start, end):
                continue
            found = hourly.get(runs[0].path)
            if found is not None:
                yield period, found

    def _is_touched(self, start: int, end: int) -> bool:
        """Tell whether frames or erasures reach into a time."""
        if any(e.start < end and e.end > start for e in self._erasures):
            return True
        for hot in self._hot:
            if overlapping(hot.runs, start, end):
                return True
            if hot.table is not None:
                stamps = longs(hot.table, "ts")
                if bool(((stamps >= start) & (stamps < end)).any()):
                    return True
        return False

    def _refuse_what_is_gone(self, state: LakeState, start: datetime) -> None:
        """Raise `NotKept` for a past that had samples which have been let go since."""
        if self._then is None or state.retained_from is None or state.retained_at is None:
            return
        if self._then < state.retained_at and start < state.retained_from:
            raise NotKept(f"samples before {format_instant(state.retained_from)}")

    def _snapshot(self, table: TableName, version: int) -> Snapshot:
        if version < 0:
            return Snapshot(-1, ())
        with telling_where(self._connection):
            return self._cellar.lake.snapshot(table, version)

    def _candidates(
        self, tags: Longs, cuts: Sequence[Cut], *, columns: Sequence[str], whole: bool = False
    ) -> pa.Table | None:
        """Give what is known of these tags and times, sorted by tag, time and put."""
        start, end = min(a for a, _ in cuts), max(b for _, b in cuts)
        live = overlapping(self._live.runs, start, end)
        staged = [run for hot in self._hot for run in overlapping(hot.runs, start, end)]
        old = overlapping(self._superseded.runs, start, end) if whole or self._then is not None else []
        frames = [hot for hot in self._hot if hot.table is not None]
        erased = [e for e in self._erasures if e.start < end and e.end > start]
        # Rows of one sorted run need no put to tell which came last.
        needs_put = whole or self._then is not None or bool(erased)
        needs_put = needs_put or len(live) + len(staged) + len(frames) > 1
        names = [*_BASE, *columns, *(["put"] if needs_put else [])]
        parts: list[pa.Table | None] = []
        sources: list[tuple[TableName, list[Run]]] = [
            ("live", live),
            ("live", staged),
            ("superseded", old),
        ]
        for table, runs in sources:
            parts += [
                read_run(self._cellar.lake.place, table, run, tags=tags, spans=cuts, columns=names)
                for run in runs
            ]
        parts += [_cut_frame(hot, tags, cuts, names=names) for hot in frames]
        found = [_plain(part) for part in parts if part is not None and part.num_rows]
        if self._then is not None:
            found = [self._keep_known(part) for part in found]
        found = [part for part in (_unerased(part, erased) for part in found) if part.num_rows]
        return merge(found) if found else None

    def _buckets(self, cuts: Sequence[Cut], *, backwards: bool) -> list[Cut]:
        """Give the months with samples in these times, days where a month is cut into days, in order."""
        if not cuts:
            return []
        start, end = min(a for a, _ in cuts), max(b for _, b in cuts)
        runs = [*self._live.runs, *self._superseded.runs, *(run for hot in self._hot for run in hot.runs)]
        periods = {run.period for run in overlapping(runs, start, end)}
        for hot in self._hot:
            if hot.table is not None:
                periods |= {name for name, _ in split(longs(hot.table, "ts"), daily=self._live.daily)}
        mixed = {month_of(p) for p in periods if len(p) == 7}
        whole = {month_of(p) if month_of(p) in mixed else p for p in periods}
        edges = sorted(bounds(period) for period in whole)
        found = [(a, b) for a, b in edges if any(a < other and b > one for one, other in cuts)]
        return found[::-1] if backwards else found

    def _keep_known(self, part: pa.Table) -> pa.Table:
        puts = longs(part, "put")
        doubtful = np.unique(puts[puts > self._safe]) if self._safe is not None else np.unique(puts)
        unasked = [int(p) for p in doubtful if int(p) not in self._puts]
        for some in chunks(unasked):
            known = set(self._connection.scalars(select(sample_put.c.id).where(sample_put.c.id.in_(some))))
            self._puts |= {put: put in known for put in some}
        unknown = np.array([p for p in doubtful.tolist() if not self._puts[p]], np.int64)
        return keep(part, ~np.isin(puts, unknown)) if len(unknown) else part

    def _safe_put(self) -> int | None:
        """Give a put up to which all are known at the instant that this reading shows."""
        if self._then is None or self._then.year < 2:
            return None
        before = select(func.max(sample_put.c.id)).where(sample_put.c.recorded_at < self._then - _SETTLED)
        return self._connection.scalar(before) or 0


def _hot(connection: Connection, cellar: Cellar, start: datetime, end: datetime) -> Iterator[Hot]:  # noqa: PLR0917 - a span is said from start to end
    c = sample_hot.c
    rows = connection.execute(_HOT, {"start": start, "end": end}).all()
    is_final = not connection.get_execution_options().get("writes")
    tables = {row.put_id: cellar.remembered(row.put_id) for row in rows if row.files is None and is_final}
    missing = [row.put_id for row in rows if row.files is None and tables.get(row.put_id) is None]
    for some in chunks(missing, 200):
        for put_id, frame in connection.execute(select(c.put_id, c.frame).where(c.put_id.in_(some))):
            tables[put_id] = cellar.decode(put_id, frame, remember=is_final)
    for row in rows:
        if row.files is not None:
            yield Hot(row.put_id, None, tuple(Run(**run) for run in row.files))
        elif tables.get(row.put_id) is not None:  # gone means folded since: the runs have it
            yield Hot(row.put_id, tables[row.put_id])


def list_erasures(connection: Connection, start: datetime, end: datetime) -> list[Erasure]:
    """Give the erasures that touch a time."""
    return [
        Erasure(row.tag_id, to_micros(row.start_at), to_micros(row.end_at), row.put_id)
        for row in connection.execute(_ERASURES, {"start": start, "end": end})
    ]


def _cut_frame(hot: Hot, tags: Longs, cuts: Sequence[Cut], *, names: Sequence[str]) -> pa.Table | None:
    assert hot.table is not None  # noqa: S101 - the caller chose
    found = cut(hot.table, tags, cuts)
    if not found.num_rows:
        return None
    return as_run(found, hot.put_id).select(list(names)) if "put" in names else found.select(list(names))


def _plain(part: pa.Table) -> pa.Table:
    """Give a part the types that all parts share; runs hold quality as wider numbers."""
    wanted = pa.schema([FIELDS[name] for name in part.column_names])
    return part if part.schema.equals(wanted) else part.cast(wanted)


def mask_erased(part: pa.Table, erasures: Sequence[Erasure]) -> Mask:
    """Tell which rows were erased."""
    tags, stamps, puts = longs(part, "tag_id"), longs(part, "ts"), longs(part, "put")
    gone = np.zeros(part.num_rows, np.bool_)
    for e in erasures:
        hit = (stamps >= e.start) & (stamps < e.end) & (puts <= e.put_id)
        gone |= hit if e.tag_id is None else hit & (tags == e.tag_id)
    return gone


def _unerased(part: pa.Table, erasures: Sequence[Erasure]) -> pa.Table:
    if not erasures:
        return part
    gone = mask_erased(part, erasures)
    return keep(part, ~gone) if gone.any() else part


def _once(table: pa.Table) -> pa.Table:
    """Leave out rows of the same tag, time and put: a compaction that was cut short has kept them twice."""
    if table.num_rows < 2:
        return table
    columns: list[Any] = [longs(table, name) for name in ("tag_id", "ts", "put")]
    same = np.logical_and.reduce([c[1:] == c[:-1] for c in columns])
    return keep(table, np.concatenate(([True], ~same))) if same.any() else table
