"""What has moved in a batch since an instant."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from hub.api import schemas
from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.instant import Instant
from hub.api.parameters import ThingName
from hub.api.problems import Problem
from hub.api.room import Room, RoomOf
from hub.api.strict import StrictRoute
from hub.records.changes import Readings, list_changes
from hub.store.answers.things import find_thing, read_thing
from hub.store.past.reading import then_of

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=StrictRoute)

Since = Annotated[Instant, Query(description="What was known at this instant is compared, with its zone.")]
Until = Annotated[
    Instant | None,
    Query(description="With what was known at this one; with what is known when absent."),
]
Cause = Annotated[
    list[
        Literal[
            "new",
            "late",
            "corrected",
            "withdrawn",
            "stated_again",
            "linked",
            "judged",
            "ruled",
            "weighed",
            "counted",
            "derived",
            "gone",
        ]
    ],
    Query(default_factory=list, description="Only what moved for one of these causes."),
]


@router.get(
    "/{name}/changes",
    response_class=Response,
    responses=answers(schemas.BatchChanges, *GUARDED, "not-found", "ambiguous-name"),
)
def list_batch_changes(
    room: RoomOf, name: ThingName, since: Since, cause: Cause, until: Until = None
) -> Response:
    """List what has moved in a batch since an instant: what, from, to, when it was learned, by whom, why.

    Golden values, statements and names of the batch, of the lots it made and of its quality events; links,
    decisions, genealogy, every observed fact of the batch and of those lots, and the signals' times and
    samples. Several steps in between are one item; `acts` counts them.
    """
    with open_readings(room, name, since=since, until=until) as readings:
        found = [one for one in list_changes(readings) if not cause or one["cause"] in cause]
        batch = read_thing(readings.after, "batch", readings.batch_id)
    return answer(
        {
            "batch": {key: batch[key] for key in ("uid", "code", "description")},
            "since": readings.since,
            "until": readings.until,
            "counts": [
                {"of": of, "count": count}
                for of, count in sorted(Counter(one["of"] for one in found).items())
            ],
            "items": found,
        }
    )


@contextmanager
def open_readings(room: Room, name: str, *, since: datetime, until: datetime | None) -> Generator[Readings]:
    """Give a batch as known at two instants. Raises `Problem`."""
    first, last = _utc(since), None if until is None else _utc(until)
    with room.database.read() as present:
        asked, known = then_of(present), room.clock()
        if last is not None and asked is not None and last > asked:
            raise Problem("invalid-parameter", "`until` must not be after `as_known_at`.")
        if first > (last or max(known, asked or known)):
            raise Problem("invalid-parameter", "`since` must be before `until` and before what is known.")
        with room.database.read(as_known_at=first) as before:
            if last is None or last >= known:
                found = find_thing(present, "batch", name)
                yield Readings(before, present, found.id, first, last or known)
                return
            with room.database.read(as_known_at=last) as after:
                found = find_thing(after, "batch", name)
                yield Readings(before, after, found.id, first, last)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Problem("invalid-parameter", "`since` and `until` lie between the years 1 and 9999.") from error
