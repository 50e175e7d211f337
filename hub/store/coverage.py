"""Which spans of a source's history have been read, tag by tag: half-open windows, joined when they touch."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.store.sets import chunks, insert_all, select_in
from hub.store.tables import coverage

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
    """Note that a span of these tags has been read."""
    before = covered_spans(connection, system_id, tags)
    for part in chunks(sorted(before)):
        connection.execute(
            delete(coverage).where(coverage.c.source_system_id == system_id, coverage.c.tag_group.in_(part))
        )
    insert_all(
        connection,
        coverage,
        [
            {
                "source_system_id": system_id,
                "tag_group": tag,
                "start_at": start,
                "end_at": end,
                "recorded_at": now,
            }
            for tag in tags
            for start, end in join_spans([*before.get(tag, []), span])
        ],
    )
