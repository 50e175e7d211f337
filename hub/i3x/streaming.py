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
from hub.i3x.subscriptions import Book, Stream, Subscription

_QUIET = b": nothing new\n\n"


def tell_loss(settings: I3xSettings) -> str:
    """Say that updates were dropped, and where they are."""
    return (
        f"Updates were dropped: at most {settings.queue} wait, and what a stream sends when it is cut is "
        "lost. What was missed is in /objects/history."
    )


async def follow(  # noqa: PLR0917 - where, and which stream of what
    room: Room, settings: I3xSettings, book: Book, one: Subscription, stream: Stream, *, standing: Standing
) -> AsyncIterator[bytes]:
    """Give updates as events, each at most once, while `stream` is the newest of the subscription.

    i3X has no events that end a stream or tell of a loss: comments say so. What waits for a client that does
    not read stays in the store: a stream reads no further than its client does.
    """
    yield _QUIET
    spoken = time.monotonic()
    try:
        while one.stream == stream.number and not room.live.is_stopping and book.is_there(one):
            if await standing.has_ended():
                yield write_comment(NO_LONGER)
                return
            updates, has_lost = await to_thread.run_sync(book.take, one)
            if has_lost:
                yield write_comment(tell_loss(settings))
            if updates and one.stream == stream.number:
                text = orjson.dumps(updates, option=orjson.OPT_UTC_Z).decode()
                stream.is_sending = True
                yield format_sse_event(data_str=text)
                stream.is_sending = False
                spoken = time.monotonic()
            elif time.monotonic() - spoken > settings.heartbeat_s:
                yield _QUIET
                spoken = time.monotonic()
            await anyio.sleep(settings.poll_s)
    finally:
        one.end_stream(stream)


def write_comment(text: str) -> bytes:
    """Give a line that clients pass over and people read (HTML, 9.2.6)."""
    return f": {text}\n\n".encode()
