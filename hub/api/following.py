"""Events as they become known: server-sent events, taken up again by id, nothing lost and nothing twice.

What waits for a slow client is in the store, not in memory: a stream reads no further than its client does.
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import anyio
import orjson
from anyio import to_thread
from fastapi.sse import format_sse_event

from hub.api.live import CLOSING
from hub.api.room import Room
from hub.api.standing import NO_LONGER, Standing
from hub.events.envelope import describe
from hub.store.database import Database
from hub.store.outbox.position import Position
from hub.store.outbox.reading import News, newest_position, read_events

_PAGE = 100
_POSITION_S = 15.0
DROPPED = (
    "This client reads more slowly than events come; connect again with Last-Event-ID, "
    "or ask for fewer types."
)


async def follow_events(
    room: Room, types: Collection[str], after: Position | None, *, once: bool, standing: Standing
) -> AsyncIterator[bytes]:
    """Give events: `ready`, then `event` for each, `position` in between, `dropped` or `closing` at the end.

    `after` is the last event that was seen (None: only what comes from now on).
    """
    limits = room.settings
    newest = await to_thread.run_sync(_find_newest, room.database)
    reached = newest if after is None else min(after, newest)
    yield _event("ready", {"types": sorted(types)}, reached)
    ends, spoken = time.monotonic() + limits.stream_s, time.monotonic()
    lag: int | None = None  # how many were sent since the end was last seen, once it was
    while True:
        news = await to_thread.run_sync(_read, room.database, reached, types)
        for one in news.events:
            if await standing.has_ended():  # to a slow client a page alone may take long
                break
            yield _event("event", describe(one, address=limits.public_address), one.position)
            reached = one.position
        if await standing.has_ended():
            yield _event("closing", {"detail": NO_LONGER}, reached)
            return
        reached, now = news.reached, time.monotonic()
        lag = 0 if news.is_all else None if lag is None else lag + len(news.events)
        if lag is not None and lag > limits.stream_lag:
            yield _event("dropped", {"detail": DROPPED}, reached)
            return
        if room.live.is_stopping or now > ends or (once and news.is_all):
            yield _event("closing", {"detail": CLOSING}, reached)
            return
        if news.events:
            spoken = now
        elif now - spoken > _POSITION_S:
            spoken = now
            yield _event("position", {}, reached)
        if news.is_all:
            await anyio.sleep(limits.stream_poll_s)


def _find_newest(database: Database) -> Position:
    with database.read() as connection:
        return newest_position(connection)


def _read(database: Database, after: Position, types: Collection[str]) -> News:
    with database.read() as connection:
        return read_events(connection, after, types=types, limit=_PAGE)


def _event(kind: str, data: Mapping[str, Any], position: Position) -> bytes:
    text = orjson.dumps(data, option=orjson.OPT_UTC_Z).decode()
    return format_sse_event(data_str=text, event=kind, id=str(position))
