"""What belongs to a batch beside itself: the lots it made, its quality events, and the facts about either."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from hub.model.enums import PRODUCED
from hub.store.tables import ENTITY_TABLES, FACT_TABLES


def list_made(connection: Connection, batch_id: int) -> list[tuple[int | None, int | None]]:
    """Give (lot, material) of what came out of a batch, as its movements tell."""
    move = FACT_TABLES["material_actual"]
    query = (
        select(move.c.lot_id, move.c.material_id)
        .where(move.c.batch_id == batch_id, move.c.use.in_(sorted(PRODUCED)), move.c.is_retracted.is_(False))
        .distinct()
    )
    return [(row.lot_id, row.material_id) for row in connection.execute(query)]


def list_lots_of(connection: Connection, batch_id: int) -> set[int]:
    """Give the lots that a batch made: its output, and what its movements say came out of it."""
    batch = ENTITY_TABLES["batch"]
    output = connection.scalar(select(batch.c.output_lot_id).where(batch.c.id == batch_id))
    return {lot for lot, _ in list_made(connection, batch_id) if lot} | ({output} if output else set())


def list_quality_events_of(connection: Connection, batch_id: int, lots: Collection[int]) -> set[int]:
    """Give the quality events of a batch, and those that name one of its lots and no batch."""
    table = ENTITY_TABLES["quality_event"]
    mine = [table.c.batch_id == batch_id, *_of_lots(table, lots)]
    query = select(table.c.id).where(or_(*mine), table.c.lifecycle != "merged")
    return set(connection.scalars(query))


def belongs(
    record_type: str, table: Table, *, batch_id: int, lots: Collection[int]
) -> list[ColumnElement[bool]]:
    """Give the conditions, any of which makes a fact one of a batch; none for facts that belong to no batch.

    What names a lot that the batch made, and no batch, is the batch's; a movement of such a lot is not. A
    result belongs where its sample does: there is no condition for it here.
    """
    if record_type == "sample":
        return [table.c.batch_id == batch_id, *([table.c.lot_id.in_(sorted(lots))] if lots else [])]
    if "batch_id" in table.c:
        of_lots = [] if record_type == "material_actual" else _of_lots(table, lots)
        return [table.c.batch_id == batch_id, *of_lots]
    return [table.c.lot_id.in_(sorted(lots))] if record_type == "custody_event" and lots else []


def _of_lots(table: Table, lots: Collection[int]) -> list[ColumnElement[bool]]:
    if "lot_id" not in table.c or not lots:
        return []
    return [and_(table.c.batch_id.is_(None), table.c.lot_id.in_(sorted(lots)))]
