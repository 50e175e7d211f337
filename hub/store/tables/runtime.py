"""What the hub keeps for its own work: sources, streams, statements to resolve, quarantine, samples, keys."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    column,
)

from hub.store.tables.parts import (
    Json,
    JsonWords,
    Key,
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

source = Table(
    "source",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", nullable=False),
    text("state", 12, nullable=False),
    text("system", 120),
    instant("checked_at"),
    text("last_error"),
    instant("last_error_at"),
    UniqueConstraint("source_system_id"),
    one_of("state", "new", "ok", "degraded", "paused", "stopped"),
)

stream = Table(
    "stream",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("name", 120, nullable=False),
    text("kind", 10, nullable=False),
    text("state", 12, nullable=False),
    integer("priority", default=1),
    instant("due_at", nullable=False, index=True),
    number("every_s"),
    text("owner", 80),
    integer("epoch", default=0),
    instant("lease_until"),
    Column("cursor", Json),
    integer("attempts", default=0),
    integer("documents", default=0),
    integer("records", default=0),
    integer("samples", default=0),
    integer("rejected", default=0),
    text("last_error"),
    instant("last_error_at"),
    instant("last_success_at"),
    instant("updated_at", nullable=False),
    integer("unchanged", default=0),
    integer("stale", default=0),
    UniqueConstraint("source_system_id", "name"),
    one_of("kind", "records", "samples"),
    one_of("state", "idle", "running", "waiting", "paused", "stopped"),
)
"""One row a stream: it is the schedule, the queue, the lease, the cursor and the progress."""

statement = Table(
    "statement",
    metadata,
    key_column(),
    Column("source_system_id", Key, nullable=False),
    text("object_type", 80, nullable=False),
    text("source_key", 300, nullable=False),
    text("record_type", 30, nullable=False),
    text("record_key", 300, nullable=False),
    reference("source_record_id", "source_record", nullable=False),
    integer("source_version", default=0),
    instant("source_time"),
    Column("body", JsonWords, nullable=False),
    text("body_hash", 64, nullable=False),
    flag("is_live", default=True),
    reference("identifier_id", "identifier", index=False),
    UniqueConstraint(
        "source_system_id", "object_type", "source_key", "record_type", "record_key", name="uq_statement_said"
    ),
    Index("ix_statement_record", "source_system_id", "record_type", "record_key"),
    Index(
        "ix_statement_name",
        "identifier_id",
        sqlite_where=column("identifier_id").is_not(None),
        postgresql_where=column("identifier_id").is_not(None),
    ),
)
"""What each document of each source states now, record by record; resolution reads nothing else.

Its system is that of its source record, whose reference is checked; checking it again cost a tenth of what
storing a statement does.
"""

pending = Table(
    "pending",
    metadata,
    Column("statement_id", Key, primary_key=True, autoincrement=False),
    integer("ticket", default=0),
)
"""Statements that resolution has to look at; the ticket is another one each time a statement is put here.

A table of its own, since a mark at the statement would write its whole row, and each of its indexes, a second
time. Nothing refers to it, and no statement is ever deleted.
"""

mention = Table(
    "mention",
    metadata,
    Column("statement_id", Key, nullable=False),
    Column("identifier_id", Key, index=True, nullable=False),
    text("label", 200),
    PrimaryKeyConstraint("statement_id", "identifier_id"),
)
"""Which names each live statement uses, and what it says people call each, where that is not the whole value.

A name that nothing mentions any more takes no part in identity. Neither statements nor names are ever
deleted, and the two ids are of rows just read or written: checking them was three quarters of
what a row cost.
"""

quarantine = Table(
    "quarantine",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", nullable=False),
    text("stream", 120, nullable=False),
    text("object_type", 80, nullable=False),
    text("source_key", 300, nullable=False),
    text("part", 300, nullable=False),
    text("reason", nullable=False),
    text("remedy"),
    text("payload", nullable=False),
    text("media_type", 60, nullable=False),
    text("content_hash", 64, nullable=False),
    integer("source_version", default=0),
    instant("source_time"),
    text("connector", 80, nullable=False),
    text("state", 10, nullable=False),
    integer("attempts", default=1),
    instant("first_seen_at", nullable=False),
    instant("last_seen_at", nullable=False),
    instant("resolved_at"),
    UniqueConstraint("source_system_id", "object_type", "source_key", "part"),
    one_of("state", "open", "resolved", "dismissed"),
)

sample_frame = Table(
    "sample_frame",
    metadata,
    key_column(),
    text("stream", 120, nullable=False),
    integer("seq", default=0),
    reference("tag_id", "tag", index=False, nullable=False),
    instant("first_at", nullable=False),
    instant("last_at", nullable=False),
    integer("count", default=0),
    Column("frame", LargeBinary, nullable=False),
    instant("recorded_at", nullable=False),
    Index("ix_sample_frame_tag_time", "tag_id", "last_at"),
    UniqueConstraint("stream", "seq", "tag_id"),
)
"""Frames of earlier versions, one a tag and put: taken up into `sample_put` and gone after an upgrade."""

sample_arrival = Table(
    "sample_arrival",
    metadata,
    key_column(),
    integer("tags", default=0),
    Column("spans", LargeBinary, nullable=False),
    instant("recorded_at", nullable=False, index=True),
)
"""News of puts in the order in which they became visible: tags and times, no values; kept for days."""

coverage = Table(
    "coverage",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("tag_group", 120, nullable=False),
    instant("start_at", nullable=False),
    instant("end_at", nullable=False),
    integer("samples", default=0),
    instant("recorded_at", nullable=False),
    Index("ix_coverage_source", "source_system_id", "tag_group", "start_at"),
)
"""Which windows of a source's history have been read; half-open, disjoint within a tag group."""

api_key = Table(
    "api_key",
    metadata,
    key_column(),
    text("public_id", 20, nullable=False),
    text("name", 120, nullable=False),
    text("secret_hash", 64, nullable=False),
    Column("scopes", Json, nullable=False),
    instant("created_at", nullable=False),
    instant("expires_at"),
    instant("revoked_at"),
    UniqueConstraint("public_id"),
)

kept_reply = Table(
    "kept_reply",
    metadata,
    key_column(),
    text("caller", 20, nullable=False),
    text("key", 255, nullable=False),
    text("request", 64, nullable=False),
    text("claim", 32, nullable=False),
    instant("begun_at", nullable=False, index=True),
    integer("status"),
    text("media_type", 100),
    Column("body", LargeBinary),
    UniqueConstraint("caller", "key"),
)
"""What was answered to requests that may come twice; without a status while the first is being worked on."""

job = Table(
    "job",
    metadata,
    key_column(),
    text("token", 32, nullable=False),
    text("caller", 40, nullable=False),
    text("route", 200, nullable=False),
    text("request", 2000, nullable=False),
    instant("begun_at", nullable=False, index=True),
    instant("beaten_at", nullable=False),
    instant("ended_at"),
    Column("number", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    integer("status"),
    Column("headers", Json),
    UniqueConstraint("token"),
)
"""Calls that are answered later; one that has ended without a status was lost with its process."""

mart_reader = Table(
    "mart_reader",
    metadata,
    key_column(),
    text("role_name", 63, nullable=False),
    reference("site_id", "equipment"),
    UniqueConstraint("role_name", "site_id"),
)
"""Which role of PostgreSQL reads which site's rows of the mart; without a site it reads all."""

setting = Table(
    "setting",
    metadata,
    Column("name", text("name", 80).type, primary_key=True),
    Column("value", Json, nullable=False),
    instant("updated_at", nullable=False),
)
