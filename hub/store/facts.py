"""Observed facts: upserted by natural key, re-pointed when names move, paired when seen twice."""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Table, and_, delete, null, select, update

from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.bulk import allocate_ids, update_rows
from hub.store.sets import AnySelect, insert_all, is_among, select_dicts_in, select_in, upsert
from hub.store.tables import FACT_TABLES, lot_genealogy

_PARENTS = {name: table.alias("parent") for name, table in FACT_TABLES.items()}
_EDGES = select(lot_genealogy)


@cache
def _standing(record_type: str) -> AnySelect:
    table = FACT_TABLES[record_type]
    return select(table).where(~table.c.is_retracted)


@lru_cache(maxsize=512)
def _standing_keys(record_type: str, system_id: int) -> AnySelect:
    columns = FACT_TABLES[record_type].c
    return select(columns.source_key, columns.id).where(
        columns.source_system_id == system_id, ~columns.is_retracted
    )


@lru_cache(maxsize=512)
def _keys_of(record_type: str, system_id: int) -> AnySelect:
    columns = FACT_TABLES[record_type].c
    return select(columns.source_key, columns.id).where(columns.source_system_id == system_id)


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


def number_facts(connection: Connection, record_type: str, count: int) -> list[int]:
    """Give the ids that so many new facts will have."""
    return allocate_ids(connection, FACT_TABLES[record_type], count)


def insert_facts(connection: Connection, record_type: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert numbered facts of which none is there; one that points at another comes after it."""
    insert_all(connection, FACT_TABLES[record_type], rows)


def find_facts(
    connection: Connection, record_type: str, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    """Give the ids of those of these facts (system, key) that are there, retracted or not."""
    wanted: dict[int, list[str]] = {}
    for system_id, key in keys:
        wanted.setdefault(system_id, []).append(key)
    column = FACT_TABLES[record_type].c.source_key
    return {
        (system_id, key): fact_id
        for system_id, some in wanted.items()
        for key, fact_id in select_in(connection, _keys_of(record_type, system_id), column, some)
    }


def retract_facts(connection: Connection, record_type: str, keys: Iterable[tuple[int, str]]) -> None:
    """Mark facts that their source no longer states; the rows stay."""
    table = FACT_TABLES[record_type]
    grouped: dict[int, list[str]] = {}
    for system_id, key in keys:
        grouped.setdefault(system_id, []).append(key)
    for system_id, some in grouped.items():
        connection.execute(
            update(table)
            .where(
                table.c.source_system_id == system_id,
                is_among(connection, table.c.source_key, some),
                ~table.c.is_retracted,
            )
            .values(is_retracted=True, version=table.c.version + 1)
        )


Peer = tuple[str, int, str]
"""A fact that another names: by which field, of which system, by which key."""


def find_peers(connection: Connection, record_type: str, wanted: Iterable[Peer]) -> dict[Peer, int]:
    """Give the ids of the facts that facts of this type name; not of retracted ones."""
    targets = {f.name: f.target or "" for f in peer_fields(record_type)}
    grouped: dict[tuple[str, int], set[str]] = {}
    for name, system_id, key in wanted:
        grouped.setdefault((name, system_id), set()).add(key)
    return {
        (name, system_id, key): fact_id
        for (name, system_id), keys in grouped.items()
        for key, fact_id in select_in(
            connection,
            _standing_keys(targets[name], system_id),
            FACT_TABLES[targets[name]].c.source_key,
            keys,
        )
    }


def link_peers(connection: Connection, record_type: str, keys: dict[int, set[str]]) -> set[int]:
    """Point peers that waited for these facts at them, and let go of those that are retracted.

    Gives the batches of the facts that point elsewhere now.
    """
    touched: set[int] = set()
    for other in FACT_TABLES:
        for field in peer_fields(other):
            if field.target == record_type:
                touched |= _link(connection, FACT_TABLES[other], field, keys)
    return touched


def _link(  # noqa: PLR0917 - this table's field, for these keys
    connection: Connection, child: Table, field: Field, keys: dict[int, set[str]]
) -> set[int]:
    key, target = child.c[f"{field.name}_key"], child.c[f"{field.name}_id"]
    found = _standing_peer(child, field)
    batch = child.c.batch_id if "batch_id" in child.c else null()
    touched: set[int] = set()
    for system_id, some in keys.items():
        moved = connection.execute(
            update(child)
            .where(
                child.c.source_system_id == system_id,
                is_among(connection, key, sorted(some)),
                target.is_distinct_from(found),
            )
            .values({target: found})
            .returning(batch)
        )
        touched.update(b for (b,) in moved if b)
    return touched


@cache
def _standing_peer(child: Table, field: Field) -> ScalarSelect[int]:
    """Give the id of the fact that a row names by its key, of the same system and not retracted."""
    parent = _PARENTS[field.target or ""]
    return (
        select(parent.c.id)
        .where(
            parent.c.source_system_id == child.c.source_system_id,
            parent.c.source_key == child.c[f"{field.name}_key"],
            ~parent.c.is_retracted,
        )
        .scalar_subquery()
    )


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
            name, thing = f"{field.name}_identifier_id", f"{field.name}_id"
            if "batch_id" in table.c:
                rows = select_in(connection, select(table.c.batch_id), table.c[name], [n for n, _ in some])
                touched.update(r.batch_id for r in rows if r.batch_id)
            moved = [{name: n, thing: e} for n, e in some]
            update_rows(connection, table, moved, keys=(name,))
    return touched


def facts_of_batches(
    connection: Connection, record_type: str, batch_ids: Iterable[int]
) -> list[dict[str, Any]]:
    """Give the standing facts of these batches."""
    table = FACT_TABLES[record_type]
    return select_dicts_in(connection, _standing(record_type), table.c.batch_id, batch_ids)


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
            _batches_of(record_type, system_id),
            table.c.source_key,
            some,
        )
        if row.batch_id
    }


@lru_cache(maxsize=512)
def _batches_of(record_type: str, system_id: int) -> AnySelect:
    columns = FACT_TABLES[record_type].c
    return select(columns.batch_id).where(columns.source_system_id == system_id)


def mark_sightings(
    connection: Connection, record_type: str, marks: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    """Set `same_as_id` (and `count_state`) of facts: (fact id, values)."""
    update_rows(connection, FACT_TABLES[record_type], [{"id": i, **values} for i, values in marks])


Edge = tuple[int, int, str]
"""Input lot, output lot, kind."""


def replace_edges(
    connection: Connection, batch_edges: dict[int, dict[Edge, tuple[float | None, str | None]]]
) -> None:
    """Bring the genealogy of these batches in line; edges that stand stay untouched."""
    columns = lot_genealogy.c
    standing: dict[int, dict[Edge, tuple[float | None, str | None]]] = {b: {} for b in batch_edges}
    for row in select_in(connection, _EDGES, columns.batch_id, batch_edges):
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
