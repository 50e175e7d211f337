"""Quarantine: what could not be read, word for word, with the reason and the remedy, until it can be."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, select, update

from hub.store.sets import chunks, select_in, upsert
from hub.store.tables import quarantine, source_system

MAX_PAYLOAD = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A part of a document that could not be read: where, why, what to do."""

    object_type: str
    source_key: str
    part: str
    reason: str
    remedy: str
    payload: str
    media_type: str
    version: int
    source_time: datetime | None


class Keyed(Protocol):
    """Anything with a document's key and its faults."""

    @property
    def key(self) -> tuple[str, str]:
        """Type and key inside the source."""
        ...

    @property
    def version(self) -> int:
        """The source's version of the document."""
        ...

    @property
    def faults(self) -> Sequence[Fault]:
        """What could not be read of it."""
        ...


def hold_faults(
    connection: Connection,
    faults: Iterable[Fault],
    *,
    system_id: int,
    stream: str,
    connector: str,
    now: datetime,
) -> int:
    """Put faults into quarantine; one that is there unchanged stays as it is. Gives how many were new.

    Of an unchanged one in a newer version that version is noted: what is older no longer releases it.
    """
    rows = {
        (f.object_type, f.source_key, f.part[:300]): {
            "source_system_id": system_id,
            "stream": stream,
            "object_type": f.object_type,
            "source_key": f.source_key,
            "part": f.part[:300],
            "reason": f.reason,
            "remedy": f.remedy,
            "payload": f.payload[:MAX_PAYLOAD],
            "media_type": f.media_type,
            "content_hash": hashlib.sha256(f.payload.encode()).hexdigest(),
            "source_version": f.version,
            "source_time": f.source_time,
            "connector": connector,
            "state": "open",
            "first_seen_at": now,
            "last_seen_at": now,
            "resolved_at": None,
        }
        for f in faults
    }
    if not rows:
        return 0
    columns = quarantine.c
    query = select(
        columns.id,
        columns.object_type,
        columns.source_key,
        columns.part,
        columns.content_hash,
        columns.reason,
        columns.source_version,
    )
    standing = {
        (r.object_type, r.source_key, r.part): r
        for r in select_in(
            connection,
            query.where(columns.source_system_id == system_id, columns.state == "open"),
            columns.source_key,
            [key for _, key, _ in rows],
        )
    }
    new = {key: row for key, row in rows.items() if _is_news(row, standing.get(key))}
    upsert(
        connection,
        quarantine,
        list(new.values()),
        keys=("source_system_id", "object_type", "source_key", "part"),
    )
    for key in rows.keys() & standing.keys() - new.keys():
        row, before = rows[key], standing[key]
        if row["source_version"] > before.source_version:
            told = {name: row[name] for name in ("source_version", "source_time", "last_seen_at")}
            connection.execute(update(quarantine).where(columns.id == before.id).values(told))
    return len(new)


def _is_news(row: dict[str, Any], before: Any) -> bool:
    """Tell whether a fault says something other than the open entry does, and is not older."""
    if before is None:
        return True
    differs = (before.content_hash, before.reason) != (row["content_hash"], row["reason"])
    return differs and row["source_version"] >= before.source_version


def release_faults(
    connection: Connection, system_id: int, documents: Sequence[Keyed], *, now: datetime
) -> None:
    """Close the open entries of documents whose parts can be read now, in this version or a newer one."""
    columns = quarantine.c
    still = {(*d.key, f.part[:300]) for d in documents for f in d.faults}
    versions = {d.key: d.version for d in documents}
    query = select(
        columns.id, columns.object_type, columns.source_key, columns.part, columns.source_version
    ).where(columns.source_system_id == system_id, columns.state == "open")
    done = [
        row.id
        for row in select_in(connection, query, columns.source_key, [key for _, key in versions])
        if row.source_version <= versions.get((row.object_type, row.source_key), -1)
        and (row.object_type, row.source_key, row.part) not in still
    ]
    for part in chunks(done):
        connection.execute(
            update(quarantine).where(columns.id.in_(part)).values(state="resolved", resolved_at=now)
        )


def list_open(connection: Connection, system_code: str | None = None) -> list[dict[str, Any]]:
    """Give the open entries, oldest first, with their payload."""
    query = (
        select(quarantine, source_system.c.code.label("source"))
        .join(source_system, source_system.c.id == quarantine.c.source_system_id)
        .where(quarantine.c.state == "open")
        .order_by(quarantine.c.id)
    )
    if system_code:
        query = query.where(source_system.c.code == system_code)
    # SQLAlchemy's column names are a kind of text that JSON writers refuse as keys
    return [{str(k): v for k, v in row.items()} for row in connection.execute(query).mappings()]
