"""What edge agents deliver: a reading is opened, its pages are stored, it ends. All need `deliver:…`."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from hub.api.answer import answer
from hub.api.documentation import answers
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.ingest.delivery import Counter, NoReading
from hub.ingest.runner import Desk
from hub.ingest.wire import (
    Ended,
    Kept,
    LiveKeys,
    Opened,
    SentEnd,
    SentOpening,
    SentPage,
    SentTypes,
)

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"], route_class=StrictRoute)
SourceCode = Annotated[
    str, Path(pattern=r"^[a-z][a-z0-9._-]*$", max_length=60, description="Code of the source.")
]
_ERRORS = (
    "malformed-request",
    "key-needed",
    "scope-missing",
    "invalid-parameter",
    "store-unavailable",
    "body-too-large",
    "not-found",
)


@router.post("/{source}/open", response_class=Response, responses=answers(Opened, *_ERRORS))
def open_reading(request: Request, room: RoomOf, source: SourceCode, body: SentOpening) -> Response:
    """Begin to read a stream: gives the epoch of this reading and the cursor that was last stored.

    `taken` is false while somebody else reads it. An agent of the same name and key takes it over at once.
    """
    return answer(_counter(request, room, source).open(body).model_dump(mode="json"))


@router.post(
    "/{source}/page",
    response_class=Response,
    responses=answers(Kept, *_ERRORS),
)
def keep_page(request: Request, room: RoomOf, source: SourceCode, body: SentPage) -> Response:
    """Store a page and its cursor in one transaction; the answer comes after the commit.

    `kept` is false, and nothing is written, when another reading of the stream has begun since.
    """
    try:
        return answer(_counter(request, room, source).keep(body).model_dump(mode="json"))
    except NoReading as error:
        raise Problem("not-found", f"{error}.") from error


@router.post(
    "/{source}/end",
    response_class=Response,
    responses=answers(Ended, *_ERRORS),
)
def end_reading(request: Request, room: RoomOf, source: SourceCode, body: SentEnd) -> Response:
    """End a reading, well or with the error of the source; says when the stream is due again."""
    try:
        return answer(_counter(request, room, source).end(body).model_dump(mode="json"))
    except NoReading as error:
        raise Problem("not-found", f"{error}.") from error


@router.post("/{source}/keys", response_class=Response, responses=answers(LiveKeys, *_ERRORS))
def list_keys(request: Request, room: RoomOf, source: SourceCode, body: SentTypes) -> Response:
    """List keys and versions of what the hub has: an agent tells from it what a snapshot lost."""
    return answer(_counter(request, room, source).list_keys(body).model_dump(mode="json"))


def _counter(request: Request, room: Room, source: str) -> Counter:
    desk = Desk(room.database, clock=room.clock)
    return Counter(desk, source, request.state.caller.public_id)
