"""Batches, and what they need, as documents of B2MML V7.0.1."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from hub.api.documentation import GUARDED, problems
from hub.api.parameters import ThingName
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.records.b2mml import OF, Empty, Kind, TooLarge, write_document
from hub.store.answers.things import find_thing

router = APIRouter(prefix="/v1", tags=["b2mml"], route_class=StrictRoute)

_KINDS = {
    "batches": "batch",
    "orders": "operations_request",
    "recipes": "recipe",
    "lots": "material_lot",
    "materials": "material_definition",
}
_FILE: dict[str, Any] = {
    "description": "The document, UTF-8, strictly as the schemas of B2MML V7.0.1 have it",
    "content": {"application/xml": {"schema": {"type": "string"}}},
}


# A lot's name may hold slashes: this goes before the lot.
@router.get(
    "/{noun}/{name:path}/b2mml",
    response_class=Response,
    responses={200: _FILE, **problems(*GUARDED, "not-found", "ambiguous-name", "too-much-asked")},
)
def read_b2mml(
    room: RoomOf,
    noun: Annotated[
        Literal["batches", "orders", "recipes", "lots", "materials"], Path(description="Kind of thing.")
    ],
    name: ThingName,
    document: Annotated[
        Kind | None,
        Query(
            description="Which document of a batch, by default `BatchProductionRecord`; of an order there is "
            "`OperationsSchedule` and `OperationsDefinitionInformation`, of a recipe `BatchInformation`, of "
            "lots and materials `MaterialInformation`."
        ),
    ] = None,
    names: Annotated[
        str | None,
        Query(
            max_length=60,
            description="A source, e.g. `erp`: things are called as it calls them where it has a name for "
            "them; by default by their code. Each `schemeID` tells whose name it is.",
        ),
    ] = None,
) -> Response:
    """Give a batch, or an order, recipe, lot or material, as a document of B2MML V7.0.1.

    It tells golden values, and each fact once: what only repeats or disputes another is left out. The same
    knowledge gives the same bytes.
    """
    kind = _KINDS[noun]
    if document is not None and document not in OF[kind]:
        raise Problem("invalid-parameter", f"Of {noun} there is {', '.join(OF[kind])}.")
    with room.database.read() as connection:
        found = find_thing(connection, kind, name)
        try:
            chosen, content = write_document(connection, kind, found.id, kind=document, receiver=names)
        except Empty as error:
            raise Problem("not-found", f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        except TooLarge as error:
            raise Problem("too-much-asked", f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    return Response(
        content,
        media_type="application/xml",
        headers={"Content-Disposition": f'inline; filename="{chosen}.xml"'},
    )
