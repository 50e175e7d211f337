"""Where sources disagree, and what a person makes of it: which source counts, why, until one changes."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, REPEATED, answers
from hub.api.idempotency import ReceiptOf
from hub.api.parameters import Actor, Cursor, Limit, ThingName, decode_key, encode_key
from hub.api.preconditions import IfMatch, answer_tagged, check_seen
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.model.mastered import MASTERED
from hub.model.shape import fields_of
from hub.resolve.conflicts import NoDecision, NoSuchVoice, NothingToDecide, reopen_conflict, settle_conflict
from hub.store.answers import conflicts, lots
from hub.store.answers.conflicts import Place, State, Wanted
from hub.store.answers.pages import Page
from hub.store.answers.readings import Document
from hub.store.answers.things import find_thing
from hub.store.database import Connection

router = APIRouter(prefix="/v1/conflicts", tags=["conflicts"], route_class=StrictRoute)

EntityType = Annotated[
    str, Path(max_length=30, description="The type of the thing: batch, material_lot, …", examples=["batch"])
]
Attribute = Annotated[
    str, Path(max_length=60, description="The attribute in question.", examples=["actual_size"])
]
_ONE = (*GUARDED, "not-found", "ambiguous-name")
_JUDGED = (*_ONE, *REPEATED, "body-too-large", "precondition-failed")


@router.get(
    "",
    response_class=Response,
    responses=answers(
        schemas.page_of(schemas.Conflict), *GUARDED, "invalid-cursor", "not-found", "ambiguous-name"
    ),
)
def list_conflicts(
    request: Request,
    room: RoomOf,
    state: Annotated[
        State, Query(description="Those that wait, those a person has settled, or all.")
    ] = "open",
    type: Annotated[str | None, Query(max_length=30, description="Only things of this type.")] = None,
    attribute: Annotated[str | None, Query(max_length=60)] = None,
    batch: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Any name of a batch: it, what it names, what names it, and the lots it moved.",
        ),
    ] = None,
    product: Annotated[
        str | None, Query(max_length=200, description="Any name of a material: it, and what is made of it.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List attributes of any thing about which sources disagree, with every voice and the rule that chose."""
    with room.database.read() as connection:
        wanted = Wanted(
            state,
            type,
            attribute,
            find_thing(connection, "batch", batch).id if batch else None,
            find_thing(connection, "material_definition", product).id if product else None,
        )
        items, last = conflicts.list_conflicts(
            connection, wanted, after=decode_key(cursor) if cursor else None, limit=limit
        )
    return answer_page(request, Page(items, encode_key(last) if last else None))


@router.get(
    "/movements",
    response_class=Response,
    responses=answers(schemas.list_of(schemas.Movement), *GUARDED),
)
def list_disputed_movements(room: RoomOf, limit: Limit = 100) -> Response:
    """List movements that two systems report with amounts that do not agree, newest first."""
    with room.database.read() as connection:
        return answer({"items": lots.list_disputed(connection, limit=limit)})


# Lots are called API-5/L2 in some plants: a name may hold slashes, the parts around it never do.
@router.get(
    "/{entity_type}/{name:path}/{attribute}",
    response_class=Response,
    responses=answers(schemas.ConflictWhole, *_ONE, tagged=True),
)
def read_conflict(
    request: Request, room: RoomOf, entity_type: EntityType, name: ThingName, attribute: Attribute
) -> Response:
    """Give what sources say of one attribute of one thing, and every decision there ever was about it."""
    with room.database.read() as connection:
        place = _find_place(connection, entity_type, name, attribute=attribute)
        return answer_tagged(request, _read(connection, place))


@router.post(
    "/{entity_type}/{name:path}/{attribute}/resolve",
    response_class=Response,
    responses=answers(schemas.ConflictWhole, *_JUDGED, "no-conflict", "precondition-needed"),
)
def resolve_conflict(
    room: RoomOf,
    entity_type: EntityType,
    name: ThingName,
    attribute: Attribute,
    body: schemas.ConflictResolution,
    actor: Actor,
    receipt: ReceiptOf,
    if_match: IfMatch = None,
) -> Response:
    """Let one source count for one attribute, with a reason, as long as every source says what it says now.

    What was seen is named by `If-Match`. When a source says something else later the conflict opens again and
    tells so. Needs the permission `decide`.
    """
    now = room.clock()
    with room.database.begin(actor, at=now, reason=body.reason, alone=True) as connection:
        place = _find_place(connection, entity_type, name, attribute=attribute)
        _check_seen(connection, place, if_match, is_needed=True)
        try:
            settle_conflict(
                connection,
                entity_type,
                place[1],
                attribute=attribute,
                counts=body.counts,
                by=actor,
                reason=body.reason,
                now=now,
            )
        except NothingToDecide as error:
            raise Problem("no-conflict", str(error)) from error
        except NoSuchVoice as error:
            raise Problem("invalid-parameter", str(error)) from error
        return receipt.keep(connection, answer(_read(connection, place)))


@router.post(
    "/{entity_type}/{name:path}/{attribute}/reopen",
    response_class=Response,
    responses=answers(schemas.ConflictWhole, *_JUDGED, "no-decision"),
)
def reopen(
    room: RoomOf,
    entity_type: EntityType,
    name: ThingName,
    attribute: Attribute,
    body: schemas.DecisionReversal,
    actor: Actor,
    receipt: ReceiptOf,
    if_match: IfMatch = None,
) -> Response:
    """Take back the decision that settles a conflict: everything becomes as it is without it.

    Needs the permission `decide`.
    """
    now = room.clock()
    with room.database.begin(actor, at=now, reason=body.reason, alone=True) as connection:
        place = _find_place(connection, entity_type, name, attribute=attribute)
        _check_seen(connection, place, if_match, is_needed=False)
        try:
            reopen_conflict(
                connection,
                entity_type,
                place[1],
                attribute=attribute,
                by=actor,
                reason=body.reason,
                now=now,
                decision_id=body.decision,
            )
        except NoDecision as error:
            raise Problem("no-decision", str(error)) from error
        return receipt.keep(connection, answer(_read(connection, place)))


def _find_place(connection: Connection, entity_type: str, name: str, *, attribute: str) -> Place:
    kind = MASTERED.get(entity_type)
    if kind is None:
        raise Problem("not-found", f"Things are of the types {', '.join(MASTERED)}.")
    names = [field.name for field in fields_of(kind)]
    if attribute not in names:
        raise Problem("not-found", f"A {entity_type} has the attributes {', '.join(names)}.")
    return entity_type, find_thing(connection, entity_type, name).id, attribute


def _read(connection: Connection, place: Place) -> Document:
    found = conflicts.read_conflict(connection, place)
    if found is None:
        raise Problem("not-found", "No source says anything of this attribute of this thing.")
    return found


def _check_seen(connection: Connection, place: Place, if_match: str | None, *, is_needed: bool) -> None:
    address = "the conflict (this address without its last part)"
    check_seen(_read(connection, place), if_match, address=address, is_needed=is_needed)
