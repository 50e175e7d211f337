"""Since when and until when names are the current ones, and what replaced them; a replaced name stays one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from hub.store.bulk import update_rows
from hub.store.sets import select_in
from hub.store.tables import identifier


@dataclass(frozen=True)
class Validity:
    """When a name is the current one, and the name that replaced it (its id), if one did."""

    valid_from: datetime | None = None
    valid_to: datetime | None = None
    replaced_by: int | None = None


_COLUMNS = identifier.c
_QUERY = select(_COLUMNS.id, _COLUMNS.valid_from, _COLUMNS.valid_to, _COLUMNS.replaced_by_id)


def load_validity(connection: Connection, name_ids: Iterable[int]) -> dict[int, Validity]:
    """Give it by name."""
    rows = select_in(connection, _QUERY, _COLUMNS.id, name_ids)
    return {name_id: Validity(start, end, by) for name_id, start, end, by in rows}


_ANY_REPLACED = select(_COLUMNS.id).where(_COLUMNS.replaced_by_id.is_not(None)).limit(1)


def names_replaced_by(connection: Connection, name_ids: Iterable[int]) -> set[int]:
    """Give the names that these replaced."""
    if connection.scalar(_ANY_REPLACED) is None:
        return set()  # so it is in most stores, and it is asked for every name that is stated
    return {row.id for row in select_in(connection, _QUERY, _COLUMNS.replaced_by_id, name_ids)}


def write_validity(connection: Connection, names: dict[int, Validity]) -> None:
    """Write it by name."""
    rows = [
        {
            "id": name_id,
            "valid_from": v.valid_from,
            "valid_to": v.valid_to,
            "replaced_by_id": v.replaced_by,
            "is_active": v.replaced_by is None,
        }
        for name_id, v in sorted(names.items())
    ]
    update_rows(connection, identifier, rows)
