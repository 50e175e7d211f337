"""Compaction: the runs of a period become one sorted run with the newest writes; the others are kept apart.

Superseded and erased samples go into an append-only table first, so that a crash may keep a sample in both
tables, which readers of the past see through, and never in none. Beside each run lies its roll-up by hours
under the run's own name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hub.store.lake.periods import bounds, from_micros, month_of, split
from hub.store.lake.reading import read_run, read_whole
from hub.store.lake.rollup import roll_up
from hub.store.lake.runs import Run, keep, longs, merge, same_as_next, write_hourly, write_run
from hub.store.lake.state import LakeState
from hub.store.lake.table import Snapshot
from hub.store.lake.turn import Turn, settle
from hub.store.lake.view import Erasure, list_erasures, mask_erased

RUNS = 8
"""A period with so many runs is compacted when nobody asks for it."""
RUN_ROWS = 10_000_000
"""A month with more samples is cut into days, so that a run can be sorted in memory and read in part."""


@dataclass(frozen=True)
class Task:
    """Runs to make one of, or one for each day; or only a roll-up to write."""

    period: str
    runs: tuple[Run, ...]
    daily: bool
    reason: str

    @property
    def rows(self) -> int:
        """How many samples it reads."""
        return sum(run.rows for run in self.runs)


@dataclass(frozen=True)
class Compacted:
    """What a compaction did."""

    tasks: int = 0
    samples: int = 0
    superseded: int = 0


def plan(turn: Turn, *, runs: int = RUNS, run_rows: int = RUN_ROWS) -> list[Task]:
    """Tell what a compaction would do: periods with so many runs, too many samples, or erased ones.

    `runs` 2 makes one run of every period.
    """
    state = turn.read()
    live, hourly = turn.lake.snapshot("live", state.live), turn.lake.snapshot("hourly", state.hourly)
    erased = _open_erasures(turn, live)
    tasks: list[Task] = []
    for month, inside in sorted(live.by_month.items()):
        whole = [run for run in inside if run.period == month]
        rows = sum(run.rows for run in inside)
        if whole and (rows > run_rows or len(whole) < len(inside)):
            tasks.append(Task(month, tuple(inside), daily=True, reason=f"{rows:,} samples: cut into days"))
            continue
        for period in sorted({run.period for run in inside}):
            mine = tuple(run for run in inside if run.period == period)
            reason = _judge(period, mine, runs=runs, erased=erased, hourly=hourly)
            if reason:
                tasks.append(Task(period, mine, daily=len(period) > 7, reason=reason))
    return tasks


def _judge(
    period: str, mine: Sequence[Run], *, runs: int, erased: Sequence[Erasure], hourly: Snapshot
) -> str:
    start, end = bounds(period)
    if any(e.start < end and e.end > start for e in erased):
        return "erased samples"
    if len(mine) >= max(2, runs):
        return f"{len(mine)} runs"
    if len(mine) == 1 and mine[0].path not in hourly.names:
        return "no roll-up yet"
    return ""


def compact(turn: Turn, *, runs: int = RUNS, run_rows: int = RUN_ROWS) -> Compacted:
    """Do what `plan` tells. Raises `WrongLake`, `Overtaken`, `LeaseLost`."""
    settle(turn)
    done = Compacted()
    for task in plan(turn, runs=runs, run_rows=run_rows):
        samples, superseded = _rewrite(turn, task)
        done = Compacted(done.tasks + 1, done.samples + samples, done.superseded + superseded)
    turn.acknowledge(tended_at=turn.clock())
    return done


def _rewrite(turn: Turn, task: Task) -> tuple[int, int]:
    """Write a task's runs anew; give how many samples count and how many were set apart."""
    state = turn.read()
    lake = turn.lake
    rows = merge([read_whole(lake.place, "live", run) for run in task.runs])
    erased = mask_erased(rows, _erasures_in(turn, rows))
    old = [keep(rows, erased)] if erased.any() else []
    rows = keep(rows, ~erased) if old else rows
    same = same_as_next(longs(rows, "tag_id"), longs(rows, "ts"))
    if same.any():
        old.append(keep(rows, same))
        rows = keep(rows, ~same)
    if old:
        _set_apart(turn, state, merge(old))
    if not old and len(task.runs) == 1 and not task.daily:
        _roll_up(turn, [(task.runs[0], rows)], removes=())
        return rows.num_rows, 0
    daily = {month_of(task.period)} if task.daily else set[str]()
    written = [
        (write_run(lake.place, "live", part, period=period), part)
        for period, inside in split(longs(rows, "ts"), daily=daily)
        for part in [keep(rows, inside)]
    ]
    version = lake.commit(
        "live",
        state.live,
        adds=[run for run, _ in written],
        removes=task.runs,
        watermark=state.watermark,
        what="compact",
    )
    turn.acknowledge(live_version=version)
    _roll_up(turn, written, removes=task.runs)
    return rows.num_rows, sum(part.num_rows for part in old)


