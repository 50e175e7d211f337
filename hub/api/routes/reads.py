"""The log of reads: who was answered what, where that is noted; answer by answer, and summed."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Field

from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, answers
from hub.api.instant import Instant
from hub.api.parameters import Cursor, Limit, decode_key, encode_key
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.store.answers.pages import CursorError
from hub.store.reads.reading import Wanted, count_lost, list_reads, summarise_reads

router = APIRouter(prefix="/v1/reads", tags=["audit"], route_class=StrictRoute)

Door = Literal["rest", "page", "odata", "i3x", "mcp"]


class ReadEvent(schemas.Schema):
    """One answer that was given. `opened`: a stream began, whose end is a `read` of its own.

    `begun` and `ended`: a process noted the reads that `asked` names from then and until then. `lost`: it
    could not note `rows` of them.
    """

    id: int
    kind: Literal["begun", "ended", "lost", "opened", "read"]
    node: str = Field(description="The process that answered.")
    asked_at: AwareDatetime
    ended_at: AwareDatetime = Field(description="When all of it had been sent.")
    reader: str | None = Field(description="The public id of the key, or that of the person.")
    actor: str | None = Field(description="The name of the key or the person then, with the id.")
    door: Door | None
    product: str | None = Field(description="The data product; collections go by their names.")
    route: str | None
    asked: str | None = Field(
        description="The address and its parameters, without secrets, and not too long."
    )
    tool: str | None = Field(description="The tool that an agent called.")
    status: int | None = Field(description="304: what the reader held already still stood.")
    rows: int | None = Field(description="Rows that were given, where they are counted.")
    size: int | None = Field(description="Bytes that were sent.")
    known_at: AwareDatetime | None = Field(description="The instant that the answer stands for.")
    kept_until: AwareDatetime | None = Field(description="When it may be let go; null: never.")


class ReadSummary(schemas.Schema):
    """What one reader was given of one data product; `rows` and `bytes` where they were counted."""

    product: str
    reader: str
    actor: str
    reads: int
    rows: int | None
    bytes: int | None
    first: AwareDatetime
    last: AwareDatetime


class ReadSummaryPage(schemas.Schema):
    """Summaries in the order of product and reader; `lost` reads of that time could not be noted."""

    items: list[ReadSummary]
    next: str | None
    lost: int


def take_wanted(
    actor: Annotated[
        str | None, Query(max_length=80, description="Only what this one read: an id, or `actor` as listed.")
    ] = None,
    product: Annotated[
        str | None, Query(max_length=60, description="Only of this data product.", examples=["batches"])
    ] = None,
    door: Annotated[Door | None, Query(description="Only through this door.")] = None,
    start: Annotated[Instant | None, Query(description="Asked at this instant or later.")] = None,
    end: Annotated[Instant | None, Query(description="Asked before this instant.")] = None,
) -> Wanted:
    """Give which reads are wanted."""
    return Wanted(actor, product, door, start, end)


WantedReads = Annotated[Wanted, Depends(take_wanted)]


@router.get(
    "", response_class=Response, responses=answers(schemas.page_of(ReadEvent), *GUARDED, "invalid-cursor")
)
def list_noted_reads(
    request: Request, room: RoomOf, wanted: WantedReads, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """List the answers that were noted, what was asked last first, and what the log says of itself.

    Which reads are noted is a setting (docs: Who read what); without it there are none. Needs the permission
    `administer`.
    """
    with room.database.read() as connection:
        page = list_reads(connection, wanted, cursor=cursor, limit=limit)
    return answer_page(request, page)


@router.get(
    "/summary", response_class=Response, responses=answers(ReadSummaryPage, *GUARDED, "invalid-cursor")
)
def summarise_noted_reads(
    request: Request, room: RoomOf, wanted: WantedReads, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Sum what was noted by data product and reader: how often, how much, first and last.

    Needs the permission `administer`.
    """
    after = _read_pair(cursor) if cursor else None
    with room.database.read() as connection:
        items = summarise_reads(connection, wanted, after=after, limit=limit + 1)
        lost = count_lost(connection, wanted)
    last = items[limit - 1] if len(items) > limit else None
    following = encode_key([last["product"], last["reader"]]) if last else None
    response = answer({"items": items[:limit], "next": following, "lost": lost})
    if following is not None:
        others = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
        query = urlencode([*others, ("cursor", following)])
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return response


def _read_pair(cursor: str) -> tuple[str, str]:
    key: list[Any] = decode_key(cursor)
    if len(key) != 2 or not all(isinstance(one, str) and "\x00" not in one for one in key):
        raise CursorError("the cursor is not one of ours; start again without it")
    return key[0], key[1]
