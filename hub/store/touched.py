"""What has changed about where and when batches ran, and what they are called, out of the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from hub.store.sets import select_dicts_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, audit_event, identifier

_TABLES: Mapping[str, Any] = {
    **{name: ENTITY_TABLES[name] for name in ("batch", "equipment", "tag")},
    **{
        name: FACT_TABLES[name]
        for name in ("segment_response", "resource_actual", "equipment_time", "equipment_asset_mapping")
    },
    "identifier": identifier,
}
_COLUMNS = ("id", "batch_id", "equipment_id", "entity_type", "entity_id")


@dataclass(frozen=True)
class Touched:
    """Batches that are written of, and equipment whose place, tags or asset changed, up to an audit row."""

    newest: int
    batches: frozenset[int]
    equipment: frozenset[int]


def newest_audit(connection: Connection) -> int:
    """Give the number of the newest audit row."""
    return int(connection.scalar(select(func.max(audit_event.c.id))) or 0)


def list_touched(connection: Connection, after: int) -> Touched:
    """Give what was touched after an audit row; what a row was before counts too.

    Such rows are written by one transaction at a time, so their numbers are in the order of commits.
    """
    event = audit_event.c
    newest = newest_audit(connection)
    query = select(event.entity_type, event.entity_id, event.before).where(
        event.id > after, event.id <= newest, event.entity_type.in_(sorted(_TABLES))
    )
    batches, equipment = set[int](), set[int]()
    ids: dict[str, set[int]] = {}
    for table, row_id, before in connection.execute(query):
        ids.setdefault(table, set()).add(row_id)
        if before:
            _note(table, orjson.loads(before), batches, equipment)
    for table, some in ids.items():
        columns = [c for c in _TABLES[table].c if c.name in _COLUMNS]
        for row in select_dicts_in(connection, select(*columns), _TABLES[table].c.id, some):
            _note(table, row, batches, equipment)
    return Touched(newest, frozenset(batches), frozenset(equipment))


def _note(table: str, row: Mapping[Any, Any], batches: set[int], equipment: set[int]) -> None:  # noqa: PLR0917 - a row, and the two sets it goes to
    """Note what a row speaks of: of a batch by its runs and names, else of an equipment."""
    if table == "identifier":
        if row["entity_type"] == "batch" and row["entity_id"]:
            batches.add(row["entity_id"])
        return
    own = {"batch": batches, "equipment": equipment}.get(table)
    if own is not None:
        own.add(row["id"])
        return
    if (batch := row.get("batch_id")) is not None:
        batches.add(batch)
    elif (place := row.get("equipment_id")) is not None:
        equipment.add(place)
