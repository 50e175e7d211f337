"""Who and what took part in a batch, and which materials its order asked for."""

from sqlalchemy import Connection, false, select

from hub.store.answers.readings import Document, fact_reading
from hub.store.tables import ENTITY_TABLES


def list_resources(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give the equipment, assets and people that took part in the segments of a batch, by segment."""
    reading = fact_reading("resource_actual")
    table = reading.table
    query = reading.select().where(table.c.batch_id == batch_id)
    if not retracted:
        query = query.where(table.c.is_retracted.is_(False))
    order = (table.c.response_key.is_(None), table.c.response_key, table.c.kind, table.c.id)
    return reading.read(connection, query.order_by(*order))


def list_requirements(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give the materials that the batch's order needs or gives; none where no order is known."""
    reading = fact_reading("material_requirement")
    table, batch = reading.table, ENTITY_TABLES["batch"]
    order_id = connection.scalar(select(batch.c.operations_request_id).where(batch.c.id == batch_id))
    mine = false() if order_id is None else table.c.operations_request_id == order_id
    query = reading.select().where(mine)
    if not retracted:
        query = query.where(table.c.is_retracted.is_(False))
    return reading.read(connection, query.order_by(table.c.source_system_id, table.c.source_key, table.c.id))
