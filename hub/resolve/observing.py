"""Observed facts: what each source saw, by its own key, with the names it used resolved to things."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from hub.model import parse_instant
from hub.model.observed import OBSERVED
from hub.model.shape import Field, FieldKind, fields_of
from hub.model.unit import canonical_amount
from hub.resolve.counting import Counted, CountedAhead
from hub.store.database import Connection
from hub.store.facts import (
    Peer,
    batches_of_facts,
    find_peers,
    insert_facts,
    link_peers,
    part_facts,
    peer_fields,
    retract_facts,
    write_facts,
)
from hub.store.identifiers import Name, Wanted, find_names
from hub.store.movements import COUNT_COLUMNS, Touched, touched_by_facts
from hub.store.pending import Statement, other_statements
from hub.store.sets import chunks


def observe(
    connection: Connection, statements: Sequence[Statement], names: dict[Wanted, Name], *, now: datetime
) -> tuple[Touched, Counted]:
    """Write the facts that these statements touch; give what is to be counted, and what counts already."""
    effective = _effective(connection, [s for s in statements if s.record_type in OBSERVED])
    turn = {s.id for s in statements}
    records: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for record, statement in sorted(effective.items(), key=itemgetter(0)):
        # what counts but still waits is written when its own turn comes, with its names settled
        if statement is None or statement.id in turn or not statement.is_pending:
            records[record[1]].append(record)
    seen = _Seen(Touched(), {})
    last: Iterator[None] = iter(())
    held: Iterator[None] = iter(())
    for record_type in OBSERVED:
        if not records.get(record_type):
            continue
        deque(last, maxlen=0)  # the next type may name what this one wrote
        chosen = {record: effective[record] for record in records[record_type]}
        last = _observe_type(connection, record_type, chosen, names=names, now=now, seen=seen)
        next(last)
        if record_type == "material_actual":  # counted while the database writes what comes after
            last, held = iter(()), last
    deque(held, maxlen=0)
    deque(last, maxlen=0)
    return seen.touched, seen.counted


@dataclass
class _Seen:
    """What is to be counted, and what counts already."""

    touched: Touched
    counted: Counted


def _observe_type(
    connection: Connection,
    record_type: str,
    effective: Mapping[tuple[int, str, str], Statement | None],
    *,
    names: dict[Wanted, Name],
    now: datetime,
    seen: _Seen,
) -> Iterator[None]:
    """Write the facts of one type in two steps; between them nothing is asked that waits for the first."""
    keys = [(system_id, key) for system_id, _, key in effective]
    seen.touched |= _owners(connection, record_type, keys)
    counting = [s for s in effective.values() if s]
    yield from _write(connection, record_type, counting, names=names, now=now, seen=seen)
    retract_facts(
        connection,
        record_type,
        [(system_id, key) for (system_id, _, key), statement in effective.items() if statement is None],
    )
    by_system: dict[int, set[str]] = defaultdict(set)
    for system_id, key in keys:
        by_system[system_id].add(key)
    seen.touched.batches |= link_peers(connection, record_type, by_system)
    seen.touched |= _owners(connection, record_type, keys)


def _write(
    connection: Connection,
    record_type: str,
    statements: Sequence[Statement],
    *,
    names: dict[Wanted, Name],
    now: datetime,
    seen: _Seen,
) -> Iterator[None]:
    """Write facts; movements that are new with what counting finds, so that they are written once."""
    _find_missing(connection, record_type, statements, names)
    peers = find_peers(connection, record_type, _peers_in(record_type, statements))
    if record_type == "material_actual":
        rows = _rows(record_type, statements, names=names, peers=peers, now=now)
        new, known = part_facts(connection, record_type, rows)
        ahead = CountedAhead(connection, new, beside=known) if new else None
        yield
        if ahead:
            new, seen.counted = ahead.work_out()
            insert_facts(connection, record_type, new)
        write_facts(connection, record_type, known)
        return
    for part in chunks(statements):  # while the database writes some rows, the next are put together
        write_facts(connection, record_type, _rows(record_type, part, names=names, peers=peers, now=now))
    yield


def _owners(connection: Connection, record_type: str, keys: Sequence[tuple[int, str]]) -> Touched:
    """Give what these facts belong to now, as far as they have a part in what is counted there."""
    if record_type == "material_actual":
        return touched_by_facts(connection, keys)
    if record_type == "segment_response":
        return Touched(batches=batches_of_facts(connection, record_type, keys))
    return Touched()


def _peers_in(record_type: str, statements: Sequence[Statement]) -> Iterator[Peer]:
    """Give the facts that these name."""
    fields = [f.name for f in peer_fields(record_type)]
    return (
        (name, one.system_id, key)
        for one in statements
        for name in fields
        if (key := one.body.get(name)) is not None
    )


def _effective(
    connection: Connection, statements: Sequence[Statement]
) -> dict[tuple[int, str, str], Statement | None]:
    """Give the statement that counts for each of their records, the newest live one, if any."""
    effective: dict[tuple[int, str, str], Statement | None] = {s.record: None for s in statements}
    for statement in (*statements, *other_statements(connection, list(effective), known=statements)):
        before = effective[statement.record]
        if statement.is_live and (before is None or statement.rank > before.rank):
            effective[statement.record] = statement
    return effective


def _rows(
    record_type: str,
    statements: Sequence[Statement],
    *,
    names: dict[Wanted, Name],
    peers: dict[Peer, int],
    now: datetime,
) -> list[dict[str, Any]]:
    """Give the rows of facts of one type as their table has them.

    A fact that is named and not known yet points back when it comes.
    """
    fillers = [_FILLERS[f.kind](f, names) for f in fields_of(OBSERVED[record_type])]
    named = [f.name for f in peer_fields(record_type)]
    finish = _FINISH.get(record_type)
    rows: list[dict[str, Any]] = []
    for statement in statements:
        row: dict[str, Any] = {
            "source_system_id": statement.system_id,
            "source_key": statement.record_key,
            "source_record_id": statement.record_id,
            "source_version": statement.version,
            "content_hash": statement.body_hash,
            "is_retracted": False,
            "same_as_id": None,  # counting decides anew about a fact that changed
            "version": 1,
            "recorded_at": now,
        }
        for fill in fillers:
            fill(row, statement.body)
        for name in named:
            row[f"{name}_id"] = peers.get((name, statement.system_id, row[f"{name}_key"]))
        if finish:
            finish(row)
        rows.append(row)
    return rows


def _find_missing(  # noqa: PLR0917 - as _rows
    connection: Connection, record_type: str, statements: Sequence[Statement], names: dict[Wanted, Name]
) -> None:
    """Find the names that statements use which were settled before their turn."""
    missing = {
        key
        for field in fields_of(OBSERVED[record_type])
        if field.kind == "reference"
        for statement in statements
        if (key := _key(field, statement.body)) and key not in names
    }
    names.update(find_names(connection, missing))


def _key(field: Field, body: dict[str, Any]) -> Wanted | None:
    stated = body.get(field.name)
    return None if stated is None else (field.target or "", stated["scheme"], stated["value"])


# ------------------------------------------------------------------- from a field to the columns of its table
Row = dict[str, Any]
Fill = Callable[[Row, dict[str, Any]], None]


def _reference(field: Field, names: dict[Wanted, Name]) -> Fill:
    thing, identifier = f"{field.name}_id", f"{field.name}_identifier_id"

    def fill(row: Row, body: dict[str, Any]) -> None:
        key = _key(field, body)
        name = names[key] if key else None
        row[thing] = name.entity_id if name else None
        row[identifier] = name.id if name else None

    return fill


def _peer(field: Field, _names: dict[Wanted, Name]) -> Fill:
    stated, key = field.name, f"{field.name}_key"

    def fill(row: Row, body: dict[str, Any]) -> None:
        row[key] = body.get(stated)

    return fill


def _choice(field: Field, _names: dict[Wanted, Name]) -> Fill:
    name, text = field.name, f"{field.name}_text"

    def fill(row: Row, body: dict[str, Any]) -> None:
        row[name], row[text] = field.split(body.get(name))

    return fill


def _quantity(field: Field, _names: dict[Wanted, Name]) -> Fill:
    name = field.name

    def fill(row: Row, body: dict[str, Any]) -> None:
        given: dict[str, Any] = body.get(name) or {}
        amount, unit = canonical_amount(given["value"], given.get("unit")) if given else (None, None)
        row["quantity"], row["unit"] = amount, unit
        row["quantity_text"], row["source_unit"] = given.get("text"), given.get("source_unit")

    return fill


def _measurement(field: Field, _names: dict[Wanted, Name]) -> Fill:
    name = field.name

    def fill(row: Row, body: dict[str, Any]) -> None:
        given: dict[str, Any] = body.get(name) or {}
        row["value_num"], row["value_text"] = given.get("value"), given.get("text")
        row["comparator"], row["unit"] = given.get("comparator"), given.get("unit")
        row["source_unit"] = given.get("source_unit")

    return fill


def _instant(field: Field, _names: dict[Wanted, Name]) -> Fill:
    name = field.name

    def fill(row: Row, body: dict[str, Any]) -> None:
        stated = body.get(name)
        row[name] = parse_instant(stated) if stated else None

    return fill


def _plain(field: Field, _names: dict[Wanted, Name]) -> Fill:
    name = field.name

    def fill(row: Row, body: dict[str, Any]) -> None:
        row[name] = body.get(name)

    return fill


_FILLERS: dict[FieldKind, Callable[[Field, dict[Wanted, Name]], Fill]] = {
    "reference": _reference,
    "peer": _peer,
    "choice": _choice,
    "quantity": _quantity,
    "measurement": _measurement,
    "instant": _instant,
    "text": _plain,
    "number": _plain,
    "integer": _plain,
    "flag": _plain,
}


def _last(row: Row) -> None:
    start, end = row["actual_start"], row["actual_end"]
    row["duration_s"] = (end - start).total_seconds() if start and end else None


def _uncount(row: Row) -> None:
    row.update(_UNCOUNTED)


_UNCOUNTED: Row = dict.fromkeys(COUNT_COLUMNS)
_FINISH: dict[str, Callable[[Row], None]] = {"segment_response": _last, "material_actual": _uncount}
"""What a table has besides what is stated."""
