"""Settings of the MQTT connector: which broker, and of each topic what its messages look like and mean."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.mqtt.topics import TopicPattern
from hub.sdk import Config
from hub.sdk.mapping import Reading, Rule, parse_expression
from hub.sdk.mqtt import Broker


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Topic(_Written):
    topic: str = Field(description="e.g. plant/{site}/{unit}/+/{signal}; {name} is one level, # the rest")
    reading: Reading = Reading()

    @field_validator("topic")
    @classmethod
    def check_topic(cls, text: str) -> str:
        """Refuse what is no pattern of topics."""
        TopicPattern.parse(text)
        return text


class Signals(_Topic):
    """Messages that hold values of signals."""

    each: str | None = Field(default=None, description="list inside the message, a sample each: `values[*]`")
    columns: dict[str, str] | None = Field(
        default=None, description="several signals of one item: name (`@column`) and path of each value"
    )
    tag: str = Field(default="{@topic}", description="what the signal is called, e.g. {@unit}.{@signal}")
    value: str = Field(default=".", description="path of the value; `.` is the message itself")
    time: str | None = Field(default=None, description="path of the time; without it the time of arrival")
    quality: str | None = Field(default=None, description="path of the quality")
    qualities: dict[str, int] = Field(
        default_factory=dict, description="status code of each quality word; `*` for the rest"
    )
    unit: str | None = Field(default=None, description="the unit, when messages do not say it")
    unit_path: str | None = None
    equipment: str | None = Field(default=None, description="e.g. {@unit}")
    property: str | None = Field(default=None, description="e.g. {@signal}")

    @model_validator(mode="after")
    def check_paths(self) -> Self:
        """Refuse what is no path or template."""
        written = [
            self.tag,
            self.value,
            self.time,
            self.quality,
            self.unit_path,
            self.equipment,
            self.property,
        ]
        for text in (*written, *(self.columns or {}).values()):
            if text is not None:
                parse_expression(text)
        return self


class Messages(_Topic):
    """Messages that state records, by the words of written mappings; `@name` is a level of the topic."""

    key: str = Field(description="path or template of what a message is about, e.g. {@unit}/{batchId}")
    changed_at: str | None = Field(default=None, description="path of the time of change")
    seq: str | None = Field(default=None, description="path of a version number")
    deleted: str | None = Field(default=None, description="path that is true when the object is gone")
    every_s: float = Field(default=10.0, gt=0, description="seconds between two looks")
    idle_s: float = Field(default=1.0, gt=0, description="a look ends when nothing came for so long")
    look_s: float = Field(
        default=10.0,
        gt=0,
        description="a look ends after so long however much comes: the rest is the next one's",
    )
    page_messages: int = Field(default=500, ge=1, description="messages in one commit")
    records: tuple[Rule, ...] = Field(min_length=1)


class MqttConfig(Config):
    """Settings of plain JSON topics, such as a unified namespace."""

    reach: ClassVar[Mapping[str, Any]] = {"broker": {"host": "nowhere.invalid"}, "discover_s": 5.0}

    broker: Broker
    signals: tuple[Signals, ...] = ()
    streams: dict[str, Messages] = Field(default_factory=dict)
    promise: bool = Field(
        default=True, description="whether what was followed on an unbroken line counts as whole"
    )
    discover_s: float = Field(default=5.0, gt=0, description="for how long is listened to list tags")

    @model_validator(mode="after")
    def check_any(self) -> Self:
        """Refuse a source of nothing."""
        if not self.signals and not self.streams:
            msg = "neither `signals` nor `streams` say what to listen to"
            raise ValueError(msg)
        return self
