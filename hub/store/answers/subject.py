"""What a proof about a batch is about: its state and time, and the things whose records belong to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from hub.store.answers.belonging import list_made
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

State = Literal["unknown", "not_begun", "running", "ended"]
_ENDED = frozenset({"Complete", "Stopped", "Aborted"})
_RECIPES = 10


@dataclass(frozen=True)
class Subject:
    """A batch with the lots it made, its order, and its recipe with those that it is based on.

    `state` is unknown for a batch of which no system says anything but its name. `released_at` is when its
    output was released; `is_decided` tells that somebody decided about the output at all.
    """

    id: int
    uid: str
    code: str
    state: State
    start: datetime | None
    end: datetime | None
    recipe_ids: tuple[int, ...]
    material_ids: frozenset[int]
    lot_ids: frozenset[int]
    order_id: int | None
    released_at: datetime | None
    is_decided: bool

    @property
    def is_open(self) -> bool:
        """Whether what is not there may still come by itself."""
        return self.state in ("not_begun", "running")


def read_subject(connection: Connection, batch_id: int) -> Subject:
    """Give what a proof about a batch is about."""
    table = ENTITY_TABLES["batch"]
    batch = connection.execute(select(table).where(table.c.id == batch_id)).one()
    start, end, is_broken_off = _span(connection, batch_id)
    made = list_made(connection, batch_id)
    lots = {lot for lot, _ in made if lot is not None}
    lots |= {batch.output_lot_id} if batch.output_lot_id is not None else set()
    materials = {material for _, material in made if material is not None}
    materials |= {batch.product_id} if batch.product_id is not None else set()
    materials |= _materials_of(connection, lots)
    released_at, is_decided = _decision(connection, batch.output_lot_id)
    began = batch.actual_start or start
    over = batch.actual_end is not None or batch.status in _ENDED
    state: State = "ended" if over else "running" if began else "not_begun"
    if batch.lifecycle == "stub" and not began:
        state = "unknown"
    return Subject(
        id=batch_id,
        uid=batch.uid,
        code=batch.code,
        state=state,
        start=began,
        end=(batch.actual_end or (None if is_broken_off else end)) if over else None,
        recipe_ids=_recipes(connection, batch.recipe_id),
        material_ids=frozenset(materials),
        lot_ids=frozenset(lots),
        order_id=batch.operations_request_id,
        released_at=released_at,
        is_decided=is_decided,
    )


def _span(connection: Connection, batch_id: int) -> tuple[datetime | None, datetime | None, bool]:
    """Give first start and last end of the batch's runs, and whether one of them has no end."""
    run = FACT_TABLES["segment_response"]
    query = select(
        func.min(run.c.actual_start),
        func.max(run.c.actual_end),
        func.count().filter(run.c.actual_start.is_not(None), run.c.actual_end.is_(None)),
    ).where(run.c.batch_id == batch_id, run.c.is_retracted.is_(False))
    start, end, without_end = connection.execute(query).one()
    return start, end, bool(without_end)


def _materials_of(connection: Connection, lots: set[int]) -> set[int]:
    lot = ENTITY_TABLES["material_lot"]
    query = select(lot.c.material_id).where(lot.c.id.in_(sorted(lots)), lot.c.material_id.is_not(None))
    return set(connection.scalars(query))


def _decision(connection: Connection, lot_id: int | None) -> tuple[datetime | None, bool]:
    """Give when a lot was released, and whether it was released or restricted by anybody's decision."""
    if lot_id is None:
        return None, False
    lot, decided = ENTITY_TABLES["material_lot"], FACT_TABLES["disposition"]
    released_at, disposition = connection.execute(
        select(lot.c.released_at, lot.c.disposition).where(lot.c.id == lot_id)
    ).one()
    judged = connection.scalar(
        select(func.count()).where(decided.c.lot_id == lot_id, decided.c.is_retracted.is_(False))
    )
    return released_at, bool(judged) or released_at is not None or disposition in ("Restricted", "Closed")


def _recipes(connection: Connection, recipe_id: int | None) -> tuple[int, ...]:
    """Give a recipe and those that it is based on, nearest first."""
    table = ENTITY_TABLES["recipe"]
    chain: list[int] = []
    here = recipe_id
    while here is not None and here not in chain and len(chain) < _RECIPES:
        chain.append(here)
        here = connection.scalar(select(table.c.based_on_id).where(table.c.id == here))
    return tuple(chain)
