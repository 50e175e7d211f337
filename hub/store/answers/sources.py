"""Sources and their streams: what each holds, how far behind it is, what went wrong last."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from hub.store.answers.readings import Document, read_rows
from hub.store.summary import newest_samples
from hub.store.tables import FACT_TABLES, quarantine, source, source_record, source_system, stream


def list_sources(connection: Connection, *, now: datetime) -> list[Document]:
    """Give every source with its state, its streams, and counts of records kept and held in quarantine.

    `lag_s` of a stream is the time in seconds since it last succeeded, `newest_at` the time of the newest
    sample that its source has given (None of a stream of records).
    """
    query = (
        select(
            source_system.c.id,
            source_system.c.code,
            source_system.c.kind,
            source_system.c.connector,
            source_system.c.timezone,
            source.c.state,
            source.c.system,
            source.c.checked_at,
            source.c.last_error,
            source.c.last_error_at,
        )
        .select_from(source_system.outerjoin(source, source.c.source_system_id == source_system.c.id))
        .order_by(source_system.c.code)
    )
    streams = _streams(connection, now)
    sources = _count_kept(connection, read_rows(connection, query))
    return [{**shown, "streams": streams.get(system, [])} for system, shown in sources]


def list_systems(connection: Connection) -> list[Document]:
    """Give what is kept of every source whenever it is asked: who it is, counts of records kept and held."""
    columns = source_system.c
    query = select(columns.id, columns.code, columns.kind, columns.connector).order_by(columns.code)
    return [shown for _, shown in _count_kept(connection, read_rows(connection, query))]


def list_corrected(connection: Connection, *, limit: int = 20) -> list[Document]:
    """Give results that their source changed after it had reported them, newest change first."""
    result, sample = FACT_TABLES["test_result"], FACT_TABLES["sample"]
    query = (
        select(
            result.c.id,
            source_system.c.code.label("source"),
            result.c.source_record_id.label("source_record"),
            sample.c.code.label("sample"),
            result.c.test_code,
            result.c.value_text,
            result.c.unit,
            result.c.version,
            result.c.recorded_at,
            sample.c.batch_id,
        )
        .select_from(
            result.join(source_system, source_system.c.id == result.c.source_system_id).outerjoin(
                sample, sample.c.id == result.c.sample_id
            )
        )
        .where(result.c.version > 1, result.c.is_retracted.is_(False))
        .order_by(result.c.recorded_at.desc(), result.c.id.desc())
        .limit(limit)
    )
    return read_rows(connection, query)


def count_facts(connection: Connection) -> dict[str, int]:
    """Give how many facts of each type are counted (not retracted, not seen twice)."""
    counts: dict[str, int] = {}
    for name, table in FACT_TABLES.items():
        query = select(func.count()).where(table.c.is_retracted.is_(False), table.c.same_as_id.is_(None))
        counts[name] = int(connection.scalar(query) or 0)
    return counts


def _count_kept(connection: Connection, systems: list[Document]) -> list[tuple[int, Document]]:
    """Give each source, by its key, with the counts of its records kept and held in quarantine."""
    kept = _count(connection, source_record.c.source_system_id)
    held = _count(connection, quarantine.c.source_system_id, quarantine.c.state == "open")
    counted: list[tuple[int, Document]] = []
    for shown in systems:
        system = shown.pop("id")
        counts = {"source_records": kept.get(system, 0), "quarantined": held.get(system, 0)}
        counted.append((system, {**shown, **counts}))
    return counted


def _streams(connection: Connection, now: datetime) -> dict[int, list[Document]]:
    names = (
        "source_system_id",
        "name",
        "kind",
        "state",
        "every_s",
        "due_at",
        "documents",
        "records",
        "samples",
        "rejected",
        "attempts",
        "last_error",
        "last_error_at",
        "last_success_at",
    )
    found: dict[int, list[Document]] = {}
    newest = newest_samples(connection)
    query = select(*(stream.c[name] for name in names)).order_by(stream.c.name)
    for shown in read_rows(connection, query):
        system = shown.pop("source_system_id")
        last = shown["last_success_at"]
        shown["lag_s"] = None if last is None else max((now - last).total_seconds(), 0.0)
        shown["newest_at"] = newest.get(system) if shown["kind"] == "samples" else None
        found.setdefault(system, []).append(shown)
    return found


def _count(
    connection: Connection, column: ColumnElement[int], *conditions: ColumnElement[bool]
) -> dict[int, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return dict(connection.execute(query).all())
