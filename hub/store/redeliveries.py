"""Documents that came again and were refused: each way in which a record was confirmed, noted once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from hub.store.sets import insert_all, select_in
from hub.store.tables import redelivery


@dataclass(frozen=True)
class Refused:
    """A document that was refused as `overlap`, `duplicate` or `stale`, and the record that stands."""

    object_type: str
    source_key: str
    kind: str
    version: int
    content_hash: str
    record_id: int


def note_redeliveries(
    connection: Connection, system_id: int, refused: Sequence[Refused], *, now: datetime
) -> None:
    """Note what was refused, unless the same was refused of the same record before."""
    columns = redelivery.c
    query = select(columns.source_record_id, columns.kind, columns.content_hash)
    known = {
        tuple(row)
        for row in select_in(connection, query, columns.source_record_id, {r.record_id for r in refused})
    }
    new = {
        (r.record_id, r.kind, r.content_hash): r
        for r in refused
        if (r.record_id, r.kind, r.content_hash) not in known
    }
    insert_all(
        connection,
        redelivery,
        [
            {
                "source_system_id": system_id,
                "object_type": r.object_type,
                "source_key": r.source_key,
                "source_record_id": r.record_id,
                "kind": r.kind,
                "source_version": r.version,
                "content_hash": r.content_hash,
                "seen_at": now,
            }
            for r in new.values()
        ],
    )
