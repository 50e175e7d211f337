"""New samples as they become known: server-sent events, taken up again by number, ended when nobody reads.

Every stream looks into the database for itself, so it does not matter which node put the samples. It reads no
further than its client does: what waits is in the store, not in memory.

What is sent value by value is bounded twice, by tag and by put, and so is what is read for it; of more than
that a stream says where to read it.
"""

import math
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import anyio
import numpy as np
import orjson
import pyarrow as pa
import structlog
from anyio import to_thread
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Message, Send

from hub.api.room import Room
from hub.api.standing import NO_LONGER, Standing
from hub.insight.courses import split, to_time
from hub.store.arrivals import Spans, arrival_bounds, read_arrivals
from hub.store.database import Connection, Database
from hub.store.lake.runs import Longs, Mask, longs
from hub.store.samples import count_at_most, read_samples

log = structlog.get_logger("hub.api.live")
_ARRIVALS = 50
_ROWS = 1_000
"""Samples of one tag that are sent value by value, and those of one event."""
_MOST = 5_000
"""The same of one put; what is read at once ends with the put that comes to so many."""
_EXAMINED = 50_000
"""Samples that are read at once: where a put corrects a few, others may lie between them."""
_NONE: Spans = np.zeros((0, 4), np.int64)
_POSITION_S = 15.0
DROPPED = (
    "This client reads more slowly than samples come; connect again with Last-Event-ID, "
    "or ask for fewer tags."
)
MISSED = "Older news are gone; read what lies before with /v1/samples."
STALLED = "This client took nothing for too long; connect again with Last-Event-ID."
CLOSING = "The stream ends here; connect again with Last-Event-ID."


