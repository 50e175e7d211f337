"""Tags and their samples, by tag and time or by batch."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer_page
from hub.api.documentation import GUARDED, answers
from hub.api.instant import Instant
from hub.api.parameters import AnyName, Cursor, End, Filter, Limit, Ordering, Start, ThingName
from hub.api.room import RoomOf
from hub.api.sampling import Span, answer_samples, check_window
from hub.api.strict import StrictRoute
from hub.store.answers import signals, tags, things
from hub.store.answers.things import NotFound
from hub.store.questions.scope import sees_series

router = APIRouter(prefix="/v1", tags=["samples"], route_class=StrictRoute)

Tags = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(min_length=1, description="Tags by uid, code or any name; repeat for several."),
]
BatchTags = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(default_factory=list, description="Only these tags; all of the batch's units when absent."),
]
Points = Annotated[
    int | None,
    Query(ge=10, le=100_000, description="Thin each tag to about so many samples; its shape stays."),
]
_ERRORS = (*GUARDED, "not-found", "ambiguous-name", "too-much-asked")


@router.get(
    "/tags",
    response_class=Response,
    responses=answers(schemas.page_of(schemas.Tag), *GUARDED, "invalid-filter", "invalid-cursor"),
)
def list_tags(
    request: Request,
    room: RoomOf,
    unmapped: Annotated[bool, Query(description="Only tags that belong to no equipment.")] = False,  # noqa: FBT002 - a query parameter
    filter: Filter = None,
    name: AnyName = None,
    order: Ordering = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List tags with their last sample."""
    with room.database.read() as connection:
        page = things.list_things(
            connection,
            "tag",
            filter=filter,
            name=name,
            order=order,
            cursor=cursor,
            limit=limit,
            also=[tags.unmapped()] if unmapped else (),
        )
        latest = tags.list_latest(connection, [tag["uid"] for tag in page.items])
    for tag in page.items:
        tag["latest"] = latest.get(tag["uid"])
    return answer_page(request, page)


@router.get("/samples", response_class=Response, responses=answers(schemas.Samples, *_ERRORS, arrow=True))
def read_samples(
    request: Request,
    room: RoomOf,
    tag: Tags,
    start: Annotated[Instant, Query(description="First time, inclusive, with its zone.")],
    end: Annotated[Instant, Query(description="Last time, exclusive, with its zone.")],
    points: Points = None,
) -> Response:
    """Read samples by tag and time; with `Accept: application/vnd.apache.arrow.stream` as an Arrow stream."""
    first, last = check_window(start, end)
    with room.database.read() as connection:
        found = tags.find_tags(connection, tag)
    spans = [Span(tag_id, code, first, last) for tag_id, code in found.items()]
    return answer_samples(request, room, spans, points)


@router.get(
    "/batches/{name}/samples",
    response_class=Response,
    responses=answers(schemas.Samples, *_ERRORS, arrow=True),
    tags=["batches"],
)
def read_batch_samples(
    request: Request,
    room: RoomOf,
    name: ThingName,
    tag: BatchTags,
    start: Start = None,
    end: End = None,
    points: Points = None,
) -> Response:
    """Read samples of the units where a batch ran, each over the batch's time there.

    `start` and `end` may reach beyond that time; not for a key of some products, as others ran there then.
    """
    with room.database.read() as connection:
        batch = things.find_thing(connection, "batch", name)
        found = signals.list_signals(connection, batch.id, now=room.clock())
        may_reach_out = sees_series(connection)
        wanted = set(tags.find_tags(connection, tag)) if tag else {signal.tag_id for signal in found}
    if wanted - {signal.tag_id for signal in found}:
        raise NotFound("tag")
    spans: list[Span] = []
    for signal in found:
        if signal.tag_id in wanted and signal.start < signal.end:
            first, last = check_window(start or signal.start, end or signal.end)
            if not may_reach_out:
                first, last = max(first, signal.start), min(last, signal.end)
            if first < last:
                spans.append(Span(signal.tag_id, signal.tag["code"], first, last))
    return answer_samples(request, room, spans, points)
