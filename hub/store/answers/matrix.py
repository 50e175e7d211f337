"""What the modelling matrix is made of: batches, what their lots were made from, results, figures."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from hub.store.sets import select_dicts_in, select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, lot_genealogy, source_system

_BATCH, _LOT, _MATERIAL = (ENTITY_TABLES[name].c for name in ("batch", "material_lot", "material_definition"))
_DATA, _RESULT, _SAMPLE, _CRITERION, _PROPERTY, _MOVE, _RUN = (
    FACT_TABLES[name].c
    for name in (
        "segment_data",
        "test_result",
        "sample",
        "test_criterion",
        "resource_property",
        "material_actual",
        "segment_response",
    )
)
_DEPTH = 12


@dataclass(frozen=True)
class RowHead:
    """A batch of the matrix."""

    id: int
    uid: str
    code: str
    product: str | None
    output_lot: int | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Value:
    """A number with its unit, the system that said it and the row that holds it."""

    name: str
    number: float
    unit: str | None
    source: str
    row: tuple[str, int]
    is_cqa: bool = False


@dataclass(frozen=True)
class LotHead:
    """A lot: its material's code and its own amount."""

    material: str | None
    quantity: float | None


@dataclass(frozen=True)
class Edge:
    """An input lot of an output lot (None: of all of a batch), by a batch or (split, merge) without one."""

    input: int
    output: int | None
    batch: int | None
    quantity: float | None


def list_heads(connection: Connection, batch_ids: Collection[int]) -> list[RowHead]:
    """Give the batches by start and code."""
    joined = ENTITY_TABLES["batch"].outerjoin(
        ENTITY_TABLES["material_definition"], _MATERIAL.id == _BATCH.product_id
    )
    query = select(
        _BATCH.id,
        _BATCH.uid,
        _BATCH.code,
        _MATERIAL.code.label("product"),
        _BATCH.output_lot_id,
        _BATCH.actual_start,
        _BATCH.actual_end,
    ).select_from(joined)
    heads = [RowHead(*row) for row in select_in(connection, query, _BATCH.id, batch_ids)]
    ever = datetime(9999, 12, 31, tzinfo=UTC)
    return sorted(heads, key=lambda head: (head.start or ever, head.code))


def list_figures_of(connection: Connection, batch_ids: Collection[int]) -> dict[int, list[Value]]:
    """Give the features of batches: `segment_data` of kind feature that are numbers."""
    query = (
        select(_DATA.batch_id, _DATA.name, _DATA.value_num, _DATA.unit, source_system.c.code, _DATA.id)
        .join(source_system, source_system.c.id == _DATA.source_system_id)
        .where(_DATA.kind == "feature", _DATA.is_retracted.is_(False), _DATA.value_num.is_not(None))
    )
    found: dict[int, list[Value]] = {}
    for batch, name, number, unit, source, row in select_in(connection, query, _DATA.batch_id, batch_ids):
        found.setdefault(batch, []).append(Value(name, number, unit, source, ("segment_data", row)))
    return found


def list_results_by(connection: Connection, column: str, ids: Iterable[int]) -> dict[int, list[Value]]:
    """Give the results on samples of batches (`batch_id`) or lots (`lot_id`).

    Numbers only: a text and a censored result (`<0.05`) are none. What was tested again and what is a
    prediction are left out.
    """
    owner = _SAMPLE[column]
    again = select(_RESULT.retest_of_id).where(
        _RESULT.retest_of_id.is_not(None), _RESULT.is_retracted.is_(False)
    )
    joined = (
        FACT_TABLES["test_result"]
        .join(FACT_TABLES["sample"], _SAMPLE.id == _RESULT.sample_id)
        .join(source_system, source_system.c.id == _RESULT.source_system_id)
        .outerjoin(FACT_TABLES["test_criterion"], _CRITERION.id == _RESULT.criterion_id)
    )
    query = (
        select(
            owner,
            _RESULT.test_code,
            _RESULT.value_num,
            _RESULT.unit,
            source_system.c.code,
            _RESULT.id,
            _CRITERION.is_cqa,
        )
        .select_from(joined)
        .where(
            _RESULT.is_retracted.is_(False),
            _SAMPLE.is_retracted.is_(False),
            _RESULT.value_num.is_not(None),
            _RESULT.comparator.is_(None),
            _RESULT.kind != "predicted",
            _RESULT.id.not_in(again),
        )
    )
    found: dict[int, list[Value]] = {}
    for thing, name, number, unit, source, row, is_cqa in select_in(connection, query, owner, ids):
        value = Value(name, number, unit, source, ("test_result", row), is_cqa=bool(is_cqa))
        found.setdefault(thing, []).append(value)
    return found


