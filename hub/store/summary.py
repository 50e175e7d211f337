"""What the hub holds, in numbers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from hub.store.samples import count_samples
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    identifier,
    link_decision,
    lot_genealogy,
    quarantine,
    source_record,
    source_system,
    statement,
    stream,
    tag_latest,
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
    """Give every stream with its source, state, counters, last error, newest sample (`newest_at`)."""
    query = (
        select(source_system.c.code.label("source"), source_system.c.kind.label("source_kind"), stream)
        .join(source_system, source_system.c.id == stream.c.source_system_id)
        .order_by(source_system.c.code, stream.c.id)
    )
    # SQLAlchemy's column names are a kind of text that JSON writers refuse as keys
    rows = [{str(k): v for k, v in row.items()} for row in connection.execute(query).mappings()]
    newest = newest_samples(connection) if any(row["kind"] == "samples" for row in rows) else {}
    told = {row["id"]: newest.get(row["source_system_id"]) for row in rows if row["kind"] == "samples"}
    return [{**row, "newest_at": told.get(row["id"])} for row in rows]


def newest_samples(connection: Connection) -> dict[int, datetime]:
    """Give the time of the newest sample of each source that has one, by its key.

    A reading that succeeds says nothing of it: a historian whose collectors stand still answers as ever.
    """
    query = (
        select(source_system.c.id, func.max(tag_latest.c.ts))
        .select_from(
            tag_latest.join(
                identifier,
                (identifier.c.entity_type == "tag") & (identifier.c.entity_id == tag_latest.c.tag_id),
            ).join(source_system, identifier.c.scheme == source_system.c.code + ":tag")
        )
        .group_by(source_system.c.id)
    )
    return dict(connection.execute(query).all())


def _count(connection: Connection, query: Any) -> int:
    return int(connection.scalar(select(func.count()).select_from(query.subquery())) or 0)
