"""Quarantined documents read again with today's mapping; what is readable now is stored and released."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk, name_source_mapping, register
from hub.ingest.sources import Source
from hub.ingest.telling import tell
from hub.sdk import Document, RecordSource
from hub.store.mappings import keep_mapping
from hub.store.quarantine import list_open
from hub.store.statements import store_documents, stored_documents

NO_DOCUMENTS = frozenset({"piece", "history", "Tag", "gap"})
"""What is in quarantine without a document: it is asked for again at the next reading, or gone for good."""


@dataclass
class Replayed:
    """How many entries were tried and how many are still open."""

    tried: int = 0
    released: int = 0


def replay(desk: Desk, sources: Sequence[Source], ids: Collection[int] | None = None) -> Replayed:
    """Try open entries of these sources again (all of them, or those with these ids); idempotent by hash."""
    result = Replayed()
    for source in sources:
        entries = _open_entries(desk, source, ids)
        if entries:
            with Bridge(source.open()) as bridge:
                if isinstance(bridge.connector, RecordSource):
                    _replay_source(desk, source, connector=bridge.connector, entries=entries)
            result.tried += len(entries)
            result.released += len(entries) - len(_open_entries(desk, source, ids))
    return result


def _open_entries(desk: Desk, source: Source, ids: Collection[int] | None) -> list[dict[str, Any]]:
    with desk.database.read() as connection:
        return [e for e in list_open(connection, source.code) if ids is None or e["id"] in ids]


def _replay_source(
    desk: Desk, source: Source, *, connector: RecordSource[Any], entries: list[dict[str, Any]]
) -> None:
    system = register(desk, source)
    version = name_source_mapping(source, connector)
    documents = {
        (e["object_type"], e["source_key"]): Document(
            object_type=e["object_type"],
            key=e["source_key"],
            payload=e["payload"],
            media_type=e["media_type"],
            changed_at=e["source_time"],
            seq=e["source_version"],
        )
        for e in entries
        if e["object_type"] not in NO_DOCUMENTS
    }
    with desk.database.read() as connection:
        stored = stored_documents(connection, system.id, list(documents))
    # of a document that was read in part, the entry holds the part only: the whole is stored word for word
    documents |= {
        key: Document(
            object_type=key[0],
            key=key[1],
            payload=told.payload,
            media_type=told.media_type,
            changed_at=told.source_time,
            seq=told.version,
        )
        for key, told in stored.items()
        if told.version >= documents[key].version
    }
    for stream in {e["stream"] for e in entries}:
        told = [
            tell(source.code, connector, documents[e["object_type"], e["source_key"]])
            for e in entries
            if e["stream"] == stream and (e["object_type"], e["source_key"]) in documents
        ]
        with desk.begin() as connection:
            keep_mapping(connection, system.id, version=version, content=source.mapping, now=desk.clock())
            store_documents(
                connection,
                system_id=system.id,
                stream=stream,
                connector=version,
                documents=told,
                now=desk.clock(),
                again=True,
            )
