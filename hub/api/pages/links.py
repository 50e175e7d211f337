"""Which names may be one thing: what is proposed, both sides of it with the evidence, and the decision."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from hub.api.pages.comparison import Golden, list_golden
from hub.api.pages.rendering import render
from hub.api.parameters import Actor, RowId
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.routes.links import find_link, refusals
from hub.api.strict import StrictRoute
from hub.resolve.judged import judge, undo
from hub.store.answers import assertions, links, things
from hub.store.answers.links import Wanted
from hub.store.database import Connection
from hub.store.keys import Caller
from hub.store.links import Decision
from hub.store.permissions import Permission

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_Cursor = Annotated[str | None, Query(max_length=2000)]
_Reason = Annotated[str, Form(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
_FEW = 20


@dataclass(frozen=True)
class Side:
    """One of the two things: what it is, its names, its golden values by attribute."""

    name: str
    thing: dict[str, Any]
    names: list[dict[str, Any]]
    golden: dict[str, Golden]


@router.get("/links", name="show_links")
def show_links(room: RoomOf, cursor: _Cursor = None) -> Response:
    """Show what waits for a person: contradicted decisions, proposals; and what was decided."""
    with room.database.read() as connection:
        return render(
            "links.html",
            contradicted=links.list_links(connection, Wanted(is_contradicted=True)).items,
            proposed=links.list_links(connection, Wanted(state="proposed"), cursor=cursor),
            decided=links.list_links(connection, Wanted(method="human"), limit=_FEW),
            versions=links.list_scheme_versions(connection),
        )


@router.get("/links/{link_id}", name="show_link")
def show_link(request: Request, room: RoomOf, link_id: RowId) -> Response:
    """Show both names side by side, with the evidence, and the form by which a person decides."""
    return _show(request, room, link_id)


@router.post("/links/{link_id}/decide", name="decide_on_page")
def decide_on_page(
    request: Request,
    room: RoomOf,
    link_id: RowId,
    actor: Actor,
    decision: Annotated[Decision, Form()],
    reason: _Reason,
) -> Response:
    """Decide about the two names of a link."""
    link = find_link(room, link_id)
    names = tuple(f"{link[side]['scheme']}|{link[side]['value']}" for side in ("one", "other"))
    try:
        with refusals():
            made = judge(
                room.database,
                link["entity_type"],
                (names[0], names[1]),
                decision=decision,
                reason=reason,
                by=actor,
                clock=room.clock,
            )
    except Problem as problem:
        return _show(request, room, link_id, refused=problem.detail, status=409)
    return RedirectResponse(f"/links/{made}", 303)


@router.post("/links/{link_id}/undo", name="undo_on_page")
def undo_on_page(request: Request, room: RoomOf, link_id: RowId, actor: Actor, reason: _Reason) -> Response:
    """Undo a decision."""
    find_link(room, link_id)
    try:
        with refusals():
            undo(room.database, link_id, reason=reason, by=actor, clock=room.clock)
    except Problem as problem:
        return _show(request, room, link_id, refused=problem.detail, status=409)
    return RedirectResponse(f"/links/{link_id}", 303)


def _show(request: Request, room: RoomOf, link_id: int, *, refused: str = "", status: int = 200) -> Response:
    link = find_link(room, link_id)
    caller: Caller = request.state.caller
    with room.database.read() as connection:
        sides = [_side(connection, link["entity_type"], link[side]) for side in ("one", "other")]
    told = [side for side in sides if side is not None]
    return render(
        "link.html",
        status,
        link=link,
        sides=told,
        attributes=list(dict.fromkeys(name for side in told for name in side.golden)),
        may_decide=caller.may(Permission.DECIDE),
        refused=refused,
    )


def _side(connection: Connection, entity_type: str, side: dict[str, Any]) -> Side | None:
    if side["thing"] is None:
        return None
    found = things.find_thing(connection, entity_type, side["thing"]["uid"])
    thing = things.read_thing(connection, entity_type, found.id)
    said = assertions.list_assertions(connection, entity_type, found.id)
    return Side(
        f"{side['scheme']}|{side['value']}",
        thing,
        things.list_names(connection, entity_type, found.id),
        {fact.name: fact for fact in list_golden(entity_type, thing, said, bases={})},
    )
