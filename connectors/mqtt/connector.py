"""The connector class: declared topics as tags with live samples, and as streams of records."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import ClassVar

import pyarrow as pa

from connectors.mqtt.records import MessageStream
from connectors.mqtt.settings import MqttConfig
from connectors.mqtt.signals import Known, Rows, SignalReader
from hub.model import Record, Tag
from hub.sdk import (
    BadRecord,
    Config,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Receipt,
    RecordSource,
    Rejected,
    SampleSource,
    Stream,
    Unavailable,
    Whole,
    Window,
)
from hub.sdk.clock import utc_now
from hub.sdk.mqtt import MqttSession

_PROMISE = timedelta(seconds=1)
"""Between two promises at least."""
_KNOWN: dict[tuple[str, str], dict[str, Known]] = {}
"""The tags heard since this process began, by broker and session: a topic may be silent for long."""
Told = pa.RecordBatch | Whole | Rejected | Receipt


class Mqtt(RecordSource[MqttConfig], SampleSource[MqttConfig]):
    """Plain JSON topics at a broker, which keeps no past: samples come by subscription alone."""

    name: ClassVar[str] = "mqtt"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = MqttConfig

    def __init__(self, config: MqttConfig) -> None:
        super().__init__(config)
        self._streams = {name: MessageStream(name, one, config) for name, one in config.streams.items()}

    async def check(self) -> Health:
        """Log in, subscribe, and listen for a while."""
        found = await self._discover()
        detail = f"{len(found)} tags heard" if self.config.signals else "log-in and subscription work"
        return Health(system=f"MQTT broker {self.config.broker.address}", detail=detail)

    # ------------------------------------------------------------------ samples

    async def tags(self) -> AsyncIterator[Tag]:
        for known in (await self._discover()).values():
            yield known.to_tag(self.config.units)

    async def samples(
        self,
        tags: Sequence[str],  # noqa: ARG002 - there is no past to ask for
        window: Window,  # noqa: ARG002 - as above
    ) -> AsyncIterator[pa.RecordBatch | Rejected]:
        """Give nothing: a broker keeps no history."""
        return
        yield

    def can_subscribe(self) -> bool:
        return bool(self.config.signals)

    def keeps_history(self, tag: str) -> bool:  # noqa: ARG002 - of none
        return False

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[Told]:
        """Give what is published. Messages are acknowledged once they are stored.

        A tag that was not known when tags were listed ends the subscription, before its message is
        acknowledged: the hub lists the tags again and subscribes anew.
        """
        reader = SignalReader(self.config)
        async with (
            MqttSession(self.config.broker, reader.topics()) as session,
            aclosing(self._follow(session, reader, frozenset(tags))) as told,
        ):
            async for item in told:
                yield item

    async def _follow(
        self, session: MqttSession, reader: SignalReader, asked: frozenset[str]
    ) -> AsyncGenerator[Told]:
        known = self._known()
        reader.known.update(known)
        whole_from = promised_at = utc_now()
        async for some in session.messages(patience_s=0.5):
            now, rows = utc_now(), Rows()
            for rejected in reader.take(some, now, rows):
                yield rejected
            batch = rows.to_batch(asked)
            if batch is not None:
                yield batch
            fresh = reader.known.keys() - known.keys()
            if fresh:
                known.update(reader.known)
                raise Unavailable(
                    f"{len(fresh)} new tag(s), e.g. {min(fresh)}; they are followed once they are listed",
                    retry_after=0,
                )
            lost = session.take_lost()
            if lost:
                whole_from = now
                reason = f"{lost} message(s) came faster than they were taken"
                yield Rejected(reason=reason, where=self.config.broker.address, remedy="publish with QoS 1")
            owed = [message for message in some if message.qos]
            if owed:
                yield Receipt(stored=partial(session.acknowledge, owed))
            end = now - timedelta(seconds=2 * self.config.broker.keepalive_s)
            if self.config.promise and now - promised_at >= _PROMISE and end > whole_from:
                yield Whole(tags=tuple(sorted(asked & known.keys())), window=Window(whole_from, end))
                whole_from, promised_at = end, now

    async def _discover(self) -> dict[str, Known]:
        """Listen for a while, beside whoever follows."""
        known, reader = self._known(), SignalReader(self.config)
        broker = self.config.broker
        topics = reader.topics()
        end = utc_now() + timedelta(seconds=self.config.discover_s)
        async with (
            MqttSession(broker, topics, client_id=f"{broker.client_id}-list", is_lasting=False) as session,
            aclosing(session.messages(patience_s=min(0.25, self.config.discover_s))) as given,
        ):
            async for some in given:
                now = utc_now()
                for _ in reader.take(some, now, Rows()):
                    pass
                session.acknowledge(some)
                if now >= end or not topics:
                    break
        known.update(reader.known)
        return known

    def _known(self) -> dict[str, Known]:
        broker = self.config.broker
        shapes = " ".join(f"{one.topic} {one.tag}" for one in self.config.signals)
        return _KNOWN.setdefault((broker.address, f"{broker.client_id} {shapes}"), {})

    # ------------------------------------------------------------------ records

    def streams(self) -> Sequence[Stream]:
        return [Stream(name=name, every_s=one.every_s) for name, one in self.config.streams.items()]

    def read(self, stream: str, cursor: Cursor | None) -> AsyncIterator[Page]:  # noqa: ARG002 - the broker keeps the place
        found = self._streams.get(stream)
        if found is None:
            names = ", ".join(self._streams) or "none"
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"streams: {names}")
        return found.pages()

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        found = self._streams.get(document.object_type)
        if found is None:
            raise BadRecord(
                f"no stream {document.object_type!r} is configured any more",
                where=document.key,
                remedy="put the stream back, or drop its documents",
            )
        return found.parse(document)
