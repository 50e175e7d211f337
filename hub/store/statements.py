"""What documents state: verbatim records first, then record by record what each one says now."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, func, select, update

from hub.store.quarantine import Fault, hold_faults, release_faults
from hub.store.sets import chunks, insert_returning_ids, select_in, upsert
from hub.store.tables import source_record, statement


@dataclass(frozen=True)
class Said:
    """One record that a document states: type, natural key, and its body with full schemes."""

    record_type: str
    record_key: str
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A document as read: verbatim payload, the records it states, the parts that could not be read.

    `unreadable` means that nothing of it could be read: it waits in quarantine and is not stored as told.
    """

    object_type: str
    source_key: str
    payload: str
    media_type: str
    version: int
    source_time: datetime | None
    deleted: bool = False
    said: Sequence[Said] = ()
    faults: Sequence[Fault] = ()
    unreadable: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Type and key inside the source."""
        return self.object_type, self.source_key

    @property
    def content_hash(self) -> str:
        """SHA-256 of the payload and whether it was a deletion."""
        return hashlib.sha256(f"{'D' if self.deleted else 'U'}\n{self.payload}".encode()).hexdigest()


@dataclass
class Stored:
    """What came of storing documents."""

    documents: int = 0
    unchanged: int = 0
    stale: int = 0
    records: int = 0
    rejected: int = 0
    touched: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class _Latest:
    id: int
    seq: int
    content_hash: str
    version: int


def store_documents(
    connection: Connection,
    *,
    system_id: int,
    stream: str,
    connector: str,
    documents: Sequence[Told],
    now: datetime,
    again: bool = False,
) -> Stored:
    """Write documents down and note what each states now; what is not readable goes to quarantine.

    An unchanged document writes nothing; a version older than the one we have changes nothing (the last
    source version wins, not the last arrival). `again` re-reads a document that is stored already (replay).
    """
    result = Stored()
    newest = _newest_versions(documents)
    known = _latest_records(connection, system_id, [d.key for d in newest])
    fresh: list[Told] = []
    for document in newest:
        before = known.get(document.key)
        if before and document.version < before.version and not document.deleted:
            result.stale += 1
        elif before and document.content_hash == before.content_hash and not again:
            result.unchanged += 1
        else:
            fresh.append(document)
    readable = [d for d in fresh if not d.unreadable]
    record_ids = _write_records(connection, system_id, readable, known, connector, now)
    _write_statements(connection, system_id, readable, record_ids)
    place = {"system_id": system_id, "stream": stream, "connector": connector, "now": now}
    release_faults(connection, system_id, readable, now=now)
    result.rejected = hold_faults(connection, [f for d in fresh for f in d.faults], **place)
    result.documents = len(readable)
    result.records = sum(len(d.said) for d in readable)
    return result


def list_live_keys(
    connection: Connection, system_id: int, object_types: Sequence[str]
) -> set[tuple[str, str]]:
    """Give type and key of every document of these types that the source has not deleted."""
    newest = (
        select(
            source_record.c.object_type,
            source_record.c.source_key,
            func.max(source_record.c.seq).label("seq"),
        )
        .where(
            source_record.c.source_system_id == system_id, source_record.c.object_type.in_(list(object_types))
        )
        .group_by(source_record.c.object_type, source_record.c.source_key)
        .subquery()
    )
    query = select(
        source_record.c.object_type, source_record.c.source_key, source_record.c.source_version
    ).join(
        newest,
        and_(
            source_record.c.source_system_id == system_id,
            source_record.c.object_type == newest.c.object_type,
            source_record.c.source_key == newest.c.source_key,
            source_record.c.seq == newest.c.seq,
        ),
    )
    return {(t, k): version for t, k, version in connection.execute(query.where(source_record.c.op == "U"))}


def _newest_versions(documents: Sequence[Told]) -> list[Told]:
    """Keep one document a key: the highest version, the later one among equals."""
    best: dict[tuple[str, str], Told] = {}
    for document in documents:
        before = best.get(document.key)
        if before is None or document.version >= before.version:
            best[document.key] = document
    return list(best.values())


def _latest_records(
    connection: Connection, system_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], _Latest]:
    columns = source_record.c
    query = (
        select(
            columns.object_type,
            columns.source_key,
            columns.id,
            columns.seq,
            columns.content_hash,
            columns.source_version,
        )
        .where(columns.source_system_id == system_id)
        .order_by(columns.seq)
    )
    wanted: dict[str, list[str]] = {}
    for object_type, key in keys:
        wanted.setdefault(object_type, []).append(key)
    return {
        (object_type, row.source_key): _Latest(row.id, row.seq, row.content_hash, row.source_version)
        for object_type, some in wanted.items()
        for row in select_in(
            connection, query.where(columns.object_type == object_type), columns.source_key, some
        )
    }


def _write_records(
    connection: Connection,
    system_id: int,
    documents: Sequence[Told],
    known: dict[tuple[str, str], _Latest],
    connector: str,
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Append the verbatim records that are new; give the id of each document's record."""
    ids: dict[tuple[str, str], int] = {}
    new: list[Told] = []
    for document in documents:
        before = known.get(document.key)
        if before and before.content_hash == document.content_hash:
            ids[document.key] = before.id
        else:
            new.append(document)
    rows = [
        {
            "source_system_id": system_id,
            "object_type": d.object_type,
            "source_key": d.source_key,
            "seq": known[d.key].seq + 1 if d.key in known else 1,
            "op": "D" if d.deleted else "U",
            "content_hash": d.content_hash,
            "payload": d.payload,
            "media_type": d.media_type,
            "source_version": d.version,
            "source_time": d.source_time,
            "received_at": now,
            "mapping_version": connector,
        }
        for d in new
    ]
    written = insert_returning_ids(connection, source_record, rows)
    ids.update(zip((d.key for d in new), written, strict=True))
    return ids


