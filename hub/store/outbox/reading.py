"""The outbox is the audit trail: whatever may be told was written there by the transaction that did it.

A reader goes along the trail in the order in which acts became known. It writes nothing and keeps nothing:
how far it has come is a position, and there may be as many as there are listeners.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from hub.store.order import newest_known
from hub.store.outbox.catalogue import tables_of
from hub.store.outbox.position import Position
from hub.store.outbox.telling import Event, Image, Row, tell
from hub.store.tables import audit_event, metadata, overtaken_act

WINDOW = 2_000
"""Audit rows, about, of the wanted tables that are looked at in one reading."""
_ROWS = 200
_IMAGES = {
    "sqlite": 'SELECT {columns} FROM "{table}" AS r WHERE r.id IN ({ids})',
    "postgresql": 'SELECT r.id, to_json(r)::text FROM "{table}" AS r WHERE r.id IN ({ids})',
}


@dataclass(frozen=True)
class News:
    """Events in their order, how far the reading came, and whether that is the end of what is known."""

    events: list[Event]
    reached: Position
    is_all: bool


def newest_position(connection: Connection) -> Position:
    """Give the position after everything that is known."""
    return Position.past(newest_known(connection))


def read_events(
    connection: Connection, after: Position, *, types: Collection[str] = (), limit: int = 100
) -> News:
    """Give at most `limit` events after a position, of some types or of all.

    Who goes on from what was `reached` is told each event once. A reading looks at a part of the trail only:
    it may give no event and yet not be at the end.
    """
    newest = newest_known(connection)
    if newest is None or after >= Position.past(newest):
        return News([], after, is_all=True)
    tables = tables_of(types)
    end = _find_end(connection, after, tables) or newest
    rows = connection.execute(_list_rows(connection, after, end=end, tables=tables)).all()
    found: list[Event] = []
    for at in range(0, len(rows), _ROWS):  # most rows tell nothing of the wanted types
        part = rows[at : at + _ROWS]
        places = {row.id: Position.of(row.known_at, row.id) for row in part}
        told = _read_rows(connection, list(places))
        events = [event for key, place in places.items() for event in tell(told[key], place)]
        found += [one for one in events if one.position > after and (not types or one.type in types)]
        if len(found) > limit:
            return News(found[:limit], found[limit - 1].position, is_all=False)
    return News(found, Position.past(end), is_all=end == newest)


def _find_end(connection: Connection, after: Position, tables: Sequence[str]) -> datetime | None:
    """Give the instant up to which this reading looks; None: to the newest."""
    stamp = audit_event.c.recorded_at
    query = select(stamp).where(_of(audit_event.c.entity_type, tables), stamp > after.instant)
    return connection.scalar(query.order_by(stamp).offset(WINDOW).limit(1))


def _list_rows(
    connection: Connection, after: Position, *, end: datetime, tables: Sequence[str]
) -> Select[int, datetime]:
    """Give the first write of each row by each act known after a position and up to an instant."""
    e, p, late = audit_event.alias("e"), audit_event.alias("p"), overtaken_act.c
    known_at = func.coalesce(late.known_at, e.c.recorded_at, type_=e.c.recorded_at.type)
    stamped = and_(e.c.recorded_at >= after.instant, e.c.recorded_at <= end)
    overdue = _list_overdue(connection, after, end)
    earlier = (
        select(p.c.id)
        .where(p.c.entity_type == e.c.entity_type, p.c.entity_id == e.c.entity_id)
        .where(p.c.version == e.c.version - 1, p.c.recorded_at == e.c.recorded_at)
    )
    return (
        select(e.c.id, known_at.label("known_at"))
        .select_from(e.outerjoin(overtaken_act, late.recorded_at == e.c.recorded_at))
        .where(_of(e.c.entity_type, tables))
        .where(or_(stamped, e.c.recorded_at.in_(overdue)) if overdue else stamped)
        .where(known_at <= end, or_(known_at > after.instant, e.c.id >= after.row))
        .where(~earlier.exists())
        .order_by(known_at, e.c.id)
    )


def _list_overdue(connection: Connection, after: Position, end: datetime) -> list[datetime]:
    """Give the stamps of acts that were stamped before a position and became known after it."""
    late = overtaken_act.c
    query = select(late.recorded_at).where(late.recorded_at < after.instant)
    return list(connection.scalars(query.where(late.known_at >= after.instant, late.known_at <= end)))


def _of(column: ColumnElement[str], tables: Sequence[str]) -> ColumnElement[bool]:
    """Say that a row is of some tables, so that no planner walks whole chains instead of what came since."""
    return func.coalesce(column, "").in_(tables)


def _read_rows(connection: Connection, ids: Sequence[int]) -> dict[int, Row]:
    """Give what each of these audit rows did to its row, by the id of the audit row."""
    e, n, last = audit_event.alias("e"), audit_event.alias("n"), audit_event.alias("last")
    chain = [n.c.entity_type == e.c.entity_type, n.c.entity_id == e.c.entity_id]
    following = select(n.c.before).where(*chain, n.c.version > e.c.version, n.c.before.is_not(None))
    ended = select(last.c.action).where(
        last.c.entity_type == e.c.entity_type,
        last.c.entity_id == e.c.entity_id,
        last.c.recorded_at == e.c.recorded_at,
    )
    query = select(
        e.c.id,
        e.c.entity_type,
        e.c.entity_id,
        e.c.before,
        following.order_by(n.c.version).limit(1).scalar_subquery().label("following"),
        ended.order_by(last.c.version.desc()).limit(1).scalar_subquery().label("ended"),
    ).where(e.c.id.in_(ids))
    rows = connection.execute(query).all()
    standing = _read_standing(connection, [r for r in rows if r.following is None and r.ended != "delete"])
    return {row.id: _as_row(row, standing) for row in rows}


def _as_row(row: Any, standing: Mapping[tuple[str, int], Image]) -> Row:
    if row.ended == "delete":
        after = None
    elif row.following is not None:
        after = orjson.loads(row.following)
    else:
        after = standing.get((row.entity_type, row.entity_id))
    before = None if row.before is None else orjson.loads(row.before)
    return Row(row.entity_type, row.entity_id, before, after)


def _read_standing(connection: Connection, rows: Sequence[Any]) -> dict[tuple[str, int], Image]:
    """Give the rows that nobody has changed since, in the form that the trail keeps of others."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.entity_type, set()).add(row.entity_id)
    return {
        (table, key): image
        for table, ids in wanted.items()
        for key, image in _read_images(connection, table, sorted(ids)).items()
    }


def _read_images(connection: Connection, table: str, ids: Sequence[int]) -> dict[int, Image]:
    dialect = connection.dialect.name
    names = [column.name for column in metadata.tables[table].columns]
    query = _IMAGES[dialect].format(
        table=table,
        columns=", ".join(f'r."{name}"' for name in names),
        ids=", ".join(("?" if dialect == "sqlite" else "%s",) * len(ids)),
    )
    rows = connection.exec_driver_sql(query, tuple(ids))
    if dialect == "sqlite":
        images: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    else:
        images = [orjson.loads(row[1]) for row in rows]
    return {image["id"]: {k: v for k, v in image.items() if v is not None} for image in images}
