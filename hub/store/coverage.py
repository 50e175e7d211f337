"""Which spans of a source's history have been read, tag by tag: half-open windows, joined when they touch."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from hub.store.sets import chunks, insert_all, select_in
from hub.store.tables import coverage, source

Span = tuple[datetime, datetime]


def covered_spans(connection: Connection, system_id: int, tags: Iterable[str]) -> dict[str, list[Span]]:
    """Give each tag's covered spans in order."""
    columns = coverage.c
    query = (
        select(columns.tag_group, columns.start_at, columns.end_at)
        .where(columns.source_system_id == system_id)
        .order_by(columns.start_at)
    )
    spans: dict[str, list[Span]] = {}
    for tag, start, end in select_in(connection, query, columns.tag_group, tags):
        spans.setdefault(tag, []).append((start, end))
    return spans


def missing_spans(covered: Sequence[Span], start: datetime, end: datetime) -> list[Span]:
    """Give the parts of [start, end) that no covered span holds."""
    missing: list[Span] = []
    reached = start
    for one, other in sorted(covered):
        if one > reached:
            missing.append((reached, min(one, end)))
        reached = max(reached, other)
        if reached >= end:
            break
    if reached < end:
        missing.append((reached, end))
    return [(a, b) for a, b in missing if a < b]


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def cover(connection: Connection, system_id: int, *, tags: Sequence[str], span: Span, now: datetime) -> None:
    """Note that a span of these tags has been read; what it touches grows, so that little is written anew."""
    take_turn(connection, system_id)
    columns = coverage.c
    start, end = span
    query = (
        select(columns.id, columns.tag_group, columns.start_at, columns.end_at)
        .where(columns.source_system_id == system_id, columns.start_at <= end, columns.end_at >= start)
        .order_by(columns.start_at)
    )
    touched: dict[str, list[Any]] = {}
    for row in select_in(connection, query, columns.tag_group, tags):
        touched.setdefault(row.tag_group, []).append(row)
    grown: list[dict[str, Any]] = []
    for rows in touched.values():
        whole = min(start, rows[0].start_at), max(end, *(row.end_at for row in rows))
        if whole != (rows[0].start_at, rows[0].end_at):
            grown.append({"row": rows[0].id, "start_at": whole[0], "end_at": whole[1], "recorded_at": now})
    for part in chunks(row.id for rows in touched.values() for row in rows[1:]):
        connection.execute(delete(coverage).where(columns.id.in_(part)))
    for part in chunks(grown):
        connection.execute(update(coverage).where(columns.id == bindparam("row")), part)
    new = {"source_system_id": system_id, "start_at": start, "end_at": end, "recorded_at": now}
    insert_all(connection, coverage, [{**new, "tag_group": tag} for tag in tags if tag not in touched])


def take_turn(connection: Connection, system_id: int) -> None:
    """Wait until no other transaction writes samples of this source.

    Its windows and its live tail may be read on two nodes; each must see what the other has covered.
    """
    connection.execute(select(source.c.id).where(source.c.source_system_id == system_id).with_for_update())
