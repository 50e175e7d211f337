"""A subscription as server-sent events: what waits, then what comes, until another stream takes over."""

import time
from collections.abc import AsyncIterator

import anyio
import orjson
from anyio import to_thread
from fastapi.sse import format_sse_event

from hub.api.room import Room
from hub.api.standing import NO_LONGER, Standing
from hub.i3x.settings import I3xSettings
from hub.i3x.subscriptions import Book, Subscription

_QUIET = b": nothing new\n\n"


async def follow(  # noqa: PLR0917 - where, and which stream of what
    room: Room, settings: I3xSettings, book: Book, one: Subscription, number: int, *, standing: Standing
) -> AsyncIterator[bytes]:
    """Give updates as events, each at most once, while `number` is the newest stream of the subscription.

    i3X has no event that ends a stream: whoever is let in no longer is told so in a comment.
    """
    yield _QUIET
    spoken = time.monotonic()
    try:
        while one.stream == number and not room.live.is_stopping and book.is_there(one):
            if await standing.has_ended():
                yield f": {NO_LONGER}\n\n".encode()
                return
            updates = await to_thread.run_sync(book.take, one)
            if updates and one.stream == number:
                text = orjson.dumps(updates, option=orjson.OPT_UTC_Z).decode()
                yield format_sse_event(data_str=text)
                spoken = time.monotonic()
            elif time.monotonic() - spoken > settings.heartbeat_s:
                yield _QUIET
                spoken = time.monotonic()
            await anyio.sleep(settings.poll_s)
    finally:
        if one.stream == number:
            one.is_streaming = False
