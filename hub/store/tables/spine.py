"""The spine: who said what, under which names, what counts, and what was changed when (MODEL tables 1-9)."""

from sqlalchemy import CheckConstraint, Column, Index, Table, UniqueConstraint
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
from hub.store.tables.receipts import RECEIPTS

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
    text("stream", 120),
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
    instant("valid_from"),
    instant("valid_to"),
    flag("is_active", default=True),
    reference("replaced_by_id", "identifier"),
    UniqueConstraint("entity_type", "scheme", "value"),
    Index("ix_identifier_norm", "entity_type", "value_norm"),
    Index("ix_identifier_entity", "entity_type", "entity_id"),
    CheckConstraint("valid_to >= valid_from", name="valid_to_not_before"),
    CheckConstraint("replaced_by_id <> id", name="replaced_by_is_another"),
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
    text("decision", 5),
    text("reason"),
    text("decided_by", 80, nullable=False),
    instant("decided_at", nullable=False),
    text("undone_by", 80),
    instant("undone_at"),
    text("undone_reason"),
    flag("is_contradicted"),
    Index(
        "uq_link_decision_found",
        "identifier_id",
        "candidate_id",
        "method",
        unique=True,
        sqlite_where=sql("method <> 'human'"),
        postgresql_where=sql("method <> 'human'"),
    ),
    Index(
        "uq_link_decision_standing",
        "identifier_id",
        "candidate_id",
        unique=True,
        sqlite_where=sql("method = 'human' AND state <> 'reversed'"),
        postgresql_where=sql("method = 'human' AND state <> 'reversed'"),
    ),
    Index("ix_link_decision_state", "state", "method", "entity_type"),
    Index("ix_link_decision_decided_at", "decided_at", "id"),
    one_of("method", "native", "declared", "normalised", "rule", "human"),
    one_of("state", "proposed", "confirmed", "rejected", "reversed"),
    one_of("decision", "same", "apart"),
)
"""Why two names are, or are not, one thing. The hub keeps one row a pair and method up to date; each decision
of a person (method `human`) is a row of its own. What it says changes only by being undone; the hub notes
beside it (`is_contradicted`) when names that it keeps apart are one thing by what sources declare.
"""

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
    reference("decision_id", "value_decision", index=False),
    Index(
        "ix_assertion_conflict",
        "entity_type",
        "entity_id",
        "attribute",
        sqlite_where=sql("in_conflict = 1"),
        postgresql_where=sql("in_conflict"),
    ),
    Index(
        "ix_assertion_decision",
        "decision_id",
        sqlite_where=sql("decision_id IS NOT NULL"),
        postgresql_where=sql("decision_id IS NOT NULL"),
    ),
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
"""What each source says, and said, of each attribute.

`in_conflict` marks a value that contradicts the one that counts. `decision_id` is the person's decision by
which a value counts, or by which one that contradicts it is settled.
"""

scheme_version = Table(
    "scheme_version",
    metadata,
    key_column(),
    integer("version", default=1),
    text("approved_by", 80, nullable=False),
    text("reason", nullable=False),
    instant("effective_from", nullable=False),
    instant("recorded_at", nullable=False),
    instant("applied_at"),
    UniqueConstraint("version"),
)
"""Each approved whitelist of schemes; the newest that has been applied is in force."""

scheme_group = Table(
    "scheme_group",
    metadata,
    key_column(),
    integer("version", default=1),
    text("entity_type", 30, nullable=False),
    integer("group_no", default=0),
    text("scheme", 80, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint("version", "entity_type", "group_no", "scheme"),
)
"""Schemes among which normalised equality counts as identity, by version of the whitelist."""

audit_event = Table(
    "audit_event",
    metadata,
    key_column(),
    text("entity_type", 40, nullable=False),
    integer("entity_id", default=0),
    integer("version", default=1),
    text("action", 8, nullable=False),
    text("actor", 80, nullable=False),
    instant("recorded_at", nullable=False, index=True),
    text("reason"),
    text("before"),
    text("digest", 64),
    text("prev_hash", 64),
    text("hash", 64, nullable=False),
    UniqueConstraint("entity_type", "entity_id", "version"),
    Index(
        "ix_audit_event_image",
        "entity_type",
        "recorded_at",
        sqlite_where=sql("before IS NOT NULL"),
        postgresql_where=sql("before IS NOT NULL"),
    ),
    Index(
        "ix_audit_event_deleted",
        "entity_type",
        "recorded_at",
        sqlite_where=sql("action = 'delete'"),
        postgresql_where=sql("action = 'delete'"),
    ),
    one_of("action", "insert", "update", "delete"),
)
"""One row a write of a row, by the database's own triggers; chained a row (`entity_type` names its table).

`before` is the row as JSON text as it was before the transaction that changed it first, null for a new row
and for a second change inside one transaction; `digest` is the SHA-256 of what it is afterwards, null when
it is gone.
"""

signature = Table(
    "signature",
    metadata,
    key_column(),
    text("entity_type", 40, nullable=False),
    integer("entity_id", default=0),
    integer("entity_version", default=0),
    reference("person_id", "person"),
    text("printed_name", 200, nullable=False),
    text("signer", 80, nullable=False),
    text("meaning", 120, nullable=False),
    text("reason"),
    instant("signed_at", nullable=False),
    instant("recorded_at", nullable=False),
    text("content_hash", 64, nullable=False),
    text("origin", 6, nullable=False),
    reference("source_record_id", "source_record"),
    Index("ix_signature_entity", "entity_type", "entity_id"),
    one_of("origin", "source", "hub"),
)
"""Who signed which version of what, with which meaning (11.50, 11.70); by a source's word or in the hub.

`entity_type` names the signed row's table, `content_hash` is the SHA-256 of what was signed.
"""

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

APPEND_ONLY = (source_record, audit_event, signature, *RECEIPTS)
"""Tables whose rows the database itself refuses to change or delete."""
