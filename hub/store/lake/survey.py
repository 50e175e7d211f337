"""How samples are stored now: how many are hot and cold, in how many runs and bytes, and what went wrong."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from hub.store.database import Database
from hub.store.lake.state import read_lake
from hub.store.lake.whereabouts import telling_where
from hub.store.tables import sample_hot, sample_lake, sample_put


@dataclass(frozen=True)
class Survey:
    """The figures; bytes are those of runs with their roll-ups and what was superseded."""

    place: str | None
    puts: int
    hot: int
    hot_puts: int
    cold: int
    runs: int
    periods: int
    live_bytes: int
    superseded: int
    superseded_bytes: int
    hours: int
    hourly_bytes: int
    oldest_hot: datetime | None
    folded_at: datetime | None
    tended_at: datetime | None
    free_bytes: int | None
    last_error: str | None


@dataclass(frozen=True)
class Waiting:
    """How many samples wait in frames, and since when."""

    samples: int
    oldest: datetime | None


def hot_state(database: Database) -> Waiting:
    """Tell what waits to be folded."""
    hot, put = sample_hot.c, sample_put.c
    with database.read() as connection:
        samples, first = connection.execute(
            select(func.coalesce(func.sum(hot["count"]), 0), func.min(hot.put_id))
        ).one()
        oldest = connection.scalar(select(put.received_at).where(put.id == first)) if first else None
    return Waiting(int(samples), oldest)


def survey(database: Database) -> Survey:
    """Count. Raises `LakeUnreachable` when cold runs cannot be read, `NoPlace` when nobody said where."""
    hot, lake = sample_hot.c, sample_lake.c
    with database.read() as connection:
        puts = connection.scalar(select(func.count()).select_from(sample_put)) or 0
        waiting = connection.execute(
            select(func.count(), func.coalesce(func.sum(hot["count"]), 0), func.min(hot.put_id))
        ).one()
        oldest = connection.scalar(
            select(sample_put.c.received_at).where(sample_put.c.id == waiting[2]).limit(1)
        )
        told = connection.execute(select(lake.folded_at, lake.tended_at, lake.last_error)).first()
        state = read_lake(connection)
        cellar = database.cellar
        with telling_where(connection):
            tables = {
                table: cellar.lake.snapshot(table, version)
                for table, version in state.versions.items()
                if version >= 0
            }
    live, old, hourly = (tables.get(name) for name in ("live", "superseded", "hourly"))
    folded_at, tended_at, error = told if told is not None else (None, None, None)
    return Survey(
        place=str(cellar.lake.place) if cellar.has_place else None,
        puts=puts,
        hot=int(waiting[1]),
        hot_puts=int(waiting[0]),
        cold=live.rows if live else 0,
        runs=len(live.runs) if live else 0,
        periods=len(live.by_period) if live else 0,
        live_bytes=sum(run.size for run in live.runs) if live else 0,
        superseded=old.rows if old else 0,
        superseded_bytes=sum(run.size for run in old.runs) if old else 0,
        hours=hourly.rows if hourly else 0,
        hourly_bytes=sum(run.size for run in hourly.runs) if hourly else 0,
        oldest_hot=oldest,
        folded_at=folded_at,
        tended_at=tended_at,
        free_bytes=cellar.lake.place.free_bytes() if cellar.has_place else None,
        last_error=error,
    )
