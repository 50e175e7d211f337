"""Edge nodes as their messages tell: born, counting, dead; metrics by name and alias; what may be missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.sparkplug.wire import (
    BOOLEAN,
    FLOATS,
    INTEGERS,
    TEXTS,
    BrokenPayloadError,
    Metric,
    Payload,
    read_payload,
    settle_value,
)
from hub.model import Tag, UnknownUnitError, find_unit
from hub.model.quality import BAD, BAD_NO_DATA, GOOD, UNCERTAIN
from hub.sdk import Rejected
from hub.sdk.columns import make_batch, split_values
from hub.sdk.mqtt import Message

NO_COMMUNICATION = 0x80310000
_MOST_HELD = 10_000
"""So many messages of a place wait for its birth."""
_SAMPLED = FLOATS | INTEGERS | TEXTS | {BOOLEAN}
"""Data types that give samples."""
_CONTROL = ("Node Control/", "Device Control/")
_UNIT_WORDS = ("engUnit", "EngUnit", "Engineering Units", "units")
_LOW_WORDS, _HIGH_WORDS = ("engLow", "EngLow"), ("engHigh", "EngHigh")


@dataclass(slots=True)
class Known:
    """A metric of a birth."""

    tag: str
    name: str
    datatype: int
    properties: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_tag(self, units: dict[str, str]) -> Tag:
        """Make the record of a tag; what is measured is the metric's name, equipment the device or node."""
        place, _, _ = self.tag.partition(":")
        spelled = next((str(self.properties[w]) for w in _UNIT_WORDS if self.properties.get(w)), None)
        low, high = (
            next((self.properties[w] for w in words if isinstance(self.properties.get(w), int | float)), None)
            for words in (_LOW_WORDS, _HIGH_WORDS)
        )
        has_range = low is not None and high is not None and low < high
        return Tag.model_validate(
            {
                "id": self.tag,
                "equipment": {"value": place, "match": place.rpartition("/")[2]},
                "property": self.name,
                "unit": _code(spelled, units),
                "source_unit": spelled,
                "value_type": _value_type(self.datatype),
                "is_step": self.datatype not in FLOATS,
                "low": low if has_range else None,
                "high": high if has_range else None,
            }
        )


@dataclass(slots=True)
class Node:
    """An edge node with its devices. Its metrics are by place (`group/node` or `group/node/device`)."""

    number: int | None = None
    """The number of its last message; None before its birth, and after some did not come."""
    birth: int | None = None
    """The number of its birth (bdSeq): a death of an earlier one is old news."""
    metrics: dict[str, dict[str | int, Known]] = field(default_factory=dict[str, "dict[str | int, Known]"])
    whole_from: int | None = None
    """From when on all is told (UTC microseconds); None while something may be missing."""
    asked_at: int | None = None
    """When it was asked for its birth."""

    def known(self) -> dict[str, Known]:
        """Give its metrics by tag."""
        return {k.tag: k for place in self.metrics.values() for k in place.values()}


@dataclass(slots=True)
class _Rows:
    tags: list[str] = field(default_factory=list[str])
    ts: list[int] = field(default_factory=list[int])
    values: list[Any] = field(default_factory=list[Any])
    quality: list[int] = field(default_factory=list[int])

    def add(self, tag: str, ts: int, value: Any, *, quality: int) -> None:
        self.tags.append(tag)
        self.ts.append(ts)
        self.values.append(value)
        self.quality.append(quality)


