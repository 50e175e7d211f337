"""Mass balance of a batch and of a lot, each number with the movements it was made of."""

from typing import Any

from fastapi import APIRouter, Response

from hub.api import balance
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import ThingName
from hub.api.room import RoomOf
from hub.api.routes.batches import note_merge
from hub.api.strict import StrictRoute
from hub.store.answers import balances, things
from hub.store.answers.readings import Document
from hub.store.database import Connection

router = APIRouter(prefix="/v1", route_class=StrictRoute)

_ONE = (*GUARDED, "not-found", "ambiguous-name")


@router.get(
    "/batches/{name}/balance",
    tags=["batches"],
    response_class=Response,
    responses=answers(balance.BatchBalance, *_ONE),
)
def balance_batch(room: RoomOf, name: ThingName) -> Response:
    """Give what went into a batch, came out, was sampled or lost, and what remains unexplained."""
    with room.database.read() as connection:
        return answer(_balance(connection, "batch", name, read=balances.balance_batch, member="batch"))


# A name of a lot may hold slashes: this is matched before the lot itself.
@router.get(
    "/lots/{name:path}/balance",
    tags=["lots"],
    response_class=Response,
    responses=answers(balance.LotBalance, *_ONE),
)
def balance_lot(room: RoomOf, name: ThingName) -> Response:
    """Give what was received or made of a lot, which batches took it, and what is left against stock."""
    with room.database.read() as connection:
        return answer(_balance(connection, "material_lot", name, read=balances.balance_lot, member="lot"))


def _balance(connection: Connection, entity_type: str, name: str, *, read: Any, member: str) -> Document:
    found = things.find_thing(connection, entity_type, name)
    thing = things.read_thing(connection, entity_type, found.id)
    return {
        member: {key: thing[key] for key in ("uid", "code", "description")},
        "merged_from": note_merge(found),
        **read(connection, found.id),
    }
