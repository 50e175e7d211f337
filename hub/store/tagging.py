"""Which tags measure on which unit."""

from sqlalchemy import Connection, select

from hub.store.tables import ENTITY_TABLES

_TAG = ENTITY_TABLES["tag"]


def tags_of_equipment(connection: Connection, equipment_id: int) -> dict[int, str]:
    """Give the property of each tag of a unit, by tag id."""
    rows = connection.execute(
        select(_TAG.c.id, _TAG.c.property).where(
            _TAG.c.equipment_id == equipment_id, _TAG.c.lifecycle != "merged"
        )
    )
    return {r.id: r.property for r in rows if r.property}
