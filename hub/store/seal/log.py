"""The log: audit rows get their places in the tree, without gaps, and its nodes are kept for proofs.

Every fourth level of complete nodes is stored. A proof then needs log2(n) hashes, found in a quarter as many
reads of at most sixteen rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.locks import LOG
from hub.store.seal.tree import hash_children, hash_leaf
from hub.store.tables import audit_leaf, tree_node

STEP = 4
_FAN = 1 << STEP

# A transaction that drew an audit row's id before the last head may commit after it. So rows are looked for
# above the id up to which all were seen once everybody at work at an earlier head had ended.
_FLOOR = "SELECT settled_event_id FROM tree_head ORDER BY id DESC LIMIT 1"
_UNSEALED = {
    "sqlite": "SELECT id, hash, 0, 0 FROM audit_event WHERE id > :floor ORDER BY id LIMIT :limit",
    "postgresql": (
        "SELECT e.id, e.hash, pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint"
        " FROM pg_current_snapshot() s CROSS JOIN audit_event e WHERE e.id > %(floor)s AND NOT EXISTS ("
        " SELECT FROM audit_leaf l WHERE l.audit_event_id = e.id AND l.audit_event_id > %(floor)s"
        ") ORDER BY e.id LIMIT %(limit)s"
    ),
}
_SETTLED = "SELECT last_event_id FROM tree_head WHERE horizon <= %(oldest)s ORDER BY id DESC LIMIT 1"
_INSERT = {
    "sqlite": "INSERT INTO {table} ({columns}) VALUES (?, ?, ?)",
    "postgresql": (
        "INSERT INTO {table} ({columns}) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])"
    ),
}
Rows = Sequence[tuple[int, int, bytes]]


@dataclass(frozen=True)
class Growth:
    """How the log grew: its size now, and what the next head must note to go on from there."""

    size: int
    added: int
    progress: dict[str, int]


def append_events(connection: Connection, *, limit: int) -> Growth:
    """Give at most `limit` audit rows that have none a place in the tree, those with the lowest ids first.

    One transaction at a time does so; what commits later gets a later place.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOG})")
    size = count_leaves(connection)
    floor = int(connection.exec_driver_sql(_FLOOR).scalar() or 0)
    found = connection.exec_driver_sql(_UNSEALED[dialect], {"floor": floor, "limit": limit}).all()
    if not found:
        return Growth(size, 0, {})
    leaves = [hash_leaf(row[1].encode()) for row in found]
    places = zip(count(size), (row[0] for row in found), leaves, strict=False)
    _insert(connection, "audit_leaf", "id, audit_event_id, hash", list(places))
    _keep_nodes(connection, size, leaves)
    last, _, oldest, horizon = found[-1]
    progress = {"last_event_id": last, "horizon": horizon, "settled_event_id": last}
    if dialect == "postgresql":
        settled = connection.exec_driver_sql(_SETTLED, {"oldest": oldest}).scalar()
        progress["settled_event_id"] = max(floor, int(settled or 0))
    return Growth(size + len(found), len(found), progress)


def count_leaves(connection: Connection) -> int:
    """Give how many audit rows have a place in the tree."""
    return int(connection.scalar(select(func.coalesce(func.max(audit_leaf.c.id) + 1, 0))) or 0)


class StoredTree:
    """The tree as it is stored; each group of sixteen nodes is read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._groups: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Give the hash of a perfect node whose leaves are all there."""
        stored = level - level % STEP
        if level == stored:
            return self._group(level, index >> STEP)[index % _FAN]
        wide = level - stored
        return _merge([self.node(stored, (index << wide) + at) for at in range(1 << wide)])

    def _group(self, level: int, number: int) -> list[bytes]:
        key = (level, number)
        if key not in self._groups:
            self._groups[key] = _read(self._connection, level, number * _FAN, (number + 1) * _FAN)
        return self._groups[key]


def _keep_nodes(connection: Connection, size: int, hashes: list[bytes]) -> None:
    """Store the inner nodes that new leaves complete, level by level."""
    level, first = 0, size
    while hashes:
        # the children of a parent that was not complete before are partly stored already
        start = first - first % _FAN
        children = [*_read(connection, level, start, first), *hashes]
        complete = len(children) // _FAN
        level, first = level + STEP, start // _FAN
        hashes = [_merge(children[at * _FAN : (at + 1) * _FAN]) for at in range(complete)]
        _insert(
            connection,
            "tree_node",
            "level, number, hash",
            [(level, first + at, one) for at, one in enumerate(hashes)],
        )


def _merge(hashes: Sequence[bytes]) -> bytes:
    """Give the root of a perfect tree over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [hash_children(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _read(connection: Connection, level: int, first: int, end: int) -> list[bytes]:  # noqa: PLR0917 - a range of a level
    if first == end:
        return []
    if level == 0:
        query = select(audit_leaf.c.hash).where(audit_leaf.c.id >= first, audit_leaf.c.id < end)
        return list(connection.scalars(query.order_by(audit_leaf.c.id)))
    in_range = (tree_node.c.level == level, tree_node.c.number >= first, tree_node.c.number < end)
    return list(connection.scalars(select(tree_node.c.hash).where(*in_range).order_by(tree_node.c.number)))


def _insert(connection: Connection, table: str, columns: str, rows: Rows) -> None:  # noqa: PLR0917 - as SQL says it
    if not rows:
        return
    statement = _INSERT[connection.dialect.name].format(table=table, columns=columns)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, list(rows))
    else:
        given: Any = tuple([row[at] for row in rows] for at in range(3))
        connection.exec_driver_sql(statement, given)
