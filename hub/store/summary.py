"""What the hub holds, in numbers."""

from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.samples import count_samples
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    link_decision,
    lot_genealogy,
    quarantine,
    source_record,
    source_system,
    statement,
    stream,
)


def summarise(connection: Connection) -> dict[str, int]:
    """Give counts of what came in (sources, documents, records), what it means and what waits for people."""
    batch, lot, tag = ENTITY_TABLES["batch"], ENTITY_TABLES["material_lot"], ENTITY_TABLES["tag"]
    standing = ("active", "stub")
    return {
        "sources": _count(connection, select(stream.c.source_system_id).distinct()),
        "documents": _count(connection, select(source_record.c.id)),
        "records": _count(connection, select(statement.c.id).where(statement.c.is_live)),
        "batches": _count(
            connection,
            select(batch.c.id).where(
                batch.c.lifecycle.in_(standing), func.coalesce(batch.c.kind, "batch") != "campaign"
            ),
        ),
        "lots": _count(connection, select(lot.c.id).where(lot.c.lifecycle.in_(standing))),
        "genealogy": _count(connection, select(lot_genealogy.c.id)),
        "results": _count(
            connection,
            select(FACT_TABLES["test_result"].c.id).where(~FACT_TABLES["test_result"].c.is_retracted),
        ),
        "phases": _count(
            connection,
            select(FACT_TABLES["segment_response"].c.id).where(
                ~FACT_TABLES["segment_response"].c.is_retracted
            ),
        ),
        "tags": _count(connection, select(tag.c.id).where(tag.c.lifecycle.in_(standing))),
        "samples": count_samples(connection),
        "conflicts": sum(
            _count(connection, select(t.c.id).where(t.c.has_conflict, t.c.lifecycle.in_(standing)))
            for t in ENTITY_TABLES.values()
        ),
        "stubs": sum(
            _count(connection, select(t.c.id).where(t.c.lifecycle == "stub")) for t in ENTITY_TABLES.values()
        ),
        "names_to_decide": _count(
            connection, select(link_decision.c.id).where(link_decision.c.state == "proposed")
        ),
        "quarantined": _count(connection, select(quarantine.c.id).where(quarantine.c.state == "open")),
        "unmapped_tags": _count(
            connection,
            select(tag.c.id).where(tag.c.equipment_id.is_(None), tag.c.lifecycle == "active"),
        ),
    }


def list_streams(connection: Connection) -> list[dict[str, Any]]:
    """Give every stream with its source, state, counters and last error."""
    query = (
        select(source_system.c.code.label("source"), source_system.c.kind.label("source_kind"), stream)
        .join(source_system, source_system.c.id == stream.c.source_system_id)
        .order_by(source_system.c.code, stream.c.id)
    )
    # SQLAlchemy's column names are a kind of text that JSON writers refuse as keys
    return [{str(k): v for k, v in row.items()} for row in connection.execute(query).mappings()]


def _count(connection: Connection, query: Any) -> int:
    return int(connection.scalar(select(func.count()).select_from(query.subquery())) or 0)
