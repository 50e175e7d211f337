"""What somebody should look at: conflicts of all things, batches that lack data; and the units we know."""

import base64
import binascii
from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import APIRouter, Query, Request, Response

from hub.api import schemas
from hub.api.answer import answer, answer_page
from hub.api.documentation import GUARDED, answers
from hub.api.parameters import Cursor, Limit
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.model.unit import UNITS
from hub.store.answers import assertions, completeness, lots
from hub.store.answers.pages import CursorError, Page
from hub.store.answers.readings import Document

router = APIRouter(prefix="/v1", tags=["review"], route_class=StrictRoute)

Missing = Literal["phases", "results", "samples"]


@router.get(
    "/conflicts",
    response_class=Response,
    responses=answers(schemas.page_of(schemas.Conflict), *GUARDED, "invalid-cursor"),
)
def list_conflicts(request: Request, room: RoomOf, cursor: Cursor = None, limit: Limit = 100) -> Response:
    """List attributes of any thing about which sources disagree, with every statement."""
    with room.database.read() as connection:
        items, last = assertions.list_conflicts(
            connection, after=decode_key(cursor) if cursor else None, limit=limit
        )
    return answer_page(request, Page(items, encode_key(last) if last else None))


@router.get(
    "/conflicts/movements",
    response_class=Response,
    responses=answers(schemas.list_of(schemas.Movement), *GUARDED),
)
def list_disputed_movements(room: RoomOf, limit: Limit = 100) -> Response:
    """List movements that two systems report with amounts that do not agree, newest first."""
    with room.database.read() as connection:
        return answer({"items": lots.list_disputed(connection, limit=limit)})


@router.get("/completeness", response_class=Response, responses=answers(schemas.CompletenessReport, *GUARDED))
def read_completeness(
    room: RoomOf,
    missing: Annotated[
        list[Missing], Query(default_factory=list, description="Only batches that lack all of these.")
    ],
    having: Annotated[
        list[Missing], Query(default_factory=list, description="Only batches that have all of these.")
    ],
) -> Response:
    """List batches that lack phases, results or samples in their time.

    `?having=results&missing=samples` gives the batches with quality results but no process data.
    """
    with room.database.read() as connection:
        found = completeness.list_completeness(connection, now=room.clock())
    return answer({"summary": _summarise(found), "items": _select(found, missing, having)})


@router.get(
    "/units", response_class=Response, responses=answers(schemas.list_of(schemas.UnitOfMeasure), *GUARDED)
)
def list_units() -> Response:
    """List the units of measure that the hub reads and converts: UCUM, UNECE and common spellings."""
    return answer(
        {
            "items": [
                {
                    "code": unit.code,
                    "unece": unit.unece,
                    "dimension": unit.dimension,
                    "factor": unit.factor,
                    "offset": unit.offset,
                    "aliases": list(unit.aliases),
                }
                for unit in UNITS
            ]
        }
    )


def encode_key(key: list[Any]) -> str:
    """Give a key as an opaque cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def decode_key(cursor: str) -> list[Any]:
    """Give the key of a cursor. Raises `CursorError`."""
    try:
        key: Any = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise CursorError("the cursor is not one of ours; start again without it") from error
    return cast("list[Any]", key) if isinstance(key, list) else []


def _select(found: list[Document], missing: list[Missing], having: list[Missing]) -> list[Document]:
    lacks_something = not missing and not having
    return [
        batch
        for batch in found
        if (lacks_something and not all(batch[f"has_{name}"] for name in ("phases", "results", "samples")))
        or (
            not lacks_something
            and not any(batch[f"has_{name}"] for name in missing)
            and all(batch[f"has_{name}"] for name in having)
        )
    ]


def _summarise(found: list[Document]) -> Document:
    return {
        "batches": len(found),
        "without_phases": sum(not batch["has_phases"] for batch in found),
        "without_results": sum(not batch["has_results"] for batch in found),
        "without_samples": sum(not batch["has_samples"] for batch in found),
        "results_without_samples": sum(batch["has_results"] and not batch["has_samples"] for batch in found),
    }
