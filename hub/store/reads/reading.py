"""The log of reads as documents: answer by answer, and summed by data product and reader."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, tuple_

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Reading, Slot
from hub.store.tables import read_event

_t = read_event.c
_NAMES = (
    "id",
    "kind",
    "node",
    "asked_at",
    "ended_at",
    "reader",
    "actor",
    "door",
    "product",
    "route",
    "asked",
    "tool",
    "status",
    "rows",
    "size",
    "known_at",
    "kept_until",
)
_READING = Reading(read_event, tuple(Slot(name, (_t[name],)) for name in _NAMES), read_event)


@dataclass(frozen=True)
class Wanted:
    """Which reads: of somebody (id of a key or person, or the name that the log gives them), of a product,
    through a door, asked in a time (`end` exclusive).
    """

    actor: str | None = None
    product: str | None = None
    door: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Give them as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.actor is not None:
            found.append(or_(_t.reader == self.actor, _t.actor == self.actor))
        if self.product is not None:
            found.append(_t.product == self.product)
        if self.door is not None:
            found.append(_t.door == self.door)
        if self.start is not None:
            found.append(_t.asked_at >= self.start)
        if self.end is not None:
            found.append(_t.asked_at < self.end)
        return found


def list_reads(
    connection: Connection, wanted: Wanted, *, cursor: str | None = None, limit: int = 100
) -> Page:
    """Give a page of the log, what was asked last first. Raises `CursorError`."""
    order = Order("asked_at", _t.asked_at, _t.id, descending=True)
    return read_page(connection, _READING, wanted.conditions(), order=order, cursor=cursor, limit=limit)


def summarise_reads(
    connection: Connection, wanted: Wanted, *, after: tuple[str, str] | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Give what each reader had of each product, in order of both, from behind a pair on.

    A stream counts when it ends. Its `last` is when it was asked for, as with all.
    """
    conditions = [*wanted.conditions(), _t.kind == "read"]
    if after is not None:
        conditions.append(tuple_(_t.product, _t.reader) > tuple_(*after))
    query = (
        select(
            _t.product,
            _t.reader,
            func.max(_t.actor).label("actor"),
            func.count().label("reads"),
            func.sum(_t.rows).label("rows"),
            func.sum(_t.size).label("bytes"),
            func.min(_t.asked_at).label("first"),
            func.max(_t.asked_at).label("last"),
        )
        .where(*conditions)
        .group_by(_t.product, _t.reader)
        .order_by(_t.product, _t.reader)
        .limit(limit)
    )
    return [_with_numbers(row) for row in connection.execute(query).mappings()]


def count_lost(connection: Connection, wanted: Wanted) -> int:
    """Give how many reads of the time that is asked about could not be written, whoever's they were."""
    conditions = Wanted(start=wanted.start, end=wanted.end).conditions()
    query = select(func.sum(_t.rows)).where(*conditions, _t.kind == "lost")
    return int(connection.scalar(query) or 0)


def _with_numbers(row: Any) -> dict[str, Any]:
    """Give it with sums as integers: PostgreSQL sums bigints as exact numerics."""
    told = {str(name): value for name, value in row.items()}
    sums = {name: None if told[name] is None else int(told[name]) for name in ("rows", "bytes")}
    return {**told, **sums}