def _set_apart(turn: Turn, state: LakeState, rows: pa.Table) -> None:
    """Append superseded samples to their table, but for those that an earlier attempt has put there."""
    lake = turn.lake
    there = lake.snapshot("superseded", state.superseded)
    adds: list[Run] = []
    for period, inside in split(longs(rows, "ts"), daily=()):
        part = keep(rows, inside)
        for run in there.by_period.get(period, ()):
            part = _without(part, read_whole(lake.place, "superseded", run))
        if part.num_rows:
            adds.append(write_run(lake.place, "superseded", part, period=period))
    if adds:
        version = lake.commit(
            "superseded", state.superseded, adds=adds, watermark=state.watermark, what="supersede"
        )
        turn.acknowledge(superseded_version=version)


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    """Give the rows whose tag, time and put are not among the others."""
    joined = merge([others.select(rows.column_names), rows])
    keys = [longs(joined, name) for name in ("tag_id", "ts", "put")]
    same = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    twice = np.concatenate(([False], same)) | np.concatenate((same, [False]))
    if not twice.any():
        return rows
    known = {tuple(row.values()) for row in keep(joined, twice).select(["tag_id", "ts", "put"]).to_pylist()}
    mine = rows.select(["tag_id", "ts", "put"]).to_pylist()
    return keep(rows, np.array([tuple(row.values()) not in known for row in mine], np.bool_))


def _roll_up(turn: Turn, written: Sequence[tuple[Run, pa.Table]], *, removes: Sequence[Run]) -> None:
    """Write the roll-ups of runs and let go of those of runs that are gone."""
    state, lake = turn.read(), turn.lake
    there = {run.path: run for run in lake.snapshot("hourly", state.hourly).runs}
    adds = [write_hourly(lake.place, run, roll_up(rows)) for run, rows in written if rows.num_rows]
    gone = [there[run.path] for run in removes if run.path in there]
    if adds or gone:
        version = lake.commit(
            "hourly", state.hourly, adds=adds, removes=gone, watermark=state.watermark, what="roll up"
        )
        turn.acknowledge(hourly_version=version)


def _erasures_in(turn: Turn, rows: pa.Table) -> list[Erasure]:
    if not rows.num_rows:
        return []
    stamps = longs(rows, "ts")
    with turn.database.read() as connection:
        return list_erasures(connection, from_micros(stamps.min()), from_micros(stamps.max() + 1))


def _open_erasures(turn: Turn, live: Snapshot) -> list[Erasure]:
    """Give the erasures that may still hide rows of runs: those made after a period was last written."""
    if not live.runs:
        return []
    start, end = min(run.first for run in live.runs), max(run.last for run in live.runs) + 1
    with turn.database.read() as connection:
        found = list_erasures(connection, from_micros(start), from_micros(end))
    return [e for e in found if _hides_rows(turn, live, e)]


def _hides_rows(turn: Turn, live: Snapshot, erasure: Erasure) -> bool:
    for run in live.runs:
        if run.first >= erasure.end or run.last < erasure.start or erasure.tag_id is None:
            continue
        part = read_run(
            turn.lake.place,
            "live",
            run,
            tags=np.array([erasure.tag_id], np.int64),
            spans=[(erasure.start, erasure.end)],
            columns=["tag_id", "ts", "put"],
        )
        if part is not None and mask_erased(part, [erasure]).any():
            return True
    return False
