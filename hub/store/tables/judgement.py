"""Judgement: whose word counts by rule, version by version, and where a person has decided otherwise."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from hub.store.tables.parts import (
    Json,
    flag,
    instant,
    integer,
    key_column,
    metadata,
    number,
    one_of,
    reference,
    text,
)

STRATEGIES = ("system", "latest", "earliest", "widest", "union")

precedence_rule = Table(
    "precedence_rule",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    text("attribute", 60, nullable=False),
    text("strategy", 12, nullable=False),
    Column("source_order", Json, nullable=False),
    number("tolerance_relative"),
    number("tolerance_absolute"),
    text("tolerance_unit", 40),
    integer("version", default=1),
    flag("is_active", default=True),
    text("origin", 8, nullable=False),
    instant("effective_from", nullable=False),
    text("approved_by", 80, nullable=False),
    text("reason"),
    instant("recorded_at", nullable=False),
    UniqueConstraint("entity_type", "attribute", "version"),
    one_of("strategy", *STRATEGIES),
    one_of("origin", "hub", "project", "person"),
)
"""Every version of every rule; `is_active` marks the one by which the golden values stand now.

`*` as attribute or type is the rule of all that have none of their own.
"""

value_decision = Table(
    "value_decision",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    reference("identifier_id", "identifier", index=False, nullable=False),
    text("attribute", 60, nullable=False),
    reference("source_system_id", "source_system", index=False, nullable=False),
    Column("judged", Json, nullable=False),
    text("state", 8, nullable=False),
    text("reason", nullable=False),
    text("decided_by", 80, nullable=False),
    instant("decided_at", nullable=False),
    text("reversed_by", 80),
    instant("reversed_at"),
    text("reversed_reason"),
    Index("ix_value_decision_identifier", "identifier_id", "attribute"),
    one_of("state", "standing", "reversed"),
)
"""Which source a person let count for one attribute of the thing that has a name, and what was said then.

`judged` holds what each source said, by its code: the decision counts while all of them still say so.
"""
