"""An event as others read it: CloudEvents 1.0 as JSON (CNCF CloudEvents spec, 3.1; JSON format, 3)."""

from typing import Any

from hub.store.outbox.telling import Event

MEDIA_TYPE = "application/cloudevents+json"
Document = dict[str, Any]


def describe(event: Event, *, address: str = "") -> Document:
    """Give an event as a CloudEvent; `address` is where this hub is reached, and begins its links.

    The same event is the same document whenever it is asked for. `time` is when the hub knew, in UTC.
    """
    return wrap(
        str(event.position),
        event.type,
        address=address,
        time=event.position.instant,
        subject=event.subject,
        data={
            "href": address + event.href,
            "label": event.label,
            "change": event.change,
            "attributes": list(event.attributes),
        },
    )


def wrap(event_id: str, event_type: str, *, address: str, **more: Any) -> Document:
    """Give the attributes of a CloudEvent; `source` and `id` together are those of one event only."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": address or "/",
        "type": event_type,
        "datacontenttype": "application/json",
        **more,
    }
