"""Messages of records: a message with its topic is a document; a written mapping says what it states."""

import json
from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta
from typing import Any, cast

import orjson

from connectors.mqtt.settings import Messages, MqttConfig
from connectors.mqtt.topics import TopicPattern
from hub.model import Record
from hub.sdk import BadRecord, Document, Page, Rejected
from hub.sdk.clock import utc_now
from hub.sdk.mapping import Reader, RecordMapping, Scope, parse_expression
from hub.sdk.mqtt import Message, MqttSession


class MessageStream:
    """One stream. Its place is the broker's: what was read and not committed is told again."""

    def __init__(self, name: str, settings: Messages, config: MqttConfig) -> None:
        self.name = name
        self.settings = settings
        self._broker = config.broker
        self._pattern = TopicPattern.parse(settings.topic)
        self._reader = Reader(settings.reading, config.units, config.zone, config.ambiguous)
        self._mapping = RecordMapping(settings.records, self._reader)
        finder = self._reader.finder
        self._key = finder(parse_expression(settings.key))
        self._changed = finder(parse_expression(settings.changed_at)) if settings.changed_at else None
        self._seq = finder(parse_expression(settings.seq)) if settings.seq else None
        self._deleted = parse_expression(settings.deleted) if settings.deleted else None

    async def pages(self) -> AsyncGenerator[Page]:
        """Give what waits at the broker; a page is committed, and acknowledged, when the next is wanted.

        A topic on which something is always said would be listened to for ever, and nothing else would be
        read. So a look ends in time; what comes meanwhile the broker keeps for our session. What it retains
        is told anew to each look, and is given whole: a look that ended before would never come behind it.
        """
        client_id = f"{self._broker.client_id}-{self.name}"
        end = utc_now() + timedelta(seconds=self.settings.look_s)
        async with MqttSession(self._broker, [self._pattern.filter], client_id=client_id) as session:
            async for some in session.messages(patience_s=self.settings.idle_s):
                if not some:
                    return
                for start in range(0, len(some), self.settings.page_messages):
                    part = some[start : start + self.settings.page_messages]
                    read = [one for message in part if (one := self._read(message)) is not None]
                    yield Page(
                        documents=[one for one in read if isinstance(one, Document)],
                        rejected=[one for one in read if isinstance(one, Rejected)],
                        cursor={},  # the broker keeps our place
                    )
                    session.acknowledge(part)
                    if utc_now() >= end and not part[-1].is_retained:
                        return

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        """Say what a message states."""
        told = _decode(document.payload, document.key)
        topic = told.get("topic")
        words = self._pattern.read(topic) if isinstance(topic, str) else None
        if words is None or "message" not in told:
            raise BadRecord("this is no message of the topic that is configured", where=document.key)
        return list(self._mapping.apply(told["message"], {**words, "key": document.key}))

    def _read(self, message: Message) -> Document | Rejected | None:
        words = self._pattern.read(message.topic)
        if words is None:
            return None
        text = message.payload.decode(errors="replace")
        if not text.strip():
            return None  # how a retained message is taken back
        try:
            payload = f'{{"topic":{orjson.dumps(message.topic).decode()},"message":{text}}}'
            scope = Scope(_decode(payload, message.topic)["message"], None, words)
            key = self._key(scope)
            if key is None:
                msg = f"the message has no {self.settings.key!r}"
                raise ValueError(msg)
            changed = self._changed(scope) if self._changed else None
            seq = self._seq(scope) if self._seq else None
            gone = self._deleted.find(scope) if self._deleted else None
            return Document(
                object_type=self.name,
                key=self._reader.text(key),
                payload=payload,
                changed_at=None if changed is None else self._reader.clock(changed),
                seq=None if seq is None else int(self._reader.number(seq)),
                deleted=gone not in (None, False, "") and (gone is True or self._reader.flag(gone)),
            )
        except (ValueError, BadRecord) as error:
            return Rejected(
                where=message.topic,
                reason=str(error),
                remedy="correct what is published there, or the stream's settings",
                payload=text[:20_000],
            )


def _decode(text: str, where: str) -> dict[str, Any]:
    """Decode JSON; numbers stay as they were written."""

    def refuse(constant: str) -> Any:
        msg = f"{constant} is no JSON number"
        raise ValueError(msg)

    try:
        told = json.loads(text, parse_float=str, parse_int=str, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"the message is no JSON: {error}", where=where) from error
    if not isinstance(told, dict):
        raise BadRecord("the message is no JSON object", where=where)
    return cast("dict[str, Any]", told)
