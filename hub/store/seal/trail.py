"""The audit rows themselves: each against its hash, its leaf, and the row before it in its thing's chain."""

import hashlib
import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from hub.store.chain import chain_hash
from hub.store.seal.findings import Report
from hub.store.seal.tree import hash_leaf

BATCH = 5000
_COLUMNS = "id, prev_hash, entity_type, entity_id, version, action, actor, {at}, reason, before, digest, hash"
_AT = {
    "sqlite": "recorded_at",
    "postgresql": """to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}
_ROWS = "SELECT {columns} FROM audit_event WHERE id > {m} AND id <= {m} ORDER BY id LIMIT {m}"
_ROW = "SELECT {columns} FROM audit_event WHERE id = {m}"
_LEAVES = (
    "SELECT audit_event_id, id, hash FROM audit_leaf"
    " WHERE audit_event_id > {m} AND audit_event_id <= {m} ORDER BY audit_event_id LIMIT {m}"
)
_LINKS = """
SELECT * FROM (SELECT e.id, e.entity_type, e.entity_id, e.version, e.before IS NOT NULL AS had, p.digest,
  CASE
    WHEN e.version < 1 OR (e.version > 1 AND p.id IS NULL) THEN 'the version before it is missing'
    WHEN p.hash {differs} e.prev_hash THEN 'it does not continue the version before it'
    WHEN (e.action = 'insert') <> (p.digest IS NULL) THEN 'its action does not fit the version before it'
    WHEN (e.action = 'delete') <> (e.digest IS NULL) THEN 'its action does not fit its digest'
    WHEN e.digest IS NOT NULL AND e.digest = p.digest THEN 'it changed nothing: no trigger writes such a row'
    WHEN e.recorded_at < p.recorded_at THEN 'it is older than the version before it'
    WHEN e.action <> 'insert' AND e.before IS NULL AND e.recorded_at {differs} p.recorded_at
      THEN 'the image of what was before is missing'
  END AS fault
FROM audit_event e LEFT JOIN audit_event p
  ON p.entity_type = e.entity_type AND p.entity_id = e.entity_id AND p.version = e.version - 1
WHERE e.id > {m} AND e.id <= {m}) l WHERE l.had OR l.fault IS NOT NULL"""
_NEWEST = (
    "SELECT l.id FROM audit_event e JOIN audit_leaf l ON l.audit_event_id = e.id"
    " WHERE e.entity_type = {m} AND e.entity_id = {m} ORDER BY e.version DESC LIMIT 1"
)
_SETTLED = """
SELECT h.id, h.size, e.* FROM tree_head h JOIN (SELECT {columns} FROM audit_event) e
ON e.id = h.settled_event_id WHERE h.id > {m} ORDER BY h.id LIMIT {m}"""
_OVERTAKEN = "SELECT 1 FROM overtaken_act WHERE recorded_at = {m}"
_MOST = 2**63 - 1
_ROWS_AT_ONCE = 2 * BATCH
Row = Sequence[Any]


@dataclass(frozen=True)
class Place:
    """Where a sealed audit row stands in the log, and the hash that was put there."""

    seq: int
    leaf: bytes


def check_trail(connection: Connection, report: Report, *, sealed_to: int) -> None:
    """Check every audit row. Rows above the id `sealed_to` may be waiting for the next head."""
    reader, last = _Reader(connection), 0
    floors = _read_floors(reader)
    while last < _MOST:
        # paced by leaves, not by rows: a damaged row may show any id
        end = reader.last_leaf_after(last)
        rows = reader.rows(last, end)
        if rows is not None and len(rows) == _ROWS_AT_ONCE:
            end = rows[-1][0]
        places = reader.places(last, end)
        if rows is None and end == _MOST:
            report.add("unreadable", f"audit rows after {last}", "the database cannot read them")
            return
        befores = _check_batch(report, reader, rows or [], places, sealed_to=sealed_to)
        _check_times(report, reader, rows or [], places, floors=floors)
        _check_links(report, reader, last, end, places=places, befores=befores)
        last = end


def locate(connection: Connection, entity_type: str, entity_id: int) -> int | None:
    """Give the place in the log of the newest audit row of a thing."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    return connection.exec_driver_sql(_NEWEST.format(m=mark), (entity_type, entity_id)).scalar()


class Unreadable(Exception):
    """The database cannot read what was asked for: its file is damaged, or was edited."""


def fetch(connection: Connection, query: str, values: tuple[Any, ...] = ()) -> list[Row]:
    """Give the rows of a query as the driver gives them, even text that is none. Raises `Unreadable`."""
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.execute(query, values).fetchall()
    except sqlite3.DatabaseError:
        return _fetch_damaged(driver, query, values)


def _fetch_damaged(driver: Any, query: str, values: tuple[Any, ...]) -> list[Row]:
    before = driver.text_factory
    driver.text_factory = _read_text
    try:
        return driver.execute(query, values).fetchall()
    except sqlite3.DatabaseError as error:
        raise Unreadable(str(error)) from error
    finally:
        driver.text_factory = before


def _read_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def plan_for_batches(connection: Connection) -> None:
    """Let PostgreSQL look up batches by indexes: without counts of new rows it would read all, each time."""
    if connection.dialect.name == "postgresql":
        for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
            connection.exec_driver_sql(f"SET LOCAL {setting} = off")


@dataclass(frozen=True)
class _Floors:
    """What is past: a row at one of these places in the log or after it bears a later instant than this."""

    places: list[int]
    instants: list[str]

    def under(self, place: Place | None) -> str:
        """Give the instant that a row must come after; empty before the first head."""
        at = len(self.places) if place is None else bisect_right(self.places, place.seq)
        return self.instants[at - 1] if at else ""


class _Reader:
    """Reads batches, and row by row where a batch cannot be read."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        dialect = connection.dialect.name
        names = {
            "columns": _COLUMNS.format(at=_AT[dialect]),
            "m": "?" if dialect == "sqlite" else "%s",
            "differs": "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM",
        }
        self._rows, self._row = _ROWS.format(**names), _ROW.format(**names)
        self._settled, self._overtaken = _SETTLED.format(**names), _OVERTAKEN.format(**names)
        self._leaves, self._links = _LEAVES.format(**names), _LINKS.format(**names)

    def rows(self, after: int, to: int) -> list[Row] | None:
        """Give audit rows by id; None when the database cannot read one of them."""
        try:
            return fetch(self.connection, self._rows, (after, to, _ROWS_AT_ONCE))
        except Unreadable:
            return None

    def row(self, event_id: int) -> Row | None:
        """Give one audit row; None when it is not there or cannot be read."""
        try:
            return next(iter(fetch(self.connection, self._row, (event_id,))), None)
        except Unreadable:
            return None

    def last_leaf_after(self, last: int) -> int:
        """Give the id of the last row of the next batch, by the leaves; the largest id when there is none."""
        found = fetch(self.connection, self._leaves, (last, _MOST, BATCH))
        return found[-1][0] if found else _MOST

    def places(self, after: int, to: int) -> dict[int, Place]:
        """Give the places of the audit rows with these ids, by id."""
        found = fetch(self.connection, self._leaves, (after, to, _MOST))
        return {event_id: Place(seq, bytes(leaf)) for event_id, seq, leaf in found}

    def settled(self, after: int) -> list[Row]:
        """Give heads by id, each with its size and the audit row up to which all were sealed for good."""
        try:
            return fetch(self.connection, self._settled, (after, BATCH))
        except Unreadable:
            return []

    def is_overtaken(self, instant: str) -> bool:
        """Tell whether an act is known to have committed after acts with later instants."""
        try:
            return bool(fetch(self.connection, self._overtaken, (instant,)))
        except Unreadable:
            return False

    def links(self, after: int, to: int) -> list[Row] | None:
        """Give how these rows continue their chains; None when the database cannot read one of them."""
        try:
            return fetch(self.connection, self._links, (after, to))
        except Unreadable:
            return None


def _check_batch(  # noqa: PLR0917 - rows and their places, in that order
    report: Report, reader: _Reader, rows: Sequence[Row], places: dict[int, Place], *, sealed_to: int
) -> dict[int, str]:
    """Check rows against their hashes and leaves; give the digests of their images of before, by id."""
    befores: dict[int, str] = {}
    waiting = dict(places)
    for row in rows:
        place = waiting.pop(row[0], None)
        report.rows += 1
        if place is None and row[0] <= sealed_to:
            report.add("foreign-row", _name(row), "it stands among sealed rows and was never sealed")
        _check_row(report, row, place)
        if row[9] is not None:
            befores[row[0]] = _digest(row[9])
    for event_id, place in waiting.items():
        row = reader.row(event_id)
        if row is None:
            report.add("missing-row", f"audit row {event_id}", "it was sealed and is gone", seq=place.seq)
        else:
            report.rows += 1
            _check_row(report, row, place)
    return befores


def _check_row(report: Report, row: Row, place: Place | None) -> None:
    seq = None if place is None else place.seq
    if not _is_whole(row):
        report.add("row", _name(row), "it is not what its hash was made over", seq=seq)
    elif place is not None and hash_leaf(row[11].encode()) != place.leaf:
        report.add("row", _name(row), "it and its hash were changed after it was sealed", seq=seq)


def _read_floors(reader: _Reader) -> _Floors:
    """Give what was past at each head, by audit rows that are still what they were."""
    floors, last = _Floors([], []), 0
    while heads := reader.settled(last):
        for _, size, *row in heads:
            newest = floors.instants[-1] if floors.instants else ""
            if _is_whole(row) and row[7] > newest:
                floors.places.append(size)
                floors.instants.append(row[7])
        last = heads[-1][0]
    return floors


def _check_times(  # noqa: PLR0917 - as _check_batch
    report: Report, reader: _Reader, rows: Sequence[Row], places: dict[int, Place], *, floors: _Floors
) -> None:
    for row in rows:
        place = places.get(row[0])
        floor = floors.under(place)
        if str(row[7]) > floor or not _is_whole(row) or reader.is_overtaken(row[7]):
            continue
        report.add(
            "time",
            _name(row),
            f"it says {row[7]}, but what was sealed before it goes up to {floor}",
            seq=None if place is None else place.seq,
        )


def _is_whole(row: Row) -> bool:
    """Tell whether a row's hash is that of its content; nothing is never written as empty text."""
    if any(row[at] in {"", b""} for at in (1, 8, 9, 10)):
        return False
    try:
        return chain_hash(*row[1:11]) == row[11]
    except (TypeError, UnicodeError):
        return False


def _check_links(  # noqa: PLR0917 - a range of ids
    report: Report,
    reader: _Reader,
    after: int,
    to: int,
    *,
    places: dict[int, Place],
    befores: dict[int, str],
) -> None:
    links = reader.links(after, to)
    if links is None:
        report.add("unreadable", f"audit rows {after + 1} to {to}", "their chains cannot be followed")
        return
    for event_id, entity_type, entity_id, version, has_before, digest, broken in links:
        is_other = has_before and befores.get(event_id, digest) != digest
        fault = broken or ("its image is not what the version before it left" if is_other else None)
        if fault is not None:
            place = places.get(event_id)
            name = f"audit row {event_id}, version {version} of {entity_type} {entity_id}"
            report.add("chain", name, fault, seq=None if place is None else place.seq)


def _name(row: Row) -> str:
    text = f"audit row {row[0]}, version {row[4]} of {row[2]} {row[3]}"
    return text.encode("utf-8", "replace").decode()


def _digest(image: Any) -> str:
    if not isinstance(image, str):
        return ""
    return hashlib.sha256(image.encode("utf-8", "surrogateescape")).hexdigest()
