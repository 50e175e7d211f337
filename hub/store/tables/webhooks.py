"""Who outside is told of what: webhooks, how far each has come, and what became of each attempt."""

from sqlalchemy import Column, Index, Table

from hub.store.tables.parts import (
    Json,
    instant,
    integer,
    key_column,
    metadata,
    number,
    one_of,
    reference,
    text,
)

webhook = Table(
    "webhook",
    metadata,
    key_column(),
    text("url", 2000, nullable=False),
    Column("types", Json, nullable=False),
    text("description", 200, nullable=False),
    text("salt", 32, nullable=False),
    text("key_id", 16, nullable=False),
    text("created_by", 80, nullable=False),
    instant("created_at", nullable=False),
)
"""An address that events of some types (of all when none is named) are sent to.

Its secret is kept nowhere: it follows from `salt` and from the master key with the id `key_id`.
"""

webhook_progress = Table(
    "webhook_progress",
    metadata,
    key_column(),
    reference("webhook_id", "webhook", nullable=False),
    text("position", 40, nullable=False),
    text("state", 10, nullable=False),
    text("reason"),
    integer("attempts", default=0),
    instant("failing_since"),
    instant("due_at", nullable=False),
    instant("last_success_at"),
    text("last_error"),
    instant("last_error_at"),
    text("owner", 80),
    integer("epoch", default=0),
    instant("lease_until"),
    one_of("state", "active", "disabled"),
)
"""How far a webhook has come, whether it is due, and which process delivers to it; one row a webhook."""

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    key_column(),
    reference("webhook_id", "webhook", index=False, nullable=False),
    text("event_id", 40, nullable=False),
    text("event_type", 80, nullable=False),
    instant("at", nullable=False),
    integer("attempt", default=1),
    text("outcome", 10, nullable=False),
    integer("status"),
    text("error"),
    number("took_s"),
    Index("ix_webhook_delivery_webhook", "webhook_id", "id"),
    one_of("outcome", "delivered", "failed"),
)
"""What became of each attempt to deliver an event; the newest of each webhook are kept."""
