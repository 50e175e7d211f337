"""New samples as they become known: server-sent events, taken up again by number, ended when nobody reads.

Every stream looks into the database for itself, so it does not matter which node put the samples. It reads no
further than its client does: what waits is in the store, not in memory.
"""

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import anyio
import orjson
import structlog
from anyio import to_thread
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Message, Send

from hub.api.room import Room
from hub.api.standing import NO_LONGER, Standing
from hub.insight.courses import split, to_time
from hub.store.arrivals import Arrival, arrival_bounds, read_arrivals
from hub.store.database import Connection, Database
from hub.store.samples import read_samples

log = structlog.get_logger("hub.api.live")
_ARRIVALS, _ROWS = 50, 1_000
_POSITION_S = 15.0
DROPPED = (
    "This client reads more slowly than samples come; connect again with Last-Event-ID, "
    "or ask for fewer tags."
)
CLOSING = "The stream ends here; connect again with Last-Event-ID."


class LiveResponse(EventSourceResponse):
    """A stream of events that lets a client go which does not take one within `slow_s`."""

    def __init__(self, content: AsyncIterator[bytes], *, slow_s: float, ended: Callable[[], None]) -> None:
        super().__init__(content, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._slow_s = slow_s
        self._ended = ended

    async def stream_response(self, send: Send) -> None:
        """Send the events."""

        async def send_soon(message: Message) -> None:
            with anyio.fail_after(self._slow_s):
                await send(message)

        try:
            await super().stream_response(send_soon)
        except TimeoutError:
            log.warning("a client that does not read was let go", after_s=self._slow_s)
        finally:
            self._ended()


@dataclass(frozen=True)
class News:
    """Events that are ready, the number that was reached, and the newest there is."""

    events: list[bytes]
    reached: int
    newest: int


async def follow(
    room: Room, tags: Mapping[int, str], after: int | None, *, once: bool, standing: Standing
) -> AsyncIterator[bytes]:
    """Give events: `ready`, then `samples` (or `span` where there are many), `position` in between.

    `after` is the number of the last event that was seen (None: only what comes from now on). `missed` says
    that news are gone which it would have to begin with; `dropped` and `closing` say why a stream ends.
    """
    limits = room.settings
    oldest, newest = await to_thread.run_sync(_bounds, room.database)
    reached = newest if after is None else min(after, newest)
    yield write_event("ready", {"tags": sorted(tags.values())}, reached)
    if reached < oldest - 1:
        reached = oldest - 1
        told = "Older news are gone; read what lies before with /v1/samples."
        yield write_event("missed", {"detail": told}, reached)
    ends, spoken = time.monotonic() + limits.stream_s, time.monotonic()
    while True:
        news = await to_thread.run_sync(_read_news, room.database, dict(tags), reached)
        for event in news.events:
            if await standing.has_ended():  # to a slow client a page alone may take long
                break
            yield event
        if await standing.has_ended():
            yield write_event("closing", {"detail": NO_LONGER}, None)
            return
        now = time.monotonic()
        if news.newest - news.reached > limits.stream_lag:
            yield write_event("dropped", {"detail": DROPPED}, news.reached)
            return
        is_done = room.live.is_stopping or now > ends or (once and news.reached == news.newest)
        if is_done:
            yield write_event("closing", {"detail": CLOSING}, news.reached)
            return
        if news.events:
            spoken = now
        elif now - spoken > _POSITION_S:
            spoken = now
            yield write_event("position", {}, news.reached)
        if news.reached == news.newest:
            await anyio.sleep(limits.stream_poll_s)
        reached = news.reached


def _bounds(database: Database) -> tuple[int, int]:
    with database.read() as connection:
        return arrival_bounds(connection)


def _read_news(database: Database, tags: Mapping[int, str], after: int) -> News:
    with database.read() as connection:
        arrivals = read_arrivals(connection, after, limit=_ARRIVALS)
        events = [event for arrival in arrivals for event in _tell(connection, arrival, tags)]
        reached = arrivals[-1].id if arrivals else after
        return News(events, reached, max(arrival_bounds(connection)[1], reached))


def _tell(connection: Connection, arrival: Arrival, tags: Mapping[int, str]) -> list[bytes]:
    """Give what an arrival brought of these tags; the event that ends it has its number."""
    mine = [row for row in arrival.spans.tolist() if row[0] in tags]
    few = [row for row in mine if row[3] <= _ROWS]
    told: list[tuple[str, dict[str, Any]]] = [
        ("span", _describe_span(tags[tag], to_time(first), to_time(last), count))
        for tag, first, last, count in mine
        if count > _ROWS
    ]
    items = [item for row in few for item in _items(connection, row, tags[row[0]])]
    told += [("samples", {"items": items[at : at + _ROWS]}) for at in range(0, len(items), _ROWS)]
    last = len(told) - 1
    return [
        write_event(kind, data, arrival.id if at == last else None) for at, (kind, data) in enumerate(told)
    ]


def _items(connection: Connection, row: list[int], code: str) -> list[dict[str, Any]]:
    tag_id, first, last, _ = row
    table = split(read_samples(connection, [tag_id], to_time(first), to_time(last + 1))).get(tag_id)
    rows: list[dict[str, Any]] = [] if table is None else table.drop_columns(["tag_id"]).to_pylist()
    return [{"tag": code, **one, "value": _finite(one["value"])} for one in rows]


def _describe_span(code: str, first: datetime, last: datetime, count: int) -> dict[str, Any]:
    """Say that there is too much to send it value by value, and where to read it."""
    query = {"tag": code, "start": first.isoformat(), "end": (last + timedelta(microseconds=1)).isoformat()}
    return {
        "tag": code,
        "first": first,
        "last": last,
        "count": count,
        "read": f"/v1/samples?{urlencode(query)}",
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def write_event(kind: str, data: Mapping[str, Any], number: int | None) -> bytes:
    """Give an event with its name, its data as JSON and its id (HTML, 9.2)."""
    text = orjson.dumps(data, option=orjson.OPT_UTC_Z).decode()
    return format_sse_event(data_str=text, event=kind, id=None if number is None else str(number))
