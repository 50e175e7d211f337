"""What the hub holds of a batch, source by source: documents and facts, with digests to compare them by."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select, tuple_

from hub.store.answers.belonging import belongs, list_quality_events_of
from hub.store.answers.expectations import sampled
from hub.store.answers.subject import Subject
from hub.store.sets import AnySelect, select_in
from hub.store.tables import (
    FACT_TABLES,
    assertion,
    reading_mark,
    redelivery,
    source_record,
    source_system,
)

_OWN = (None, "frames", "features")
"""Connectors of what the hub itself states."""


@dataclass(frozen=True)
class Paper:
    """A document of a source as it stands now: its newest record."""

    object_type: str
    source_key: str
    record_id: int
    is_deleted: bool
    content_hash: str
    version: int
    source_time: datetime | None
    received_at: datetime
    records: int

    @property
    def line(self) -> str:
        """What a digest over documents is made of, one line each: type, key and content hash, by tabs."""
        return f"{self.object_type}\t{self.source_key}\t{self.content_hash}\n"


@dataclass(frozen=True)
class Mark:
    """How the last reading of a stream ended that is on record."""

    stream: str
    kind: str
    state: str
    means: str | None
    error: str | None
    marked_at: datetime


@dataclass
class Holding:
    """What the hub has from one source about a batch. `facts` are (key, content hash) by record type.

    `is_own`: the hub itself says it (what the site declares, what was found in signals).
    """

    system_id: int
    source: str
    kind: str
    is_own: bool = False
    papers: list[Paper] = field(default_factory=list[Paper])
    facts: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    seen_twice: Counter[str] = field(default_factory=Counter[str])
    retracted: Counter[str] = field(default_factory=Counter[str])
    attributes: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    last_refused_at: datetime | None = None
    marks: list[Mark] = field(default_factory=list[Mark])

    @property
    def standing(self) -> list[Paper]:
        """The documents that the source has not deleted, by type and key."""
        return sorted(
            (p for p in self.papers if not p.is_deleted), key=lambda p: (p.object_type, p.source_key)
        )


def list_holdings(
    connection: Connection, subject: Subject, also: Iterable[int] = (), *, now: datetime
) -> list[Holding]:
    """Give what each source that speaks of a batch has said of it, of its order and of what it made.

    `also` are systems to be listed even if they say nothing of it. By source.
    """
    holdings = _Holdings(connection)
    for record_type, table in FACT_TABLES.items():
        condition = _belongs(record_type, table, subject)
        if condition is not None:
            _gather_facts(connection, holdings, record_type, condition)
    _gather_attributes(connection, holdings, subject)
    for system_id in also:
        holdings.of(system_id)
    for system_id, ids in holdings.records.items():
        holdings.of(system_id).papers = _papers(connection, system_id, ids)
    _gather_refusals(connection, holdings)
    _gather_marks(connection, holdings, now)
    return sorted(holdings.found.values(), key=lambda h: h.source)


class _Holdings:
    def __init__(self, connection: Connection) -> None:
        columns = source_system.c
        query = select(columns.id, columns.code, columns.kind, columns.connector)
        self._systems = {row.id: row for row in connection.execute(query)}
        self.found: dict[int, Holding] = {}
        self.records: dict[int, set[int]] = {}

    def of(self, system_id: int) -> Holding:
        system = self._systems[system_id]
        own = system.connector in _OWN
        return self.found.setdefault(system_id, Holding(system_id, system.code, system.kind, own))

    def note(self, system_id: int, record_id: int) -> Holding:
        """Note that something is said in a record; give its source's holding."""
        self.records.setdefault(system_id, set()).add(record_id)
        return self.of(system_id)


def _belongs(record_type: str, table: Table, subject: Subject) -> ColumnElement[bool] | None:
    """Give the condition that a fact belongs to a batch; None for facts that belong to no batch."""
    if record_type == "test_result":  # by the sample's key: a sample that was taken back is linked no more
        sample = FACT_TABLES["sample"]
        mine = select(sample.c.source_system_id, sample.c.source_key).where(sampled(subject, retracted=True))
        return tuple_(table.c.source_system_id, table.c.sample_key).in_(mine)
    conditions = belongs(record_type, table, batch_id=subject.id, lots=subject.lot_ids)
    return or_(*conditions) if conditions else None