def list_lot_properties(connection: Connection, lot_ids: Collection[int]) -> dict[int, list[Value]]:
    """Give what is known of lots: results on their samples, and properties stated of them."""
    found = list_results_by(connection, "lot_id", lot_ids)
    query = (
        select(
            _PROPERTY.lot_id,
            _PROPERTY.name,
            _PROPERTY.value_num,
            _PROPERTY.unit,
            source_system.c.code,
            _PROPERTY.id,
        )
        .join(source_system, source_system.c.id == _PROPERTY.source_system_id)
        .where(
            _PROPERTY.is_retracted.is_(False),
            _PROPERTY.value_num.is_not(None),
            _PROPERTY.comparator.is_(None),
        )
    )
    for lot, name, number, unit, source, row in select_in(connection, query, _PROPERTY.lot_id, lot_ids):
        found.setdefault(lot, []).append(Value(name, number, unit, source, ("resource_property", row)))
    return found


def list_moves(connection: Connection, batch_ids: Collection[int]) -> list[dict[str, Any]]:
    """Give the movements of batches that count, as facts with what each counts for."""
    query = select(
        _MOVE.id,
        _MOVE.batch_id,
        _MOVE.lot_id,
        _MOVE.use,
        _MOVE.response_id,
        _MOVE.reverses_id,
        _MOVE.count_quantity,
        _MOVE.count_unit,
    ).where(
        _MOVE.is_retracted.is_(False),
        or_(
            _MOVE.count_state == "counted",
            and_(_MOVE.count_state == "disputed", _MOVE.disputes_id.is_(None)),
        ),
    )
    return select_dicts_in(connection, query.order_by(_MOVE.id), _MOVE.batch_id, batch_ids)


def list_steps(connection: Connection, batch_ids: Collection[int]) -> dict[int, int | None]:
    """Give the runs of batches with the run that each is a part of."""
    query = select(_RUN.id, _RUN.parent_id).where(_RUN.is_retracted.is_(False))
    return {row.id: row.parent_id for row in select_in(connection, query, _RUN.batch_id, batch_ids)}


def list_made(connection: Connection, lot_ids: Collection[int]) -> dict[int, list[Edge]]:
    """Give what these lots were made from, and what that was made from in turn (to a depth of twelve)."""
    c = lot_genealogy.c
    query = select(c.input_lot_id, c.output_lot_id, c.batch_id, c.quantity)
    made: dict[int, list[Edge]] = {}
    waiting = set(lot_ids)
    for _ in range(_DEPTH):
        fresh = waiting - made.keys()
        if not fresh:
            break
        made.update({lot: [] for lot in fresh})
        for row in select_in(connection, query, c.output_lot_id, fresh):
            made[row.output_lot_id].append(Edge(*row))
        waiting = {edge.input for lot in fresh for edge in made[lot]}
    return made


def list_lots(connection: Connection, lot_ids: Collection[int]) -> dict[int, LotHead]:
    """Give material and amount of lots."""
    joined = ENTITY_TABLES["material_lot"].outerjoin(
        ENTITY_TABLES["material_definition"], _MATERIAL.id == _LOT.material_id
    )
    query = select(_LOT.id, _MATERIAL.code, _LOT.quantity).select_from(joined)
    rows: Any = select_in(connection, query, _LOT.id, lot_ids)
    return {lot: LotHead(material, quantity) for lot, material, quantity in rows}
