"""The rows as they are now, each against the digest that the newest audit row of its chain holds."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, inspect

from hub.store.audited import AUDITED
from hub.store.chain import digest_row
from hub.store.guards import read_shapes
from hub.store.seal.findings import Report
from hub.store.seal.trail import BATCH, Unreadable, fetch, locate
from hub.store.triggers.postgresql import write_image
from hub.store.triggers.trigger import Shape

_KNOWN = """(SELECT coalesce(e.digest, 'gone') FROM audit_event e
  WHERE e.entity_type = '{table}' AND e.entity_id = r.id ORDER BY e.version DESC LIMIT 1)"""
_ROWS = {
    "sqlite": "SELECT {columns}, {known} FROM {table} r WHERE r.id > ? ORDER BY r.id LIMIT ?",
    "postgresql": (
        "SELECT r.id, encode(sha256(convert_to({image}, 'UTF8')), 'hex'), {known} FROM {table} r"
        " WHERE r.id > %s ORDER BY r.id LIMIT %s"
    ),
}
_VANISHED = """
SELECT e.entity_id FROM audit_event e
WHERE e.entity_type = '{table}' AND e.digest IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM {table} r WHERE r.id = e.entity_id)
  AND NOT EXISTS (
    SELECT 1 FROM audit_event n
    WHERE n.entity_type = e.entity_type AND n.entity_id = e.entity_id AND n.version > e.version)"""
_FAULTS = {None: "it has no audit trail", "gone": "it was deleted, says the trail, and is there"}
State = tuple[int, str, str | None]
"""A row's id, the digest of what it is, and the digest that the trail knows (None without a trail)."""


def check_states(connection: Connection, report: Report) -> None:
    """Check every row of every audited table; find those that were deleted past the triggers."""
    shapes = {shape.name: shape for shape in read_shapes(inspect(connection))}
    for table in AUDITED:
        shape = shapes.get(table.name)
        if shape is None:
            report.add("unreadable", table.name, "this table is not there, nor any of its rows")
            continue
        try:
            for entity_id, digest, known in _read_states(connection, shape):
                report.things += 1
                if digest != known:
                    fault = _FAULTS.get(known, "it is not what the trail says it is")
                    _add(connection, report, shape.name, entity_id, fault)
            for (entity_id,) in fetch(connection, _VANISHED.format(table=shape.name)):
                _add(
                    connection,
                    report,
                    shape.name,
                    entity_id,
                    "it is gone, and the trail knows of no deletion",
                )
        except Unreadable:
            report.add("unreadable", shape.name, "the database cannot read this table, or its trail")


def _add(  # noqa: PLR0917 - a finding about this thing
    connection: Connection, report: Report, table: str, entity_id: int, fault: str
) -> None:
    place = locate(connection, table, entity_id)
    last = "" if place is None else f"; audit row {place} of the log has the last word"
    report.add("state", f"{table} {entity_id}", f"{fault}{last}")


def _read_states(connection: Connection, shape: Shape) -> Iterator[State]:
    dialect = connection.dialect.name
    query = _ROWS[dialect].format(
        table=shape.name,
        columns=", ".join(f'r."{name}"' for name in shape.names),
        known=_KNOWN.format(table=shape.name),
        image=write_image(shape) if dialect == "postgresql" else "",
    )
    names, last, key = shape.names, -(2**63), shape.names.index("id")
    while rows := fetch(connection, query, (last, BATCH)):
        if dialect == "postgresql":
            yield from ((row[0], row[1], row[2]) for row in rows)
            last = rows[-1][0]
        else:
            yield from ((row[key], _digest(names, row[:-1]), row[-1]) for row in rows)
            last = rows[-1][key]


def _digest(names: Sequence[str], values: Sequence[Any]) -> str:
    """Give the digest of a row of SQLite; empty for what no trigger can have seen, as text that is none."""
    try:
        return digest_row(names, values)
    except (TypeError, UnicodeError):
        return ""
