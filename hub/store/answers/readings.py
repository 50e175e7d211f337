"""How a stored row is read as a document: one reading a table, made from the fields of its record class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, FromClause, Select, Table, select

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, identifier, source_system
from hub.store.tables.columns import AMOUNT, RESULT

Document = dict[str, Any]

_REFERENCE = ("uid", "code", "description")
_REPORTED = ("uid", "code", "reported")
_QUANTITY = ("value", "text", "unit", "source_unit")
_MEASUREMENT = ("value", "text", "comparator", "unit", "source_unit")


@dataclass(frozen=True)
class Slot:
    """A member of a document: one column, or several columns under `keys` (null when all are null)."""

    name: str
    columns: tuple[ColumnElement[Any], ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The columns and joins that give the documents of one table; the first column is the row's own key."""

    table: Table
    slots: tuple[Slot, ...]
    source: FromClause

    def select(self) -> Select[Any]:
        """Give the statement without condition and order."""
        columns = [column for slot in self.slots for column in slot.columns]
        named = [column.label(f"c{number}") for number, column in enumerate(columns)]
        return select(self.table.c.id.label("row_id"), *named).select_from(self.source)

    def documents(self, rows: Iterable[Sequence[Any]]) -> list[Document]:
        """Give one dictionary a row."""
        return [self._document(row) for row in rows]

    def read(self, connection: Connection, query: Select[Any]) -> list[Document]:
        """Run a statement made from `select` and give its documents."""
        return self.documents(connection.execute(query))

    def _document(self, row: Sequence[Any]) -> Document:
        document: Document = {}
        at = 1
        for slot in self.slots:
            if not slot.keys:
                document[slot.name] = row[at]
                at += 1
                continue
            part = row[at : at + len(slot.keys)]
            at += len(slot.keys)
            document[slot.name] = (
                dict(zip(slot.keys, part, strict=True)) if any(v is not None for v in part) else None
            )
        return document


@cache
def thing_reading(entity_type: str) -> Reading:
    """Give the reading of a mastered thing's golden columns; references show uid, code and description."""
    table = ENTITY_TABLES[entity_type]
    names = ("uid", "code", "description", "lifecycle", "has_conflict", "version", "recorded_at")
    slots = [Slot(name, (table.c[name],)) for name in names]
    source: FromClause = table
    for field in fields_of(MASTERED[entity_type]):
        if field.name == "description":
            continue
        if field.kind == "reference":
            target = ENTITY_TABLES[field.target or ""].alias(f"to_{field.name}")
            source = source.outerjoin(target, target.c.id == table.c[f"{field.name}_id"])
            slots.append(Slot(field.name, tuple(target.c[key] for key in _REFERENCE), _REFERENCE))
        elif field.kind == "quantity":
            amount = (table.c[field.name], table.c[f"{field.name}_unit"])
            slots.append(Slot(field.name, amount, ("value", "unit")))
        else:
            slots.append(Slot(field.name, (table.c[field.name],)))
    return Reading(table, tuple(slots), source)


@cache
def fact_reading(record_type: str) -> Reading:
    """Give the reading of an observed fact: what was stated, by whom, and what its names were resolved to."""
    table = FACT_TABLES[record_type]
    source: FromClause = table.join(source_system, source_system.c.id == table.c.source_system_id)
    slots = [
        Slot("id", (table.c.id,)),
        Slot("source", (source_system.c.code,)),
        Slot("source_record", (table.c.source_record_id,)),
        Slot("key", (table.c.source_key,)),
        Slot("same_as", (table.c.same_as_id,)),
        Slot("is_retracted", (table.c.is_retracted,)),
        Slot("version", (table.c.version,)),
        Slot("recorded_at", (table.c.recorded_at,)),
    ]
    for field in fields_of(OBSERVED[record_type]):
        if field.kind == "reference":
            target = ENTITY_TABLES[field.target or ""].alias(f"to_{field.name}")
            said = identifier.alias(f"said_{field.name}")
            source = source.outerjoin(target, target.c.id == table.c[f"{field.name}_id"])
            source = source.outerjoin(said, said.c.id == table.c[f"{field.name}_identifier_id"])
            slots.append(Slot(field.name, (target.c.uid, target.c.code, said.c.label), _REPORTED))
        else:
            slots.append(_fact_slot(table, field))
    own = [name for name in ("duration_s", "count_state") if name in table.c]
    slots += [Slot(name, (table.c[name],)) for name in own]
    return Reading(table, tuple(slots), source)


def _fact_slot(table: Table, field: Field) -> Slot:
    match field.kind:
        case "quantity":
            return Slot(field.name, tuple(table.c[name] for name in AMOUNT), _QUANTITY)
        case "measurement":
            return Slot(field.name, tuple(table.c[name] for name in RESULT), _MEASUREMENT)
        case "peer":
            pair = (table.c[f"{field.name}_key"], table.c[f"{field.name}_id"])
            return Slot(field.name, pair, ("key", "id"))
        case _:
            return Slot(field.name, (table.c[field.name],))


def read_rows(connection: Connection, query: Executable) -> list[Document]:
    """Give one plain dictionary a row (SQLAlchemy's own names are a kind of str that JSON writers refuse)."""
    rows = connection.execute(query)
    names = [str(name) for name in rows.keys()]  # noqa: SIM118 - a result's keys are a method, not a mapping
    return [dict(zip(names, row, strict=True)) for row in rows]
