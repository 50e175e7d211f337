"""What documents state: verbatim records first, then record by record what each one says now."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, update

from hub.store.pending import let_wait
from hub.store.quarantine import Fault, hold_faults, release_faults
from hub.store.redeliveries import Refused, note_redeliveries
from hub.store.sets import AnySelect, chunks, insert_returning_ids, is_among, select_in, upsert
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
    def is_undated_deletion(self) -> bool:
        """Whether the source has let go of it without saying at which version: that always counts."""
        return self.deleted and self.version == 0

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


@dataclass(frozen=True)
class _Latest:
    id: int
    seq: int
    content_hash: str
    version: int
    mapping: str


def store_documents(
    connection: Connection,
    *,
    system_id: int,
    stream: str,
    connector: str,
    documents: Sequence[Told],
    now: datetime,
    again: bool = False,
    own: bool = False,
) -> Stored:
    """Write documents down and note what each states now; what is not readable goes to quarantine.

    An unchanged document changes nothing; nor does a version older than the one we have (the last source
    version wins, not the last arrival). What is refused so is noted once. `connector` is the version of the
    mapping that read them. `again` re-reads a document that is stored already (replay): where another
    mapping read it then, the same words become a record of their own. `own` documents were worked out here,
    or are of a list that is always given whole: to see them again is no delivery.
    """
    result = Stored()
    newest = _newest_versions(documents)
    known = _latest_records(connection, system_id, [d.key for d in newest])
    fresh: list[Told] = []
    reissued: list[Told] = []
    refused: list[Refused] = []
    for document in newest:
        before = known.get(document.key)
        if before and document.version < before.version and not document.is_undated_deletion:
            result.stale += 1
            refused.append(_refused(document, "stale", before.id))
        elif before and document.content_hash == before.content_hash and not again:
            result.unchanged += 1
            is_newer = document.version > before.version
            reissued += [document] if is_newer else []
            refused.append(_refused(document, "duplicate" if is_newer else "overlap", before.id))
        else:
            fresh.append(document)
    _move_versions(connection, system_id, {known[d.key].id: d for d in reissued})
    readable = [d for d in fresh if not d.unreadable]
    record_ids = _write_records(
        connection, system_id, readable, known=known, connector=connector, stream=stream, now=now
    )
    standing = {key: latest.id for key, latest in known.items()} | record_ids
    refused += _repeated(documents, newest, standing, result=result)
    if not (again or own):
        note_redeliveries(connection, system_id, refused, now=now)
    before = [known[d.key].id for d in readable if d.key in known]
    _write_statements(connection, system_id, readable, record_ids=record_ids, before=before)
    release_faults(connection, system_id, [*readable, *reissued], now=now)
    result.rejected = hold_faults(
        connection,
        [f for d in fresh for f in d.faults],
        system_id=system_id,
        stream=stream,
        connector=connector,
        now=now,
    )
    result.documents = len(readable)
    result.records = sum(len(d.said) for d in readable)
    return result


def list_live_keys(
    connection: Connection, system_id: int, object_types: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Give every document of these types that the source has not deleted: its version by type and key."""
    columns = source_record.c
    query = _live(system_id, object_types, columns.source_version)
    return {(t, k): version for t, k, version in connection.execute(query)}


def list_live_hashes(
    connection: Connection, system_id: int, object_types: Sequence[str]
) -> dict[tuple[str, str], str]:
    """Give the same documents as `list_live_keys`, each with its `content_hash`."""
    query = _live(system_id, object_types, source_record.c.content_hash)
    return {(t, k): content_hash for t, k, content_hash in connection.execute(query)}


def _live(system_id: int, object_types: Sequence[str], column: ColumnElement[Any]) -> AnySelect:
    """Give the query for type, key and a column of what the source said last of each of its documents."""
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
    return (
        select(source_record.c.object_type, source_record.c.source_key, column)
        .join(
            newest,
            and_(
                source_record.c.source_system_id == system_id,
                source_record.c.object_type == newest.c.object_type,
                source_record.c.source_key == newest.c.source_key,
                source_record.c.seq == newest.c.seq,
            ),
        )
        .where(source_record.c.op == "U")
    )


def stored_documents(
    connection: Connection, system_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Told]:
    """Give what is stored of these documents, word for word, as it was told last; not what was deleted."""
    columns = source_record.c
    latest = _latest_records(connection, system_id, keys)
    query = select(
        columns.object_type,
        columns.source_key,
        columns.payload,
        columns.media_type,
        columns.source_time,
        columns.id,
    ).where(columns.op == "U")
    return {
        (r.object_type, r.source_key): Told(
            object_type=r.object_type,
            source_key=r.source_key,
            payload=r.payload,
            media_type=r.media_type,
            version=latest[r.object_type, r.source_key].version,
            source_time=r.source_time,
        )
        for r in select_in(connection, query, columns.id, [record.id for record in latest.values()])
    }


def _newest_versions(documents: Sequence[Told]) -> list[Told]:
    """Keep one document a key: the highest version, the later one among equals.

    Where that cannot be read, the newest that can be is kept beside it: it stands until the other is mended.
    """
    best: dict[tuple[tuple[str, str], bool], Told] = {}
    for document in documents:
        place = document.key, document.unreadable
        before = best.get(place)
        if before is None or document.version >= before.version or document.is_undated_deletion:
            best[place] = document
    return [
        document
        for (key, unreadable), document in best.items()
        if not unreadable
        or (key, False) not in best
        or (document.version >= best[key, False].version and not best[key, False].is_undated_deletion)
    ]


def _refused(document: Told, kind: str, record_id: int) -> Refused:
    return Refused(
        document.object_type,
        document.source_key,
        kind=kind,
        version=document.version,
        content_hash=document.content_hash,
        record_id=record_id,
    )


