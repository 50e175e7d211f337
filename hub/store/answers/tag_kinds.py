"""What a tag's samples are: number or text, stepping or sloped, in which unit, on which equipment."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES

_TAG = ENTITY_TABLES["tag"].c
_STEPS = frozenset({"boolean", "string"})


@dataclass(frozen=True)
class TagKind:
    """A tag. `is_step`: it stands at a value until the next (also when only its type says so)."""

    tag_id: int
    uid: str
    code: str
    property: str | None
    unit: str | None
    is_step: bool
    equipment_id: int | None


_QUERY = select(
    _TAG.id, _TAG.uid, _TAG.code, _TAG.property, _TAG.unit, _TAG.is_step, _TAG.value_type, _TAG.equipment_id
)


def read_kinds(connection: Connection, tag_ids: Iterable[int]) -> dict[int, TagKind]:
    """Give the kind of each of these tags, by key."""
    return {
        row.id: TagKind(
            tag_id=row.id,
            uid=row.uid,
            code=row.code,
            property=row.property,
            unit=row.unit,
            is_step=bool(row.is_step) or row.value_type in _STEPS,
            equipment_id=row.equipment_id,
        )
        for row in select_in(connection, _QUERY, _TAG.id, tag_ids)
    }
