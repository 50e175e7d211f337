"""Quarantined documents read again with today's mapping; what is readable now is stored and released."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk, register
from hub.ingest.sources import Source
from hub.ingest.telling import tell
from hub.sdk import Document, RecordSource
from hub.store.quarantine import list_open
from hub.store.statements import store_documents

NO_DOCUMENTS = frozenset({"piece", "history"})
"""What waits in quarantine without a document: it is asked for again at the next reading."""


@dataclass
class Replayed:
    """How many entries were tried and how many are still open."""

    tried: int = 0
    released: int = 0


def replay(desk: Desk, sources: Sequence[Source]) -> Replayed:
    """Try every open entry of these sources again; idempotent by content hash."""
    result = Replayed()
    for source in sources:
        with desk.database.read() as connection:
            entries = list_open(connection, source.code)
        if entries:
            with Bridge(source.open()) as bridge:
                if isinstance(bridge.connector, RecordSource):
                    _replay_source(desk, source, connector=bridge.connector, entries=entries)
            with desk.database.read() as connection:
                left = len(list_open(connection, source.code))
            result.tried += len(entries)
            result.released += len(entries) - left
    return result


def _replay_source(
    desk: Desk, source: Source, *, connector: RecordSource[Any], entries: list[dict[str, Any]]
) -> None:
    system = register(desk, source)
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
    for stream in {e["stream"] for e in entries}:
        told = [
            tell(source.code, connector, documents[e["object_type"], e["source_key"]])
            for e in entries
            if e["stream"] == stream and (e["object_type"], e["source_key"]) in documents
        ]
        with desk.database.begin() as connection:
            store_documents(
                connection,
                system_id=system.id,
                stream=stream,
                connector=f"{connector.name}/{connector.version}",
                documents=told,
                now=desk.clock(),
                again=True,
            )
