"""Letting go: files that no reader can need any more, and samples that a site says have grown old."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from hub.store.database import Database
from hub.store.lake.periods import bounds, to_micros
from hub.store.lake.place import TABLES, TableName
from hub.store.lake.runs import Run
from hub.store.lake.table import Snapshot
from hub.store.lake.turn import Turn, settle
from hub.store.tables import sample_erasure, sample_hot, sample_lake, sample_put, tag_latest

KEPT_HOURS = 1
"""For so long files stay that were replaced: whoever began to read before still finds them."""
_COMMITS = 20
"""After so many commits the log of a table is summed up in a checkpoint."""


def list_leftovers(turn: Turn) -> list[tuple[TableName, str]]:
    """Name the files that nothing refers to, or that were replaced, both for an hour and more."""
    staged = _staged(turn)
    found: list[tuple[TableName, str]] = []
    for table, version in turn.read().versions.items():
        if version < 0:
            continue
        opened = turn.lake.open(table)
        names: list[str] = opened.vacuum(
            retention_hours=KEPT_HOURS, dry_run=True, enforce_retention_duration=False, full=True
        )
        counting = turn.lake.snapshot(table, version).names
        used = counting | staged
        for name in sorted(names):
            if name.endswith(".parquet") and name not in used:
                found.append((table, name))  # noqa: PERF401 - a comprehension loses which names there are
    return found


def clean(turn: Turn) -> int:
    """Remove leftovers, and sum up logs that have grown long; give how many files went."""
    settle(turn)
    count = 0
    for table, name in list_leftovers(turn):
        count += turn.lake.place.remove(table, [name])
    for table, version in turn.read().versions.items():
        if version - _last_checkpoint(turn, table) >= _COMMITS:
            turn.lake.checkpoint(table)
    return count


def list_old(turn: Turn, before: datetime) -> list[str]:
    """Name the periods that end before an instant: those that `retire` would let go."""
    live = turn.lake.snapshot("live", turn.read().live)
    return sorted(period for period in live.by_period if bounds(period)[1] <= to_micros(before))


def retire(turn: Turn, before: datetime, *, by: str, reason: str) -> list[str]:
    """Let go of all samples of the periods that end before an instant; give these periods.

    What was put stays on record with its count and digest. The past from before is refused from then on.
    """
    settle(turn)
    periods = list_old(turn, before)
    if not periods:
        return []
    edge = max(bounds(period)[1] for period in periods)
    cut = datetime.fromtimestamp(edge / 1e6, tz=before.tzinfo)
    now = turn.clock()
    with turn.database.begin(by, at=now, reason=reason) as connection:
        newest = connection.scalar(select(func.max(sample_put.c.id))) or 0
        connection.execute(
            insert(sample_erasure).values(
                tag_id=None,
                start_at=datetime(1, 1, 1, tzinfo=cut.tzinfo),
                end_at=cut,
                put_id=newest,
                reason=reason,
                erased_by=by,
                recorded_at=now,
            )
        )
        turn.move(connection, retained_from=cut, retained_at=now)
        connection.execute(tag_latest.delete().where(tag_latest.c.ts < cut))
        connection.execute(update(tag_latest).where(tag_latest.c.first_at < cut).values(first_at=cut))
    for table in TABLES:
        _let_go(turn, table, edge)
    return periods


def _let_go(turn: Turn, table: TableName, edge: int) -> None:
    state = turn.read()
    version = state.versions[table]
    there: Snapshot = turn.lake.snapshot(table, version)
    gone = [run for run in there.runs if bounds(run.period)[1] <= edge]
    if gone:
        done = turn.lake.commit(table, version, removes=gone, watermark=state.watermark, what="retire")
        turn.acknowledge(**{f"{table}_version": done})


def _staged(turn: Turn) -> set[str]:
    with turn.database.read() as connection:
        rows = connection.scalars(select(sample_hot.c.files).where(sample_hot.c.frame.is_(None)))
        return {Run(**run).path for files in rows for run in files or ()}


def _last_checkpoint(turn: Turn, table: TableName) -> int:
    if not turn.lake.place.is_local:
        return 0
    hint = turn.lake.place.path(table, "_delta_log/_last_checkpoint")
    told: dict[str, Any] = json.loads(hint.read_bytes()) if hint.exists() else {}
    return int(told.get("version", 0))


def is_due(database: Database, *, now: datetime, after: timedelta) -> bool:
    """Tell whether there are runs that nobody has tended for so long."""
    c = sample_lake.c
    with database.read() as connection:
        row = connection.execute(select(c.tended_at, c.live_version)).first()
    if row is None or row.live_version < 0:
        return False
    return row.tended_at is None or now - row.tended_at >= after