class LiveResponse(EventSourceResponse):
    """A stream of events that lets a client go which does not take one within `slow_s`.

    Its place is free then. If it takes something again before as long has passed once more, the last that it
    is told is `farewell`; to one that never does nothing can be told, and its connection ends.
    """

    def __init__(
        self, content: AsyncIterator[bytes], *, slow_s: float, ended: Callable[[], None], farewell: bytes
    ) -> None:
        super().__init__(content, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._slow_s = slow_s
        self._ended = ended
        self._farewell = farewell

    async def stream_response(self, send: Send) -> None:
        """Send the events."""
        has_begun = False

        async def send_soon(message: Message) -> None:
            nonlocal has_begun
            with anyio.fail_after(self._slow_s):
                await send(message)
            has_begun = True

        try:
            await super().stream_response(send_soon)
            return
        except TimeoutError:
            log.warning("a client that does not read was let go", after_s=self._slow_s)
        finally:
            self._ended()
        if has_begun:
            with anyio.move_on_after(self._slow_s):
                await send({"type": "http.response.body", "body": self._farewell, "more_body": False})


@dataclass(frozen=True)
class News:
    """Events of some puts: how many puts, the number that was reached, and the newest there is.

    `gone` is the number up to which news have been let go that should have been told.
    """

    events: list[bytes]
    arrivals: int
    reached: int
    newest: int
    gone: int | None

    @property
    def is_all(self) -> bool:
        """Whether this is the end of what is known."""
        return self.reached == self.newest


async def follow(
    room: Room, tags: Mapping[int, str], after: int | None, *, once: bool, standing: Standing
) -> AsyncIterator[bytes]:
    """Give events: `ready`, then `samples` (or `span` where there are many), `position` in between.

    `after` is the number of the last event that was seen (None: only what comes from now on). `missed` says
    that news are gone which it would have to go on with; `dropped` and `closing` say why a stream ends.
    """
    limits = room.settings
    newest = await to_thread.run_sync(_find_newest, room.database)
    reached = newest if after is None else min(after, newest)
    yield write_event("ready", {"tags": sorted(tags.values())}, reached)
    ends, spoken = time.monotonic() + limits.stream_s, time.monotonic()
    lag: int | None = None  # how many puts were told since the end was last seen, once it was
    while True:
        news = await to_thread.run_sync(_read_news, room.database, tags, reached)
        if news.gone is not None:
            yield write_event("missed", {"detail": MISSED}, news.gone)
        for event in news.events:
            if await standing.has_ended():  # to a slow client a page alone may take long
                break
            yield event
        if await standing.has_ended():
            yield write_event("closing", {"detail": NO_LONGER}, None)
            return
        reached, now = news.reached, time.monotonic()
        lag = 0 if news.is_all else None if lag is None else lag + news.arrivals
        if lag is not None and lag > limits.stream_lag:
            yield write_event("dropped", {"detail": DROPPED}, reached)
            return
        if room.live.is_stopping or now > ends or (once and news.is_all):
            yield write_event("closing", {"detail": CLOSING}, reached)
            return
        if news.events:
            spoken = now
        elif now - spoken > _POSITION_S:
            spoken = now
            yield write_event("position", {}, reached)
        if news.is_all:
            await anyio.sleep(limits.stream_poll_s)


def _find_newest(database: Database) -> int:
    with database.read() as connection:
        return arrival_bounds(connection)[1]


def _read_news(database: Database, tags: Mapping[int, str], after: int) -> News:
    """Give what came after a number: of some puts, and fewer where they bring much."""
    wanted, events, told, passed = np.fromiter(tags, np.int64), list[bytes](), 0, 0
    with database.read() as connection:
        oldest, newest = arrival_bounds(connection)
        gone = oldest - 1 if after < oldest - 1 else None
        reached = after if gone is None else gone
        page = list(_gather(connection, wanted, reached))
        found = _read_few(connection, [spans[_choose_few(spans[:, 3])] for _, spans in page])
    for (number, spans), few in zip(page, found, strict=True):
        some, rows = _tell(spans, few, tags, number=number)
        events += some
        told, passed, reached = told + rows, passed + 1, number
        if told >= _MOST:
            break
    return News(events, passed, reached, max(newest, reached), gone)


def _gather(connection: Connection, wanted: Longs, after: int) -> Iterator[tuple[int, Spans]]:
    """Give the number of each put and what it brought of these tags, until that is much."""
    many = 0
    for arrival in read_arrivals(connection, after, limit=_ARRIVALS):
        spans = arrival.spans[np.isin(arrival.spans[:, 0], wanted)]
        yield arrival.id, spans
        few = _choose_few(spans[:, 3])
        many += int(spans[few, 3].sum()) + int((~few).sum())
        if many >= _MOST:
            break


def _tell(
    spans: Spans, few: Mapping[int, pa.Table], tags: Mapping[int, str], *, number: int
) -> tuple[list[bytes], int]:
    """Give the events of a put, the last with its number, and how many samples and spans they tell."""
    sizes = np.array([few[tag].num_rows if tag in few else 0 for tag in spans[:, 0].tolist()], np.int64)
    is_sent = _choose_few(sizes) & (sizes > 0)
    told: list[tuple[str, dict[str, Any]]] = [
        ("span", _describe_span(tags[tag], to_time(first), to_time(last), count))
        for tag, first, last, count in spans[~is_sent].tolist()
    ]
    items = [item for tag in spans[is_sent, 0].tolist() for item in _list_items(few[tag], tags[tag])]
    rows = len(told) + len(items)
    told += [("samples", {"items": items[at : at + _ROWS]}) for at in range(0, len(items), _ROWS)]
    events = [write_event(kind, data, None) for kind, data in told[:-1]]
    events += [write_event(kind, data, number) for kind, data in told[-1:]]
    return events, rows


def _choose_few(sizes: Longs) -> Mask:
    """Tell which tags have few enough samples to send, the smallest first until they are many together."""
    order = np.argsort(sizes, kind="stable")
    chosen = np.zeros(len(sizes), np.bool_)
    chosen[order] = (sizes[order] <= _ROWS) & (np.cumsum(sizes[order]) <= _MOST)
    return chosen


def _read_few(connection: Connection, puts: Sequence[Spans]) -> list[dict[int, pa.Table]]:
    """Give for each put the samples of its tags, each over its own time, by tag.

    All are read at once, over the time of all. Where too many others lie in that, each put is read by itself,
    and of it the tags of the longest times are left out as far as there are still too many.
    """
    together = np.concatenate([_NONE, *puts])
    if _count(connection, together) <= _EXAMINED:
        found = _read(connection, together)
        return [_cut_all(found, spans) for spans in puts]
    return [_read_narrow(connection, spans) for spans in puts]


def _read_narrow(connection: Connection, spans: Spans) -> dict[int, pa.Table]:
    narrow = spans[np.argsort(spans[:, 2] - spans[:, 1], kind="stable")]
    numbers = range(1, len(narrow) + 1)
    number = bisect_right(numbers, _EXAMINED, key=lambda number: _count(connection, narrow[:number]))
    return _cut_all(_read(connection, narrow[:number]), narrow[:number])


def _count(connection: Connection, spans: Spans) -> int:
    """Give an upper bound of the samples that `_read` gives."""
    if not len(spans):
        return 0
    start, end = _bound(spans)
    return count_at_most(connection, spans[:, 0].tolist(), start=start, end=end)


def _read(connection: Connection, spans: Spans) -> dict[int, pa.Table]:
    """Give the samples of these tags over the time of all, by tag."""
    return split(read_samples(connection, spans[:, 0].tolist(), *_bound(spans))) if len(spans) else {}


def _bound(spans: Spans) -> tuple[datetime, datetime]:
    """Give the time in which all of these lie (end exclusive)."""
    return to_time(int(spans[:, 1].min())), to_time(int(spans[:, 2].max()) + 1)


def _cut_all(found: Mapping[int, pa.Table], spans: Spans) -> dict[int, pa.Table]:
    """Give the samples of each tag that lie in its own time."""
    return {tag: _cut(found[tag], first, last) for tag, first, last, _ in spans.tolist() if tag in found}


def _cut(table: pa.Table, first: int, last: int) -> pa.Table:
    one, other = np.searchsorted(longs(table, "ts"), [first, last + 1]).tolist()
    return table.slice(one, other - one)


def _list_items(table: pa.Table, code: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.drop_columns(["tag_id"]).to_pylist()
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