def _gather_facts(  # noqa: PLR0917 - of which facts, and of which of those
    connection: Connection, holdings: _Holdings, record_type: str, condition: ColumnElement[bool]
) -> None:
    columns = FACT_TABLES[record_type].c
    query = select(
        columns.source_system_id,
        columns.source_record_id,
        columns.source_key,
        columns.content_hash,
        columns.is_retracted,
        columns.same_as_id,
    )
    for row in connection.execute(query.where(condition)):
        holding = holdings.note(row.source_system_id, row.source_record_id)
        if row.is_retracted:
            holding.retracted[record_type] += 1
            continue
        holding.facts.setdefault(record_type, []).append((row.source_key, row.content_hash))
        holding.seen_twice[record_type] += row.same_as_id is not None


def _gather_attributes(connection: Connection, holdings: _Holdings, subject: Subject) -> None:
    """Count what each source says of the batch, its order, its lots and quality events, and note where."""
    events = list_quality_events_of(connection, subject.id, subject.lot_ids)
    things: list[ColumnElement[bool]] = [
        and_(assertion.c.entity_type == "batch", assertion.c.entity_id == subject.id),
        and_(assertion.c.entity_type == "material_lot", assertion.c.entity_id.in_(sorted(subject.lot_ids))),
        and_(
            assertion.c.entity_type == "operations_request", assertion.c.entity_id == (subject.order_id or 0)
        ),
        and_(
            assertion.c.entity_type == "quality_event",
            assertion.c.entity_id.in_(sorted(events)),
        ),
    ]
    query = select(assertion.c.source_system_id, assertion.c.source_record_id).where(
        or_(*things), assertion.c.superseded_at.is_(None)
    )
    for row in connection.execute(query):
        holdings.note(row.source_system_id, row.source_record_id).attributes += 1


def _papers(connection: Connection, system_id: int, record_ids: Iterable[int]) -> list[Paper]:
    """Give the documents that these records are versions of, each as it stands now."""
    columns = source_record.c
    names = {
        (row.object_type, row.source_key)
        for row in select_in(
            connection, select(columns.object_type, columns.source_key), columns.id, record_ids
        )
    }
    by_type: dict[str, set[str]] = {}
    for object_type, key in names:
        by_type.setdefault(object_type, set()).add(key)
    newest: dict[tuple[str, str], Any] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for object_type, keys in by_type.items():
        query: AnySelect = (
            select(
                columns.id,
                columns.object_type,
                columns.source_key,
                columns.op,
                columns.content_hash,
                columns.source_version,
                columns.source_time,
                columns.received_at,
            )
            .where(columns.source_system_id == system_id, columns.object_type == object_type)
            .order_by(columns.seq)
        )
        for row in select_in(connection, query, columns.source_key, keys):
            newest[row.object_type, row.source_key] = row
            counts[row.object_type, row.source_key] += 1
    return [
        Paper(
            object_type=name[0],
            source_key=name[1],
            record_id=row.id,
            is_deleted=row.op == "D",
            content_hash=row.content_hash,
            version=row.source_version,
            source_time=row.source_time,
            received_at=row.received_at,
            records=counts[name],
        )
        for name, row in sorted(newest.items())
    ]


def _gather_refusals(connection: Connection, holdings: _Holdings) -> None:
    columns = redelivery.c
    query = select(columns.object_type, columns.source_key, columns.kind, columns.seen_at)
    for holding in holdings.found.values():
        documents = {(p.object_type, p.source_key) for p in holding.papers}
        mine = query.where(columns.source_system_id == holding.system_id)
        for row in select_in(connection, mine, columns.source_key, {key for _, key in documents}):
            if (row.object_type, row.source_key) in documents:
                holding.refused[row.kind] += 1
                holding.last_refused_at = max(holding.last_refused_at or row.seen_at, row.seen_at)


def _gather_marks(connection: Connection, holdings: _Holdings, now: datetime) -> None:
    columns = reading_mark.c
    query = (
        select(
            columns.source_system_id,
            columns.stream,
            columns.kind,
            columns.state,
            columns.means,
            columns.error,
            columns.marked_at,
        )
        .where(columns.source_system_id.in_(sorted(holdings.found)), columns.marked_at <= now)
        .order_by(columns.marked_at, columns.id)
    )
    newest: dict[tuple[int, str], Mark] = {}
    for row in connection.execute(query):
        mark = Mark(row.stream, row.kind, row.state, row.means, row.error, row.marked_at)
        newest[row.source_system_id, row.stream] = mark
    for (system_id, _), mark in sorted(newest.items()):
        holdings.of(system_id).marks.append(mark)


def digest_lines(lines: Iterable[str]) -> str:
    """Give the SHA-256 over lines in byte order, in hex."""
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def digest_facts(facts: Sequence[tuple[str, str]]) -> str:
    """Give the SHA-256 over facts, one line each: key and content hash, by a tab."""
    return digest_lines(f"{key}\t{content}\n" for key, content in facts)
