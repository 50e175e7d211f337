"""The order in which writing transactions became known, where that is not the order of their stamps."""

from sqlalchemy import Table, UniqueConstraint

from hub.store.tables.parts import instant, key_column, metadata

overtaken_act = Table(
    "overtaken_act",
    metadata,
    key_column(),
    instant("recorded_at", nullable=False),
    instant("known_at", nullable=False, index=True),
    UniqueConstraint("recorded_at"),
)
"""Transactions that were stamped (`recorded_at`) before another one and committed after it (`known_at`).

Nobody could know of their writes before that. There are none on SQLite, where writers wait for each other.
"""
