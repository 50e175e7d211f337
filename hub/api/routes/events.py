"""What became known, for other systems: pages of events, and a stream of them."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response

from hub.api.answer import answer
from hub.api.bounds import check_count
from hub.api.documentation import GUARDED, answers, problems
from hub.api.event_schemas import EventPage
from hub.api.following import follow_events
from hub.api.live import STALLED, LiveResponse, write_event
from hub.api.parameters import Limit
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.standing import standing_of
from hub.api.strict import StrictRoute
from hub.events.envelope import describe
from hub.store.outbox.catalogue import EventType
from hub.store.outbox.position import LONGEST, Position, UnknownPosition
from hub.store.outbox.reading import read_events
from hub.store.outbox.telling import Event

router = APIRouter(prefix="/v1", tags=["events"], route_class=StrictRoute)

_LOOKS = 10
"""Parts of the trail that one page looks through at most."""
_TYPES: Any = Query(default_factory=list, alias="type", description="Only events of these types.")
Types = Annotated[list[EventType], _TYPES]
_EVENTS: dict[str, Any] = {
    "description": "Events `ready`, `event` (a CloudEvent), `position`, and `dropped` or `closing` with a "
    "`detail`. The id of the last one, sent back as `Last-Event-ID`, takes the stream up again without loss "
    "and without repetition.",
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "string",
                "contentMediaType": "text/event-stream",
                "x-event": {
                    "type": "object",
                    "properties": {
                        "event": {"enum": ["ready", "event", "position", "dropped", "closing"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                        "id": {"type": "string"},
                    },
                    "required": ["event", "data", "id"],
                },
            }
        }
    },
}


@router.get("/events", response_class=Response, responses=answers(EventPage, *GUARDED))
def list_events(
    request: Request,
    room: RoomOf,
    types: Types,
    after: Annotated[
        str, Query(max_length=LONGEST, description="Begin after this event; absent: with the first.")
    ] = "0-0-0",
    limit: Limit = 100,
) -> Response:
    """List what became known, as CloudEvents in the order in which it did: all there ever was, to the newest.

    Events name what changed and hold no values.
    """
    reached, is_all = read_position(after, "after"), False
    found: list[Event] = []
    with room.database.read() as connection:
        for _ in range(_LOOKS):
            news = read_events(connection, reached, types=types, limit=limit - len(found))
            found += news.events
            reached, is_all = news.reached, news.is_all
            if is_all or len(found) == limit:
                break
    items = [describe(one, address=room.settings.public_address) for one in found]
    following = None if is_all else str(reached)
    response = answer({"items": items, "next": following, "reached": str(reached)})
    if following is not None:
        others = [(key, value) for key, value in request.query_params.multi_items() if key != "after"]
        query = urlencode([*others, ("after", following)])
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return response


@router.get(
    "/events/stream",
    response_class=Response,
    responses={200: _EVENTS, **problems(*GUARDED, "too-much-asked")},
)
def stream_events(
    request: Request,
    room: RoomOf,
    types: Types,
    once: Annotated[bool, Query(description="End when everything that is there has been told.")] = False,  # noqa: FBT002 - a query parameter
    last_event_id: Annotated[
        str | None, Header(max_length=LONGEST, description="The last event that was seen.")
    ] = None,
) -> Response:
    """Follow what becomes known, whichever node of the hub learns it; from now on, or after an event."""
    after = None if last_event_id is None else read_position(last_event_id, "Last-Event-ID")
    live = request.app.state.room.live
    check_count(live.streams + 1, room.settings.streams_at_once, "streams at once", "one later")
    live.streams += 1

    def end() -> None:
        live.streams -= 1

    events = follow_events(room, types, after, once=once, standing=standing_of(request, room))
    farewell = write_event("dropped", {"detail": STALLED}, None)
    return LiveResponse(events, slow_s=room.settings.slow_client_s, ended=end, farewell=farewell)


def read_position(text: str, name: str) -> Position:
    """Give a position that somebody names. Raises `Problem`."""
    try:
        return Position.parse(text)
    except UnknownPosition as error:
        raise Problem("invalid-parameter", f"`{name}`: {error}.") from error
