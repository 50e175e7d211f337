"""Proofs: whether a batch is whole, and where a value comes from."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from hub.api import proofs
from hub.api.answer import answer
from hub.api.documentation import GUARDED, OCTETS, answers, problems
from hub.api.locating import locator
from hub.api.parameters import RowId, ThingName
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.strict import StrictRoute
from hub.records.completeness import prove
from hub.records.lineage import Looking, Sought, Unknown, trace
from hub.store.answers.lineage import read_payload
from hub.store.answers.things import find_thing

router = APIRouter(prefix="/v1", route_class=StrictRoute)

_FILE: dict[str, Any] = {
    "description": "The payload, in its own media type",
    "content": {"*/*": {"schema": OCTETS}},
}


@router.get(
    "/batches/{name}/completeness",
    response_class=Response,
    responses=answers(proofs.BatchCompleteness, *GUARDED, "not-found", "ambiguous-name"),
    tags=["batches"],
)
def read_batch_completeness(
    room: RoomOf,
    name: ThingName,
    include: Annotated[
        list[Literal["keys"]],
        Query(default_factory=list, description="Also every document's key and content hash."),
    ],
) -> Response:
    """Prove a batch whole, or say what lacks, what may still come, and what cannot be proved and why.

    Expected are the steps of its recipe, the tests of the specifications in force of what it makes, and the
    tags of the units where it ran. By source: documents and facts with digests to compare them by, what
    came again and was refused, what waits in quarantine, and how far the source was read.
    """
    with room.database.read() as connection:
        found = find_thing(connection, "batch", name)
        return answer(prove(connection, found.id, now=room.clock(), keys=bool(include)))


@router.get(
    "/lineage/{kind}/{name:path}/{attribute}",
    response_class=Response,
    responses=answers(proofs.Lineage, *GUARDED, "not-found", "ambiguous-name"),
    tags=["lineage"],
)
def read_lineage(
    room: RoomOf,
    kind: Annotated[str, Path(max_length=40, description="A type of thing or fact, e.g. `batch`.")],
    name: Annotated[
        str,
        Path(
            max_length=400,
            description="Of a thing its uid or any name; of a fact `<source>/<key>`; of an edge of the "
            "genealogy (`lot_genealogy`) the uids of two lots, `<input>/<output>`.",
        ),
    ],
    attribute: Annotated[
        str, Path(max_length=80, description="An attribute; `record` for all of a fact or edge.")
    ],
    include: Annotated[
        list[Literal["history"]],
        Query(default_factory=list, description="Also what was said before, and what the value was."),
    ],
) -> Response:
    """Give the chain of a value: why it counts, who says what, in which record, word for word.

    Each statement comes with its source record: payload, hash, when it was received, the connector and the
    mapping that read it, and where known the place inside the payload at which the value stands.
    """
    with room.database.read() as connection:
        looking = Looking(connection, history=bool(include), locate=locator(connection))
        return answer(trace_or_say(looking, Sought(kind, name, attribute)))


def trace_or_say(looking: Looking, sought: Sought) -> dict[str, Any]:
    """Give the chain of a value; what does not exist is a problem that says what does."""
    try:
        return trace(looking, sought)
    except Unknown as error:
        raise Problem("not-found", str(error)) from error


@router.get(
    "/source-records/{record_id}/payload",
    response_class=Response,
    responses={200: _FILE, **problems(*GUARDED, "not-found")},
    tags=["sources"],
)
def download_payload(room: RoomOf, record_id: RowId) -> Response:
    """Give what a source said as a file, byte for byte as the hub keeps it (UTF-8).

    Its content hash is the SHA-256 of the letter U (D for a deletion), a line feed, and these bytes.
    """
    with room.database.read() as connection:
        record = read_payload(connection, record_id)
    if record is None:
        raise Problem("not-found", "There is no source record with this id.")
    return Response(
        record["payload"].encode(),
        media_type=f"{record['media_type']}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="source-record-{record_id}"'},
    )
