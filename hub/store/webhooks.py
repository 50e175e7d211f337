"""Webhooks in the store: made and removed by people, moved on by whichever process holds the lease of one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Reading, Slot
from hub.store.outbox.position import Position
from hub.store.presence import is_gone
from hub.store.tables import webhook, webhook_delivery, webhook_progress

LEASE = timedelta(seconds=60)
"""Longer than any attempt; a node of PostgreSQL that dies is known sooner, by its lock."""
KEPT = 1_000
"""Attempts of a webhook that are kept, the newest."""
_w, _p, _d = webhook.c, webhook_progress.c, webhook_delivery.c


class Superseded(Exception):
    """Another process delivers to this webhook now, or it was removed; nothing of this step was noted."""


@dataclass(frozen=True)
class Webhook:
    """An address and what it is told; its secret follows from `salt` and the master key with this id."""

    id: int
    url: str
    types: tuple[str, ...]
    salt: str
    key_id: str


@dataclass(frozen=True)
class Progress:
    """How far a webhook has come; attempts since the last success, and since when none has succeeded."""

    position: Position
    attempts: int
    failing_since: datetime | None
    epoch: int


@dataclass(frozen=True)
class Attempt:
    """What became of an attempt: the receiver's status (None without an answer), or what went wrong."""

    event_id: str
    event_type: str
    at: datetime
    number: int
    took_s: float
    status: int | None = None
    error: str | None = None


def add_webhook(connection: Connection, *, position: Position, now: datetime, **row: Any) -> int:
    """Keep a webhook that is told what comes after a position; give its id."""
    new = insert(webhook).values(created_at=now, **row).returning(_w.id)
    key = int(connection.execute(new).scalar_one())
    begun = {"webhook_id": key, "position": str(position), "state": "active", "due_at": now}
    connection.execute(insert(webhook_progress).values(**begun))
    return key


def remove_webhook(connection: Connection, webhook_id: int) -> bool:
    """Remove a webhook with all that is kept of it; tells whether it was there."""
    # Progress first: whoever notes an attempt moves it too, and so has noted all by then or notes nothing.
    connection.execute(delete(webhook_progress).where(_p.webhook_id == webhook_id))
    connection.execute(delete(webhook_delivery).where(_d.webhook_id == webhook_id))
    return connection.execute(delete(webhook).where(_w.id == webhook_id)).rowcount == 1


def count_webhooks(connection: Connection) -> int:
    """Give how many webhooks there are."""
    return int(connection.scalar(select(func.count()).select_from(webhook)) or 0)


def list_webhooks(connection: Connection, webhook_id: int | None = None) -> list[dict[str, Any]]:
    """Give all webhooks, or one, the oldest first; without what its secret is made from."""
    query = select(
        _w.id,
        _w.url,
        _w.types,
        _w.description,
        _w.created_by,
        _w.created_at,
        *(_p[name] for name in ("position", "state", "reason", "attempts", "failing_since", "due_at")),
        *(_p[name] for name in ("last_success_at", "last_error", "last_error_at")),
    ).join(webhook_progress, _p.webhook_id == _w.id)
    if webhook_id is not None:
        query = query.where(_w.id == webhook_id)
    rows = connection.execute(query.order_by(_w.id)).mappings()
    return [{str(name): value for name, value in row.items()} for row in rows]


