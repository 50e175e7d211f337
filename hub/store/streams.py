"""The stream table: schedule, lease, cursor and progress of everything that is read, one row a stream."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from hub.store.presence import AGENT, is_gone
from hub.store.sets import insert_unless_there
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
    kind: str = "records"
    every_s: float = 60.0


_CLAIM = (
    stream.c.id,
    stream.c.source_system_id,
    stream.c.name,
    stream.c.epoch,
    stream.c.cursor,
    stream.c.attempts,
    stream.c.kind,
    stream.c.every_s,
)
"""The columns of a claim, in its order."""


def ensure_stream(
    connection: Connection, system_id: int, name: str, *, kind: str, every_s: float, now: datetime
) -> int:
    """Give the id of a stream, created when it is new."""
    columns = stream.c
    query = select(columns.id).where(columns.source_system_id == system_id, columns.name == name)
    found = connection.scalar(query)
    if found is not None:
        return int(found)
    row = {
        "source_system_id": system_id,
        "name": name,
        "kind": kind,
        "state": "idle",
        "due_at": now,
        "every_s": every_s,
        "updated_at": now,
    }
    created = insert_unless_there(connection, stream, row, keys=("source_system_id", "name"))
    return created or int(connection.scalars(query).one())  # another node was quicker


def claim_stream(connection: Connection, stream_id: int, *, owner: str, now: datetime) -> Claim | None:
    """Take the lease of a stream; None while another owner that is alive holds it."""
    columns = stream.c
    # The row is locked before it is judged, so that of two nodes the later one sees what the other took.
    query = select(columns.owner, columns.lease_until).where(columns.id == stream_id).with_for_update()
    holder, until = connection.execute(query).one()
    is_leased = until is not None and until >= now and holder != owner
    if is_leased and not is_gone(connection, holder):
        return None
    row = connection.execute(
        update(stream)
        .where(columns.id == stream_id)
        .values(
            owner=owner, epoch=columns.epoch + 1, lease_until=now + LEASE, state="running", updated_at=now
        )
        .returning(*_CLAIM)
    ).one()
    return Claim(*row)


def find_stream(connection: Connection, system_id: int, name: str) -> Claim | None:
    """Give a stream as it stands, with whatever epoch it has; None when nobody has read it yet."""
    columns = stream.c
    row = connection.execute(
        select(*_CLAIM).where(columns.source_system_id == system_id, columns.name == name)
    ).one_or_none()
    return None if row is None else Claim(*row)


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
    is_well: bool = False,
    unchanged: int = 0,
    stale: int = 0,
) -> None:
    """Move the cursor and the counters in the caller's transaction; when it `is_well`, failures are past.

    Raises `LeaseLost` when the epoch is not ours.
    """
    columns = stream.c
    past: dict[str, Any] = {"last_error": None, "attempts": 0, "last_success_at": now} if is_well else {}
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
            unchanged=columns.unchanged + unchanged,
            stale=columns.stale + stale,
            updated_at=now,
            **past,
        )
    )
    if moved.rowcount != 1:
        raise LeaseLost(f"stream {claim.name} (epoch {claim.epoch}) was taken by another node")


def finish_stream(
    connection: Connection, claim: Claim, *, state: str, now: datetime, due_at: datetime, error: str = ""
) -> bool:
    """Give the lease back with the outcome: idle, waiting (tries again at `due_at`), paused or stopped.

    Tells whether the lease was still ours.
    """
    columns = stream.c
    told: dict[str, Any] = {"state": state, "due_at": due_at, "lease_until": None, "updated_at": now}
    if error:
        told |= {"last_error": error, "last_error_at": now, "attempts": columns.attempts + 1}
    else:
        told |= {"last_error": None, "attempts": 0, "last_success_at": now}
    finished = connection.execute(
        update(stream).where(columns.id == claim.stream_id, columns.epoch == claim.epoch).values(**told)
    )
    return finished.rowcount == 1


def read_error(connection: Connection, claim: Claim) -> str:
    """Give what ended the last run of a stream, if it failed."""
    return connection.scalar(select(stream.c.last_error).where(stream.c.id == claim.stream_id)) or ""


def count_delivered(connection: Connection) -> int:
    """Give how many samples edge agents have delivered so far."""
    columns = stream.c
    query = select(func.coalesce(func.sum(columns.samples), 0)).where(columns.owner.startswith(AGENT))
    return int(connection.scalar(query) or 0)


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
