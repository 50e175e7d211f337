"""Work calendars (95.04): stretches of time of an equipment, by their use and its state."""

from typing import Any, get_args

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.properties import bare
from connectors.b2mml.reader import Reader
from connectors.b2mml.resources import read_scope
from hub.model import EquipmentTime
from hub.model.enums import OpenList, TimeElement

_ELEMENTS = next(mark for mark in get_args(TimeElement) if isinstance(mark, OpenList))


def read_calendar(reader: Reader, body: Element) -> None:
    """State what a WorkCalendarInformation or WorkCalendar says.

    `EntryType` is the time element where it is one of ISO 22400's, else the state. The properties
    `State`, `TimeElement`, `Basis` (`planned`, `actual`) and `BatchID` say these; without `Basis` it is a
    plan.
    """
    for calendar in [body] if name(body) == "WorkCalendar" else children(body, "WorkCalendar"):
        _entries(reader, calendar, prefix=f"calendar/{text(calendar, 'ID') or 'calendar'}")


def _entries(reader: Reader, holder: Element, *, prefix: str) -> None:
    for number, entry in enumerate(children(holder, "WorkCalendarEntry", "WorkCalendarEntryChild"), start=1):
        key = f"{prefix}/{text(entry, 'ID') or number}"
        told = dict(_properties(entry))
        kind = text(entry, "EntryType")
        is_element = kind is not None and _ELEMENTS.split(_ELEMENTS.read(kind))[1] is None
        batch = told.get("batchid")
        fields: dict[str, Any] = {
            "equipment": read_scope(reader, entry) or read_scope(reader, holder),
            "basis": (told.get("basis") or "planned").casefold(),
            "element": told.get("timeelement") or (kind if is_element else None),
            "state": told.get("state") or told.get("packmlstate") or (None if is_element else kind),
        }
        start = reader.time(entry, "StartDateTime")
        if start is not None and fields["equipment"] is not None:
            reader.state(
                EquipmentTime,
                entry,
                key=key,
                batch={"value": batch} if batch else None,
                start_at=start,
                end_at=reader.time(entry, "FinishDateTime"),
                **fields,
            )
        _entries(reader, entry, prefix=key)


def _properties(entry: Element) -> list[tuple[str, str]]:
    found = (
        (bare(text(part, "ID") or ""), text(child(part, "Value"), "ValueString"))
        for part in children(entry, "WorkCalendarEntryProperty")
    )
    return [(key, value) for key, value in found if value]
