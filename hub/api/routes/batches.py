"""Batches, and each of their sides."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import AnyName, Cursor, Filter, Limit, Ordering, Retracted, ThingName
from hub.api.remembering import remembered
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.api.writers import answer_listed
from hub.resolve.signals import list_signals
from hub.store.answers import assertions, batches, conflicts, resources, things
from hub.store.answers.readings import Document
from hub.store.answers.signals import Signal, list_spans, summarise_signals
from hub.store.answers.things import Found, find_thing
from hub.store.database import Connection
from hub.store.questions.question import ask

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=StrictRoute)

_ONE = (*GUARDED, "not-found", "ambiguous-name")


@router.get(
    "",
    response_class=Response,
    responses=answers(schemas.page_of(schemas.Batch), *GUARDED, "invalid-filter", "invalid-cursor"),
)
@remembered
def list_batches(
    request: Request,
    room: RoomOf,
    filter: Filter = None,
    name: AnyName = None,
    order: Ordering = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List batches by actual start, without those merged into others unless the filter names `lifecycle`."""
    question = ask("batches", filter=filter, order=order, name=name)
    return answer_listed(request, room, question, cursor=cursor, limit=limit)


@router.get("/{name}", response_class=Response, responses=answers(schemas.BatchWhole, *_ONE))
@remembered
def read_batch(
    room: RoomOf,
    name: ThingName,
    include: Annotated[list[Literal["assertions", "history", "retracted"]], Query(default_factory=list)],
) -> Response:
    """Give a batch whole: golden values, names, phases, materials, resources, what was asked, results."""
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        retracted = "retracted" in include
        said = assertions.list_assertions(connection, "batch", found.id, history="history" in include)
        windows = list_signals(connection, found.id, now=room.clock())
        return answer(
            {
                **things.read_thing(connection, "batch", found.id),
                "merged_from": note_merge(found),
                "names": things.list_names(connection, "batch", found.id),
                "phases": batches.list_phases(connection, found.id, retracted=retracted),
                "phase_data": batches.list_data(connection, found.id, retracted=retracted),
                "materials": batches.list_materials(connection, found.id, retracted=retracted),
                "resources": resources.list_resources(connection, found.id, retracted=retracted),
                "requirements": resources.list_requirements(connection, found.id, retracted=retracted),
                "results": batches.list_results(connection, found.id, retracted=retracted),
                "events": batches.list_events(connection, found.id, retracted=retracted),
                "quality_events": batches.list_quality_events(connection, found.id),
                "orders": batches.list_orders(connection, found.id),
                "signals": [describe_signal(window) for window in windows],
                "conflicts": conflicts.list_conflicts_of(connection, "batch", found.id),
                "assertions": said if {"assertions", "history"} & set(include) else None,
            }
        )


@router.get(
    "/{name}/phases", response_class=Response, responses=answers(schemas.list_of(schemas.Phase), *_ONE)
)
@remembered
def list_batch_phases(room: RoomOf, name: ThingName, include: Retracted) -> Response:
    """List the executed segments of a batch by start."""
    return _answer_part(room, name, batches.list_phases, include)


@router.get(
    "/{name}/materials", response_class=Response, responses=answers(schemas.list_of(schemas.Movement), *_ONE)
)
@remembered
def list_batch_materials(room: RoomOf, name: ThingName, include: Retracted) -> Response:
    """List what went into and came out of a batch, as each system saw it; `count_state` tells what counts."""
    return _answer_part(room, name, batches.list_materials, include)


@router.get(
    "/{name}/results", response_class=Response, responses=answers(schemas.list_of(schemas.Result), *_ONE)
)
@remembered
def list_batch_results(room: RoomOf, name: ThingName, include: Retracted) -> Response:
    """List the laboratory results of a batch and of the lot it made."""
    return _answer_part(room, name, batches.list_results, include)


@router.get(
    "/{name}/events", response_class=Response, responses=answers(schemas.list_of(schemas.Event), *_ONE)
)
@remembered
def list_batch_events(room: RoomOf, name: ThingName, include: Retracted) -> Response:
    """List events and alarms of a batch by time."""
    return _answer_part(room, name, batches.list_events, include)


@router.get(
    "/{name}/signals",
    response_class=Response,
    responses=answers(schemas.list_of(schemas.SignalSummary), *_ONE),
)
def list_batch_signals(room: RoomOf, name: ThingName) -> Response:
    """List the tags of the units where a batch ran, with figures over its time there."""
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        windows = list_signals(connection, found.id, now=room.clock())
        return answer({"items": summarise_signals(connection, windows)})


@router.get(
    "/{name}/conflicts",
    response_class=Response,
    responses=answers(schemas.list_of(schemas.AttributeConflict), *_ONE),
)
@remembered
def list_batch_conflicts(room: RoomOf, name: ThingName) -> Response:
    """List the attributes of a batch about which sources disagree."""
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        return answer({"items": conflicts.list_conflicts_of(connection, "batch", found.id)})


@router.get(
    "/{name}/assertions",
    response_class=Response,
    responses=answers(schemas.list_of(schemas.Assertion), *_ONE),
)
@remembered
def list_batch_assertions(
    room: RoomOf,
    name: ThingName,
    include: Annotated[
        list[Literal["history"]], Query(default_factory=list, description="Also what was said before.")
    ],
) -> Response:
    """List what each source says about a batch; the winner of each attribute is marked."""
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        said = assertions.list_assertions(connection, "batch", found.id, history=bool(include))
        return answer({"items": said})


def describe_signal(signal: Signal) -> Document:
    """Give a signal's tag, equipment and times."""
    return {
        "tag": signal.tag,
        "equipment": signal.equipment,
        "start": signal.start,
        "end": signal.end,
        "spans": list_spans(signal),
    }


def note_merge(found: Found) -> Document | None:
    """Give the note that what was asked for has been merged into what is answered."""
    if found.merged_from is None:
        return None
    return {"uid": found.merged_from, "note": "This uid was merged into the one that is answered here."}


def _answer_part(room: RoomOf, name: str, read: Any, include: list[Literal["retracted"]]) -> Response:
    connection: Connection
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        return answer({"items": read(connection, found.id, retracted=bool(include))})
