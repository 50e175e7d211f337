"""Every collection of the model and of the star, asked in one grammar and answered in five formats."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import AnyName, Cursor, Filter, Ordering, ThingName
from hub.api.problems import Problem
from hub.api.remembering import remembered
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.api.writers import Format, answer_question, choose_format
from hub.store.answers.things import NotFound, find_thing
from hub.store.questions.catalogue import describe_all
from hub.store.questions.collections import find_collection
from hub.store.questions.documents import read_one
from hub.store.questions.grammar import MAX_LENGTH
from hub.store.questions.question import ask

router = APIRouter(prefix="/v1/collections", tags=["collections"], route_class=StrictRoute)

Noun = Annotated[
    str, Path(max_length=60, description="A collection of /v1/collections.", examples=["batches"])
]
Select = Annotated[
    str | None,
    Query(max_length=MAX_LENGTH, description="Only these members.", examples=["code,product,actual_size"]),
]
Expand = Annotated[
    str | None,
    Query(
        max_length=MAX_LENGTH,
        description="What is referred to, or refers to each item, shown whole: `product,phases(select=name;"
        "filter=level eq 'Operation';order=actual_start;limit=5;expand=equipment)`.",
        examples=["product,output_lot"],
    ),
]
Form = Annotated[
    Format | None, Query(alias="format", description="The format, before what `Accept` prefers.")
]
Most = Annotated[
    int | None,
    Query(ge=1, le=10_000_000, description="Most items: of a page of JSON (100), or of the whole answer."),
]
_ASKED = (*GUARDED, "not-found", "not-acceptable", "invalid-filter", "invalid-cursor", "too-much-asked")


@router.get("", response_class=Response, responses=answers(schemas.CollectionList, *GUARDED))
def list_collections() -> Response:
    """List the collections, with what of each can be named in `filter` and `order`, selected and expanded."""
    return answer({"items": describe_all()})


@router.get(
    "/{collection}",
    response_class=Response,
    responses=answers(schemas.CollectionPage, *_ASKED, lines=True, columns=True),
)
@remembered
def read_collection(
    request: Request,
    room: RoomOf,
    collection: Noun,
    filter: Filter = None,
    select: Select = None,
    order: Ordering = None,
    expand: Expand = None,
    name: AnyName = None,
    cursor: Cursor = None,
    limit: Most = None,
    format: Form = None,
) -> Response:
    """Ask a collection: a page of JSON, or all of it as JSON lines, CSV, Parquet or an Arrow stream."""
    question = ask(collection, filter=filter, order=order, select=select, expand=expand, name=name)
    form = choose_format(request, format)
    return answer_question(request, room, question, form=form, cursor=cursor, limit=limit)


@router.get(
    "/{collection}/{name:path}",
    response_class=Response,
    responses=answers(schemas.CollectionItem, *GUARDED, "not-found", "ambiguous-name", "invalid-filter"),
)
@remembered
def read_item(
    room: RoomOf, collection: Noun, name: ThingName, select: Select = None, expand: Expand = None
) -> Response:
    """Give one item: a thing by its uid or any of its names, a fact or a row of the star by its key."""
    question = ask(collection, select=select, expand=expand)
    found = find_collection(collection)
    with room.database.read() as connection:
        if found.family == "thing":
            key = find_thing(connection, found.kind, name).id
        elif name.isascii() and name.isdigit() and len(name) <= 18:
            key = int(name)
        else:
            raise Problem("not-found", "Facts and rows of the star are asked for by their key, a number.")
        document = read_one(connection, question, key)
    if document is None:
        raise NotFound(collection)
    return answer(document)
