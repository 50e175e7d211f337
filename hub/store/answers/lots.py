"""Lots and where they came from and went: a bounded walk over the genealogy edges."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, select

from hub.store.answers.readings import Document, fact_reading
from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES, lot_genealogy

Direction = Literal["backward", "forward"]
MAX_DEPTH = 100
MAX_LOTS = 20_000
EdgeKind = Literal["consume", "split", "merge", "sample", "rework"]
_STEPS_ALONE = 6
"""Steps up to which each is a query of its own; beyond that one recursive query walks to the end."""


def trace_lot(
    connection: Connection,
    lot_id: int,
    *,
    direction: Direction = "backward",
    depth: int = MAX_DEPTH,
    kinds: Collection[str] = (),
    limit: int = 1000,
) -> Document:
    """Give the lots that went into a lot (backward) or that it went into (forward), and the edges among them.

    A lot's `depth` is its shortest distance; the lot itself has 0. Only edges of these `kinds` are followed,
    all when none is given. At most `limit` other lots, the nearest; `is_complete` tells whether `depth` and
    `limit` sufficed.
    """
    way = _Way(direction, tuple(sorted(set(kinds))))
    # one step more than is shown tells whether there is more
    reached = _reach(connection, lot_id, way, depth=depth + 1, limit=limit + 2)
    is_complete = len(reached) <= limit + 1
    edges = _edges(connection, reached[: limit + 1], way)
    depths = _distances(lot_id, edges, direction)
    near = {lot for lot, distance in depths.items() if distance <= depth}
    lots, uids = _lots(connection, {lot: depths[lot] for lot in near})
    return {
        "direction": direction,
        "is_complete": is_complete and len(near) == len(depths),
        "lots": lots,
        "edges": [
            {
                "input": uids[given],
                "output": uids[made],
                "batch": None if uid is None else {"uid": uid, "code": code},
                "kind": kind,
                "quantity": quantity,
                "unit": unit,
            }
            for given, made, uid, code, kind, quantity, unit in edges
            if given in near and made in near
        ],
    }


def list_movements(connection: Connection, lot_id: int, *, limit: int = 1000) -> list[Document]:
    """Give the movements of a lot by time, of every source that saw them."""
    reading = fact_reading("material_actual")
    table = reading.table
    query = reading.select().where(table.c.lot_id == lot_id, table.c.is_retracted.is_(False))
    return reading.read(connection, query.order_by(table.c.at.is_(None), table.c.at, table.c.id).limit(limit))


def list_disputed(connection: Connection, *, limit: int = 200) -> list[Document]:
    """Give movements that two systems report with amounts that do not agree, newest first."""
    reading = fact_reading("material_actual")
    table = reading.table
    query = reading.select().where(table.c.count_state == "disputed", table.c.is_retracted.is_(False))
    return reading.read(connection, query.order_by(table.c.id.desc()).limit(limit))


def list_reversals(connection: Connection, *, limit: int = 50) -> list[Document]:
    """Give movements that take another one back, newest first."""
    reading = fact_reading("material_actual")
    table = reading.table
    query = reading.select().where(table.c.reverses_key.is_not(None), table.c.is_retracted.is_(False))
    return reading.read(connection, query.order_by(table.c.id.desc()).limit(limit))


@dataclass(frozen=True)
class _Way:
    """Which way edges are followed, and of which kinds; of all when there are none."""

    direction: Direction
    kinds: tuple[str, ...] = ()

    @property
    def here(self) -> ColumnElement[int]:
        """The end of an edge where one stands."""
        columns = lot_genealogy.c
        return columns.output_lot_id if self.direction == "backward" else columns.input_lot_id

    @property
    def there(self) -> ColumnElement[int]:
        """The end to which it leads."""
        columns = lot_genealogy.c
        return columns.input_lot_id if self.direction == "backward" else columns.output_lot_id

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """Let a query see only edges of these kinds."""
        return query.where(lot_genealogy.c.kind.in_(self.kinds)) if self.kinds else query


def _reach(connection: Connection, lot_id: int, way: _Way, *, depth: int, limit: int) -> list[int]:
    """Give lots nearest first. UNION on the key alone: a lot is met once, however many ways lead to it."""
    if depth <= _STEPS_ALONE:
        return _nearest(connection, lot_id, way, depth=depth, limit=limit)
    found = list(connection.scalars(_walk(way), {"start": lot_id, "most": limit}))
    return found if len(found) < limit else _nearest(connection, lot_id, way, depth=depth, limit=limit)


@cache
def _walk(way: _Way) -> Select[int]:
    """Give the query that walks to the end; putting it together takes as long as running it."""
    lot = ENTITY_TABLES["material_lot"]
    start = select(lot.c.id.label("lot_id")).where(lot.c.id == bindparam("start"))
    walk = start.cte("walk", recursive=True)
    walk = walk.union(way.narrow(select(way.there).join(walk, way.here == walk.c.lot_id)))
    return select(walk.c.lot_id).limit(bindparam("most", type_=Integer))


def _nearest(connection: Connection, lot_id: int, way: _Way, *, depth: int, limit: int) -> list[int]:
    """Give the nearest lots, of equally near ones those known first: the same ones however they are read."""
    reached, level = {lot_id: None}, [lot_id]
    while level and depth and len(reached) < limit:
        met = {row[0] for row in select_in(connection, _step(way), way.here, level)}
        level = sorted(met - reached.keys())
        reached |= dict.fromkeys(level)
        depth -= 1
    return list(reached)[:limit]


@cache
def _step(way: _Way) -> Select[int]:
    """Give the query for the far ends of edges."""
    return way.narrow(select(way.there))


_Edge = tuple[int, int, str | None, str | None, str, float | None, str | None]
"""Input lot, output lot, uid and code of the batch, kind, quantity, unit."""


def _edges(connection: Connection, lots: Collection[int], way: _Way) -> list[_Edge]:
    inside = set(lots)
    return [
        (given, made, *rest)
        for given, made, *rest in select_in(connection, _edge_query(way), way.here, inside)
        if given in inside and made in inside
    ]


@cache
def _edge_query(way: _Way) -> Select[*tuple[Any, ...]]:
    edge, batch = lot_genealogy, ENTITY_TABLES["batch"]
    columns: list[ColumnElement[Any]] = [
        edge.c.input_lot_id,
        edge.c.output_lot_id,
        batch.c.uid,
        batch.c.code,
        edge.c.kind,
        edge.c.quantity,
        edge.c.unit,
    ]
    source = edge.outerjoin(batch, batch.c.id == edge.c.batch_id)
    return way.narrow(select(*columns).select_from(source).order_by(edge.c.id))


def _distances(lot_id: int, edges: list[_Edge], direction: Direction) -> dict[int, int]:
    neighbours: dict[int, list[int]] = {}
    for given, made, *_ in edges:
        here, there = (made, given) if direction == "backward" else (given, made)
        neighbours.setdefault(here, []).append(there)
    depths, level, distance = {lot_id: 0}, [lot_id], 0
    while level:
        distance += 1
        level = [lot for near in level for lot in neighbours.get(near, ()) if lot not in depths]
        depths.update(dict.fromkeys(level, distance))
        level = list(dict.fromkeys(level))
    return depths


def _lots(connection: Connection, depths: dict[int, int]) -> tuple[list[Document], dict[int, str]]:
    """Give the documents of lots, the nearest first, and their uids."""
    rows = select_in(connection, _lot_query(), ENTITY_TABLES["material_lot"].c.id, depths)
    ordered = sorted(rows, key=lambda row: (depths[row[0]], row[2], row[1]))
    lots: list[Document] = [
        {
            "depth": depths[key],
            "uid": uid,
            "code": code,
            "lifecycle": lifecycle,
            "kind": kind,
            "quantity": None if quantity is None else {"value": quantity, "unit": unit},
            "disposition": disposition,
            "material": None if m_uid is None else {"uid": m_uid, "code": m_code, "description": m_about},
        }
        for key, uid, code, lifecycle, kind, quantity, unit, disposition, m_uid, m_code, m_about in ordered
    ]
    return lots, {row[0]: row[1] for row in rows}


@cache
def _lot_query() -> Select[*tuple[Any, ...]]:
    lot, material = ENTITY_TABLES["material_lot"], ENTITY_TABLES["material_definition"]
    columns: list[ColumnElement[Any]] = [
        lot.c.id,
        lot.c.uid,
        lot.c.code,
        lot.c.lifecycle,
        lot.c.kind,
        lot.c.quantity,
        lot.c.quantity_unit,
        lot.c.disposition,
        material.c.uid,
        material.c.code,
        material.c.description,
    ]
    named = [column.label(f"c{number}") for number, column in enumerate(columns)]
    return select(*named).select_from(lot.outerjoin(material, material.c.id == lot.c.material_id))
