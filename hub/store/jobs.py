"""Calls that are answered later: begun, worked on by one process that says so again and again, ended, let go.

A process that died says nothing any more: after `LEASE` its jobs count as lost, whichever process is asked.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, insert, select, update

from hub.store.database import Database
from hub.store.tables import job

KEPT = timedelta(hours=24)
LEASE = timedelta(minutes=1)
_LONGEST = 2000

_t = job.c
State = Literal["running", "done", "failed", "lost"]


@dataclass(frozen=True)
class Job:
    """A call that is answered later. `number` grows with each change, `size` is what is written, in bytes.

    `status` and `headers` are those of the answer, once it is there.
    """

    token: str
    caller: str
    route: str
    request: str
    begun_at: datetime
    beaten_at: datetime
    ended_at: datetime | None
    number: int
    size: int
    status: int | None
    headers: Mapping[str, str] | None

    def state(self, now: datetime) -> State:
        """Give how it is: a call that was refused has failed, one whose process is gone is lost."""
        if self.ended_at is None:
            return "running" if now - self.beaten_at < LEASE else "lost"
        if self.status is None:
            return "lost"
        return "done" if self.status < 400 else "failed"


_COLUMNS = [_t[name] for name in Job.__dataclass_fields__]


def begin_job(database: Database, *, caller: str, route: str, request: str, now: datetime) -> Job:
    """Note that a call will be answered later; its token tells nobody anything else."""
    made = Job(
        token=secrets.token_hex(16),
        caller=caller,
        route=route,
        request=request[:_LONGEST],
        begun_at=now,
        beaten_at=now,
        ended_at=None,
        number=1,
        size=0,
        status=None,
        headers=None,
    )
    with database.begin() as connection:
        connection.execute(insert(job).values({c.name: getattr(made, c.name) for c in _COLUMNS}))
    return made


def beat(database: Database, token: str, *, size: int, now: datetime) -> bool:
    """Say that it is being worked on; false when nobody wants it any more."""
    with database.begin() as connection:
        query = update(job).where(_t.token == token, _t.ended_at.is_(None))
        return connection.execute(query.values(beaten_at=now, size=size, number=_t.number + 1)).rowcount > 0


def end_job(
    database: Database,
    token: str,
    *,
    status: int | None,
    headers: Mapping[str, str],
    size: int,
    now: datetime,
) -> bool:
    """Note what it was answered (no status: it is lost); false when nobody wants it any more."""
    told = {"ended_at": now, "status": status, "headers": dict(headers), "size": size}
    with database.begin() as connection:
        query = update(job).where(_t.token == token, _t.ended_at.is_(None))
        return connection.execute(query.values(number=_t.number + 1, **told)).rowcount > 0


def find_job(database: Database, token: str, *, now: datetime) -> Job | None:
    """Give a job that is not older than it is kept."""
    with database.read() as connection:
        query = select(*_COLUMNS).where(_t.token == token, _t.begun_at > now - KEPT)
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Job(**row)  # pyright: ignore[reportArgumentType] - columns are its fields


def drop_job(database: Database, token: str) -> None:
    """Let go of a job; whoever works on it learns so when it beats."""
    with database.begin() as connection:
        connection.execute(delete(job).where(_t.token == token))


def forget_jobs(database: Database, folder: Path, *, now: datetime) -> int:
    """Let go of jobs that are older than they are kept, and of as old answers in a folder; give how many."""
    with database.read() as connection:
        is_due = connection.execute(select(_t.id).where(_t.begun_at <= now - KEPT).limit(1)).first()
    gone = 0
    if is_due is not None:
        with database.begin() as connection:
            gone = connection.execute(delete(job).where(_t.begun_at <= now - KEPT)).rowcount
    for path in list_answers(folder):
        if path.stat().st_mtime <= (now - KEPT).timestamp():
            path.unlink(missing_ok=True)
    return gone


def list_answers(folder: Path) -> list[Path]:
    """Give the files of a folder of answers, none where there is no folder."""
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
