"""Jobs: calls that are answered later, for whoever made them."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import sleep, to_thread
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import FileResponse

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, OCTETS, answers, problems
from hub.api.later import describe, drop, name_owner
from hub.api.live import CLOSING, STALLED, LiveResponse, write_event
from hub.api.problems import Problem
from hub.api.products import product_at
from hub.api.rights import RIGHTS
from hub.api.room import Room, RoomOf
from hub.api.security import check_right
from hub.api.slips import slip_of
from hub.api.standing import NO_LONGER, Standing, standing_of
from hub.api.strict import StrictRoute
from hub.store.jobs import Job, find_job
from hub.store.keys import Caller
from hub.store.permissions import Permission

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)

Token = Annotated[str, Path(max_length=32, description="The job, as `Location` named it.")]


@router.get("/{token}", response_class=Response, responses=answers(schemas.JobStatus, *GUARDED, "not-found"))
def read_job(request: Request, room: RoomOf, token: Token) -> Response:
    """Tell how far a job is, and where its answer is once it is there."""
    return answer(describe(_find(request, room, token), room))


@router.delete(
    "/{token}",
    response_class=Response,
    status_code=204,
    responses={204: {"description": "It is gone"}, **problems(*GUARDED, "not-found")},
)
def delete_job(request: Request, room: RoomOf, token: Token) -> Response:
    """End a job, or let go of its answer. What a database works on already may run to its end unheard."""
    drop(room, _find(request, room, token).token)
    return Response(status_code=204)


@router.get(
    "/{token}/result",
    response_class=Response,
    responses={
        200: {
            "description": "What the call was answered, in its own media type",
            "content": {"*/*": {"schema": OCTETS}},
        },
        **problems(*GUARDED, "not-found", "still-running"),
    },
)
def read_job_result(request: Request, room: RoomOf, token: Token) -> Response:
    """Give what the call was answered, with its status, as often as wanted while it is kept."""
    job = _find(request, room, token)
    match job.state(room.clock()):
        case "running":
            raise Problem("still-running", "The answer is not there yet.", headers={"Retry-After": "1"})
        case "lost":
            raise Problem("not-found", describe(job, room)["detail"])
        case _:
            pass
    check_right(request.state.caller, RIGHTS.get(job.route), job.request.partition(" ")[2].partition("?")[0])
    folder = room.settings.jobs_folder
    if folder is None or not (folder / job.token).is_file():
        raise Problem(
            "not-found", "The answer lies with the process that wrote it; ask there, or call again."
        )
    slip = slip_of(request.scope)
    if slip is not None:  # whose data is read is what the call asked for
        path = job.request.partition(" ")[2].partition("?")[0]
        slip.product, slip.asked = product_at(job.route, path), job.request
    headers = {**(job.headers or {}), "Cache-Control": "no-store"}
    return FileResponse(folder / job.token, job.status or 200, headers=headers)


@router.get(
    "/{token}/events",
    response_class=Response,
    responses={
        200: {
            "description": "Events `running`, then `done`, `failed` or `lost`, each with the job as data; "
            "`gone` when it was let go, `closing` when the stream ends before the job.",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "type": "string",
                        "contentMediaType": "text/event-stream",
                        "x-event": {
                            "type": "object",
                            "properties": {
                                "event": {"enum": ["running", "done", "failed", "lost", "gone", "closing"]},
                                "data": {"type": "string", "contentMediaType": "application/json"},
                                "id": {"type": "string"},
                            },
                            "required": ["event", "data"],
                        },
                    }
                }
            },
        },
        **problems(*GUARDED, "not-found", "too-much-asked"),
    },
)
def follow_job(
    request: Request,
    room: RoomOf,
    token: Token,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="The last event that was seen.")
    ] = None,
) -> Response:
    """Follow a job until it has ended, as server-sent events; `Last-Event-ID` leaves out what was seen."""
    _find(request, room, token)
    live = request.app.state.room.live
    if live.streams >= room.settings.streams_at_once:
        raise Problem("too-much-asked", "Too many streams are open; ask for the job itself instead.")
    live.streams += 1

    def end() -> None:
        live.streams -= 1

    events = _tell(room, token, last_event_id, standing_of(request, room))
    farewell = write_event("closing", {"detail": STALLED}, None)
    return LiveResponse(events, slow_s=room.settings.slow_client_s, ended=end, farewell=farewell)


async def _tell(room: Room, token: str, seen: int | None, standing: Standing) -> AsyncIterator[bytes]:
    while True:
        if await standing.has_ended():
            yield write_event("closing", {"detail": NO_LONGER}, seen)
            return
        job = await to_thread.run_sync(lambda: find_job(room.database, token, now=room.clock()))
        if job is None:
            yield write_event("gone", {"detail": "The job was let go."}, None)
            return
        told = describe(job, room)
        is_over = told["state"] != "running"
        if is_over or job.number != seen:
            seen = job.number
            yield write_event(told["state"], told, seen)
        if is_over:
            return
        if room.live.is_stopping:
            yield write_event("closing", {"detail": CLOSING}, seen)
            return
        await sleep(room.settings.stream_poll_s)


def _find(request: Request, room: Room, token: str) -> Job:
    """Give a job of the caller's, or any to an administrator who sees all rows; others learn nothing."""
    caller: Caller = request.state.caller
    job = find_job(room.database, token, now=room.clock())
    sees_all = caller.may(Permission.ADMINISTER) and not caller.rows.is_limited
    if job is None or not (job.caller == name_owner(caller) or sees_all):
        raise Problem("not-found", "You have no job of this name, or it is older than a day.")
    return job
