"""The bodies of i3X requests. Members that the guide does not know are ignored, as other servers do."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hub.i3x.envelope import Refusal

Id = Annotated[str, Field(max_length=500)]
Depth = Annotated[int, Field(ge=0, le=1000)]


class Body(BaseModel):
    """A body; its members are written in camel case."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore", strict=True)


class ElementIds(Body):
    """Which objects or types are asked for."""

    element_ids: list[Id]


class ListObjects(ElementIds):
    """Objects without their values."""

    include_metadata: bool | None = False


class RelatedObjects(ListObjects):
    """What objects are related to, by all relationships or by one."""

    relationship_type: Id | None = None


class Values(ElementIds):
    """What objects say now."""

    max_depth: Depth | None = 1


class History(Values):
    """What objects said between two instants."""

    start_time: str
    end_time: str

    def read_span(self) -> tuple[datetime, datetime]:
        """Give both instants in UTC. Raises `Refusal`."""
        start, end = read_time(self.start_time, "startTime"), read_time(self.end_time, "endTime")
        if end < start:
            raise Refusal(400, "endTime lies before startTime.")
        return start, end


class Written(Body):
    """A value with its quality and time, as somebody writes it."""

    value: Any
    quality: str | None = None
    timestamp: str | None = None


class Update(Body):
    """What is to be written to an object."""

    element_id: Id
    value: Written


class Updates(Body):
    """What is to be written."""

    updates: list[Update]


class Client(Body):
    """Whose subscriptions are meant."""

    client_id: Annotated[str, Field(min_length=1, max_length=500)]


class NewSubscription(Client):
    """A subscription to be."""

    display_name: Annotated[str, Field(max_length=500)] | None = None


class Subscriptions(Client):
    """Several subscriptions of a client."""

    subscription_ids: list[Id]


class OneSubscription(Client):
    """A subscription of a client."""

    subscription_id: Id


class Sync(OneSubscription):
    """A look at what is new. `last_sequence_number` says what has arrived; -1 says that all has."""

    last_sequence_number: int | None = None


class Registration(OneSubscription):
    """Objects that a subscription follows from now on, or no more."""

    element_ids: list[Id]
    max_depth: Depth | None = 1


def read_time(text: str, name: str) -> datetime:
    """Give an RFC 3339 time in UTC. Raises `Refusal` that names the member."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None or "T" not in text.upper():
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"{name} is an RFC 3339 time in UTC, such as 2026-03-10T08:00:00Z.") from error
