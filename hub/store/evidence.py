"""What speaks for two names being one thing: shared lots, one unit at one time; for what is touched."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_, select

from hub.store.sets import AnySelect, chunks, select_in
from hub.store.tables import ENTITY_TABLES, assertion, identifier, source_record, source_system, statement

_RANGES = 200
"""Conditions joined by `or` in one query: an engine's depth of expressions has a limit."""


@dataclass(frozen=True)
class Naming:
    """That a system says of a thing that one of its attributes is another thing."""

    thing: int
    system_id: int
    named: int
    assertion_id: int


@dataclass(frozen=True)
class Run:
    """What counts of a batch: unit, product and time."""

    batch: int
    kind: str
    campaign: int | None
    unit: int
    product: int
    start: datetime
    end: datetime


_BATCHES = select(ENTITY_TABLES["batch"].c.id)
_LEVELS = select(ENTITY_TABLES["equipment"].c.id, ENTITY_TABLES["equipment"].c.level)
Reference = tuple[str, str, str]
"""An attribute that names another thing: of which type, its name, the type it points at."""


def namings_by(
    connection: Connection, reference: Reference, things: Iterable[int], *, ever: bool = False
) -> list[Naming]:
    """Give what each system says now of a reference of these things; with `ever` also what it once said."""
    query = _namings(reference, ever=ever)
    return [Naming(*row) for row in select_in(connection, query, assertion.c.entity_id, things)]


def namings_of(connection: Connection, reference: Reference, named: Iterable[int]) -> list[Naming]:
    """Give which things name these ones now, and by whose word."""
    query = _namings(reference, ever=False)
    return [Naming(*row) for row in select_in(connection, query, identifier.c.entity_id, named)]


@cache
def _namings(reference: Reference, *, ever: bool) -> AnySelect:
    entity_type, attribute, target = reference
    query = (
        select(assertion.c.entity_id, assertion.c.source_system_id, identifier.c.entity_id, assertion.c.id)
        .select_from(assertion.join(identifier, identifier.c.id == assertion.c.value_identifier_id))
        .where(
            assertion.c.entity_type == entity_type,
            assertion.c.attribute == attribute,
            identifier.c.entity_type == target,
        )
    )
    return query if ever else query.where(assertion.c.superseded_at.is_(None))


def systems_stating(connection: Connection, entity_type: str, things: Iterable[int]) -> dict[int, set[int]]:
    """Give the systems that state each of these things under a name of its own.

    What people write down by hand about names (kind MANUAL) only says what belongs together.
    """
    found: dict[int, set[int]] = {}
    for thing, system_id in select_in(connection, _stating(entity_type), identifier.c.entity_id, things):
        found.setdefault(thing, set()).add(system_id)
    return found


@cache
def _stating(entity_type: str) -> AnySelect:
    return (
        select(identifier.c.entity_id, statement.c.source_system_id)
        .select_from(
            identifier.join(statement, statement.c.identifier_id == identifier.c.id).join(
                source_system, source_system.c.id == statement.c.source_system_id
            )
        )
        .where(identifier.c.entity_type == entity_type, statement.c.is_live, source_system.c.kind != "MANUAL")
        .distinct()
    )


def read_runs(connection: Connection, batches: Iterable[int]) -> list[Run]:
    """Give unit, product and time of those batches of which all of these are known."""
    return [_run(row) for row in select_in(connection, _runs(), ENTITY_TABLES["batch"].c.id, batches)]


def runs_like(connection: Connection, runs: Sequence[Run], *, within: float) -> list[Run]:
    """Give the runs of the same units that start at most `within` of a run's length before or after it."""
    columns = ENTITY_TABLES["batch"].c
    found: dict[int, Run] = {}
    for part in chunks(_spans(runs, within), _RANGES):
        wanted = [
            and_(columns.equipment_id == unit, columns.actual_start.between(first, last))
            for unit, first, last in part
        ]
        for row in connection.execute(_runs().where(or_(*wanted))):
            found[row.id] = _run(row)
    return list(found.values())


def batches_at(connection: Connection, units: Iterable[int]) -> set[int]:
    """Give the batches made on these units."""
    columns = ENTITY_TABLES["batch"].c
    return {row.id for row in select_in(connection, _BATCHES, columns.equipment_id, units)}


def levels_of(connection: Connection, units: Iterable[int]) -> dict[int, str | None]:
    """Give the level of each of these in the equipment hierarchy."""
    columns = ENTITY_TABLES["equipment"].c
    return {row.id: row.level for row in select_in(connection, _LEVELS, columns.id, units)}


def _spans(runs: Iterable[Run], within: float) -> Iterator[tuple[int, datetime, datetime]]:
    """Give the times at which like runs may start, by unit; those that overlap are one."""
    slack = ((run, within * (run.end - run.start)) for run in runs)
    ordered = sorted((r.unit, r.start - s, r.start + s) for r, s in slack)
    for unit, some in groupby(ordered, itemgetter(0)):
        (_, first, last), *others = some
        for _, start, end in others:
            if start > last:
                yield unit, first, last
                first = start
            last = max(last, end)
        yield unit, first, last


