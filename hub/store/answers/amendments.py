"""What people have noted of a tag's samples, and which they have let count no more, by pages."""

from sqlalchemy import ColumnElement, Connection, Table, or_

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Reading, Slot
from hub.store.coverage import Span
from hub.store.tables import sample_annotation, sample_erasure

_SPAN = {"start": "start_at", "end": "end_at"}
"""Members that are called otherwise than their columns."""


def list_annotations(
    connection: Connection, tag_id: int, span: Span, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Give what was noted of a tag's stretches that reach into a time. Raises `CursorError`."""
    c = sample_annotation.c
    names = ("id", "start", "end", "text", "author", "recorded_at")
    reading = _read(sample_annotation, *names)
    return _page(connection, reading, c.tag_id == tag_id, span, cursor=cursor, limit=limit)


def list_erasures(
    connection: Connection, tag_id: int, span: Span, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Give the erasures of a tag's samples that reach into a time, those of all tags too.

    Raises `CursorError`.
    """
    c = sample_erasure.c
    names = ("id", "start", "end", "reason", "erased_by", "recorded_at")
    reading = _read(sample_erasure, *names)
    mine = or_(c.tag_id == tag_id, c.tag_id.is_(None))
    return _page(connection, reading, mine, span, cursor=cursor, limit=limit)


def _read(table: Table, *names: str) -> Reading:
    return Reading(table, tuple(Slot(name, (table.c[_SPAN.get(name, name)],)) for name in names), table)


def _page(  # noqa: PLR0917 - of what, which of a tag, from when to when
    connection: Connection,
    reading: Reading,
    mine: ColumnElement[bool],
    span: Span,
    *,
    cursor: str | None,
    limit: int,
) -> Page:
    c = reading.table.c
    order = Order("start", c.start_at, c.id)
    conditions = [mine, c.start_at < span[1], c.end_at > span[0]]
    return read_page(connection, reading, conditions, order=order, cursor=cursor, limit=limit)
