"""Equipment paths in the store."""

from sqlalchemy import Connection, bindparam, select, update

from hub.store.sets import chunks
from hub.store.tables import ENTITY_TABLES

_EQUIPMENT = ENTITY_TABLES["equipment"]


def load_parents(connection: Connection) -> tuple[dict[int, int | None], dict[int, str | None]]:
    """Give each equipment's parent and its stored path."""
    rows = connection.execute(_PARENTS).all()
    return {r.id: r.parent_id for r in rows}, {r.id: r.path for r in rows}


_PARENTS = select(_EQUIPMENT.c.id, _EQUIPMENT.c.parent_id, _EQUIPMENT.c.path).where(
    _EQUIPMENT.c.lifecycle != "merged"
)


def write_paths(connection: Connection, paths: dict[int, str]) -> None:
    """Store paths by equipment id."""
    query = update(_EQUIPMENT).where(_EQUIPMENT.c.id == bindparam("row_id")).values(path=bindparam("to_path"))
    for part in chunks(paths.items()):
        connection.execute(query, [{"row_id": i, "to_path": p} for i, p in part])
