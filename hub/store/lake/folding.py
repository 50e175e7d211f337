"""Folding: frames become sorted runs in one commit of the live table, and only then go.

First the files are written and synced, then the table's log names them, then that is synced, then the
database lets the new version count and the frames go, in one transaction. Wherever that is cut short, frames
or runs count, never both and never neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import func, select
from sqlalchemy import text as sql

from hub.store.database import Database
from hub.store.lake.frames import as_run, digest_put, unpack
from hub.store.lake.periods import split
from hub.store.lake.runs import RUN_SCHEMA, Run, keep, longs, merge, write_run
from hub.store.lake.state import LakeState
from hub.store.lake.turn import Turn, settle, take_over
from hub.store.locks import PUTTING
from hub.store.sets import chunks
from hub.store.tables import sample_hot, sample_put

FOLD_ROWS = 1_000_000


class BrokenFrame(Exception):
    """A frame of the database does not say what was put; restore the database, nothing was folded."""


@dataclass(frozen=True)
class Folded:
    """What a fold did: puts and samples, and into how many runs."""

    puts: int = 0
    samples: int = 0
    runs: int = 0


def fold(turn: Turn, *, rows: int = FOLD_ROWS) -> Folded:
    """Fold all frames, so many samples a commit.

    Raises `BrokenFrame`, `WrongLake`, `Overtaken`, `LeaseLost`.
    """
    state = settle(turn)
    horizon = find_horizon(turn.database)
    done = Folded()
    while wanted := _next(turn.database, state, horizon, rows=rows):
        runs, samples = _write(turn, wanted, state)
        version = turn.lake.commit("live", state.live, adds=runs, watermark=wanted[-1], what="fold")
        take_over(turn, wanted[-1], live_version=version, folded_at=turn.clock())
        done = Folded(done.puts + len(wanted), done.samples + samples, done.runs + len(runs))
        state = turn.read()
    return done


def find_horizon(database: Database) -> int:
    """Give a put up to which all have been committed: no put in flight has a smaller number."""
    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": PUTTING})
        return int(connection.scalar(select(func.max(sample_hot.c.put_id))) or 0)


def _next(database: Database, state: LakeState, horizon: int, *, rows: int) -> list[int]:
    """Give the oldest puts that are not folded, of so many samples in frames at most, but one at least."""
    c = sample_hot.c
    query = (
        select(c.put_id, c["count"].label("rows"), c.files)
        .where(c.put_id > state.watermark, c.put_id <= horizon)
        .order_by(c.put_id)
    )
    found: list[int] = []
    total = 0
    with database.read() as connection:
        for put_id, count, files in connection.execute(query):
            total += 0 if files else count
            if found and total > rows:
                break
            found.append(put_id)
    return found


def _write(turn: Turn, put_ids: Sequence[int], state: LakeState) -> tuple[list[Run], int]:
    """Write the runs of these puts; those that were staged are there already."""
    place, daily = turn.lake.place, turn.lake.snapshot("live", state.live).daily
    staged, frames, samples = _read(turn.database, put_ids)
    if not frames:
        return staged, samples
    joined = merge(frames)
    stamps = longs(joined, "ts")
    written = [
        write_run(place, "live", keep(joined, inside), period=period)
        for period, inside in split(stamps, daily=daily)
    ]
    return [*staged, *written], samples


def _read(database: Database, put_ids: Sequence[int]) -> tuple[list[Run], list[pa.Table], int]:
    """Give staged runs, and frames as parts of runs. Raises `BrokenFrame`."""
    hot, put = sample_hot.c, sample_put.c
    staged: list[Run] = []
    frames: list[pa.Table] = []
    samples = 0
    with database.read() as connection:
        for some in chunks(put_ids, 200):
            query = (
                select(hot.put_id, hot.frame, hot.files, put.digest)
                .join(sample_put, put.id == hot.put_id)
                .where(hot.put_id.in_(some))
                .order_by(hot.put_id)
            )
            for put_id, frame, files, digest in connection.execute(query):
                if files:
                    runs = [Run(**run) for run in files]
                    staged += runs
                    samples += sum(run.rows for run in runs)
                    continue
                table = unpack(frame)
                if digest_put(table) != digest:
                    raise BrokenFrame(
                        f"the frame of put {put_id} does not say what was put (its digest is another); "
                        "restore the database from a copy, nothing was folded"
                    )
                samples += table.num_rows
                frames.append(as_run(table, put_id).cast(RUN_SCHEMA))
    return staged, frames, samples
