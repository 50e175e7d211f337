"""What a subscription's messages amount to: samples as they come, and promises over what surely is whole."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import structlog

from connectors.opcua.browsing import Signal
from connectors.opcua.decoding import Columns
from connectors.opcua.session import UaSession
from connectors.opcua.settings import OpcUaConfig
from connectors.opcua.subscription import Item, Message, Subscription, to_ticks
from hub.model import SAMPLE_SCHEMA
from hub.sdk import Rejected, Whole, Window

_log = structlog.get_logger("hub.sdk")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_YET = 0x80320000
"""BadWaitingForInitialData: the server has no value yet; no sample."""
_INFO_TYPE, _DATA_VALUE, _OVERFLOW, _INFO_BITS = 0x0C00, 0x0400, 0x0080, 0x03FF
"""Bits of a status that speak of a value's way here (OPC UA Part 4, 7.39.1)."""
_NUMBERS = 0xFFFFFFFF
Told = pa.RecordBatch | Whole | Rejected


async def follow(
    session: UaSession, signals: Mapping[str, Signal], config: OpcUaConfig
) -> AsyncGenerator[Told]:
    """Subscribe to these variables and give what the server says of them, until closed."""
    subscription = Subscription(session, config)
    try:
        await subscription.open(signals)
        for tag, status in subscription.refused.items():
            yield _refused(f"{session.endpoint}, {tag}", tag, status)
        follower = Follower(subscription.items, since=subscription.since, config=config)
        while True:
            for told in follower.take(await subscription.receive()):
                yield told
    finally:
        await subscription.close()


class Follower:
    """Turns a subscription's messages into samples and promises.

    A promise reaches to the time of the message before: what changed while the server wrote that one comes
    with this one. What a lost message or an overflowed queue may have held is never promised.
    """

    def __init__(self, items: Mapping[int, Item], *, since: datetime, config: OpcUaConfig) -> None:
        self._where = config.endpoint
        self._names = [""] * (max(items, default=-1) + 1)
        self._is_item = np.zeros(len(self._names), np.bool_)
        for handle, item in items.items():
            self._names[handle] = item.name
            self._is_item[handle] = True
        self._tags: Any = pa.array(self._names, pa.string())
        self._states = {handle: item.signal.states for handle, item in items.items() if item.signal.states}
        promise = config.live.promise if config.live else "never"
        self._promising = tuple(i.name for i in items.values() if _may_promise(i, promise))
        self._since = to_ticks(since)
        self._promised = self._told = 0
        """Up to when it is promised, and when the server last wrote that all was told; 0 before it did."""
        self._number = 0
        self._lost: set[str] = set()
        self._whole_from: dict[str, int] = {}
        """By tag ("" for all): from when on nothing of it is missing again."""

    def take(self, message: Message) -> Iterator[Told]:
        """Give what a message holds, and what can be promised now that it is here."""
        yield from self._count(message)
        for columns in message.changes:
            yield from self._samples(columns, message.published)
        if not message.has_more:
            yield from self._promise(message.published)

    def _count(self, message: Message) -> Iterator[Rejected]:
        """Notice messages that did not come."""
        expected = self._number % _NUMBERS + 1
        # A keep-alive has the number of the next message; some servers give it that of the last.
        follows = message.number == expected or (message.is_keep_alive and message.number == self._number)
        if not message.is_keep_alive:
            self._number = message.number
        elif not follows:
            self._number = message.number - 1
        if not follows:
            self._lost.add("")
            yield Rejected(
                where=self._where,
                reason=f"the server's message {expected} did not come, but {message.number}",
                remedy="nothing to do where history is kept: it is read; look after the network else",
            )

    def _samples(self, columns: Columns, published: int) -> Iterator[pa.RecordBatch | Rejected]:
        ts, number, status = columns.joined()
        handle = columns.handles()
        known = handle < len(self._names)
        known[known] = self._is_item[handle[known]]
        overflowed = (status & _INFO_TYPE == _DATA_VALUE) & (status & _OVERFLOW != 0)
        overflowing: set[int] = set(handle[known & overflowed].tolist())
        for one in overflowing:
            tag = self._names[one]
            self._lost.add(tag)
            yield Rejected(
                key=tag,
                where=f"{self._where}, {tag}",
                reason="the server's queue overflowed: values were dropped",
                remedy="raise `live.queue_size` or lower `live.publishing_ms`",
            )
        keep = known & (status != _NOT_YET)
        if keep.any():
            times = np.where(ts > 0, ts, published)  # a value may come without any time of its own
            texts = self._texts(columns, handle, number)
            parts = (times[keep], number[keep], texts[keep], _plain(status[keep]))
            yield _batch(self._tags.take(pa.array(handle[keep])), parts)

    def _texts(self, columns: Columns, handle: Any, number: Any) -> Any:
        """Give the text of each value: its own, or the word of its state."""
        texts = np.full(columns.rows, None, np.object_)
        for row, text in columns.texts.items():
            texts[row] = text
        for one, words in self._states.items():
            for row in np.flatnonzero((handle == one) & np.isfinite(number)).tolist():
                texts[row] = words.get(int(number[row]))
        return texts

    def _promise(self, published: int) -> Iterator[Whole]:
        """Promise what lies before the last message, but for what may have been lost of it."""
        if not self._told and published < self._since:
            return  # written before all items were there
        if published < self._told or not self._told:  # the clock was set back, or this is the beginning
            self._promised = self._told = published
        self._whole_from.update(dict.fromkeys(self._lost, published))
        self._lost.clear()
        start, end, self._told = self._promised, self._told, published
        if start >= end:
            return
        self._promised = end
        self._whole_from = {tag: since for tag, since in self._whole_from.items() if since > start}
        if "" in self._whole_from:
            return
        tags = self._promising
        if self._whole_from:
            tags = tuple(tag for tag in tags if tag not in self._whole_from)
        if tags:
            yield Whole(tags=tags, window=Window(_instant(start), _instant(end)))


def _may_promise(item: Item, promise: str) -> bool:
    """Tell whether a tag's promises can be kept; of one without history there is nothing else to go by."""
    if not item.signal.keeps_history:
        return True
    return promise == "always" or (promise == "auto" and item.reports_changes)


def _refused(where: str, tag: str, status: str) -> Rejected:
    _log.warning("tag cannot be followed", tag=tag, status=status)
    return Rejected(
        key=tag,
        where=where,
        reason=f"the server does not tell of its changes: {status}",
        remedy="check the node on the server, what the user may read, and how many nodes may be monitored",
    )


def _plain(status: Any) -> Any:
    """Give statuses as history has them: without what they say of the way here."""
    table: Any = np
    said = status & ~np.uint32(_OVERFLOW)
    bare = said & ~np.uint32(_INFO_TYPE | _INFO_BITS)
    return table.where(said & _INFO_BITS == 0, bare, said)


def _batch(tags: Any, parts: tuple[Any, Any, Any, Any]) -> pa.RecordBatch:
    arrow: Any = pa
    ts, number, texts, status = parts
    return arrow.RecordBatch.from_arrays(
        [
            tags,
            arrow.array(ts, arrow.int64()).view(arrow.timestamp("us", tz="UTC")),
            arrow.array(number, arrow.float64(), mask=~np.isfinite(number)),
            arrow.array(texts, arrow.string()),
            arrow.array(status, arrow.uint32()),
        ],
        schema=SAMPLE_SCHEMA,
    )


def _instant(ticks: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ticks)
