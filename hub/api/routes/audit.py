"""The audit trail: who wrote what, when and why, row by row."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from hub.api import schemas
from hub.api.answer import answer_page
from hub.api.documentation import GUARDED, answers
from hub.api.instant import Instant
from hub.api.parameters import Cursor, Limit
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.store.seal.reading import find_row, list_events

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=StrictRoute)


class AuditEvent(schemas.Schema):
    """One write of one row; `hash` follows from `prev_hash` and everything else (docs: The audit trail)."""

    seq: int | None = Field(description="Place in the sealed log; null until the next head is signed.")
    entity_type: str = Field(description="The table.")
    entity_id: int
    version: int = Field(description="Which write of this row it is.")
    action: Literal["insert", "update", "delete"]
    actor: str
    recorded_at: AwareDatetime
    reason: str | None
    before: str | None = Field(description="The row as JSON before the transaction; null for a new one.")
    digest: str | None = Field(description="SHA-256 of the row after it; null when it is gone.")
    prev_hash: str | None
    hash: str


@router.get(
    "/events",
    response_class=Response,
    responses=answers(schemas.page_of(AuditEvent), *GUARDED, "invalid-cursor", "not-found", "ambiguous-name"),
)
def list_audit_events(
    request: Request,
    room: RoomOf,
    thing: Annotated[
        str | None,
        Query(
            max_length=300,
            description="Only of one row: `batch/B26-0117` (any name, uid), or `test_result/17` (table, id).",
            examples=["batch/B26-0117"],
        ),
    ] = None,
    actor: Annotated[str | None, Query(max_length=80, description="Only what this one wrote.")] = None,
    start: Annotated[Instant | None, Query(description="Not before this instant.")] = None,
    end: Annotated[Instant | None, Query(description="Before this instant.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List the writes of audited rows, the newest first.

    What a batch's values and facts did is told in words at `/v1/batches/{name}/changes`; proofs that a row is
    in the sealed log come with `plantwide audit export`.
    """
    with room.database.read() as connection:
        with _refusals():
            row = find_row(connection, thing) if thing else None
        page = list_events(
            connection, thing=row, actor=actor, start=start, end=end, cursor=cursor, limit=limit
        )
    return answer_page(request, page)


@contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except ValueError as error:
        raise Problem("invalid-parameter", f"thing: {error}.") from error
