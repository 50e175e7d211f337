"""The page of what has moved in a batch since an instant."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Response

from hub.api.pages.rendering import render, show_amount, show_time, show_value, show_words
from hub.api.parameters import ThingName
from hub.api.room import RoomOf
from hub.api.routes.changes import open_readings
from hub.api.strict import StrictRoute
from hub.records.changes import list_changes
from hub.store.answers.things import read_thing, read_things

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_USUAL = timedelta(days=7)
_ORDER = (
    "golden",
    "disposition",
    "result",
    "sample",
    "phase",
    "phase_data",
    "movement",
    "custody_event",
    "event",
    "genealogy",
    "signal",
    "name",
    "link",
    "decision",
    "statement",
)
"""What people look for first."""


@router.get("/batches/{name}/changes", name="show_changes")
def show_changes(
    room: RoomOf, name: ThingName, since: Annotated[datetime | None, Query(description="In UTC.")] = None
) -> Response:
    """Show what has moved in a batch since an instant; since a week ago when none is given."""
    known = room.clock()
    start = min(_read(since) or known - _USUAL, known)
    with open_readings(room, name, since=start, until=None) as readings:
        found = list_changes(readings)
        batch = read_thing(readings.after, "batch", readings.batch_id)
        was_known = bool(read_things(readings.before, "batch", [readings.batch_id]))
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(found, key=lambda one: _rank(one["of"])):
        shown = [{**moved, "from": _show(moved["from"]), "to": _show(moved["to"])} for moved in one["moved"]]
        groups.setdefault(one["of"], []).append({**one, "moved": shown})
    return render(
        "changes.html",
        batch=batch,
        was_known=was_known,
        since=readings.since,
        until=readings.until,
        groups=groups,
        count=len(found),
    )


def _rank(of: str) -> tuple[int, str]:
    return (_ORDER.index(of) if of in _ORDER else len(_ORDER), of)


def _read(since: datetime | None) -> datetime | None:
    """Give a typed time; what people type without a zone is UTC, as all times of the pages are."""
    return since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since


def _show(value: Any) -> str:
    match value:
        case {"uid": _, "code": code}:
            return str(code or value.get("reported") or "")
        case {"key": key, "id": _}:
            return str(key)
        case datetime():
            return show_time(value)
        case {"value": _, "unit": _} if not value.get("text"):
            return show_amount(value)
        case dict() if "value" not in value:
            parts = cast("dict[str, Any]", value)
            return ", ".join(
                f"{show_words(name)} {_show(part)}" for name, part in parts.items() if part is not None
            )
        case _:
            return show_value(value)
