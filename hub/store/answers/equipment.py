"""Equipment as a tree, and the tags below a piece of it."""

from sqlalchemy import Connection, func, select

from hub.store.answers.readings import Document, read_rows
from hub.store.tables import ENTITY_TABLES

_DEPTH = 30


def list_tree(connection: Connection) -> list[Document]:
    """Give all equipment, parents before children, siblings by code; `path` holds the codes from the top."""
    table, tag = ENTITY_TABLES["equipment"], ENTITY_TABLES["tag"]
    tags = select(tag.c.equipment_id, func.count().label("tags")).group_by(tag.c.equipment_id).subquery()
    query = (
        select(
            table.c.id,
            table.c.uid,
            table.c.code,
            table.c.description,
            table.c.level,
            table.c.parent_id,
            table.c.timezone,
            table.c.lifecycle,
            table.c.has_conflict,
            func.coalesce(tags.c.tags, 0).label("tags"),
        )
        .select_from(table.outerjoin(tags, tags.c.equipment_id == table.c.id))
        .where(table.c.lifecycle != "merged")
        .order_by(table.c.code, table.c.id)
    )
    rows = read_rows(connection, query)
    children: dict[int | None, list[Document]] = {}
    known = {row["id"] for row in rows}
    for row in rows:
        parent = row["parent_id"] if row["parent_id"] in known else None
        children.setdefault(parent, []).append(row)
    ordered: list[Document] = []
    _hang(children, None, path=(), ordered=ordered)
    hung = {row["id"] for row in ordered}
    # A ring of parents hangs nowhere; it is shown all the same.
    ordered += [_leaf(row, ()) for row in rows if row["id"] not in hung]
    return [{key: value for key, value in row.items() if key != "id"} for row in ordered]


def list_below(connection: Connection, equipment_id: int) -> set[int]:
    """Give the keys of a piece of equipment and of everything below it."""
    table = ENTITY_TABLES["equipment"]
    walk = select(table.c.id.label("equipment_id")).where(table.c.id == equipment_id)
    tree = walk.cte("below", recursive=True)
    tree = tree.union(select(table.c.id).join(tree, table.c.parent_id == tree.c.equipment_id))
    return set(connection.scalars(select(tree.c.equipment_id)))


def _hang(
    children: dict[int | None, list[Document]],
    parent: Document | None,
    *,
    path: tuple[str, ...],
    ordered: list[Document],
) -> None:
    for row in children.get(parent["id"] if parent else None, ()):
        shown = _leaf(row, path)
        shown["parent"] = parent["uid"] if parent else None
        ordered.append(shown)
        if len(path) < _DEPTH:
            _hang(children, row, path=(*path, row["code"]), ordered=ordered)


def _leaf(row: Document, path: tuple[str, ...]) -> Document:
    shown = {key: value for key, value in row.items() if key != "parent_id"}
    return {**shown, "parent": None, "depth": len(path), "path": "/".join((*path, row["code"]))}
