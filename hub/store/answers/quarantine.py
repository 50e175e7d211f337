"""What could not be read, and why; with its payload, one at a time."""

from sqlalchemy import ColumnElement, Connection, select

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Document, Reading, Slot
from hub.store.tables import quarantine, source_system

_NAMES = (
    "id",
    "stream",
    "object_type",
    "source_key",
    "part",
    "reason",
    "remedy",
    "media_type",
    "connector",
    "state",
    "attempts",
    "source_time",
    "first_seen_at",
    "last_seen_at",
    "resolved_at",
)


def _reading() -> Reading:
    slots = [Slot(name, (quarantine.c[name],)) for name in _NAMES]
    slots.insert(1, Slot("source", (source_system.c.code,)))
    joined = quarantine.join(source_system, source_system.c.id == quarantine.c.source_system_id)
    return Reading(quarantine, tuple(slots), joined)


def list_held(
    connection: Connection,
    *,
    state: str | None = "open",
    source: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page:
    """Give a page of quarantined parts, newest first, without payloads. Raises `CursorError`."""
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(quarantine.c.state == state)
    if source is not None:
        conditions.append(source_system.c.code == source)
    order = Order("first_seen_at", quarantine.c.first_seen_at, quarantine.c.id, descending=True)
    return read_page(connection, _reading(), conditions, order=order, cursor=cursor, limit=limit)


def read_held(connection: Connection, held_id: int) -> Document | None:
    """Give one quarantined part with its payload word for word."""
    reading = _reading()
    found = reading.read(connection, reading.select().where(quarantine.c.id == held_id))
    if not found:
        return None
    payload = connection.scalar(select(quarantine.c.payload).where(quarantine.c.id == held_id))
    return {**found[0], "payload": payload}
