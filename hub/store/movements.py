"""Movements of material: which to count together, what they take back, and the lots they move."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from hub.store.sets import AnySelect, select_dicts_in, select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

Fact = dict[str, Any]
COUNT_COLUMNS = ("count_state", "count_quantity", "count_unit", "count_difference", "disputes_id")
"""What counting finds out about a movement, beside `same_as_id`."""
_MOVE = FACT_TABLES["material_actual"]
_LOT = ENTITY_TABLES["material_lot"].c
_STANDING = ~_MOVE.c.is_retracted
_MOVES = select(_MOVE).where(_STANDING)
_LOOSE = _MOVES.where(_MOVE.c.batch_id.is_(None))
_PLACES = select(_MOVE.c.batch_id, _MOVE.c.lot_id).distinct()
_STANDING_PLACES = _PLACES.where(_STANDING)
_LOTS = select(_LOT.id, _LOT.parent_lot_id, _LOT.material_id)
_THERE = _MOVE.alias("there")
_ELSEWHERE = and_(
    ~_THERE.c.is_retracted,
    or_(
        _MOVE.c.batch_id.is_distinct_from(_THERE.c.batch_id),
        and_(_MOVE.c.batch_id.is_(None), _MOVE.c.lot_id.is_distinct_from(_THERE.c.lot_id)),
    ),
)
_STRAYS = tuple(
    (query, query.where(_MOVE.c.batch_id.is_(None)))
    for tie in (_THERE.c.reverses_id == _MOVE.c.id, _MOVE.c.reverses_id == _THERE.c.id)
    for query in (select(_THERE).select_from(_MOVE.join(_THERE, tie)).where(_STANDING, _ELSEWHERE),)
)
_BACK = _MOVE.alias("back")


@lru_cache(maxsize=512)
def _places_of(system_id: int) -> AnySelect:
    """Give the query for where movements of a system belong, and those that they take back."""
    return (
        select(_MOVE.c.batch_id, _MOVE.c.lot_id, _BACK.c.batch_id, _BACK.c.lot_id)
        .select_from(_MOVE.outerjoin(_BACK, _BACK.c.id == _MOVE.c.reverses_id))
        .where(_MOVE.c.source_system_id == system_id)
    )


@dataclass
class Touched:
    """What has to be counted again: batches, and lots with movements of which no batch is stated."""

    batches: set[int] = field(default_factory=set[int])
    lots: set[int] = field(default_factory=set[int])

    def __ior__(self, other: "Touched") -> Self:
        """Add what else was touched."""
        self.batches |= other.batches
        self.lots |= other.lots
        return self

    def __bool__(self) -> bool:
        """Whether there is anything to count."""
        return bool(self.batches or self.lots)


@dataclass(frozen=True)
class Lot:
    """A lot that was moved: the lot it is a part of, and its material."""

    parent_id: int | None
    material_id: int | None


def movements_of(connection: Connection, touched: Touched) -> list[Fact]:
    """Give the standing movements of these batches, and those of these lots that belong to no batch."""
    found = select_dicts_in(connection, _MOVES, _MOVE.c.batch_id, touched.batches)
    if touched.lots:
        found += select_dicts_in(connection, _LOOSE, _MOVE.c.lot_id, touched.lots)
    return found


def strays_of(connection: Connection, touched: Touched) -> list[Fact]:
    """Give movements elsewhere that take back, or are taken back by, movements of these batches and lots."""
    found: dict[int, Fact] = {}
    for query, loose in _STRAYS:
        rows = select_dicts_in(connection, query, _MOVE.c.batch_id, touched.batches)
        if touched.lots:
            rows += select_dicts_in(connection, loose, _MOVE.c.lot_id, touched.lots)
        found.update({row["id"]: row for row in rows})
    return list(found.values())


def tied_to(connection: Connection, facts: Iterable[Fact]) -> list[Fact]:
    """Give the standing movements that take these back, and those that these take back."""
    some = list(facts)
    query = _MOVES
    found = select_dicts_in(connection, query, _MOVE.c.reverses_id, [f["id"] for f in some])
    backs = [f["reverses_id"] for f in some if f["reverses_id"]]
    return found + select_dicts_in(connection, query, _MOVE.c.id, backs)


def touched_by_facts(connection: Connection, keys: Iterable[tuple[int, str]]) -> Touched:
    """Give what these movements (system, key), and those that they take back, belong to now."""
    grouped: dict[int, list[str]] = {}
    for system_id, key in keys:
        grouped.setdefault(system_id, []).append(key)
    touched = Touched()
    for system_id, some in grouped.items():
        for row in select_in(connection, _places_of(system_id), _MOVE.c.source_key, some):
            _touch(touched, row[0], row[1])
            _touch(touched, row[2], row[3])
    return touched


def touched_by_names(connection: Connection, name_ids: Iterable[int]) -> Touched:
    """Give what movements belong to now that name a lot, a batch or a material so."""
    touched = Touched()
    names = sorted(set(name_ids))
    for name in ("lot", "batch", "material"):
        column: ColumnElement[int] = _MOVE.c[f"{name}_identifier_id"]
        for batch_id, lot_id in select_in(connection, _PLACES, column, names):
            _touch(touched, batch_id, lot_id)
    return touched


def touched_by_lots(connection: Connection, lot_ids: Iterable[int]) -> Touched:
    """Give what the movements of these lots belong to."""
    touched = Touched()
    for batch_id, lot_id in select_in(connection, _STANDING_PLACES, _MOVE.c.lot_id, lot_ids):
        _touch(touched, batch_id, lot_id)
    return touched


def touched_by_materials(connection: Connection, material_ids: Iterable[int]) -> Touched:
    """Give what the movements of these materials, stated as such or by their lots, belong to."""
    ids = sorted(set(material_ids))
    lots = {row.id for row in select_in(connection, select(_LOT.id), _LOT.material_id, ids)}
    touched = touched_by_lots(connection, lots)
    for batch_id, lot_id in select_in(connection, _STANDING_PLACES, _MOVE.c.material_id, ids):
        _touch(touched, batch_id, lot_id)
    return touched


def touched_by_all(connection: Connection) -> Touched:
    """Give everything that has movements."""
    touched = Touched()
    for batch_id, lot_id in connection.execute(select(_MOVE.c.batch_id, _MOVE.c.lot_id).distinct()):
        _touch(touched, batch_id, lot_id)
    return touched


def _touch(touched: Touched, batch_id: int | None, lot_id: int | None) -> None:
    if batch_id is not None:
        touched.batches.add(batch_id)
    elif lot_id is not None:
        touched.lots.add(lot_id)


def load_lots(connection: Connection, lot_ids: Iterable[int]) -> dict[int, Lot]:
    """Give these lots and all that they are parts of."""
    found: dict[int, Lot] = {}
    wanted = set(lot_ids)
    while wanted:
        for row in select_in(connection, _LOTS, _LOT.id, wanted):
            found[row.id] = Lot(row.parent_lot_id, row.material_id)
        wanted = {lot.parent_id for lot in found.values() if lot.parent_id} - found.keys()
    return found


def load_base_units(connection: Connection, material_ids: Iterable[int]) -> dict[int, str]:
    """Give the units in which these materials are kept, where that is known."""
    columns = ENTITY_TABLES["material_definition"].c
    query = select(columns.id, columns.base_unit).where(columns.base_unit.is_not(None))
    return {row.id: row.base_unit for row in select_in(connection, query, columns.id, material_ids)}
