"""Where in a record's payload a statement stands, for those who ask for a chain."""

from collections.abc import Callable
from typing import Any

from hub.ingest.placing import Read, Spot, find_spots
from hub.records.lineage import Statement
from hub.store.answers.lineage import read_payload
from hub.store.answers.readings import Document
from hub.store.database import Connection


def locator(connection: Connection) -> Callable[[Document, Statement], list[Document]]:
    """Give what finds the places of statements in records; each record is read again once."""
    read: dict[int, list[Spot]] = {}

    def locate(record: Document, sought: Statement) -> list[Document]:
        spots = read.get(record["id"])
        if spots is None:
            spots = read[record["id"]] = _read_again(connection, record)
        return _places(spots, sought)

    return locate


def _read_again(connection: Connection, record: Document) -> list[Spot]:
    whole = read_payload(connection, record["id"]) if record["is_cut"] else record
    if whole is None or record["op"] == "D":
        return []
    return find_spots(
        Read(
            source=record["source"],
            object_type=record["object_type"],
            source_key=record["source_key"],
            payload=whole["payload"],
            media_type=record["media_type"],
            source_time=record["source_time"],
            source_version=record["source_version"],
            mapping_version=record["mapping_version"],
            mapping=record["mapping"],
        )
    )


def _places(spots: list[Spot], sought: Statement) -> list[Document]:
    """Give the places of what states this record, this field of it if one is asked for, with this value."""
    mine = [s for s in spots if s.record_type == sought.record_type and s.record_key in sought.keys]
    if sought.field:
        mine = [s for s in mine if sought.field in s.body]
        same = [s for s in mine if _means(s.body[sought.field], sought.value)]
        mine = same or mine
    places: list[Document] = []
    for spot in mine:
        place = spot.fields.get(sought.field)
        shown = {
            "at": spot.at,
            "path": place.path if place else None,
            "text": place.text if place else None,
        }
        if shown not in places:
            places.append(shown)
    return places


def _means(stated: Any, value: Any) -> bool:
    """Tell whether a stated value is the one asked for; names are compared without their labels."""
    match stated, value:
        case {"scheme": one, "value": said}, {"scheme": other, "value": sought}:
            return bool((one, said) == (other, sought))
        case _:
            return bool(stated == value)
