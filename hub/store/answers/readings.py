"""How a stored row is read as a document: one reading a table, made from the fields of its record class."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, FromClause, Select, Table, select

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.answers.shapes import Document, Shape, write_shape
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, identifier, source_system
from hub.store.tables.columns import AMOUNT, RESULT

_REFERENCE = ("uid", "code", "description")
_REPORTED = ("uid", "code", "reported")
_QUANTITY = ("value", "text", "unit", "source_unit")
_MEASUREMENT = ("value", "text", "comparator", "unit", "source_unit")


@dataclass(frozen=True)
class Slot:
    """A member of a document: one column, or several columns under `keys` (null when all are null).

    `of` is the member that a flat row shows a part of.
    """

    name: str
    columns: tuple[ColumnElement[Any], ...]
    keys: tuple[str, ...] = ()
    of: str | None = None


@dataclass(frozen=True)
class Join:
    """What is joined for one slot, and nothing else."""

    slot: str
    right: FromClause
    on: ColumnElement[bool]
    is_outer: bool = True


@dataclass(frozen=True)
class Reading:
    """The columns and joins that give the documents of one table; the first column is the row's own key.

    `key` is that column where it is not `id`.
    """

    table: FromClause
    slots: tuple[Slot, ...]
    source: FromClause
    joins: tuple[Join, ...] = ()
    key: ColumnElement[Any] | None = None

    @classmethod
    def joined(
        cls,
        table: FromClause,
        slots: tuple[Slot, ...],
        joins: tuple[Join, ...],
        *,
        key: ColumnElement[Any] | None = None,
    ) -> "Reading":
        """Give the reading of a table with what its slots need joined to it."""
        source = table
        for join in joins:
            source = source.join(join.right, join.on, isouter=join.is_outer)
        return cls(table, slots, source, joins, key)

    @cached_property
    def flat(self) -> "Reading":
        """The same rows flat: `product_uid`, `product_code`; the value of a quantity under its own name."""
        slots = tuple(
            Slot(slot.name if key in ("", "value") else f"{slot.name}_{key}", (column,), of=slot.name)
            for slot in self.slots
            for column, key in zip(slot.columns, slot.keys or ("",), strict=True)
        )
        return Reading(self.table, slots, self.source, self.joins, self.key)

    def select(self) -> Select[Any]:
        """Give the statement without condition and order."""
        columns = [column for slot in self.slots for column in slot.columns]
        named = [column.label(f"c{number}") for number, column in enumerate(columns)]
        key: ColumnElement[Any] = self.table.c.id if self.key is None else self.key
        return select(key.label("row_id"), *named).select_from(self.source)

    @cached_property
    def statement(self) -> Select[Any]:
        """The same statement, made once: it has a column for each part of each member."""
        return self.select()

    def place_of(self, column: ColumnElement[Any]) -> int:
        """Give the place of a column in the rows of `select`. Raises `StopIteration` without it."""
        columns = (own for slot in self.slots for own in slot.columns)
        return 1 + next(place for place, own in enumerate(columns) if own is column)

    def narrow(self, names: Collection[str]) -> "Reading":
        """Give the reading of some members only, without the joins that these do not need."""
        slots = tuple(slot for slot in self.slots if slot.name in names)
        needed = {slot.of or slot.name for slot in slots}
        joins = tuple(join for join in self.joins if join.slot in needed)
        return Reading.joined(self.table, slots, joins, key=self.key)

    def documents(self, rows: Iterable[Sequence[Any]]) -> list[Document]:
        """Give one dictionary a row."""
        return self._shape(rows)

    def read(self, connection: Connection, query: Select[Any]) -> list[Document]:
        """Run a statement made from `select` and give its documents."""
        return self.documents(connection.execute(query))

    @cached_property
    def _shape(self) -> Shape:
        return write_shape([(slot.name, slot.keys) for slot in self.slots], skip=1)


@cache
def thing_reading(entity_type: str) -> Reading:
    """Give the reading of a mastered thing's golden columns; references show uid, code and description."""
    table = ENTITY_TABLES[entity_type]
    names = ("uid", "code", "description", "lifecycle", "has_conflict", "version", "recorded_at")
    slots = [Slot(name, (table.c[name],)) for name in names]
    joins: list[Join] = []
    for field in fields_of(MASTERED[entity_type]):
        if field.name == "description":
            continue
        if field.kind == "reference":
            target = ENTITY_TABLES[field.target or ""].alias(f"to_{field.name}")
            joins.append(Join(field.name, target, target.c.id == table.c[f"{field.name}_id"]))
            slots.append(Slot(field.name, tuple(target.c[key] for key in _REFERENCE), _REFERENCE))
        elif field.kind == "quantity":
            columns = (field.name, *(f"{field.name}_{part}" for part in _QUANTITY[1:]))
            slots.append(Slot(field.name, tuple(table.c[name] for name in columns), _QUANTITY))
        else:
            slots += _plain_slots(table, field)
    return Reading.joined(table, tuple(slots), tuple(joins))


@cache
def fact_reading(record_type: str) -> Reading:
    """Give the reading of an observed fact: what was stated, by whom, and what its names were resolved to."""
    table = FACT_TABLES[record_type]
    told_by = source_system.c.id == table.c.source_system_id
    joins = [Join("source", source_system, told_by, is_outer=False)]
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
            joins.append(Join(field.name, target, target.c.id == table.c[f"{field.name}_id"]))
            joins.append(Join(field.name, said, said.c.id == table.c[f"{field.name}_identifier_id"]))
            slots.append(Slot(field.name, (target.c.uid, target.c.code, said.c.label), _REPORTED))
        else:
            slots += _fact_slots(table, field)
    own = [name for name in ("duration_s", "count_state", "count_difference") if name in table.c]
    slots += [Slot(name, (table.c[name],)) for name in own]
    if "count_quantity" in table.c:
        slots.append(Slot("counted", (table.c.count_quantity, table.c.count_unit), ("value", "unit")))
        slots.append(Slot("disputes", (table.c.disputes_id,)))
    return Reading.joined(table, tuple(slots), tuple(joins))


def _fact_slots(table: Table, field: Field) -> list[Slot]:
    match field.kind:
        case "quantity":
            return [Slot(field.name, tuple(table.c[name] for name in AMOUNT), _QUANTITY)]
        case "measurement":
            return [Slot(field.name, tuple(table.c[name] for name in RESULT), _MEASUREMENT)]
        case "peer":
            pair = (table.c[f"{field.name}_key"], table.c[f"{field.name}_id"])
            return [Slot(field.name, pair, ("key", "id"))]
        case _:
            return _plain_slots(table, field)


def _plain_slots(table: Table, field: Field) -> list[Slot]:
    """Give a plain value; a value of an open list has what was written beside it."""
    beside = [f"{field.name}_text"] if field.kind == "choice" else []
    return [Slot(name, (table.c[name],)) for name in (field.name, *beside)]


def read_rows(connection: Connection, query: Executable) -> list[Document]:
    """Give one plain dictionary a row (SQLAlchemy's own names are a kind of str that JSON writers refuse)."""
    rows = connection.execute(query)
    names = [str(name) for name in rows.keys()]  # noqa: SIM118 - a result's keys are a method, not a mapping
    return [dict(zip(names, row, strict=True)) for row in rows]
