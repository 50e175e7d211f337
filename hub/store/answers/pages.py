"""Pages by key: each page starts after the last row of the one before, so inserts neither shift nor repeat.

Rows are ordered by one column and the key; rows without a value come last, in both directions.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Float, Integer, Select, literal, tuple_

from hub.model import format_instant, parse_instant
from hub.store.answers.readings import Document, Reading
from hub.store.tables.parts import UtcDateTime

MAX_LIMIT = 1000


class CursorError(ValueError):
    """A cursor is not one that this list gave for this order; start again without it."""


@dataclass(frozen=True)
class Page:
    """Some documents of a list and the cursor of the next page, None on the last."""

    items: list[Document]
    next: str | None = None


@dataclass(frozen=True)
class WrittenPage:
    """The same with each document as its JSON."""

    items: list[bytes]
    next: str | None = None

    def write(self, name: str, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> bytes:
        """Give one JSON document of some members, the items as an array under a name, and more members.

        The array is long and its parts are bytes already: they are copied once.
        """
        first, last = (orjson.dumps(some, option=orjson.OPT_UTC_Z)[1:-1] for some in (before, after))
        head = b'{%b%b"%b":[' % (first, b"," if first else b"", name.encode())
        tail = b"]%b%b}" % (b"," if last else b"", last)
        if not self.items:
            return head + tail
        *others, end = self.items
        parts = [*others, end + tail]
        parts[0] = head + parts[0]
        return b",".join(parts)


@dataclass(frozen=True)
class Order:
    """An order of a list: its name as asked for, its column, the key that settles ties, its direction."""

    name: str
    column: ColumnElement[Any]
    key: ColumnElement[int]
    descending: bool = False


@dataclass(frozen=True)
class _Place:
    value: Any
    key: int


def read_page(
    connection: Connection,
    reading: Reading,
    conditions: Sequence[ColumnElement[bool]],
    *,
    order: Order,
    cursor: str | None = None,
    limit: int = 100,
) -> Page:
    """Give one page of the rows that meet all `conditions`. Raises `CursorError`."""
    place = _decode(cursor, order) if cursor else None
    query = reading.select().add_columns(order.column.label("page_value")).where(*conditions)
    rows: list[Any] = []
    if place is None or place.value is not None:
        rows += connection.execute(_with_value(query, order, place).limit(limit + 1))
    if len(rows) <= limit:
        after = place if place and place.value is None else None
        rest = limit + 1 - len(rows)
        rows += connection.execute(_without_value(query, order, after).limit(rest))
    items = reading.documents(rows[:limit])
    if len(rows) <= limit:
        return Page(items)
    last = rows[limit - 1]
    return Page(items, _encode(order, _Place(last.page_value, last.row_id)))


def _with_value(query: Select[Any], order: Order, place: _Place | None) -> Select[Any]:
    key = order.key
    query = query.where(order.column.is_not(None))
    if place is not None:
        here = tuple_(order.column, key)
        last = tuple_(literal(place.value, order.column.type), literal(place.key, key.type))
        query = query.where(here < last if order.descending else here > last)
    if order.descending:
        return query.order_by(order.column.desc(), key.desc())
    return query.order_by(order.column, key)


def _without_value(query: Select[Any], order: Order, place: _Place | None) -> Select[Any]:
    key = order.key
    query = query.where(order.column.is_(None))
    if place is not None:
        query = query.where(key < place.key if order.descending else key > place.key)
    return query.order_by(key.desc() if order.descending else key)


def _encode(order: Order, place: _Place) -> str:
    is_time = isinstance(place.value, datetime)
    value = format_instant(place.value) if is_time else place.value
    content = [order.name, int(order.descending), int(is_time), value, place.key]
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def _decode(cursor: str, order: Order) -> _Place:
    try:
        content: Any = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        name, descending, is_time, value, key = content
        if (name, descending) != (order.name, int(order.descending)):
            raise CursorError("the cursor belongs to another order; start again without it")
        if (
            not isinstance(key, int)
            or not -(2**63) <= key < 2**63
            or not _fits(value, order, is_time=bool(is_time))
        ):
            raise CursorError("the cursor is not one of ours; start again without it")
        return _Place(parse_instant(value) if is_time and value is not None else value, key)
    except CursorError:
        raise
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise CursorError("the cursor is not one of ours; start again without it") from error


def _fits(value: Any, order: Order, *, is_time: bool) -> bool:
    """Tell whether a value can be compared with the order's column."""
    kind = order.column.type
    if is_time != isinstance(kind, UtcDateTime) and value is not None:
        return False
    return value is None or isinstance(value, float | int if isinstance(kind, Float | Integer) else str)
