"""New samples as they come, as server-sent events."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from hub.api.bounds import check_count, find_kinds
from hub.api.documentation import GUARDED, problems
from hub.api.live import STALLED, LiveResponse, follow, write_event
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.standing import standing_of
from hub.api.strict import StrictRoute
from hub.store.answers.equipment import list_below
from hub.store.answers.things import find_thing
from hub.store.executions import tags_on

router = APIRouter(prefix="/v1", tags=["samples"], route_class=StrictRoute)

_EVENTS: dict[str, Any] = {
    "description": "Events `ready`, `samples` (`items`: tag, ts, value, text, quality), `span` (too many to "
    "send one by one: where to `read` them; with a `count` of 0, samples there count no more), `position`, "
    "and `missed`, `dropped` or `closing` with a `detail`. The id of the last event, sent back as "
    "`Last-Event-ID`, takes the stream up again; a sample may then come twice. A stream that ends without "
    "`dropped` or `closing` was cut.",
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "string",
                "contentMediaType": "text/event-stream",
                "x-event": {
                    "type": "object",
                    "description": "One event of the stream.",
                    "properties": {
                        "event": {
                            "enum": ["ready", "samples", "span", "position", "missed", "dropped", "closing"]
                        },
                        "data": {"type": "string", "contentMediaType": "application/json"},
                        "id": {"type": "string"},
                    },
                    "required": ["event", "data"],
                },
            }
        }
    },
}


@router.get(
    "/samples/stream",
    response_class=Response,
    responses={200: _EVENTS, **problems(*GUARDED, "not-found", "ambiguous-name", "too-much-asked")},
)
def stream_samples(
    request: Request,
    room: RoomOf,
    tag: Annotated[
        list[Annotated[str, Query(max_length=200)]],
        Query(default_factory=list, description="Tags by uid, code or any name; repeat for several."),
    ],
    unit: Annotated[
        str | None, Query(max_length=200, description="All tags of this equipment and of what is below it.")
    ] = None,
    once: Annotated[bool, Query(description="End when everything that is there has been told.")] = False,  # noqa: FBT002 - a query parameter
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="The last event that was seen.")
    ] = None,
) -> Response:
    """Follow new samples of tags or of a unit, whichever node of the hub stores them."""
    if not tag and unit is None:
        raise Problem("invalid-parameter", "Name tags (`tag`) or a `unit`.")
    with room.database.read() as connection:
        wanted = {kind.tag_id: kind.code for kind in find_kinds(connection, tag)} if tag else {}
        if unit is not None:
            below = list_below(connection, find_thing(connection, "equipment", unit).id)
            wanted |= {key: kind.code for key, kind in tags_on(connection, below).items()}
    check_count(len(wanted), room.settings.tags_at_once * 10, "tags", "fewer tags, or a smaller unit")
    live = request.app.state.room.live
    check_count(live.streams + 1, room.settings.streams_at_once, "streams at once", "one later")
    live.streams += 1

    def end() -> None:
        live.streams -= 1

    events = follow(room, wanted, last_event_id, once=once, standing=standing_of(request, room))
    farewell = write_event("dropped", {"detail": STALLED}, None)
    return LiveResponse(events, slow_s=room.settings.slow_client_s, ended=end, farewell=farewell)