def _repeated(
    documents: Sequence[Told],
    newest: Sequence[Told],
    standing: dict[tuple[str, str], int],
    *,
    result: Stored,
) -> list[Refused]:
    """Give what one delivery said of a document besides its newest version, and count it."""
    if len(newest) == len(documents):
        return []
    kept = {id(d) for d in newest}
    hashes = {d.key: d.content_hash for d in newest if not d.unreadable}
    found: list[Refused] = []
    for document in documents:
        if id(document) in kept or document.unreadable or document.key not in standing:
            continue
        is_same = document.content_hash == hashes.get(document.key)
        result.unchanged += is_same
        result.stale += not is_same
        found.append(_refused(document, "duplicate" if is_same else "stale", standing[document.key]))
    return found


@lru_cache(maxsize=512)
def _records_of(system_id: int, object_type: str) -> AnySelect:
    columns = source_record.c
    return (
        select(
            columns.object_type,
            columns.source_key,
            columns.id,
            columns.seq,
            columns.content_hash,
            columns.source_version,
            columns.mapping_version,
        )
        .where(columns.source_system_id == system_id, columns.object_type == object_type)
        .order_by(columns.seq)
    )


def _latest_records(
    connection: Connection, system_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], _Latest]:
    wanted: dict[str, list[str]] = {}
    for object_type, key in keys:
        wanted.setdefault(object_type, []).append(key)
    rows = {
        (row.object_type, row.source_key): row  # the last of each in order counts
        for object_type, some in wanted.items()
        for row in select_in(
            connection, _records_of(system_id, object_type), source_record.c.source_key, some
        )
    }
    reissued = _reissued_versions(connection, [row.id for row in rows.values()])
    return {
        key: _Latest(
            row.id,
            row.seq,
            row.content_hash,
            max(row.source_version, reissued.get(row.id, 0)),
            row.mapping_version,
        )
        for key, row in rows.items()
    }


_REISSUED = (
    select(statement.c.source_record_id, func.max(statement.c.source_version))
    .where(statement.c.is_live)
    .group_by(statement.c.source_record_id)
)
_STATED = select(
    statement.c.id,
    statement.c.object_type,
    statement.c.source_key,
    statement.c.record_type,
    statement.c.record_key,
).where(statement.c.is_live)
"""What a document states now is found by its newest record: statements that live on move to each new one."""


def _reissued_versions(connection: Connection, record_ids: Iterable[int]) -> dict[int, int]:
    """Give the version at which what stands in each record was said last, word for word."""
    found = select_in(connection, _REISSUED, statement.c.source_record_id, record_ids)
    return {row[0]: row[1] for row in found}


def _move_versions(connection: Connection, system_id: int, documents: dict[int, Told]) -> None:
    """Note that what is stored was said again at a newer version, so that one in between stays stale.

    `documents` are given by the id of the record that holds their words.
    """
    columns = statement.c
    query = (
        update(statement)
        .where(
            columns.source_system_id == system_id,
            columns.object_type == bindparam("of_type"),
            columns.source_key == bindparam("of_key"),
            columns.is_live,
        )
        .values(source_version=bindparam("to_version"), source_time=bindparam("said_at"))
    )
    for part in chunks(documents.values()):
        connection.execute(
            query,
            [
                {
                    "of_type": d.object_type,
                    "of_key": d.source_key,
                    "to_version": d.version,
                    "said_at": d.source_time,
                }
                for d in part
            ],
        )
    _let_live_wait(connection, documents)


def _write_records(
    connection: Connection,
    system_id: int,
    documents: Sequence[Told],
    *,
    known: dict[tuple[str, str], _Latest],
    connector: str,
    stream: str,
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Append the verbatim records that are new, or newly read; give the id of each document's record."""
    ids: dict[tuple[str, str], int] = {}
    new: list[Told] = []
    for document in documents:
        before = known.get(document.key)
        if before and (before.content_hash, before.mapping) == (document.content_hash, connector):
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
            # what was deleted without a version is gone as of the version that was there
            "source_version": max(d.version, known[d.key].version) if d.key in known else d.version,
            "source_time": d.source_time,
            "received_at": now,
            "mapping_version": connector,
            "stream": stream,
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
    *,
    record_ids: dict[tuple[str, str], int],
    before: Sequence[int],
) -> None:
    """Note what each document states now; what it no longer states is marked dead, for resolution to see.

    `before` are the records in which these documents were told until now.
    """
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
                }
            )
    gone = [
        row.id
        for row in select_in(connection, _STATED, statement.c.source_record_id, before)
        if (row.object_type, row.source_key, row.record_type, row.record_key) not in kept
    ]
    upsert(
        connection,
        statement,
        _last_of_each(rows),
        keys=("source_system_id", "object_type", "source_key", "record_type", "record_key"),
    )
    _let_live_wait(connection, record_ids.values())
    for part in chunks(gone):
        some = statement.c.id.in_(part)
        connection.execute(update(statement).where(some).values(is_live=False))
        let_wait(connection, some)


def _let_live_wait(connection: Connection, record_ids: Iterable[int]) -> None:
    """Let what these records state now wait for resolution."""
    some = sorted(set(record_ids))
    if some:
        let_wait(connection, statement.c.is_live & is_among(connection, statement.c.source_record_id, some))


def hash_body(body: dict[str, Any]) -> str:
    """Give the SHA-256 of a body in canonical JSON (sorted keys)."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _last_of_each(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the last row of a natural key: a document that says a thing twice means what it said last."""
    names = ("object_type", "source_key", "record_type", "record_key")
    return list({tuple(r[n] for n in names): r for r in rows}.values())
