"""What events and webhooks look like, and what makes a webhook."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.api.schemas import Schema
from hub.store.outbox.catalogue import EventType
from hub.store.outbox.position import LONGEST

EventId = Annotated[
    str, Field(description="Where the event stands among all.", examples=["1776686400000000-812-1"])
]
_ID = "1776686400000000-812-1"


class EventData(Schema):
    """What changed, and where to read it; never a value."""

    href: str = Field(description="Where it can be read, with a key.")
    label: str = Field(description="What people call it; empty where it has no name.")
    change: str = Field(description="In which way: `new`, `changed`, `gone`, or what was decided.")
    attributes: list[str] = Field(description="Which values changed, by name.")


class CloudEvent(Schema):
    """An event (CloudEvents 1.0); `id` is unique, and grows with the order in which events became known."""

    specversion: Literal["1.0"]
    id: str = Field(json_schema_extra={"example": _ID})
    source: str = Field(description="The hub: `public_address`, or `/`.", json_schema_extra={"example": "/"})
    type: EventType
    datacontenttype: Literal["application/json"]
    time: AwareDatetime = Field(description="When the hub knew.")
    subject: str = Field(
        description="What it is about: kind and uid or id.", json_schema_extra={"example": "batch/0198c2f4"}
    )
    data: EventData


class EventPage(Schema):
    """Events in their order. `next` is `after` of the next page, null at the end of what is known.

    A page may have fewer items than asked for and yet a next one. From what was `reached` a later call goes
    on.
    """

    items: list[CloudEvent]
    next: str | None = Field(json_schema_extra={"example": _ID})
    reached: str = Field(json_schema_extra={"example": _ID})


class WebhookGiven(BaseModel):
    """Where events are to be sent, and which."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="An https address; http only in networks that the setting `webhook_networks` names.",
            examples=["https://receiver.example/plantwide"],
        ),
    ]
    types: Annotated[
        list[EventType], Field(default_factory=list, max_length=50, description="Only these; all when empty.")
    ]
    description: Annotated[str, Field(max_length=200, description="What it is for, for people.")] = ""
    after: Annotated[
        str | None,
        Field(
            max_length=LONGEST,
            description="Begin after this event; `0-0-0`: with the first. Absent: with what comes now.",
        ),
    ] = None


class Webhook(Schema):
    """A webhook, how far it has come, and whether it is told anything."""

    id: int
    receiver: str = Field(
        description="The address without path and question, which may be secret.",
        json_schema_extra={"example": "https://receiver.example"},
    )
    types: list[str] = Field(description="Types of events it is told; all when empty.")
    description: str
    created_by: str
    created_at: AwareDatetime
    state: Literal["active", "disabled"]
    reason: str | None = Field(description="Why it is told nothing more.")
    position: str = Field(
        description="The last event that was taken, or up to where there was none.",
        json_schema_extra={"example": _ID},
    )
    attempts: int = Field(description="Failed attempts since the last one that was taken.")
    failing_since: AwareDatetime | None
    due_at: AwareDatetime = Field(description="Not before this instant is the next attempt.")
    last_success_at: AwareDatetime | None
    last_error: str | None
    last_error_at: AwareDatetime | None


class MadeWebhook(Webhook):
    """A new webhook with its secret, which is shown this once."""

    secret: str = Field(json_schema_extra={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})


class WebhookAttempt(Schema):
    """What became of an attempt to deliver an event."""

    id: int
    event_id: str = Field(json_schema_extra={"example": _ID})
    event_type: str = Field(json_schema_extra={"example": "plantwide.batch.changed.v1"})
    at: AwareDatetime
    attempt: int = Field(description="Which attempt it was for this event.")
    outcome: Literal["delivered", "failed"]
    status: int | None = Field(description="HTTP status of the answer; null without one.")
    error: str | None
    took_s: float


class TriedWebhook(Schema):
    """What became of a test message."""

    event_id: str = Field(json_schema_extra={"example": "test-9f86d081884c7d65"})
    outcome: Literal["delivered", "failed"]
    status: int | None
    error: str | None
    took_s: float
