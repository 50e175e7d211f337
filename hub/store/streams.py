"""The stream table: schedule, lease, cursor and progress of everything that is read, one row a stream."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hub.store.tables import stream

LEASE = timedelta(seconds=60)


class LeaseLost(Exception):
    """Another node has taken this stream; nothing was written, this node stops reading it."""


@dataclass(frozen=True)
class Claim:
    """A stream that this process may read: epoch and cursor are checked and moved by each commit."""

    stream_id: int
    system_id: int
    name: str
    epoch: int
    cursor: dict[str, Any] | None
    attempts: int = 0


def ensure_stream(
    connection: Connection, system_id: int, name: str, *, kind: str, every_s: float, now: datetime
) -> int:
    """Give the id of a stream, created when it is new."""
    columns = stream.c
    found = connection.scalar(
        select(columns.id).where(columns.source_system_id == system_id, columns.name == name)
    )
    if found is not None:
        return int(found)
    created = connection.scalar(
        insert(stream)
        .values(
            source_system_id=system_id,
            name=name,
            kind=kind,
            state="idle",
            due_at=now,
            every_s=every_s,
            updated_at=now,
        )
        .returning(columns.id)
    )
    return int(created or 0)


def claim_stream(connection: Connection, stream_id: int, *, owner: str, now: datetime) -> Claim | None:
    """Take the lease of a stream; None when another owner holds it."""
    columns = stream.c
    row = connection.execute(
        update(stream)
        .where(
            columns.id == stream_id,
            columns.lease_until.is_(None) | (columns.lease_until < now) | (columns.owner == owner),
        )
        .values(
            owner=owner, epoch=columns.epoch + 1, lease_until=now + LEASE, state="running", updated_at=now
        )
        .returning(
            columns.id,
            columns.source_system_id,
            columns.name,
            columns.epoch,
            columns.cursor,
            columns.attempts,
        )
    ).one_or_none()
    return Claim(*row) if row else None


def advance_stream(
    connection: Connection,
    claim: Claim,
    *,
    cursor: dict[str, Any] | None,
    now: datetime,
    documents: int = 0,
    records: int = 0,
    samples: int = 0,
    rejected: int = 0,
) -> None:
    """Move the cursor and the counters in the caller's transaction.

    Raises `LeaseLost` when the epoch is not ours.
    """
    columns = stream.c
    moved = connection.execute(
        update(stream)
        .where(columns.id == claim.stream_id, columns.epoch == claim.epoch)
        .values(
            cursor=cursor,
            lease_until=now + LEASE,
            documents=columns.documents + documents,
            records=columns.records + records,
            samples=columns.samples + samples,
            rejected=columns.rejected + rejected,
            updated_at=now,
        )
    )
    if moved.rowcount != 1:
        raise LeaseLost(f"stream {claim.name} (epoch {claim.epoch}) was taken by another node")


def finish_stream(
    connection: Connection, claim: Claim, *, state: str, now: datetime, due_at: datetime, error: str = ""
) -> None:
    """Give the lease back with the outcome: idle, waiting (tries again at `due_at`), paused or stopped."""
    columns = stream.c
    told: dict[str, Any] = {"state": state, "due_at": due_at, "lease_until": None, "updated_at": now}
    if error:
        told |= {"last_error": error, "last_error_at": now, "attempts": columns.attempts + 1}
    else:
        told |= {"last_error": None, "attempts": 0, "last_success_at": now}
    connection.execute(
        update(stream).where(columns.id == claim.stream_id, columns.epoch == claim.epoch).values(**told)
    )


def read_schedule(connection: Connection, now: datetime) -> dict[int, dict[str, bool]]:
    """Tell of every known stream whether it is due: by system id, then stream name.

    A stream that is paused or stopped is not due: it waits for a person.
    """
    columns = stream.c
    schedule: dict[int, dict[str, bool]] = {}
    rows = connection.execute(select(columns.source_system_id, columns.name, columns.state, columns.due_at))
    for row in rows:
        is_due = row.due_at <= now and row.state in ("idle", "waiting", "running")
        schedule.setdefault(row.source_system_id, {})[row.name] = is_due
    return schedule
