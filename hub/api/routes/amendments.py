"""What people do to samples: they note something of a tag's time, or let samples count no more."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from hub.api import amendment_schemas as shapes
from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, REPEATED, answers
from hub.api.idempotency import ReceiptOf
from hub.api.parameters import Actor, Cursor, End, Limit, Start, ThingName
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.sampling import check_window
from hub.api.strict import StrictRoute
from hub.store.answers import amendments
from hub.store.answers.things import find_thing
from hub.store.coverage import Span
from hub.store.samples import ALL_TIME, TooManyToErase
from hub.store.samples import annotate_samples as annotate
from hub.store.samples import erase_samples as erase

router = APIRouter(prefix="/v1/tags", tags=["samples"], route_class=StrictRoute)

_TICK = timedelta(microseconds=1)
_ONE = (*GUARDED, "not-found", "ambiguous-name")
_LISTED = (*_ONE, "invalid-cursor")
_MADE = (*_ONE, *REPEATED, "body-too-large")


# Tags are called Area/Unit/T in some historians: a name may hold slashes, the part after it never does.
@router.get(
    "/{name:path}/annotations",
    response_class=Response,
    responses=answers(schemas.page_of(shapes.Annotation), *_LISTED),
)
def list_annotations(
    request: Request,
    room: RoomOf,
    name: ThingName,
    start: Start = None,
    end: End = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List what people noted of a tag, of all stretches that reach into a time, by their start."""
    span = _choose(start, end)
    with room.database.read() as connection:
        tag = find_thing(connection, "tag", name)
        page = amendments.list_annotations(connection, tag.id, span, cursor=cursor, limit=limit)
    return answer_page(request, page)


@router.post(
    "/{name:path}/annotations",
    response_class=Response,
    status_code=201,
    responses=answers(shapes.Annotation, *_MADE, status=201, description="Noted"),
)
def annotate_samples(
    room: RoomOf, name: ThingName, body: shapes.AnnotationGiven, actor: Actor, receipt: ReceiptOf
) -> Response:
    """Note something of a stretch of a tag's time, or of an instant. Needs the permission `operate`."""
    span = _find_stretch(body)
    now = room.clock()
    with room.database.begin(actor, at=now, reason="samples are annotated") as connection:
        tag = find_thing(connection, "tag", name)
        made = annotate(connection, tag.id, span, text=body.text, author=actor, now=now)
        note = {"id": made, "start": span[0], "end": span[1], "text": body.text}
        return receipt.keep(connection, answer({**note, "author": actor, "recorded_at": now}, 201))


@router.get(
    "/{name:path}/erasures",
    response_class=Response,
    responses=answers(schemas.page_of(shapes.Erasure), *_LISTED),
)
def list_erasures(
    request: Request,
    room: RoomOf,
    name: ThingName,
    start: Start = None,
    end: End = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List where samples of a tag count no more, by whom and why, by the start of the time."""
    span = _choose(start, end)
    with room.database.read() as connection:
        tag = find_thing(connection, "tag", name)
        page = amendments.list_erasures(connection, tag.id, span, cursor=cursor, limit=limit)
    return answer_page(request, page)


@router.post(
    "/{name:path}/erasures",
    response_class=Response,
    status_code=201,
    responses=answers(shapes.ErasureMade, *_MADE, "too-much-asked", status=201, description="Erased"),
)
def erase_samples(
    room: RoomOf, name: ThingName, body: shapes.ErasureGiven, actor: Actor, receipt: ReceiptOf
) -> Response:
    """Let the samples that a tag has in a time count no more, and say how many they were.

    None is lost: with `as_known_at` they are there as before. What is delivered later for that time counts.
    Needs the permission `decide`.
    """
    span = check_window(body.start, body.end)
    now = room.clock()
    with room.database.begin(actor, at=now, reason=body.reason) as connection:
        tag = find_thing(connection, "tag", name)
        try:
            made, hidden = erase(connection, tag.id, span, reason=body.reason, by=actor, now=now)
        except TooManyToErase as error:
            raise Problem("too-much-asked", f"{str(error).capitalize()}.") from error
        erasure = {"id": made, "start": span[0], "end": span[1], "reason": body.reason, "erased_by": actor}
        return receipt.keep(connection, answer({**erasure, "recorded_at": now, "hidden": hidden}, 201))


def _choose(start: datetime | None, end: datetime | None) -> Span:
    """Give the time that is asked about, all time where nobody says."""
    return check_window(start or ALL_TIME[0], end or ALL_TIME[1])


def _find_stretch(body: shapes.AnnotationGiven) -> Span:
    """Give the stretch that is spoken of. Raises `Problem`."""
    match (body.at, body.start, body.end):
        case (None, datetime() as start, datetime() as end):
            return check_window(start, end)
        case (datetime() as at, None, None):
            try:
                return check_window(at, at + _TICK)
            except OverflowError as error:
                raise Problem("invalid-parameter", "`at` lies between the years 1 and 9999.") from error
        case _:
            raise Problem("invalid-parameter", "Name a stretch by `start` and `end`, or an instant by `at`.")