def _write_statements(
    connection: Connection,
    system_id: int,
    documents: Sequence[Told],
    record_ids: dict[tuple[str, str], int],
) -> None:
    """Note what each document states now; what it no longer states is marked dead, for resolution to see."""
    rows: list[dict[str, Any]] = []
    kept: set[tuple[str, str, str, str]] = set()
    for document in documents:
        for said in () if document.deleted else document.said:
            kept.add((*document.key, said.record_type, said.record_key))
            rows.append(
                {
                    "source_system_id": system_id,
                    "object_type": document.object_type,
                    "source_key": document.source_key,
                    "record_type": said.record_type,
                    "record_key": said.record_key,
                    "source_record_id": record_ids[document.key],
                    "source_version": document.version,
                    "source_time": document.source_time,
                    "body": said.body,
                    "body_hash": hash_body(said.body),
                    "is_live": True,
                    "is_pending": True,
                }
            )
    gone = [
        row.id
        for row in _stated_before(connection, system_id, documents)
        if (row.object_type, row.source_key, row.record_type, row.record_key) not in kept
    ]
    upsert(
        connection,
        statement,
        _last_of_each(rows),
        keys=("source_system_id", "object_type", "source_key", "record_type", "record_key"),
    )
    for part in chunks(gone):
        connection.execute(
            update(statement).where(statement.c.id.in_(part)).values(is_live=False, is_pending=True)
        )


def hash_body(body: dict[str, Any]) -> str:
    """Give the SHA-256 of a body in canonical JSON (sorted keys)."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _last_of_each(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the last row of a natural key: a document that says a thing twice means what it said last."""
    names = ("object_type", "source_key", "record_type", "record_key")
    return list({tuple(r[n] for n in names): r for r in rows}.values())


def _stated_before(connection: Connection, system_id: int, documents: Sequence[Told]) -> list[Any]:
    columns = statement.c
    query = select(
        columns.id, columns.object_type, columns.source_key, columns.record_type, columns.record_key
    ).where(columns.source_system_id == system_id, columns.is_live)
    wanted: dict[str, list[str]] = {}
    for document in documents:
        wanted.setdefault(document.object_type, []).append(document.source_key)
    return [
        row
        for object_type, keys in wanted.items()
        for row in select_in(
            connection, query.where(columns.object_type == object_type), columns.source_key, keys
        )
    ]