@cache
def _runs() -> AnySelect:
    columns = ENTITY_TABLES["batch"].c
    return select(
        columns.id,
        columns.kind,
        columns.campaign_id,
        columns.equipment_id,
        columns.product_id,
        columns.actual_start,
        columns.actual_end,
    ).where(
        columns.lifecycle == "active",
        columns.equipment_id.is_not(None),
        columns.product_id.is_not(None),
        columns.actual_end > columns.actual_start,
    )


def _run(row: Any) -> Run:
    return Run(
        row.id,
        row.kind or "batch",
        row.campaign_id,
        row.equipment_id,
        row.product_id,
        row.actual_start,
        row.actual_end,
    )


@dataclass(frozen=True, order=True)
class Said:
    """Who says what where: source, its record, the value."""

    source: str
    record: str
    value: str


@dataclass(frozen=True, order=True)
class Shared:
    """A thing of which two systems each name another one: its code, and who says what."""

    code: str
    said: tuple[Said, ...]


def shared_things(
    connection: Connection, reference: Reference, *, one: Iterable[int], other: Iterable[int], limit: int
) -> list[Shared]:
    """Give the first things, by code, of which one system names `one` and another system `other` (names)."""
    pairs = _pairs(reference)
    conditions = and_(
        pairs.one.c.value_identifier_id.in_(sorted(one)), pairs.other.c.value_identifier_id.in_(sorted(other))
    )
    first = connection.scalars(pairs.codes.where(conditions).limit(limit)).all()
    rows = connection.execute(pairs.rows.where(conditions, pairs.code.in_(first))).all()
    said = said_in(connection, {i for _, _, *ids in rows for i in ids})
    by_thing: dict[tuple[str, int], set[Said]] = {}
    for code, thing, *ids in rows:
        by_thing.setdefault((code, thing), set()).update(said[i] for i in ids)
    return sorted(Shared(code, tuple(sorted(some))) for (code, _), some in by_thing.items())[:limit]


@dataclass(frozen=True)
class _Pairs:
    """Queries for things of which two systems say something: their codes in order, and who says what."""

    one: FromClause
    other: FromClause
    code: ColumnElement[str]
    codes: AnySelect
    rows: AnySelect


@cache
def _pairs(reference: Reference) -> _Pairs:
    entity_type, attribute, _ = reference
    a, b, table = assertion.alias("a"), assertion.alias("b"), ENTITY_TABLES[entity_type]
    both = a.join(b, (b.c.entity_id == a.c.entity_id) & (b.c.entity_type == a.c.entity_type)).join(
        table, table.c.id == a.c.entity_id
    )
    conditions = and_(
        a.c.entity_type == entity_type,
        *(side.c.attribute == attribute for side in (a, b)),
        *(side.c.superseded_at.is_(None) for side in (a, b)),
        a.c.source_system_id != b.c.source_system_id,
    )
    # an expression, so that no engine walks all things in the order of their codes to find the few
    code = table.c.code + ""
    return _Pairs(
        a,
        b,
        code,
        select(code).select_from(both).where(conditions).distinct().order_by(code),
        select(table.c.code, table.c.id, a.c.id, b.c.id).select_from(both).where(conditions),
    )


def counting_assertions(
    connection: Connection, entity_type: str, *, attributes: Sequence[str], things: Iterable[int]
) -> dict[int, set[int]]:
    """Give the assertions that make these attributes of things what they are, by thing."""
    query = select(assertion.c.entity_id, assertion.c.id).where(
        assertion.c.entity_type == entity_type,
        assertion.c.attribute.in_(attributes),
        assertion.c.is_winner,
        assertion.c.superseded_at.is_(None),
    )
    found: dict[int, set[int]] = {}
    for thing, assertion_id in select_in(connection, query, assertion.c.entity_id, things):
        found.setdefault(thing, set()).add(assertion_id)
    return found


def said_in(connection: Connection, assertions: Iterable[int]) -> dict[int, Said]:
    """Give who says what where, by assertion."""
    return {
        row.id: Said(row.code, f"{row.object_type} {row.source_key}", _text(row.value))
        for row in select_in(connection, _SAID, assertion.c.id, assertions)
    }


_SAID = select(
    assertion.c.id,
    source_system.c.code,
    source_record.c.object_type,
    source_record.c.source_key,
    assertion.c.value,
).select_from(
    assertion.join(source_system, source_system.c.id == assertion.c.source_system_id).join(
        source_record, source_record.c.id == assertion.c.source_record_id
    )
)


def _text(value: Any) -> str:
    return f"{value['scheme']}|{value['value']}" if isinstance(value, dict) else str(value)
