"""Lots, their movements, and where they came from and went."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import AnyName, Cursor, Filter, Limit, Ordering, ThingName
from hub.api.remembering import remembered
from hub.api.room import RoomOf
from hub.api.routes.batches import note_merge
from hub.api.strict import StrictRoute
from hub.api.writers import answer_listed
from hub.store.answers import assertions, conflicts, lots, things
from hub.store.answers.lots import MAX_DEPTH, MAX_LOTS, Direction, EdgeKind
from hub.store.questions.question import ask

router = APIRouter(prefix="/v1/lots", tags=["lots"], route_class=StrictRoute)

_ONE = (*GUARDED, "not-found", "ambiguous-name")


@router.get(
    "",
    response_class=Response,
    responses=answers(schemas.page_of(schemas.Lot), *GUARDED, "invalid-filter", "invalid-cursor"),
)
@remembered
def list_lots(
    request: Request,
    room: RoomOf,
    filter: Filter = None,
    name: AnyName = None,
    order: Ordering = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List lots by code."""
    question = ask("lots", filter=filter, order=order, name=name)
    return answer_listed(request, room, question, cursor=cursor, limit=limit)


# Lots are called API-5/L2 in some plants: a name may hold slashes, so the trace is matched before the lot.
@router.get("/{name:path}/genealogy", response_class=Response, responses=answers(schemas.Genealogy, *_ONE))
def trace_lot(
    room: RoomOf,
    name: ThingName,
    kind: Annotated[
        list[EdgeKind], Query(default_factory=list, description="Only edges of these kinds; all when none.")
    ],
    direction: Annotated[Direction, Query(description="To what went in, or to what came out.")] = "backward",
    depth: Annotated[int, Query(ge=1, le=MAX_DEPTH, description="Most steps.")] = MAX_DEPTH,
    limit: Annotated[int, Query(ge=1, le=MAX_LOTS, description="Most lots, the nearest first.")] = 1000,
) -> Response:
    """Trace a lot backward to everything that went into it, or forward to everything it went into."""
    with room.database.read() as connection:
        found = things.find_thing(connection, "material_lot", name)
        return answer(
            lots.trace_lot(connection, found.id, direction=direction, depth=depth, kinds=kind, limit=limit)
        )


@router.get("/{name:path}", response_class=Response, responses=answers(schemas.LotWhole, *_ONE))
@remembered
def read_lot(
    room: RoomOf,
    name: ThingName,
    include: Annotated[list[Literal["assertions"]], Query(default_factory=list)],
) -> Response:
    """Give a lot with its names, movements and conflicts."""
    with room.database.read() as connection:
        found = things.find_thing(connection, "material_lot", name)
        said = assertions.list_assertions(connection, "material_lot", found.id)
        return answer(
            {
                **things.read_thing(connection, "material_lot", found.id),
                "merged_from": note_merge(found),
                "names": things.list_names(connection, "material_lot", found.id),
                "movements": lots.list_movements(connection, found.id),
                "conflicts": conflicts.list_conflicts_of(connection, "material_lot", found.id),
                "assertions": said if include else None,
            }
        )
