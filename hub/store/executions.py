"""What ran where, as the context of samples needs it: runs, resources, assets in their roles, holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from hub.store.answers.tag_kinds import TagKind, read_kinds
from hub.store.sets import is_among, select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

_BATCH, _EQUIPMENT, _TAG = (ENTITY_TABLES[name].c for name in ("batch", "equipment", "tag"))
_RUN, _ACTUAL, _MAPPING, _TIME = (
    FACT_TABLES[name].c
    for name in ("segment_response", "resource_actual", "equipment_asset_mapping", "equipment_time")
)
HELD_STATES = frozenset({"Holding", "Held", "Unholding", "Suspending", "Suspended", "Unsuspending"})
"""PackML states in which a batch waits in its unit and is not worked on."""


@dataclass(frozen=True)
class Run:
    """An executed segment as its source stated it; `same_as` is the run of another system that it repeats."""

    id: int
    same_as: int | None
    batch: int | None
    parent: int | None
    level: str
    name: str
    occurrence: int
    equipment: int | None
    start: datetime | None
    end: datetime | None
    is_derived: bool


@dataclass(frozen=True)
class Use:
    """Equipment that took part in a run (or in a batch as a whole), and when, where that was said."""

    batch: int | None
    run: int | None
    equipment: int
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Role:
    """An asset in the role of an equipment, from `start` (for ever when None) to `end` (exclusive)."""

    equipment: int
    asset: int
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Hold:
    """A time in which an equipment, or one batch in it, was held or suspended."""

    equipment: int
    batch: int | None
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class BatchHead:
    """A batch with its golden times and main equipment."""

    id: int
    uid: str
    code: str
    equipment: int | None
    start: datetime | None
    end: datetime | None


def load_tree(connection: Connection) -> dict[int, tuple[int | None, str | None]]:
    """Give parent and level of every equipment."""
    query = select(_EQUIPMENT.id, _EQUIPMENT.parent_id, _EQUIPMENT.level)
    return {one: (parent, level) for one, parent, level in connection.execute(query)}


def load_branches(
    connection: Connection, equipment_ids: Iterable[int]
) -> dict[int, tuple[int | None, str | None]]:
    """Give parent and level of these equipments, of all that they are a part of and all that is part of them.

    Of a large plant that is little, and a question about one batch needs no more.
    """
    table = ENTITY_TABLES["equipment"]
    some = select(table.c.id, table.c.parent_id, table.c.level).where(
        is_among(connection, table.c.id, sorted(set(equipment_ids)))
    )
    found: dict[int, tuple[int | None, str | None]] = {}
    for name in ("below", "above"):
        tree = some.cte(name, recursive=True)
        way = table.c.parent_id == tree.c.id if name == "below" else table.c.id == tree.c.parent_id
        tree = tree.union(select(table.c.id, table.c.parent_id, table.c.level).join(tree, way))
        query = select(tree.c.id, tree.c.parent_id, tree.c.level)
        found |= {one: (parent, level) for one, parent, level in connection.execute(query)}
    return found


def load_roles(connection: Connection) -> list[Role]:
    """Give which asset played the role of which equipment, and when."""
    query = select(_MAPPING.equipment_id, _MAPPING.physical_asset_id, _MAPPING.start_at, _MAPPING.end_at)
    stated = and_(
        _MAPPING.is_retracted.is_(False),
        _MAPPING.equipment_id.is_not(None),
        _MAPPING.physical_asset_id.is_not(None),
    )
    return [Role(*row) for row in connection.execute(query.where(stated))]


def load_batches(connection: Connection, batch_ids: Iterable[int]) -> list[BatchHead]:
    """Give the heads of these batches, by code."""
    query = select(
        _BATCH.id, _BATCH.uid, _BATCH.code, _BATCH.equipment_id, _BATCH.actual_start, _BATCH.actual_end
    )
    heads = [BatchHead(*row) for row in select_in(connection, query, _BATCH.id, batch_ids)]
    return sorted(heads, key=lambda head: (head.code, head.id))


def list_batch_ids(connection: Connection) -> list[int]:
    """Give every batch that stands for itself."""
    return list(connection.scalars(select(_BATCH.id).where(_BATCH.lifecycle != "merged").order_by(_BATCH.id)))


def load_runs(connection: Connection, batch_ids: Collection[int]) -> list[Run]:
    """Give the standing runs of these batches, with those of other systems that repeat them."""
    query = select(
        _RUN.id,
        _RUN.same_as_id,
        _RUN.batch_id,
        _RUN.parent_id,
        _RUN.level,
        _RUN.name,
        _RUN.occurrence,
        _RUN.equipment_id,
        _RUN.actual_start,
        _RUN.actual_end,
        _RUN.is_derived,
    ).where(_RUN.is_retracted.is_(False))
    rows = select_in(connection, query, _RUN.batch_id, batch_ids)
    return [Run(*row[:-1], is_derived=bool(row[-1])) for row in rows]


def load_uses(connection: Connection, batch_ids: Collection[int]) -> list[Use]:
    """Give what equipment took part in these batches beside where their runs say they ran."""
    query = select(
        _ACTUAL.batch_id, _ACTUAL.response_id, _ACTUAL.equipment_id, _ACTUAL.start_at, _ACTUAL.end_at
    ).where(_ACTUAL.is_retracted.is_(False), _ACTUAL.equipment_id.is_not(None), _ACTUAL.same_as_id.is_(None))
    return [Use(*row) for row in select_in(connection, query, _ACTUAL.batch_id, batch_ids)]


def load_holds(connection: Connection, equipment_ids: Iterable[int]) -> list[Hold]:
    """Give when these equipments were held or suspended (PackML states of their time)."""
    query = select(_TIME.equipment_id, _TIME.batch_id, _TIME.start_at, _TIME.end_at).where(
        _TIME.is_retracted.is_(False), _TIME.basis == "actual", _TIME.state.in_(sorted(HELD_STATES))
    )
    return [Hold(*row) for row in select_in(connection, query, _TIME.equipment_id, equipment_ids)]


def find_batches(
    connection: Connection, equipment_ids: Iterable[int], *, start: datetime, end: datetime
) -> set[int]:
    """Give the batches that may have been on these equipments in [start, end), and a few more."""
    wanted = sorted(set(equipment_ids))
    main = and_(_BATCH.lifecycle != "merged", _around(_BATCH.actual_start, _BATCH.actual_end, start, end))
    ran = and_(_RUN.is_retracted.is_(False), _around(_RUN.actual_start, _RUN.actual_end, start, end))
    used = and_(_ACTUAL.is_retracted.is_(False), _around(_ACTUAL.start_at, _ACTUAL.end_at, start, end))
    ways: tuple[tuple[Any, Any, ColumnElement[bool]], ...] = (
        (_BATCH.id, _BATCH.equipment_id, main),
        (_RUN.batch_id, _RUN.equipment_id, ran),
        (_ACTUAL.batch_id, _ACTUAL.equipment_id, used),
    )
    found = set[int]()
    for batch, equipment, condition in ways:
        query = select(batch).where(batch.is_not(None), condition).distinct()
        found.update(batch_id for (batch_id,) in select_in(connection, query, equipment, wanted))
    return found


def _around(  # noqa: PLR0917 - two times, and the two they are held against
    first: ColumnElement[Any], last: ColumnElement[Any], start: datetime, end: datetime
) -> ColumnElement[bool]:
    """Give the condition that [first, last) may touch [start, end); an unknown time may lie anywhere."""
    return and_(or_(first.is_(None), first < end), or_(last.is_(None), last > start))


def tags_on(connection: Connection, equipment_ids: Iterable[int]) -> dict[int, TagKind]:
    """Give the tags that measure on these equipments, by key."""
    query = select(_TAG.id).where(_TAG.lifecycle.not_in(("merged", "retracted")))
    ids = [tag_id for (tag_id,) in select_in(connection, query, _TAG.equipment_id, equipment_ids)]
    return read_kinds(connection, ids)
