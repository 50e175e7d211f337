"""Who was answered what: one row an answer, where reads are to be noted, and what this log says of itself."""

from sqlalchemy import Index, Table

from hub.store.tables.parts import instant, integer, key_column, metadata, one_of, text

read_event = Table(
    "read_event",
    metadata,
    key_column(),
    text("kind", 8, nullable=False),
    text("node", 120, nullable=False),
    instant("asked_at", nullable=False, index=True),
    instant("ended_at", nullable=False),
    text("reader", 40),
    text("actor", 80),
    text("door", 10),
    text("product", 60),
    text("route", 200),
    text("asked", 2000),
    text("tool", 60),
    integer("status"),
    integer("rows"),
    integer("size"),
    instant("known_at"),
    instant("kept_until", index=True),
    Index("ix_read_event_product", "product", "reader", "asked_at"),
    Index("ix_read_event_reader", "reader", "asked_at"),
    one_of("kind", "begun", "ended", "lost", "opened", "read"),
)
"""Rows of `read` are answers; `opened` is a stream whose end will be a row of its own.

`begun` and `ended` say when a process noted reads and which (`asked`), `lost` how many it could not (`rows`).
Rows stay as they were written. One may be deleted once its `kept_until` is past, none that has no such end.
"""
