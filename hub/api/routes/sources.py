"""Sources, what they said word for word, and what could not be read."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, REPEATED, answers
from hub.api.idempotency import ReceiptOf
from hub.api.parameters import Cursor, Limit, RowId
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.store.answers import assertions, quarantine, sources

router = APIRouter(prefix="/v1", tags=["sources"], route_class=StrictRoute)


@router.get("/sources", response_class=Response, responses=answers(schemas.list_of(schemas.Source), *GUARDED))
def list_sources(room: RoomOf) -> Response:
    """List source systems with the state of each stream: rows, lag, last error."""
    with room.database.read() as connection:
        return answer({"items": sources.list_sources(connection, now=room.clock())})


@router.get(
    "/source-records/{record_id}",
    response_class=Response,
    responses=answers(schemas.SourceRecord, *GUARDED, "not-found"),
)
def read_source_record(room: RoomOf, record_id: RowId) -> Response:
    """Give what a source said, word for word, and the connector and mapping that read it."""
    with room.database.read() as connection:
        record = assertions.read_source_record(connection, record_id)
    if record is None:
        raise Problem("not-found", "There is no source record with this id.")
    return answer(record)


@router.get(
    "/quarantine",
    response_class=Response,
    responses=answers(schemas.page_of(schemas.Held), *GUARDED, "invalid-cursor"),
)
def list_quarantine(
    request: Request,
    room: RoomOf,
    state: Annotated[Literal["open", "resolved", "dismissed", "all"], Query()] = "open",
    source: Annotated[str | None, Query(max_length=60, description="Code of a source.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List what could not be read, newest first."""
    with room.database.read() as connection:
        page = quarantine.list_held(
            connection,
            state=None if state == "all" else state,
            source=source,
            cursor=cursor,
            limit=limit,
        )
    return answer_page(request, page)


@router.get(
    "/quarantine/{held_id}",
    response_class=Response,
    responses=answers(schemas.HeldWhole, *GUARDED, "not-found"),
)
def read_quarantined(room: RoomOf, held_id: RowId) -> Response:
    """Give one quarantined part with its payload word for word."""
    with room.database.read() as connection:
        held = quarantine.read_held(connection, held_id)
    if held is None:
        raise Problem("not-found", "Nothing with this id is or was in quarantine.")
    return answer(held)


@router.post(
    "/quarantine/replay",
    response_class=Response,
    responses=answers(schemas.Replayed, *GUARDED, *REPEATED, "not-offered", "body-too-large"),
)
def replay_quarantined(room: RoomOf, body: schemas.ReplayRequest, receipt: ReceiptOf) -> Response:
    """Read quarantined parts again; what can be read now leaves quarantine.

    Needs the permission `operate`.
    """
    if room.replay is None:
        raise Problem(
            "not-offered",
            "This server does not read sources; run `plantwide quarantine replay` where they are.",
        )
    return receipt.keep_after(room.database, answer(room.replay(body.ids)))
