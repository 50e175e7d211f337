"""Observed facts: what each source saw, by its own key, with the names it used resolved to things."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    find_facts,
    find_peers,
    insert_facts,
    link_peers,
    number_facts,
    peer_fields,
    retract_facts,
    write_facts,
)
from hub.store.identifiers import Name, Wanted, find_names
from hub.store.movements import COUNT_COLUMNS, Touched, touched_by_facts
from hub.store.pending import Statement, other_statements
from hub.store.sets import chunks

Row = dict[str, Any]


def observe(
    connection: Connection, statements: Sequence[Statement], names: dict[Wanted, Name], *, now: datetime
) -> tuple[Touched, Counted]:
    """Write the facts that these statements touch; give what is to be counted, and what counts already.

    All that has to be asked is asked first: then the database writes while the next rows are put together.
    """
    effective = _effective(connection, [s for s in statements if s.record_type in OBSERVED])
    turns = _turns(connection, statements, effective)
    touched = Touched()
    for turn in turns:
        touched |= _owners(connection, turn.record_type, turn.keys)
        retract_facts(connection, turn.record_type, turn.gone)
    for turn in turns:
        _find_missing(connection, turn.record_type, turn.counting, names)
        turn.peers = _find_peers(connection, turn, before=turns[: turns.index(turn)])
    moved = [
        _Moved(connection, _rows(turn, turn.counting, names=names, now=now)) for turn in turns if turn.is_move
    ]
    for turn in turns:
        for part in () if turn.is_move else chunks(turn.counting):
            _put(connection, turn.record_type, _rows(turn, part, names=names, now=now))
    counted: Counted = {}
    for one in moved:  # worked out while the database writes what came before
        counted = one.put()
    for turn in turns:
        touched.batches |= link_peers(connection, turn.record_type, turn.by_system)
        touched |= _owners(connection, turn.record_type, turn.keys)
    return touched, counted


@dataclass
class _Turn:
    """The facts of one type that are written now."""

    record_type: str
    keys: list[tuple[int, str]]
    """Of all of them: system and key."""
    counting: list[Statement]
    """What counts of those that stand."""
    ids: dict[tuple[int, str], int]
    """Of those that stand, whether they are there already or will have them."""
    new: set[tuple[int, str]]
    """Those that are not there yet."""
    peers: Mapping[Peer, int] = field(default_factory=dict[Peer, int])

    @property
    def is_move(self) -> bool:
        """Whether these are movements, which are counted as they are written."""
        return self.record_type == "material_actual"

    @property
    def gone(self) -> list[tuple[int, str]]:
        """Those that nothing states any more."""
        return [key for key in self.keys if key not in self.ids]

    @property
    def by_system(self) -> dict[int, set[str]]:
        """All keys of each system."""
        found: dict[int, set[str]] = defaultdict(set)
        for system_id, key in self.keys:
            found[system_id].add(key)
        return found


def _turns(
    connection: Connection,
    statements: Sequence[Statement],
    effective: Mapping[tuple[int, str, str], Statement | None],
) -> list[_Turn]:
    """Give what is written now, type by type in the order of the model: each may name what came before it."""
    due = {s.id for s in statements}
    chosen: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for record, statement in sorted(effective.items(), key=itemgetter(0)):
        # what counts but still waits is written when its own turn comes, with its names settled
        if statement is None or statement.id in due or not statement.is_pending:
            chosen[record[1]].append(record)
    turns: list[_Turn] = []
    for record_type in OBSERVED:
        records = chosen.get(record_type, ())
        counting = [s for record in records if (s := effective[record])]
        standing = [(s.system_id, s.record_key) for s in counting]
        there = find_facts(connection, record_type, standing)
        new = [key for key in standing if key not in there]
        ids = there | dict(zip(new, number_facts(connection, record_type, len(new)), strict=True))
        if records:
            turns.append(_Turn(record_type, [(s, key) for s, _, key in records], counting, ids, set(new)))
    return turns


class _Moved:
    """Movements on their way: counted before they are written, so that a row is written once, not twice."""

    def __init__(self, connection: Connection, rows: Sequence[Row]) -> None:
        self._connection = connection
        new, self._known = _part(rows)
        self._ahead = CountedAhead(connection, new, beside=self._known) if new else None

    def put(self) -> Counted:
        """Write them; give what counts already."""
        new, counted = self._ahead.work_out() if self._ahead else ([], {})
        insert_facts(self._connection, "material_actual", new)
        write_facts(self._connection, "material_actual", self._known)
        return counted


def _put(connection: Connection, record_type: str, rows: Sequence[Row]) -> None:
    new, known = _part(rows)
    insert_facts(connection, record_type, new)
    write_facts(connection, record_type, known)


def _part(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Part rows into those that are new, with their ids, and those whose key is there."""
    parts: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        parts["id" not in row].append(row)
    return parts


def _owners(connection: Connection, record_type: str, keys: Sequence[tuple[int, str]]) -> Touched:
    """Give what these facts belong to now, as far as they have a part in what is counted there."""
    if record_type == "material_actual":
        return touched_by_facts(connection, keys)
    if record_type == "segment_response":
        return Touched(batches=batches_of_facts(connection, record_type, keys))
    return Touched()


def _find_peers(connection: Connection, turn: _Turn, *, before: Sequence[_Turn]) -> dict[Peer, int]:
    """Give the ids of the facts that these name: of those written before them, and of those that stand.

    Movements are written last, so that what names one waits for it like whatever names a fact to come.
    """
    written = {one.record_type: one.ids for one in before if not one.is_move}
    found: dict[Peer, int] = {}
    sought: list[Peer] = []
    for field_ in peer_fields(turn.record_type):
        ids = written.get(field_.target or "", {})
        for one in turn.counting:
            key = one.body.get(field_.name)
            if key is None:
                continue
            peer_id = ids.get((one.system_id, key))
            if peer_id is None:
                sought.append((field_.name, one.system_id, key))
            else:
                found[field_.name, one.system_id, key] = peer_id
    return found | find_peers(connection, turn.record_type, sought)


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
    turn: _Turn, statements: Sequence[Statement], *, names: dict[Wanted, Name], now: datetime
) -> list[Row]:
    """Give the rows of facts of one type as their table has them, those that are new with their ids.

    A fact that is named and not known yet points back when it comes.
    """
    fillers = [_FILLERS[f.kind](f, names) for f in fields_of(OBSERVED[turn.record_type])]
    named = [f.name for f in peer_fields(turn.record_type)]
    finish = _FINISH.get(turn.record_type)
    rows: list[Row] = []
    for statement in statements:
        key = statement.system_id, statement.record_key
        row: Row = {"id": turn.ids[key]} if key in turn.new else {}
        row |= {
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
            row[f"{name}_id"] = turn.peers.get((name, statement.system_id, row[f"{name}_key"]))
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
