"""What edge agents deliver: a reading is opened, what it brings is stored, it ends. All need `deliver:…`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from hub.api.answer import answer
from hub.api.documentation import OCTETS, answers, describe
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.ingest.delivery import Counter, NoReading, OutOfTurn
from hub.ingest.parcel import MEDIA_TYPE, BadParcel, ParcelLimits, open_parcel
from hub.ingest.receiving import SampleCounter
from hub.ingest.runner import Desk
from hub.ingest.wire import (
    Ended,
    Kept,
    KeptWindow,
    LiveKeys,
    Opened,
    SentEnd,
    SentOpening,
    SentPage,
    SentSpan,
    SentTags,
    SentTypes,
    SentWindow,
    Wanted,
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
_FAULTS = {"unreadable": "malformed-request", "too large": "body-too-large", "not valid": "invalid-parameter"}
"""Kinds of problems by what is wrong with a parcel of samples."""


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


@router.post("/{source}/tags", response_class=Response, responses=answers(Kept, *_ERRORS))
def keep_tags(room: RoomOf, source: SourceCode, body: SentTags) -> Response:
    """Note which tags a source lists, all of them; the hub completes them by a map of its own, if it has one.

    `kept` is false, and nothing is written, when another reading of the stream has begun since.
    """
    try:
        return answer(_sample_counter(room, source).keep_tags(body).model_dump(mode="json"))
    except NoReading as error:
        raise Problem("not-found", f"{error}.") from error


@router.post("/{source}/windows", response_class=Response, responses=answers(Wanted, *_ERRORS))
def list_wanted_windows(room: RoomOf, source: SourceCode, body: SentSpan) -> Response:
    """List the windows of these tags that the hub has not got yet, oldest first, a part of them at once."""
    try:
        return answer(_sample_counter(room, source).list_wanted(body).model_dump(mode="json"))
    except NoReading as error:
        raise Problem("not-found", f"{error}.") from error


@router.post("/{source}/samples", response_class=Response, responses=answers(KeptWindow, *_ERRORS))
def keep_samples(
    room: RoomOf,
    source: SourceCode,
    body: Annotated[
        bytes,
        Body(
            media_type=MEDIA_TYPE,
            description="Columns tag, ts (µs, UTC), value, text, quality (OPC UA status). "
            "The schema's metadata hold under `plantwide.window` the JSON of a `SentWindow`.",
            json_schema_extra={**OCTETS, "contentMediaType": MEDIA_TYPE, "x-window": describe(SentWindow)},
        ),
    ],
) -> Response:
    """Store a window of samples with what it covers in one transaction; the answer comes after the commit.

    `kept` is false, and nothing is written, when another reading of the stream has begun since. A window
    whose number was stored before changes nothing.
    """
    limits = ParcelLimits(room.settings.delivery_samples, room.settings.delivery_bytes)
    try:
        sent, table = open_parcel(body, limits)
        return answer(_sample_counter(room, source).keep_window(sent, table).model_dump(mode="json"))
    except BadParcel as error:
        raise Problem(_FAULTS[error.fault], str(error)) from error
    except OutOfTurn as error:
        raise Problem("invalid-parameter", f"The {error}; open the reading anew.") from error
    except NoReading as error:
        raise Problem("not-found", f"{error}.") from error


def _sample_counter(room: Room, source: str) -> SampleCounter:
    return SampleCounter(Desk(room.database, clock=room.clock), source, room.tag_maps.get(source))


def _counter(request: Request, room: Room, source: str) -> Counter:
    desk = Desk(room.database, clock=room.clock)
    return Counter(desk, source, request.state.caller.public_id)
