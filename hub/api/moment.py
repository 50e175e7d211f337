"""The instant of an answer: the one it was asked for, or the newest that the store knew of when read."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from hub.api.answer import HEADER, PARAMETER
from hub.api.instant import Instant
from hub.api.problems import Problem
from hub.api.room import Room
from hub.store.attribution import format_at
from hub.store.keys import Caller
from hub.store.snapshot import Snapshot

PRESENT_ONLY: Mapping[str, str] = {
    "/livez": "This tells of the process that answers, now.",
    "/readyz": "This tells of the process that answers, now.",
    "/v1/info": "This tells of the program that answers, now.",
    "/v1/units": "Units come with the program, not from sources: they have no history here.",
    "/v1/collections": "What can be asked for comes with the program: it has no history here.",
    "/v1/samples/stream": "This tells what is new; what was known at an instant is at /v1/samples.",
    "/v1/events": "Events are in the order in which they became known: `after` says where to begin.",
    "/v1/events/stream": "This tells what is new; `Last-Event-ID` says where to begin.",
    "/v1/webhooks": "How far webhooks have come is not kept.",
    "/v1/webhooks/{webhook_id}": "How far a webhook has come is not kept.",
    "/v1/webhooks/{webhook_id}/deliveries": "The newest attempts are kept as they are.",
    "/v1/audit/events": "The trail is the past itself: `end` leaves out what was written later.",
    "/v1/reads": "The log of reads is the past itself: `end` leaves out what was asked later.",
    "/v1/reads/summary": "The log of reads is the past itself: `end` leaves out what was asked later.",
    "/v1/jobs/{token}": "This tells how far a job is, now.",
    "/v1/jobs/{token}/events": "This tells how far a job is, now.",
    "/v1/jobs/{token}/result": "The answer stands for the instant at which the call was made.",
    "/v1/kpis": "Formulas come with the program, each with its version: they have no history here.",
    "/v1/sources": (
        "The running state of sources and streams (states, counters, last errors, schedule) is not kept. Ask "
        "without `as_known_at`; what had been said by then is at /v1/source-records/{id}, what could not be "
        "read at /v1/quarantine, both with `as_known_at`."
    ),
}
"""Addresses that only tell of the present, each with the reason."""

UNHURRIED = "is_unhurried"
"""In the state of a request: nobody waits for it, so its reads take the time that they need."""

AsKnownAt = Annotated[
    Instant | None,
    Query(
        description="Answer as this call would have answered at this instant (with its zone), from what the "
        "hub knew then. The header `Known-At` of an answer, given here, repeats that answer byte for byte.",
        examples=["2026-04-19T05:00:00Z"],
    ),
]
_PageInstant = Annotated[datetime | None, Query(alias=PARAMETER)]


@dataclass(frozen=True)
class Moment:
    """What a page must know of its instant: the snapshot, its own path, its other parameters."""

    snapshot: Snapshot
    path: str
    others: tuple[tuple[str, str], ...]

    @property
    def is_past(self) -> bool:
        """Whether somebody asked for an instant."""
        return self.snapshot.asked is not None

    @property
    def asked(self) -> str:
        """The instant that was asked for, as it stands in an address; empty for the present."""
        return "" if self.snapshot.asked is None else format_at(self.snapshot.asked)

    @property
    def known_at(self) -> str:
        """The newest instant that the page knows of, as it stands in an address; empty in an empty store."""
        return "" if self.snapshot.known_at is None else format_at(self.snapshot.known_at)

    @property
    def present(self) -> str:
        """The address of the same page in the present."""
        return f"{self.path}?{urlencode(self.others)}" if self.others else self.path

    @property
    def permanent(self) -> str:
        """The address of the same page as it is now, for ever."""
        return f"{self.path}?{urlencode([*self.others, (PARAMETER, self.known_at)])}"


moment_of_page: ContextVar[Moment | None] = ContextVar("moment_of_page", default=None)
"""The moment of the page that is being made."""


async def take_moment(request: Request, as_known_at: AsKnownAt = None) -> None:
    """Let a call see the store as it was known at the instant it asks for."""
    _enter(request, as_known_at)


async def take_page_moment(request: Request, as_known_at: _PageInstant = None) -> None:
    """Let a page see the store so; its times are UTC, also those that people type into it."""
    naive = as_known_at is not None and as_known_at.tzinfo is None
    _enter(request, as_known_at.replace(tzinfo=UTC) if as_known_at is not None and naive else as_known_at)
    others = tuple((key, value) for key, value in request.query_params.multi_items() if key != PARAMETER)
    moment_of_page.set(Moment(request.state.room.database, request.url.path, others))


def stamp(request: Request, response: Response) -> None:
    """Say in an answer which instant it stands for."""
    room: Room | None = getattr(request.state, "room", None)
    if room is not None and isinstance(room.database, Snapshot) and room.database.known_at is not None:
        response.headers[HEADER] = format_at(room.database.known_at)


def _enter(request: Request, asked: datetime | None) -> None:
    room: Room = request.app.state.room
    try:
        utc = None if asked is None else asked.astimezone(UTC)
    except OverflowError as error:
        raise Problem("invalid-parameter", "`as_known_at` lies between the years 1 and 9999.") from error
    caller: Caller | None = getattr(request.state, "caller", None)
    scope = caller.rows if caller else None
    is_unhurried = getattr(request.state, UNHURRIED, False)
    store = room.database.limited(None) if is_unhurried else room.database
    snapshot = Snapshot(store, asked=utc, clock=room.clock, scope=scope)
    request.state.room = replace(room, database=snapshot, clock=snapshot.now)
