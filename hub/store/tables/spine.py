"""The spine: who said what, under which names, what counts, and what was changed when (MODEL tables 1-9)."""

from sqlalchemy import Column, Index, Table, UniqueConstraint
from sqlalchemy import text as sql

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

SOURCE_KINDS = ("MES", "LIMS", "ERP", "HISTORIAN", "QMS", "DCS", "MODEL", "MANUAL", "FILE", "HUB")

source_system = Table(
    "source_system",
    metadata,
    key_column(),
    text("code", 60, nullable=False),
    text("kind", 12, nullable=False),
    text("connector", 60),
    text("timezone", 60),
    instant("recorded_at", nullable=False),
    UniqueConstraint("code"),
    one_of("kind", *SOURCE_KINDS),
)

source_record = Table(
    "source_record",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("object_type", 80, nullable=False),
    text("source_key", 300, nullable=False),
    integer("seq", default=1),
    text("op", 1, nullable=False),
    text("content_hash", 64, nullable=False),
    text("payload", nullable=False),
    text("media_type", 60, nullable=False),
    integer("source_version", default=0),
    instant("source_time"),
    instant("received_at", nullable=False),
    text("mapping_version", 60, nullable=False),
    UniqueConstraint("source_system_id", "object_type", "source_key", "seq"),
    one_of("op", "U", "D"),
)

identifier = Table(
    "identifier",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    integer("entity_id", default=0),
    integer("origin_entity_id", default=0),
    text("scheme", 80, nullable=False),
    text("value", 200, nullable=False),
    text("label", 200, nullable=False),
    text("value_norm", 200, nullable=False),
    text("method", 12, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint("entity_type", "scheme", "value"),
    Index("ix_identifier_norm", "entity_type", "value_norm"),
    Index("ix_identifier_entity", "entity_type", "entity_id"),
    one_of("method", "native", "declared", "normalised", "rule", "human"),
)

link_decision = Table(
    "link_decision",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    reference("identifier_id", "identifier", nullable=False),
    reference("candidate_id", "identifier", nullable=False),
    text("method", 12, nullable=False),
    text("state", 10, nullable=False),
    number("score"),
    Column("evidence", Json),
    text("decided_by", 80, nullable=False),
    instant("decided_at", nullable=False),
    UniqueConstraint("identifier_id", "candidate_id", "method"),
    one_of("method", "native", "declared", "normalised", "rule", "human"),
    one_of("state", "proposed", "confirmed", "rejected", "reversed"),
)

assertion = Table(
    "assertion",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    integer("entity_id", default=0),
    text("attribute", 60, nullable=False),
    reference("source_system_id", "source_system", index=False, nullable=False),
    reference("source_record_id", "source_record", nullable=False),
    Column("value", Json, nullable=False),
    reference("value_identifier_id", "identifier"),
    instant("source_time"),
    instant("recorded_at", nullable=False),
    instant("superseded_at"),
    flag("is_winner"),
    flag("in_conflict"),
    Index(
        "uq_assertion_current",
        "entity_type",
        "entity_id",
        "attribute",
        "source_system_id",
        unique=True,
        sqlite_where=sql("superseded_at IS NULL"),
        postgresql_where=sql("superseded_at IS NULL"),
    ),
)

precedence_rule = Table(
    "precedence_rule",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    text("attribute", 60, nullable=False),
    text("strategy", 12, nullable=False),
    Column("source_order", Json, nullable=False),
    number("tolerance"),
    integer("version", default=1),
    flag("is_active", default=True),
    text("approved_by", 80, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint("entity_type", "attribute", "version"),
    one_of("strategy", "system", "latest", "earliest", "widest", "union"),
)

scheme_group = Table(
    "scheme_group",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    integer("group_no", default=0),
    text("scheme", 80, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint("entity_type", "group_no", "scheme"),
)
"""Schemes among which normalised equality counts as identity: a site's approved whitelist."""

audit_event = Table(
    "audit_event",
    metadata,
    key_column(),
    text("entity_type", 30, nullable=False),
    integer("entity_id", default=0),
    integer("version", default=1),
    text("action", 12, nullable=False),
    text("actor", 80, nullable=False),
    instant("recorded_at", nullable=False, index=True),
    text("reason"),
    Column("changed", Json, nullable=False),
    Column("image", Json, nullable=False),
    text("prev_hash", 64),
    text("hash", 64, nullable=False),
    UniqueConstraint("entity_type", "entity_id", "version"),
)

unit = Table(
    "unit",
    metadata,
    Column("code", text("code", 40).type, primary_key=True),
    text("unece", 3),
    text("dimension", 40, nullable=False),
    number("factor"),
    number("value_offset"),
    Column("aliases", Json, nullable=False),
)

APPEND_ONLY = (source_record, audit_event)
"""Tables whose rows the database itself refuses to change or delete."""
