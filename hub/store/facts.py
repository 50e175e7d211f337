"""Observed facts: upserted by natural key, re-pointed when names move, paired when seen twice."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, null, select, update

from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.sets import chunks, insert_all, select_dicts_in, select_in, upsert
from hub.store.tables import FACT_TABLES, lot_genealogy

_PARENTS = {name: table.alias("parent") for name, table in FACT_TABLES.items()}


def reference_columns(record_type: str) -> list[str]:
    """Give the names of the reference fields of a fact table."""
    return [f.name for f in fields_of(OBSERVED[record_type]) if f.kind == "reference"]


def peer_fields(record_type: str) -> list[Field]:
    """Give the fields that point at other facts of the same source."""
    return [f for f in fields_of(OBSERVED[record_type]) if f.kind == "peer"]


def write_facts(connection: Connection, record_type: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or correct facts; a row that says the same stays untouched."""
    upsert(
        connection,
        FACT_TABLES[record_type],
        rows,
        keys=("source_system_id", "source_key"),
        unless_same=("content_hash", "is_retracted"),
        count_version=True,
    )


def retract_facts(connection: Connection, record_type: str, keys: Iterable[tuple[int, str]]) -> None:
    """Mark facts that their source no longer states; the rows stay."""
    table = FACT_TABLES[record_type]
    grouped: dict[int, list[str]] = {}
    for system_id, key in keys:
        grouped.setdefault(system_id, []).append(key)
    for system_id, some in grouped.items():
        for part in chunks(some):
            connection.execute(
                update(table)
                .where(
                    table.c.source_system_id == system_id, table.c.source_key.in_(part), ~table.c.is_retracted
                )
                .values(is_retracted=True, version=table.c.version + 1)
            )


def link_peers(connection: Connection, record_type: str, keys: dict[int, set[str]]) -> set[int]:
    """Point these facts at the peers they name, and peers that waited for them at these facts.

    Gives the batches of the facts that point elsewhere now.
    """
    touched: set[int] = set()
    for field in peer_fields(record_type):
        touched |= _link(connection, FACT_TABLES[record_type], field, column="source_key", keys=keys)
    for other in FACT_TABLES:
        for field in peer_fields(other):
            if field.target == record_type:
                touched |= _link(connection, FACT_TABLES[other], field, column=f"{field.name}_key", keys=keys)
    return touched


def _link(
    connection: Connection, child: Table, field: Field, *, column: str, keys: dict[int, set[str]]
) -> set[int]:
    parent = _PARENTS[field.target or ""]
    key, target = child.c[f"{field.name}_key"], child.c[f"{field.name}_id"]
    found = (
        select(parent.c.id)
        .where(
            parent.c.source_system_id == child.c.source_system_id,
            parent.c.source_key == key,
            ~parent.c.is_retracted,
        )
        .scalar_subquery()
    )
    batch = child.c.batch_id if "batch_id" in child.c else null()
    touched: set[int] = set()
    for system_id, some in keys.items():
        for part in chunks(sorted(some)):
            moved = connection.execute(
                update(child)
                .where(
                    child.c.source_system_id == system_id,
                    child.c[column].in_(part),
                    target.is_distinct_from(found),
                )
                .values({target: found})
                .returning(batch)
            )
            touched.update(b for (b,) in moved if b)
    return touched


def repoint_facts(connection: Connection, moves: Sequence[tuple[str, int, int]]) -> set[int]:
    """Let facts that used these names follow them: (entity type, name id, entity id).

    Gives the batches touched.
    """
    touched: set[int] = set()
    for record_type, table in FACT_TABLES.items():
        for field in fields_of(OBSERVED[record_type]):
            if field.kind != "reference":
                continue
            some = [(name, entity) for target, name, entity in moves if target == field.target]
            if not some:
                continue
            by, to = table.c[f"{field.name}_identifier_id"], table.c[f"{field.name}_id"]
            if "batch_id" in table.c:
                rows = select_in(connection, select(table.c.batch_id), by, [n for n, _ in some])
                touched.update(r.batch_id for r in rows if r.batch_id)
            query = update(table).where(by == bindparam("moved_name")).values({to: bindparam("to_entity")})
            for part in chunks(some):
                connection.execute(query, [{"moved_name": n, "to_entity": e} for n, e in part])
    return touched


def facts_of_batches(
    connection: Connection, record_type: str, batch_ids: Iterable[int]
) -> list[dict[str, Any]]:
    """Give the standing facts of these batches."""
    table = FACT_TABLES[record_type]
    query = select(table).where(~table.c.is_retracted)
    return select_dicts_in(connection, query, table.c.batch_id, batch_ids)


def batches_of_facts(connection: Connection, record_type: str, keys: Iterable[tuple[int, str]]) -> set[int]:
    """Give the batches that these facts (system, key) belong to now."""
    table = FACT_TABLES[record_type]
    if "batch_id" not in table.c:
        return set()
    grouped: dict[int, list[str]] = {}
    for system_id, key in keys:
        grouped.setdefault(system_id, []).append(key)
    return {
        row.batch_id
        for system_id, some in grouped.items()
        for row in select_in(
            connection,
            select(table.c.batch_id).where(table.c.source_system_id == system_id),
            table.c.source_key,
            some,
        )
        if row.batch_id
    }


def mark_sightings(
    connection: Connection, record_type: str, marks: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    """Set `same_as_id` (and `count_state`) of facts: (fact id, values)."""
    if not marks:
        return
    table = FACT_TABLES[record_type]
    names = list(marks[0][1])
    query = (
        update(table)
        .where(table.c.id == bindparam("row_id"))
        .values({name: bindparam(f"to_{name}") for name in names})
    )
    for part in chunks(marks):
        connection.execute(
            query, [{"row_id": i, **{f"to_{k}": v for k, v in values.items()}} for i, values in part]
        )


Edge = tuple[int, int, str]
"""Input lot, output lot, kind."""


def replace_edges(
    connection: Connection, batch_edges: dict[int, dict[Edge, tuple[float | None, str | None]]]
) -> None:
    """Bring the genealogy of these batches in line; edges that stand stay untouched."""
    columns = lot_genealogy.c
    standing: dict[int, dict[Edge, tuple[float | None, str | None]]] = {b: {} for b in batch_edges}
    for row in select_in(connection, select(lot_genealogy), columns.batch_id, batch_edges):
        standing[row.batch_id][row.input_lot_id, row.output_lot_id, row.kind] = (row.quantity, row.unit)
    rows: list[dict[str, Any]] = []
    for batch_id, wanted in batch_edges.items():
        for edge in standing[batch_id].keys() - {
            e for e, q in wanted.items() if standing[batch_id].get(e) == q
        }:
            connection.execute(
                delete(lot_genealogy).where(
                    and_(
                        columns.batch_id == batch_id,
                        columns.input_lot_id == edge[0],
                        columns.output_lot_id == edge[1],
                        columns.kind == edge[2],
                    )
                )
            )
        rows += [
            {
                "input_lot_id": edge[0],
                "output_lot_id": edge[1],
                "kind": edge[2],
                "batch_id": batch_id,
                "quantity": quantity,
                "unit": unit,
            }
            for edge, (quantity, unit) in wanted.items()
            if standing[batch_id].get(edge) != (quantity, unit)
        ]
    insert_all(connection, lot_genealogy, rows)