def find_webhook(connection: Connection, webhook_id: int) -> Webhook | None:
    """Give a webhook."""
    query = select(_w.id, _w.url, _w.types, _w.salt, _w.key_id).where(_w.id == webhook_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Webhook(row.id, row.url, tuple(row.types), row.salt, row.key_id)


def list_due(connection: Connection, now: datetime) -> list[int]:
    """Give the active webhooks that may be delivered to now."""
    query = select(_p.webhook_id).where(_p.state == "active", _p.due_at <= now)
    return list(connection.scalars(query.order_by(_p.due_at, _p.webhook_id)))


def read_position(connection: Connection, webhook_id: int) -> Position | None:
    """Give how far a webhook has come; None when it is gone."""
    found = connection.scalar(select(_p.position).where(_p.webhook_id == webhook_id))
    return None if found is None else Position.parse(found)


def claim_webhook(connection: Connection, webhook_id: int, *, owner: str, now: datetime) -> Progress | None:
    """Take the lease of a webhook that is due; None while another process that is alive holds it."""
    query = select(_p.owner, _p.lease_until, _p.state, _p.due_at).where(_p.webhook_id == webhook_id)
    found = connection.execute(query.with_for_update()).one_or_none()
    if found is None or found.state != "active" or found.due_at > now:
        return None
    is_held = found.lease_until is not None and found.lease_until >= now and found.owner != owner
    if is_held and not is_gone(connection, found.owner):
        return None
    row = connection.execute(
        update(webhook_progress)
        .where(_p.webhook_id == webhook_id)
        .values(owner=owner, epoch=_p.epoch + 1, lease_until=now + LEASE)
        .returning(_p.position, _p.attempts, _p.failing_since, _p.epoch)
    ).one()
    return Progress(Position.parse(row.position), row.attempts, row.failing_since, row.epoch)


def move_webhook(connection: Connection, webhook_id: int, epoch: int, **values: Any) -> None:
    """Move a webhook on, by whoever holds its lease. Raises `Superseded`."""
    mine = update(webhook_progress).where(_p.webhook_id == webhook_id, _p.epoch == epoch)
    if connection.execute(mine.values(**values)).rowcount != 1:
        raise Superseded("another process delivers to this webhook, or it was removed")


def skip_to(  # noqa: PLR0917 - from one position to another
    connection: Connection, webhook_id: int, before: Position, position: Position
) -> None:
    """Note that nothing is to be told between two positions, unless somebody has moved it meanwhile."""
    mine = update(webhook_progress).where(_p.webhook_id == webhook_id, _p.position == str(before))
    connection.execute(mine.values(position=str(position)))


def resume_webhook(connection: Connection, webhook_id: int, *, now: datetime) -> bool:
    """Let a webhook go on from where it is; tells whether it is there."""
    fresh: dict[str, Any] = {"state": "active", "reason": None, "attempts": 0, "failing_since": None}
    mine = update(webhook_progress).where(_p.webhook_id == webhook_id)
    return connection.execute(mine.values(due_at=now, **fresh)).rowcount == 1


def note_trial(connection: Connection, webhook_id: int, attempt: Attempt) -> None:
    """Keep what became of a message that moves nothing, unless the webhook was removed meanwhile."""
    held = select(_p.id).where(_p.webhook_id == webhook_id).with_for_update()
    if connection.execute(held).first() is not None:
        note_attempt(connection, webhook_id, attempt)


def note_attempt(connection: Connection, webhook_id: int, attempt: Attempt) -> None:
    """Keep what became of an attempt."""
    connection.execute(
        insert(webhook_delivery).values(
            webhook_id=webhook_id,
            event_id=attempt.event_id,
            event_type=attempt.event_type,
            at=attempt.at,
            attempt=attempt.number,
            outcome="failed" if attempt.error else "delivered",
            status=attempt.status,
            error=attempt.error,
            took_s=attempt.took_s,
        )
    )


def forget_attempts(connection: Connection, webhook_id: int, *, kept: int = KEPT) -> None:
    """Let go of all attempts but the newest."""
    mine = select(_d.id).where(_d.webhook_id == webhook_id)
    oldest = connection.scalar(mine.order_by(_d.id.desc()).offset(kept).limit(1))
    if oldest is not None:
        connection.execute(delete(webhook_delivery).where(_d.webhook_id == webhook_id, _d.id <= oldest))


_SHOWN = ("id", "event_id", "event_type", "at", "attempt", "outcome", "status", "error", "took_s")


def list_attempts(
    connection: Connection, webhook_id: int, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Give a page of the attempts that are kept of a webhook, the newest first. Raises `CursorError`."""
    reading = Reading(webhook_delivery, tuple(Slot(n, (_d[n],)) for n in _SHOWN), webhook_delivery)
    order = Order("at", _d.at, _d.id, descending=True)
    mine = [_d.webhook_id == webhook_id]
    return read_page(connection, reading, mine, order=order, cursor=cursor, limit=limit)
