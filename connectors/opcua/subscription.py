"""A subscription of a session: variables are monitored, and the server's messages say how they change."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.opcua.browsing import Signal
from connectors.opcua.decoding import TO_UNIX, Columns, decode_changes
from connectors.opcua.session import UaSession, decode_other
from connectors.opcua.settings import OpcUaConfig
from hub.sdk import Misconfigured, Unavailable
from hub.sdk.opcua.faults import judge_status, status_name
from hub.sdk.opcua.stack import binary, ua

_DATA_CHANGE, _STATUS_CHANGE = 811, 820
"""Encodings of DataChangeNotification and StatusChangeNotification (OPC UA Part 4, 7.25)."""
_NO_FILTER = frozenset(
    {"BadMonitoredItemFilterUnsupported", "BadMonitoredItemFilterInvalid", "BadFilterNotAllowed"}
)
_NO_SERVICE = frozenset({"BadServiceUnsupported", "BadNotSupported", "BadNotImplemented"})
_LIFETIME = 10
"""After so many keep-alives that nobody fetched, the server may drop the subscription."""


@dataclass(frozen=True, slots=True)
class Item:
    """A variable that the server monitors for us."""

    name: str
    signal: Signal
    reports_changes: bool
    """Whether the server said that it reports every change, and would say when its queue overflows."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the server said: its number, when it said so (UTC microseconds), and values by item handle.

    A keep-alive says nothing, and has the number that the next message will have.
    """

    number: int
    published: int
    is_keep_alive: bool = False
    has_more: bool = False
    changes: tuple[Columns, ...] = ()


class Subscription:
    """Monitored items and their messages. `refused` says which tags the server will not monitor, and why."""

    def __init__(self, session: UaSession, config: OpcUaConfig) -> None:
        assert config.live is not None  # noqa: S101 - without it nothing is subscribed
        self._session = session
        self._settings = config.live
        self._timeout_s = config.timeout_s
        self._id = 0
        self._silence_s = 0.0
        self._dates_messages = True
        self._received: list[int] = []
        self._asked: asyncio.Task[Any] | None = None
        self.items: dict[int, Item] = {}
        """By client handle."""
        self.refused: dict[str, str] = {}
        self.since = datetime.min.replace(tzinfo=UTC)
        """When the server had made the last item, by its own clock: changes from then on are told."""

    async def open(self, signals: Mapping[str, Signal]) -> None:
        """Create the subscription with an item for each variable. Raises what the server makes of it."""
        await self._create()
        waiting = list(enumerate(signals.items()))
        for start in range(0, len(waiting), self._session.limits.monitored):
            part = waiting[start : start + self._session.limits.monitored]
            unfiltered = await self._monitor(part, is_filtered=self._settings.repeats)
            if unfiltered:
                await self._monitor(unfiltered, is_filtered=False)
        if signals and not self.items:
            name, status = next(iter(self.refused.items()))
            raise judge_status(status, f"{self._session.endpoint}, {name} and all others")

    async def receive(self) -> Message:
        """Wait for the next message. Raises `Unavailable` when not even a keep-alive comes."""
        asked = self._asked or self._ask()
        try:
            data = await asyncio.wait_for(asyncio.shield(asked), self._silence_s)
        except TimeoutError as error:
            raise Unavailable(
                f"{self._session.endpoint} said nothing for {self._silence_s:.0f} s, not even a keep-alive",
                remedy="check server and network",
            ) from error
        message, status = self._read_message(data)
        if status:
            raise Unavailable(f"{self._session.endpoint} ended the subscription: {status}")
        if not message.is_keep_alive:
            self._received.append(message.number)
        self._ask()  # at once, so that the server can go on while this message is worked on
        return message

    async def close(self) -> None:
        """Take the subscription back; a server that is gone already is no fault."""
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.gather(self._asked, return_exceptions=True)
        if self._id:
            request = ua.DeleteSubscriptionsRequest()
            request.Parameters.SubscriptionIds = [self._id]
            with suppress(OSError, ua.UaError):
                await self._session.send(request, timeout_s=5)

    def _ask(self) -> asyncio.Task[Any]:
        """Ask for a message, and tell which ones have come: the server need not keep those."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=self._id, SequenceNumber=number)
            for number in self._received
        ]
        self._received = []
        self._asked = asyncio.create_task(self._session.send(request, timeout_s=0))
        return self._asked

    def _read_message(self, data: Any) -> tuple[Message, str]:
        """Read a PublishResponse: its frame by asyncua, the values into columns; and what ended it, if so."""
        unpack = binary.Primitives
        binary.nodeid_from_binary(data)
        header = binary.struct_from_binary(ua.ResponseHeader, data)
        header.ServiceResult.check()
        unpack.UInt32.unpack(data)  # the subscription: there is one a session
        for _ in range(max(0, unpack.Int32.unpack(data))):
            unpack.UInt32.unpack(data)  # messages that the server could repeat
        has_more = bool(unpack.Boolean.unpack(data))
        number = unpack.UInt32.unpack(data)
        published = unpack.Int64.unpack(data) // 10 - TO_UNIX
        # Some servers leave the message undated; the answer that brought it is dated by the same clock.
        self._dates_messages = self._dates_messages and published > 0
        if not self._dates_messages:
            published = to_ticks(_aware(header.Timestamp))
        count = max(0, unpack.Int32.unpack(data))
        changes, ended = _read_notifications(data, count)
        message = Message(
            number, published, is_keep_alive=not count, has_more=has_more, changes=tuple(changes)
        )
        return message, ended

    async def _create(self) -> None:
        settings, request = self._settings, ua.CreateSubscriptionRequest()
        keep_alive = max(1, math.ceil(settings.keep_alive_s * 1000 / settings.publishing_ms))
        request.Parameters.RequestedPublishingInterval = settings.publishing_ms
        request.Parameters.RequestedMaxKeepAliveCount = keep_alive
        request.Parameters.RequestedLifetimeCount = keep_alive * _LIFETIME
        request.Parameters.MaxNotificationsPerPublish = 0
        request.Parameters.PublishingEnabled = True
        try:
            data = await self._session.send(request)
        except ua.UaStatusCodeError as error:
            if status_name(error.code) not in _NO_SERVICE:
                raise
            raise Misconfigured(
                f"{self._session.endpoint} offers no subscriptions", remedy="drop `live` from its settings"
            ) from error
        made = _answer(data, ua.CreateSubscriptionResponse).Parameters
        self._id = made.SubscriptionId
        told_s = made.RevisedPublishingInterval / 1000 * max(1, made.RevisedMaxKeepAliveCount)
        self._silence_s = told_s + self._timeout_s

    async def _monitor(
        self, part: Sequence[tuple[int, tuple[str, Signal]]], *, is_filtered: bool
    ) -> list[tuple[int, tuple[str, Signal]]]:
        """Ask for items by handle; give those that the server would only monitor without the filter."""
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = self._id
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.ItemsToCreate = [
            self._item(handle, signal, is_filtered=is_filtered) for handle, (_, signal) in part
        ]
        answer = _answer(await self._session.send(request), ua.CreateMonitoredItemsResponse)
        self.since = max(self.since, _aware(answer.ResponseHeader.Timestamp))
        unfiltered: list[tuple[int, tuple[str, Signal]]] = []
        for one, made in zip(part, answer.Results, strict=True):
            handle, (name, signal) = one
            status = status_name(made.StatusCode)
            if not made.StatusCode.is_bad():
                loses_nothing = made.RevisedSamplingInterval <= 0 and made.RevisedQueueSize > 1
                self.items[handle] = Item(name, signal, is_filtered and loses_nothing)
            elif is_filtered and status in _NO_FILTER:
                unfiltered.append(one)
            else:
                self.refused[name] = status
        return unfiltered

    def _item(self, handle: int, signal: Signal, *, is_filtered: bool) -> Any:
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor = ua.ReadValueId(NodeId=signal.node, AttributeId=ua.AttributeIds.Value)
        item.MonitoringMode = ua.MonitoringMode.Reporting
        asked = item.RequestedParameters
        asked.ClientHandle = handle
        asked.SamplingInterval = self._settings.sampling_ms
        asked.QueueSize = self._settings.queue_size
        asked.DiscardOldest = True
        if is_filtered:  # history has a value that is written again with a new time, so we must hear of it
            trigger = ua.DataChangeTrigger.StatusValueTimestamp
            asked.Filter = ua.DataChangeFilter(Trigger=trigger, DeadbandType=0, DeadbandValue=0.0)
        return item


def _answer(data: Any, kind: Any) -> Any:
    made = binary.struct_from_binary(kind, data)
    made.ResponseHeader.ServiceResult.check()
    return made


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_notifications(data: Any, count: int) -> tuple[list[Columns], str]:
    """Read what a message holds: changes of values, and the status that ended the subscription, if any."""
    unpack = binary.Primitives
    changes: list[Columns] = []
    ended = ""
    for _ in range(count):
        kind = binary.nodeid_from_binary(data).Identifier
        has_body = unpack.Byte.unpack(data) & 1
        body = bytes(unpack.Bytes.unpack(data) or b"") if has_body else b""
        if kind == _DATA_CHANGE:
            changes.append(decode_changes(body, decode_other))
        elif kind == _STATUS_CHANGE:
            ended = status_name(int.from_bytes(body[:4], "little"))
    return changes, ended


def to_ticks(moment: datetime) -> int:
    """Give an instant as microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
