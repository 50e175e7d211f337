"""Precedence rules: whose word counts for an attribute, version by version; a new one is applied at once."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import Actor
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
    responses=answers(schemas.RuleHistory, *GUARDED, "not-found"),
)
def read_rule(room: RoomOf, entity_type: RuledType, attribute: RuledAttribute) -> Response:
    """Give every version of one rule, the newest first: what it said, who approved it, since when, why."""
    with room.database.read() as connection:
        return answer(_history(connection, entity_type, attribute))


@router.put(
    "/{entity_type}/{attribute}",
    response_class=Response,
    responses=answers(schemas.RuleHistory, *GUARDED, "not-found", "body-too-large", "invalid-rule"),
)
def set_rule(
    room: RoomOf,
    entity_type: RuledType,
    attribute: RuledAttribute,
    body: schemas.RuleGiven,
    actor: Actor,
) -> Response:
    """Give a rule a new version. Every value it chooses is chosen anew at once, with the version as reason.

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
        try:
            set_rules(connection, [rule], now=now)
        except NothingToRule as error:
            raise Problem("not-found", str(error)) from error
        except RuleError as error:
            raise Problem("invalid-rule", str(error)) from error
        return answer(_history(connection, entity_type, attribute))


def _history(connection: Connection, entity_type: str, attribute: str) -> Document:
    versions = rules.read_rule(connection, (entity_type, attribute))
    if not versions:
        raise Problem("not-found", "There is no such rule; /v1/rules lists all, `*` stands for the others.")
    return {"entity_type": entity_type, "attribute": attribute, "versions": versions}
