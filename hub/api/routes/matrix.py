"""The modelling matrix: a row a batch, by names or by a filter, in one call."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api import schemas
from hub.api.bounds import check_count
from hub.api.documentation import GUARDED, answers
from hub.api.moment import take_moment
from hub.api.parameters import Filter
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.api.tables import answer_table
from hub.insight.matrix import GROUPS, build_matrix
from hub.store.answers.things import find_thing, list_ids

router = APIRouter(prefix="/v1/matrix", tags=["batches"], route_class=StrictRoute)

_ERRORS = (*GUARDED, "not-found", "ambiguous-name", "too-much-asked", "invalid-filter")
Names = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(default_factory=list, alias="batch", description="Batches by uid, code or any name."),
]
Groups = Annotated[
    list[Literal["raw", "feature", "ipc", "cqa"]],
    Query(
        default_factory=lambda: list(GROUPS),
        alias="group",
        description="Which columns: properties of raw materials (mass-weighted), figures of phases, results "
        "in process, critical quality attributes. All when absent.",
    ),
]
Include = Annotated[
    list[Literal["provenance"]],
    Query(default_factory=list, description="Also, as JSON in a last column, the rows each cell comes from."),
]
_ANSWERS = answers(schemas.Matrix, *_ERRORS, columns=True)


@router.get("", response_class=Response, responses=_ANSWERS)
def read_matrix(
    request: Request,
    room: RoomOf,
    batch: Names,
    group: Groups,
    include: Include,
    filter: Filter = None,
) -> Response:
    """Give a row a batch: what went in, how it ran, what was tested; the unit of each column beside it."""
    check_count(len(batch), room.settings.batches_at_once, "batches", "fewer batches")
    groups = list(dict.fromkeys(group))
    asked = schemas.MatrixRequest(batches=batch, filter=filter, groups=groups, provenance=bool(include))
    return _answer(request, room, asked)


@router.post(
    "", response_class=Response, responses=_ANSWERS, dependencies=[Depends(take_moment)], name="ask_matrix"
)
def ask_matrix(request: Request, room: RoomOf, asked: schemas.MatrixRequest) -> Response:
    """Give the same for more batches than an address can name."""
    return _answer(request, room, asked)


def _answer(request: Request, room: Room, asked: schemas.MatrixRequest) -> Response:
    most = room.settings.batches_at_once
    check_count(len(asked.batches), most, "batches", "fewer batches")
    if bool(asked.batches) == (asked.filter is not None):
        raise Problem("invalid-parameter", "Name the batches (`batch`) or give a `filter`, not both.")
    with room.database.read() as connection:
        if asked.filter is None:
            ids = [find_thing(connection, "batch", name).id for name in asked.batches]
        else:
            ids = list_ids(connection, "batch", filter=asked.filter, most=most + 1)
            check_count(len(ids), most, "batches", "a narrower filter")
        table, described = build_matrix(
            connection, list(dict.fromkeys(ids)), groups=asked.groups, provenance=asked.provenance
        )
    inner = [column["name"] for column in described]
    return answer_table(
        request, table, most=most, about={"columns": described}, nested=inner, nested_as="values"
    )
