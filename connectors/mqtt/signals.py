"""Messages of signals: which samples a message holds, and what it tells of their tags."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from connectors.mqtt.settings import MqttConfig, Signals
from connectors.mqtt.topics import TopicPattern
from hub.model import Tag, UnknownUnitError, find_unit
from hub.model.quality import BAD, BAD_NO_DATA, GOOD
from hub.sdk import Rejected
from hub.sdk.columns import make_batch, split_values
from hub.sdk.mapping import Reader, Scope, parse_expression
from hub.sdk.mapping.path import each_item, parse_each
from hub.sdk.mqtt import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Known:
    """What messages have told of a tag."""

    tag: str
    equipment: str | None = None
    property: str | None = None
    unit: str | None = None
    is_number: bool = True

    def to_tag(self, units: Mapping[str, str]) -> Tag:
        """Make the record of a tag."""
        return Tag.model_validate(
            {
                "id": self.tag,
                "equipment": self.equipment,
                "property": self.property,
                "unit": _code(self.unit, units),
                "source_unit": self.unit,
                "value_type": "float" if self.is_number else "string",
                "is_step": None if self.is_number else True,
            }
        )


@dataclass(slots=True)
class Rows:
    """Samples as columns on their way."""

    tags: list[str] = field(default_factory=list[str])
    ts: list[int] = field(default_factory=list[int])
    values: list[Any] = field(default_factory=list[Any])
    quality: list[int] = field(default_factory=list[int])

    def to_batch(self, asked: frozenset[str]) -> pa.RecordBatch | None:
        """Give the samples of tags that were asked for."""
        kept = [n for n, tag in enumerate(self.tags) if tag in asked]
        if not kept:
            return None
        numbers, texts = split_values([self.values[n] for n in kept])
        return make_batch(
            [self.tags[n] for n in kept],
            [self.ts[n] for n in kept],
            value=numbers,
            text=texts,
            quality=[self.quality[n] for n in kept],
        )


class SignalReader:
    """Reads messages of all declared shapes; what it learns of tags is in `known`."""

    def __init__(self, config: MqttConfig) -> None:
        self._shapes = [_Shape(signals, config) for signals in config.signals]
        self.known: dict[str, Known] = {}

    def topics(self) -> list[str]:
        """Give what a broker is asked for."""
        return sorted({shape.pattern.filter for shape in self._shapes})

    def take(self, messages: Sequence[Message], now: datetime, rows: Rows) -> Iterator[Rejected]:
        """Put the samples of messages into the rows; give what could not be read."""
        for message in messages:
            for shape in self._shapes:
                words = shape.pattern.read(message.topic)
                if words is None:
                    continue
                if message.is_retained and shape.time is None:
                    continue  # nobody knows how old it is
                try:
                    item = orjson.loads(message.payload)
                except orjson.JSONDecodeError as error:
                    yield _reject(message, f"the message is no JSON: {error}")
                    continue
                for scope, value in shape.values(item, words):
                    try:
                        self._sample(shape, (scope, value), now, rows=rows)
                    except ValueError as error:
                        yield _reject(message, str(error))

    def _sample(self, shape: "_Shape", at: tuple[Scope, Any], now: datetime, *, rows: Rows) -> None:
        scope, value = at
        tag = shape.tag.find(scope)
        if tag is None:
            msg = f"{shape.settings.tag!r} gives no name of a tag"
            raise ValueError(msg)
        name, reader = str(tag), shape.reader
        if isinstance(value, dict | list):
            msg = f"the value of {name} is an object or a list; correct `value`, or use `each` or `columns`"
            raise ValueError(msg)  # noqa: TRY004 - a fault of the data, reported like the others
        stated = None if shape.time is None else reader.stated(shape.time.find(scope))
        if shape.time is not None and stated is None:
            msg = f"a value of {name} has no {shape.settings.time!r}"
            raise ValueError(msg)
        moment = now if stated is None else reader.instant(stated)
        rows.tags.append(name)
        rows.ts.append((moment - _EPOCH) // timedelta(microseconds=1))
        rows.values.append(value)
        rows.quality.append(shape.status(scope, value))
        if name not in self.known:
            self.known[name] = shape.learn(name, scope, value)


class _Shape:
    """A declared shape, ready for use."""

    def __init__(self, settings: Signals, config: MqttConfig) -> None:
        self.settings = settings
        self.pattern = TopicPattern.parse(settings.topic)
        self.reader = Reader(settings.reading, config.units, config.zone, config.ambiguous)
        self.tag = parse_expression(settings.tag)
        self.value = parse_expression(settings.value)
        self.time = parse_expression(settings.time) if settings.time else None
        self.columns = {n: parse_expression(path) for n, path in (settings.columns or {}).items()}
        self._quality = parse_expression(settings.quality) if settings.quality else None
        self._unit = parse_expression(settings.unit_path) if settings.unit_path else None
        self._equipment = parse_expression(settings.equipment) if settings.equipment else None
        self._property = parse_expression(settings.property) if settings.property else None
        self._each = parse_each(settings.each) if settings.each else ()

    def values(self, item: Any, words: Mapping[str, str]) -> Iterator[tuple[Scope, Any]]:
        """Give single values with the item that holds each; of a table of columns those that are there."""
        for scope in each_item(Scope(item, None, words), self._each):
            if not self.columns:
                yield scope, self.value.find(scope)
            for name, path in self.columns.items():
                value = path.find(scope)
                if value is not None:
                    yield Scope(scope.item, scope.parent, {**words, "column": name}), value

    def status(self, scope: Scope, value: Any) -> int:
        """Give the status of a value: its quality as a number or by the table, else by being there."""
        word = self._quality.find(scope) if self._quality else None
        if word is None:
            return BAD_NO_DATA if value is None else GOOD
        table = self.settings.qualities
        text = self.reader.text(word)
        if text in table:
            return table[text]
        if "*" in table:
            return table["*"]
        if isinstance(word, int) and not isinstance(word, bool):
            return word & 0xFFFF_FFFF
        if isinstance(word, bool):
            return GOOD if word else BAD
        msg = f"the quality {text!r} is not in `qualities`; add it, or * for all others"
        raise ValueError(msg)

    def learn(self, tag: str, scope: Scope, value: Any) -> Known:
        """Give what a message tells of a tag."""
        unit = self._unit.find(scope) if self._unit else self.settings.unit
        equipment, measured = (
            str(found) if one is not None and (found := one.find(scope)) is not None else None
            for one in (self._equipment, self._property)
        )
        is_number = value is None or isinstance(value, int | float)
        return Known(tag, equipment, measured, str(unit) if unit else None, is_number=is_number)


def _reject(message: Message, reason: str) -> Rejected:
    return Rejected(
        where=message.topic,
        reason=reason,
        remedy="correct what is published there, or the shape declared for it",
        payload=message.payload[:2000].decode(errors="replace"),
    )


def _code(spelled: str | None, units: Mapping[str, str]) -> str | None:
    if spelled is None:
        return None
    try:
        return find_unit(units.get(spelled, spelled)).code
    except UnknownUnitError:
        return None
