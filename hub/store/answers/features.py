"""Declared figures: the versions of their declaration, and of how many batches each is known."""

from sqlalchemy import Connection, func, select

from hub.store.answers.readings import Document, read_rows
from hub.store.tables import FACT_TABLES, mapping, source_system

_DATA = FACT_TABLES["segment_data"].c


def list_declarations(connection: Connection, source: str) -> list[Document]:
    """Give every version of the declaration, the newest first: version, content, when it was taken up."""
    query = (
        select(mapping.c.mapping_version.label("version"), mapping.c.content, mapping.c.recorded_at)
        .join(source_system, source_system.c.id == mapping.c.source_system_id)
        .where(source_system.c.code == source)
        .order_by(mapping.c.recorded_at.desc(), mapping.c.id.desc())
    )
    return read_rows(connection, query)


def list_figures(connection: Connection, source: str) -> dict[str, int]:
    """Give of how many batches each figure is known, by name."""
    query = (
        select(_DATA.name, func.count(func.distinct(_DATA.batch_id)))
        .join(source_system, source_system.c.id == _DATA.source_system_id)
        .where(source_system.c.code == source, _DATA.is_retracted.is_(False))
        .group_by(_DATA.name)
    )
    return dict(connection.execute(query).tuples().all())
