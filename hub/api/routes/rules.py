"""Precedence rules: whose word counts for an attribute, version by version; a new one is applied at once."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import Actor
from hub.api.preconditions import IfMatch, IfNoneMatch, answer_tagged, check_absent, check_seen
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.resolve.ruling import NothingToRule, RuleError, set_rules
from hub.store.answers import rules
from hub.store.answers.readings import Document
from hub.store.database import Connection
from hub.store.rules import Rule, Tolerance

router = APIRouter(prefix="/v1/rules", tags=["rules"], route_class=StrictRoute)

RuledType = Annotated[
    str,
    Path(
        max_length=30,
        description="A type of things, `*` for all, or `material_actual` (with `quantity`: how sightings of "
        "movements are compared).",
        examples=["batch"],
    ),
]
RuledAttribute = Annotated[
    str, Path(max_length=60, description="An attribute of it, or `*` for all.", examples=["actual_size"])
]


@router.get("", response_class=Response, responses=answers(schemas.list_of(schemas.Rule), *GUARDED))
def list_rules(
    room: RoomOf,
    include: Annotated[
        list[Literal["history"]], Query(default_factory=list, description="Also versions before.")
    ],
) -> Response:
    """List the rules in force, and versions whose time is still to come, by type and attribute."""
    with room.database.read() as connection:
        return answer({"items": rules.list_rules(connection, history=bool(include))})


@router.get(
    "/{entity_type}/{attribute}",
    response_class=Response,
    responses=answers(schemas.RuleHistory, *GUARDED, "not-found", tagged=True),
)
def read_rule(request: Request, room: RoomOf, entity_type: RuledType, attribute: RuledAttribute) -> Response:
    """Give every version of one rule, the newest first: what it said, who approved it, since when, why."""
    with room.database.read() as connection:
        return answer_tagged(request, _history(connection, entity_type, attribute))


@router.put(
    "/{entity_type}/{attribute}",
    response_class=Response,
    responses=answers(
        schemas.RuleHistory,
        *GUARDED,
        "not-found",
        "precondition-failed",
        "body-too-large",
        "invalid-rule",
        "precondition-needed",
    ),
)
def set_rule(
    room: RoomOf,
    entity_type: RuledType,
    attribute: RuledAttribute,
    body: schemas.RuleGiven,
    actor: Actor,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Give a rule a new version. Every value it chooses is chosen anew at once, with the version as reason.

    What the rule was when it was seen is named by `If-Match`; a first version needs none.
    One that says what the newest version says stays that version. Start and end of a time range get the
    same rule where that is or was `widest`. Needs the permission `decide`.
    """
    rule = Rule(
        entity_type,
        attribute,
        body.strategy,
        tuple(body.order),
        Tolerance(body.tolerance.relative, body.tolerance.absolute, body.tolerance.unit),
        effective_from=body.effective_from,
        approved_by=actor,
        reason=body.reason,
        origin="person",
    )
    now = room.clock()
    with room.database.begin(actor, at=now, reason=body.reason, alone=True) as connection:
        before = rules.read_rule(connection, (entity_type, attribute))
        check_absent(if_none_match, is_there=bool(before))
        if before:
            seen = _history(connection, entity_type, attribute)
            check_seen(seen, if_match, address="the rule (this address)", is_needed=True)
        try:
            set_rules(connection, [rule], now=now)
        except NothingToRule as error:
            raise Problem("not-found", str(error)) from error
        except RuleError as error:
            raise Problem("invalid-rule", str(error)) from error
        if (
            not before
        ):  # only now: of a type that does not exist there is more to say than that nothing matches
            check_seen(None, if_match, address="the rule (this address)", is_needed=True)
        return answer(_history(connection, entity_type, attribute))


def _history(connection: Connection, entity_type: str, attribute: str) -> Document:
    versions = rules.read_rule(connection, (entity_type, attribute))
    if not versions:
        raise Problem("not-found", "There is no such rule; /v1/rules lists all, `*` stands for the others.")
    return {"entity_type": entity_type, "attribute": attribute, "versions": versions}
