"""Lots and where they came from and went: a bounded walk over the genealogy edges."""

from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, select

from hub.store.answers.readings import Document, fact_reading
from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES, lot_genealogy

Direction = Literal["backward", "forward"]
MAX_DEPTH = 100
MAX_LOTS = 20_000


def trace_lot(
    connection: Connection,
    lot_id: int,
    *,
    direction: Direction = "backward",
    depth: int = MAX_DEPTH,
    limit: int = 1000,
) -> Document:
    """Give the lots that went into a lot (backward) or that it went into (forward), and the edges among them.

    A lot's `depth` is its shortest distance; the lot itself has 0. At most `limit` other lots, the nearest;
    `is_complete` tells whether `depth` and `limit` sufficed.
    """
    reached = _reach(connection, lot_id, direction, limit=limit + 2)
    is_complete = len(reached) <= limit + 1
    edges = _edges(connection, reached[: limit + 1], direction)
    depths = _distances(lot_id, edges, direction)
    near = {lot for lot, distance in depths.items() if distance <= depth}
    lots = _lots(connection, {lot: depths[lot] for lot in near})
    uids = {lot["id"]: lot["uid"] for lot in lots}
    return {
        "direction": direction,
        "is_complete": is_complete and len(near) == len(depths),
        "lots": [{key: value for key, value in lot.items() if key != "id"} for lot in lots],
        "edges": [
            {
                "input": uids[edge["input"]],
                "output": uids[edge["output"]],
                "batch": edge["batch"],
                "kind": edge["kind"],
                "quantity": edge["quantity"],
                "unit": edge["unit"],
            }
            for edge in edges
            if edge["input"] in near and edge["output"] in near
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


def _reach(connection: Connection, lot_id: int, direction: Direction, *, limit: int) -> list[int]:
    """Give lots nearest first. UNION on the key alone: a lot is met once, however many ways lead to it."""
    edge = lot_genealogy
    here, there = (edge.c.output_lot_id, edge.c.input_lot_id)
    if direction == "forward":
        here, there = there, here
    lot = ENTITY_TABLES["material_lot"]
    walk = select(lot.c.id.label("lot_id")).where(lot.c.id == lot_id).cte("walk", recursive=True)
    walk = walk.union(select(there).join(walk, here == walk.c.lot_id))
    return list(connection.scalars(select(walk.c.lot_id).limit(limit)))


def _edges(connection: Connection, lots: Collection[int], direction: Direction) -> list[Document]:
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
    query = (
        select(*columns).select_from(edge.outerjoin(batch, batch.c.id == edge.c.batch_id)).order_by(edge.c.id)
    )
    inside = set(lots)
    column = edge.c.output_lot_id if direction == "backward" else edge.c.input_lot_id
    return [
        {
            "input": row.input_lot_id,
            "output": row.output_lot_id,
            "batch": None if row.uid is None else {"uid": row.uid, "code": row.code},
            "kind": row.kind,
            "quantity": row.quantity,
            "unit": row.unit,
        }
        for row in select_in(connection, query, column, inside)
        if row.input_lot_id in inside and row.output_lot_id in inside
    ]


def _distances(lot_id: int, edges: list[Document], direction: Direction) -> dict[int, int]:
    here, there = ("output", "input") if direction == "backward" else ("input", "output")
    neighbours: dict[int, list[int]] = {}
    for edge in edges:
        neighbours.setdefault(edge[here], []).append(edge[there])
    depths, level, distance = {lot_id: 0}, [lot_id], 0
    while level:
        distance += 1
        level = [lot for near in level for lot in neighbours.get(near, ()) if lot not in depths]
        depths.update(dict.fromkeys(level, distance))
        level = list(dict.fromkeys(level))
    return depths


def _lots(connection: Connection, depths: dict[int, int]) -> list[Document]:
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
        material.c.uid.label("material_uid"),
        material.c.code.label("material_code"),
        material.c.description.label("material_description"),
    ]
    query = select(*columns).select_from(lot.outerjoin(material, material.c.id == lot.c.material_id))
    lots = [
        {
            "id": row.id,
            "depth": depths[row.id],
            "uid": row.uid,
            "code": row.code,
            "lifecycle": row.lifecycle,
            "kind": row.kind,
            "quantity": None if row.quantity is None else {"value": row.quantity, "unit": row.quantity_unit},
            "disposition": row.disposition,
            "material": None
            if row.material_uid is None
            else {
                "uid": row.material_uid,
                "code": row.material_code,
                "description": row.material_description,
            },
        }
        for row in select_in(connection, query, lot.c.id, depths)
    ]
    return sorted(lots, key=lambda found: (found["depth"], found["code"], found["uid"]))
