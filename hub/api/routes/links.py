"""Which names are one thing: what is proposed and on what evidence, what people decide, and its undoing."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from hub.api import link_schemas as shapes
from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, REPEATED, answers
from hub.api.idempotency import Receipt, ReceiptOf
from hub.api.parameters import Actor, Cursor, Limit, RowId
from hub.api.preconditions import IfMatch, answer_tagged, check_seen
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.resolve.judged import Contradicted, NotDecidable, NothingToUndo, UnknownName, judge, undo
from hub.store.answers import links
from hub.store.answers.readings import Document
from hub.store.database import Connection

router = APIRouter(prefix="/v1", tags=["identity"], route_class=StrictRoute)

_NONE = "There is no link with this id; /v1/links lists them."


@router.get(
    "/links",
    response_class=Response,
    responses=answers(schemas.page_of(shapes.Link), *GUARDED, "invalid-cursor"),
)
def list_links(
    request: Request,
    room: RoomOf,
    state: Annotated[
        Literal["proposed", "confirmed", "rejected", "reversed", "contradicted", "all"],
        Query(description="`contradicted`: kept apart by a person, one thing by what sources declare."),
    ] = "proposed",
    type: Annotated[str | None, Query(max_length=30, description="Only names of this type.")] = None,
    method: Annotated[
        shapes.Method | None, Query(description="`human`: what people decided, in force or undone.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List why names are one thing or not, the newest first: what is proposed, unless asked otherwise."""
    is_state = state not in ("all", "contradicted")
    wanted = links.Wanted(
        type, state if is_state else None, method, True if state == "contradicted" else None
    )
    with room.database.read() as connection:
        return answer_page(request, links.list_links(connection, wanted, cursor=cursor, limit=limit))


@router.get(
    "/links/{link_id}",
    response_class=Response,
    responses=answers(shapes.Link, *GUARDED, "not-found", tagged=True),
)
def read_link(request: Request, room: RoomOf, link_id: RowId) -> Response:
    """Give one link: both names with what they mean now, the evidence, who decided and why."""
    return answer_tagged(request, find_link(room, link_id))


@router.post(
    "/links",
    response_class=Response,
    responses=answers(shapes.Link, *GUARDED, *REPEATED, "not-found", "contradicted", "body-too-large"),
)
def decide_link(room: RoomOf, body: shapes.LinkDecision, actor: Actor, receipt: ReceiptOf) -> Response:
    """Decide that two names are the same thing, or keep them apart: confirms or rejects what is proposed.

    Everything follows at once, and becomes what it was when the decision is undone. Needs the
    permission `decide`.
    """
    made = _Made(receipt)
    with refusals():
        judge(
            room.database,
            body.type,
            (body.one, body.other),
            decision=body.decision,
            reason=body.reason,
            by=actor,
            clock=room.clock,
            finish=made.keep,
        )
    return made.response


@router.post(
    "/links/{link_id}/undo",
    response_class=Response,
    responses=answers(
        shapes.Link, *GUARDED, *REPEATED, "not-found", "no-decision", "precondition-failed", "body-too-large"
    ),
)
def undo_link(
    room: RoomOf,
    link_id: RowId,
    body: shapes.LinkReversal,
    actor: Actor,
    receipt: ReceiptOf,
    if_match: IfMatch = None,
) -> Response:
    """Undo a person's decision: everything becomes as it is without it. Needs the permission `decide`."""
    find_link(room, link_id)

    def check(connection: Connection) -> None:
        seen = links.read_link(connection, link_id) or {}
        check_seen(seen, if_match, address="the link (this address without its last part)", is_needed=False)

    made = _Made(receipt)
    with refusals():
        undo(
            room.database,
            link_id,
            reason=body.reason,
            by=actor,
            clock=room.clock,
            check=check,
            finish=made.keep,
        )
    return made.response


@router.get(
    "/rules/identity",
    response_class=Response,
    responses=answers(schemas.list_of(shapes.SchemeVersion), *GUARDED),
)
def list_scheme_versions(room: RoomOf) -> Response:
    """List every approved whitelist of schemes whose names are compared, the newest first."""
    with room.database.read() as connection:
        return answer({"items": links.list_scheme_versions(connection)})


class _Made:
    """The answer to a decision, made and kept in the transaction of the decision."""

    response: Response

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    def keep(self, connection: Connection, link_id: int) -> None:
        """Make the answer."""
        self.response = self._receipt.keep(connection, answer(links.read_link(connection, link_id)))


def find_link(room: Room, link_id: int) -> Document:
    """Give a link. Raises `Problem`."""
    with room.database.read() as connection:
        found = links.read_link(connection, link_id)
    if found is None:
        raise Problem("not-found", _NONE)
    return found


@contextmanager
def refusals() -> Generator[None]:
    """Say as a problem why a decision is refused."""
    try:
        yield
    except UnknownName as error:
        raise Problem(
            "not-found",
            "No source has used one of the names for a thing of this type; the names of a thing are in its "
            "document, and written `scheme|value`.",
        ) from error
    except NotDecidable as error:
        raise Problem("invalid-parameter", f"These two are not decided about: {error.why}.") from error
    except Contradicted as error:
        path = [asdict(step) for step in error.path]
        raise Problem("contradicted", str(error), members={"path": path}) from error
    except NothingToUndo as error:
        raise Problem(
            "no-decision", "No decision with this id stands; /v1/links lists those that do."
        ) from error
