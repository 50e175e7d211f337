"""What somebody should look at: batches that lack data; and the units we know."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.model.unit import UNITS
from hub.store.answers import completeness
from hub.store.answers.readings import Document

router = APIRouter(prefix="/v1", tags=["review"], route_class=StrictRoute)

Missing = Literal["phases", "results", "samples"]


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
