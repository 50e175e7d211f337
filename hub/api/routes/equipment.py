"""Equipment as a tree."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import ThingName
from hub.api.remembering import remembered
from hub.api.room import RoomOf
from hub.api.routes.batches import note_merge
from hub.api.strict import StrictRoute
from hub.store.answers import assertions, conflicts, equipment, things

router = APIRouter(prefix="/v1/equipment", tags=["equipment"], route_class=StrictRoute)


@router.get("", response_class=Response, responses=answers(schemas.list_of(schemas.EquipmentNode), *GUARDED))
@remembered
def list_equipment(room: RoomOf) -> Response:
    """List all equipment, parents before children, with path, depth and number of tags."""
    with room.database.read() as connection:
        return answer({"items": equipment.list_tree(connection)})


@router.get(
    "/{name}",
    response_class=Response,
    responses=answers(schemas.EquipmentWhole, *GUARDED, "not-found", "ambiguous-name"),
)
@remembered
def read_equipment(
    room: RoomOf,
    name: ThingName,
    include: Annotated[list[Literal["assertions"]], Query(default_factory=list)],
) -> Response:
    """Give a piece of equipment with its names and conflicts."""
    with room.database.read() as connection:
        found = things.find_thing(connection, "equipment", name)
        said = assertions.list_assertions(connection, "equipment", found.id)
        return answer(
            {
                **things.read_thing(connection, "equipment", found.id),
                "merged_from": note_merge(found),
                "names": things.list_names(connection, "equipment", found.id),
                "conflicts": conflicts.list_conflicts_of(connection, "equipment", found.id),
                "assertions": said if include else None,
            }
        )