class EdgeNodes:
    """All nodes that were heard of. `take` reads messages; `unborn` are to be asked for their birth."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.unborn: set[str] = set()
        self.settled: list[Message] = []
        """Messages that are done with since this was last emptied: they may be acknowledged once stored."""
        self._held: dict[str, list[Message]] = {}
        """Data that came before the birth that explains it, by place."""

    def known(self) -> dict[str, Known]:
        """Give all metrics of all births, by tag."""
        return {tag: known for node in self.nodes.values() for tag, known in node.known().items()}

    def take(self, messages: Sequence[Message], now: int) -> Iterator[pa.RecordBatch | Rejected]:
        """Give the samples of messages that came by `now` (UTC microseconds), and what may be missing."""
        rows = _Rows()
        for message in messages:
            yield from self._read(message, now, rows=rows)
        if rows.tags:
            numbers, texts = split_values(rows.values)
            yield make_batch(rows.tags, rows.ts, value=numbers, text=texts, quality=rows.quality)

    def lose(self, name: str, reason: str) -> Iterator[Rejected]:
        """Note that messages of a node may be missing until its next birth."""
        node = self.nodes.setdefault(name, Node())
        node.number = node.whole_from = None
        self.unborn.add(name)
        for tag in node.known():
            yield Rejected(
                key=tag,
                where=name,
                reason=reason,
                remedy="nothing to do if it is asked for its birth; look after the line if it comes often",
            )

    def mark_asked(self, name: str, now: int) -> None:
        """Note that a node was asked for its birth."""
        self.nodes.setdefault(name, Node()).asked_at = now

    def _read(self, message: Message, now: int, *, rows: _Rows) -> Iterator[Rejected]:
        """Read a message; data of a place whose birth was not heard yet waits for it, unacknowledged."""
        self.settled.append(message)
        _, group, kind, *place = message.topic.split("/")
        name = f"{group}/{place[0]}"
        try:
            payload = read_payload(message.payload)
        except BrokenPayloadError as error:
            yield Rejected(where=message.topic, reason=str(error), remedy="look at what the node sends")
            yield from self.lose(name, f"a message of {name} could not be read: {error}")
            return
        where = "/".join([group, *place])
        node = self.nodes.setdefault(name, Node())
        if kind == "NDEATH":
            if node.birth is None or node.birth == _birth(payload):
                for known in node.known().values():
                    rows.add(known.tag, now, None, quality=NO_COMMUNICATION)
                yield from self.lose(name, f"the edge node {name} is gone")
                self.unborn.discard(name)
            return
        if kind == "NBIRTH":
            node.number, node.birth, node.metrics = payload.seq or 0, _birth(payload), {}
            node.whole_from, node.asked_at = now, None
            self.unborn.discard(name)
        else:
            yield from self._count(name, node, payload=payload)
            if node.number is None:
                self.unborn.add(name)
        if kind in {"NBIRTH", "DBIRTH"}:
            node.metrics[where] = _learn(where, payload)
            for held in self._held.pop(where, []):
                told = read_payload(held.payload)
                yield from self._take_metrics(name, where, payload=told, now=now, rows=rows)
                self.settled.append(held)
        elif where not in node.metrics and kind in {"NDATA", "DDATA"}:
            self.unborn.add(name)
            waiting = self._held.setdefault(where, [])
            waiting.append(self.settled.pop())
            if len(waiting) > _MOST_HELD:
                self.settled.append(waiting.pop(0))
                yield from self.lose(
                    name, f"more than {_MOST_HELD} messages of {where} came before its birth"
                )
            return
        if kind == "DDEATH":
            at = _micros(payload.timestamp, now)
            for known in {k.tag: k for k in node.metrics.get(where, {}).values()}.values():
                rows.add(known.tag, at, None, quality=NO_COMMUNICATION)
            return
        yield from self._take_metrics(name, where, payload=payload, now=now, rows=rows)

    def _count(self, name: str, node: Node, *, payload: Payload) -> Iterator[Rejected]:
        """Notice messages that did not come (they are numbered from 0 to 255)."""
        if node.number is None:
            return
        expected = (node.number + 1) % 256
        if payload.seq == expected:
            node.number = expected
        else:
            yield from self.lose(name, f"message {expected} of {name} did not come, but {payload.seq}")

    def _take_metrics(
        self, name: str, where: str, *, payload: Payload, now: int, rows: _Rows
    ) -> Iterator[Rejected]:
        learned = self.nodes[name].metrics.get(where, {})
        unknown = 0
        for metric in payload.metrics:
            known = None
            if metric.name:
                if metric.name == "bdSeq" or metric.name.startswith(_CONTROL):
                    continue
                known = learned.get(metric.name)
            if known is None and metric.alias is not None:
                known = learned.get(metric.alias)
            if known is None:
                unknown += 1
                continue
            datatype = metric.datatype or known.datatype
            if datatype not in _SAMPLED:
                continue
            value = settle_value(metric, datatype)
            at = _micros(metric.timestamp or payload.timestamp, now)
            rows.add(known.tag, at, value, quality=_quality(metric, value))
        if unknown and self.nodes[name].number is not None:
            yield from self.lose(name, f"{unknown} metric(s) of {where} were in no birth")
        elif unknown:
            self.unborn.add(name)


def _learn(where: str, payload: Payload) -> dict[str | int, Known]:
    """Give a birth's metrics by name and by alias; what gives no samples is left out."""
    found: dict[str | int, Known] = {}
    for metric in payload.metrics:
        if not metric.name or metric.name == "bdSeq" or metric.name.startswith(_CONTROL):
            continue
        known = Known(f"{where}:{metric.name}", metric.name, metric.datatype, metric.properties or {})
        found[metric.name] = known
        if metric.alias is not None:
            found[metric.alias] = known
    return found


def _birth(payload: Payload) -> int | None:
    return next((m.value for m in payload.metrics if m.name == "bdSeq"), None)


def _quality(metric: Metric, value: Any) -> int:
    """Give the status: the property `Quality` (OPC's 192, 64, 0; 500 is stale), else by having a value."""
    stated = metric.properties.get("Quality") if metric.properties else None
    if isinstance(stated, int) and not isinstance(stated, bool):
        if stated == 192:
            return GOOD
        return UNCERTAIN if stated == 500 or 64 <= stated < 128 else BAD
    return BAD_NO_DATA if value is None else GOOD


def _micros(milliseconds: int | None, now: int) -> int:
    return now if milliseconds is None else milliseconds * 1000


def _value_type(datatype: int) -> str | None:
    if datatype in FLOATS:
        return "float"
    if datatype in INTEGERS:
        return "integer"
    return "boolean" if datatype == BOOLEAN else "string" if datatype in TEXTS else None


def _code(spelled: str | None, units: dict[str, str]) -> str | None:
    if spelled is None:
        return None
    try:
        return find_unit(units.get(spelled, spelled)).code
    except UnknownUnitError:
        return None
