"""Where in a stored document a statement stands, said by the mapping that read it, and by no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from hub.ingest.registry import load_connector
from hub.sdk import ConnectorError, Document, Place, RecordSource
from hub.store.stating import state

MOST = 8 * 1024 * 1024
"""Characters of a document that is read again only to say where something stands in it."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A stored document, and what read it: `mapping` is what the version noted with it was."""

    source: str
    object_type: str
    source_key: str
    payload: str
    media_type: str
    source_time: datetime | None
    source_version: int
    mapping_version: str
    mapping: Mapping[str, Any] | None


@dataclass(frozen=True)
class Spot:
    """Where a statement (type, key) stands in its document, and its fields where that is known."""

    record_type: str
    record_key: str
    body: Mapping[str, Any]
    at: str
    fields: Mapping[str, Place]


def find_spots(read: Read) -> list[Spot]:
    """Give where everything that a document states stands in it.

    Nothing when the mapping was not kept, or this connector is not installed in that version: what another
    mapping would say is a guess.
    """
    name, _, version = read.mapping_version.partition("#")[0].partition("/")
    if read.mapping is None or len(read.payload) > MOST:
        return []
    try:
        kind = load_connector(name)
        if not issubclass(kind, RecordSource) or kind.version != version:
            return []
        settings = {
            key: value for key, value in read.mapping.items() if key in kind.config_class.model_fields
        }
        document = Document(
            object_type=read.object_type,
            key=read.source_key,
            payload=read.payload,
            media_type=read.media_type,
            changed_at=read.source_time,
            seq=read.source_version,
        )
        with kind(kind.config_class.recall(settings)) as connector:
            placed = list(connector.places(document))
    except (ConnectorError, ValidationError, ValueError, KeyError, TypeError, AttributeError, LookupError):
        return []  # a place is a courtesy: a document that cannot be read again has none
    spots: list[Spot] = []
    for one in placed:
        said = state(read.source, one.record)
        spots.append(Spot(said.record_type, said.record_key, said.body, one.at, one.fields))
    return spots
