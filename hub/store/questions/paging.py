"""Pages by key: each page starts after the last row of the one before, so inserts neither shift nor repeat.

Rows without a value come last, in both directions; the row's key settles ties. A cursor holds the values of
the last row and the fingerprint of its question.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    and_,
    literal,
    or_,
    tuple_,
)

from hub.model import format_instant, parse_instant
from hub.store.answers.pages import CursorError
from hub.store.tables.parts import UtcDateTime

_FOREIGN = "the cursor belongs to another question or order; start again without it"
_NOT_OURS = "the cursor is not one of ours; start again without it"


@dataclass(frozen=True)
class Step:
    """A column of an order, with whether it descends and whether it may be null."""

    column: ColumnElement[Any]
    descending: bool
    may_be_null: bool


@dataclass(frozen=True)
class Ranking:
    """The whole order of an answer: its steps, and the key that settles ties."""

    steps: tuple[Step, ...]
    key: ColumnElement[int]


@dataclass(frozen=True)
class Seat:
    """Where a row stands in an order: the values of the steps and its key."""

    values: tuple[Any, ...]
    key: Any


def take_rows(
    connection: Connection,
    query: Select[Any],
    ranking: Ranking,
    *,
    seat: Seat | None,
    limit: int,
    skip: int = 0,
) -> list[Any]:
    """Give at most `limit` rows after a seat, without the first `skip` of them.

    The steps' values stand in each row under `step0`, `step1`, ….
    One step is asked for in two queries where it may be null, each of which an index can answer.
    """
    rows: list[Any] = []
    for part in list_parts(query, ranking, seat=seat, skips=bool(skip)):
        if len(rows) < limit:
            rows += connection.execute(part.limit(limit - len(rows)).offset(skip or None)).all()
    return rows


def list_parts(query: Select[Any], ranking: Ranking, *, seat: Seat | None, skips: bool) -> list[Select[Any]]:
    """Give the queries, one or two, whose rows after one another are those after a seat in their order.

    The values of a seat may be parameters.
    """
    steps = ranking.steps
    labelled = query.add_columns(*(one.column.label(f"step{at}") for at, one in enumerate(steps)))
    if len(steps) != 1 or skips:
        return [_by_many(labelled, ranking, seat)]
    parts: list[Select[Any]] = []
    if seat is None or seat.values[0] is not None:
        parts.append(_with_value(labelled, ranking, seat))
    if steps[0].may_be_null:
        after = seat if seat and seat.values[0] is None else None
        parts.append(_without_value(labelled, ranking, after))
    return parts


def order_query(query: Select[Any], ranking: Ranking) -> Select[Any]:
    """Put a whole answer in its order."""
    return _by_many(query, ranking, None)


def write_cursor(fingerprint: str, seat: Seat) -> str:
    """Give the cursor of what follows a seat."""
    values = [format_instant(v) if isinstance(v, datetime) else v for v in seat.values]
    return base64.urlsafe_b64encode(orjson.dumps([fingerprint, *values, seat.key])).rstrip(b"=").decode()


def read_cursor(cursor: str, fingerprint: str, ranking: Ranking) -> Seat:
    """Give the seat of a cursor. Raises `CursorError` for one of another question, or of nobody's."""
    try:
        content: Any = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        told, *values, key = content
    except (ValueError, TypeError, binascii.Error) as error:
        raise CursorError(_NOT_OURS) from error
    if not isinstance(told, str):
        raise CursorError(_NOT_OURS)
    if told != fingerprint:
        raise CursorError(_FOREIGN)
    if type(key) is not int or not -(2**63) <= key < 2**63 or len(values) != len(ranking.steps):
        raise CursorError(_NOT_OURS)
    return Seat(tuple(_value(v, step) for v, step in zip(values, ranking.steps, strict=True)), key)


def _value(value: Any, step: Step) -> Any:
    kind = step.column.type
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        try:
            return parse_instant(value)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise CursorError(_NOT_OURS) from error
    if not isinstance(value, float | int if isinstance(kind, Float | Integer) else str | bool):
        raise CursorError(_NOT_OURS)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise CursorError(_NOT_OURS)
    return value


def _with_value(query: Select[Any], ranking: Ranking, seat: Seat | None) -> Select[Any]:
    (step,), key = ranking.steps, ranking.key
    if step.may_be_null:
        query = query.where(step.column.is_not(None))
    if seat is not None:
        here = tuple_(step.column, key)
        last = tuple_(_last(seat.values[0], step.column), _last(seat.key, key))
        query = query.where(here < last if step.descending else here > last)
    if step.descending:
        return query.order_by(step.column.desc(), key.desc())
    return query.order_by(step.column, key)


def _without_value(query: Select[Any], ranking: Ranking, seat: Seat | None) -> Select[Any]:
    (step,), key = ranking.steps, ranking.key
    query = query.where(step.column.is_(None))
    if seat is not None:
        query = query.where(key < seat.key if step.descending else key > seat.key)
    return query.order_by(key.desc() if step.descending else key)


def _by_many(query: Select[Any], ranking: Ranking, seat: Seat | None) -> Select[Any]:
    """Order by all steps; ties go by the key, in the direction of the last step."""
    is_down = bool(ranking.steps) and ranking.steps[-1].descending
    if seat is not None:
        query = query.where(_after(ranking, seat, is_down=is_down))
    order: list[Any] = []
    for step in ranking.steps:
        if step.may_be_null:
            order.append(step.column.is_(None))
        order.append(step.column.desc() if step.descending else step.column)
    return query.order_by(*order, ranking.key.desc() if is_down else ranking.key)


def _after(ranking: Ranking, seat: Seat, *, is_down: bool) -> ColumnElement[bool]:
    """Give the condition of all rows after a seat: the first step in which they differ lies beyond."""
    same: list[ColumnElement[bool]] = []
    ways: list[ColumnElement[bool]] = []
    for step, value in zip(ranking.steps, seat.values, strict=True):
        if value is None:
            same.append(step.column.is_(None))
            continue
        last = _last(value, step.column)
        beyond = step.column < last if step.descending else step.column > last
        if step.may_be_null:
            beyond = or_(beyond, step.column.is_(None))
        ways.append(and_(*same, beyond))
        same.append(step.column == last)
    key = ranking.key
    last_key = _last(seat.key, key)
    ways.append(and_(*same, key < last_key if is_down else key > last_key))
    return or_(*ways)


def _last(value: Any, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give a value of a seat as a column is compared with it."""
    if isinstance(value, BindParameter):
        return cast("BindParameter[Any]", value)
    return literal(value, column.type)
