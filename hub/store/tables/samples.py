"""Samples: what was put, frames that wait to be folded, what was erased or noted, where cold runs stand."""

from sqlalchemy import Column, Index, LargeBinary, Table, UniqueConstraint

from hub.store.tables.parts import Json, instant, integer, key_column, metadata, number, reference, text

sample_put = Table(
    "sample_put",
    metadata,
    key_column(),
    text("stream", 120, nullable=False),
    integer("seq", default=0),
    instant("first_at", nullable=False),
    instant("last_at", nullable=False),
    integer("count", default=0),
    text("digest", 64, nullable=False),
    instant("received_at", nullable=False),
    instant("recorded_at", nullable=False, index=True),
    UniqueConstraint("stream", "seq"),
)
"""Every put that was ever made, for good: how many samples, of which times, and the SHA-256 of what they say.

`id` order is the order in which writes of one tag count. `received_at` is the hub's clock; `recorded_at` the
stamp of the act, so the past of this table needs no trail: a row is known from its own stamp on.
"""

sample_hot = Table(
    "sample_hot",
    metadata,
    Column("put_id", reference("put_id", "sample_put").type, primary_key=True, autoincrement=False),
    instant("first_at", nullable=False),
    instant("last_at", nullable=False),
    integer("count", default=0),
    Column("frame", LargeBinary),
    Column("files", Json),
)
"""The samples of puts that are not folded yet: an Arrow frame, or sorted files that were staged."""

sample_erasure = Table(
    "sample_erasure",
    metadata,
    key_column(),
    reference("tag_id", "tag"),
    instant("start_at", nullable=False),
    instant("end_at", nullable=False),
    integer("put_id", default=0),
    text("reason", nullable=False),
    text("erased_by", 80, nullable=False),
    instant("recorded_at", nullable=False),
)
"""Tombstones: samples of a tag (all tags when null) in a half-open time that came by `put_id` or before.

A source that tells them again later is believed again.
"""

sample_annotation = Table(
    "sample_annotation",
    metadata,
    key_column(),
    reference("tag_id", "tag", index=False, nullable=False),
    instant("start_at", nullable=False),
    instant("end_at", nullable=False),
    text("text", nullable=False),
    text("author", 80, nullable=False),
    instant("recorded_at", nullable=False),
    Index("ix_sample_annotation_time", "tag_id", "start_at"),
)
"""What people noted of a stretch of a tag's time."""

sample_lake = Table(
    "sample_lake",
    metadata,
    key_column(),
    text("live_uid", 36),
    integer("live_version", default=-1),
    integer("superseded_version", default=-1),
    integer("hourly_version", default=-1),
    integer("watermark", default=0),
    integer("folded", default=0),
    instant("retained_from"),
    instant("retained_at"),
    text("owner", 120),
    integer("epoch", default=0),
    instant("lease_until"),
    instant("folded_at"),
    instant("tended_at"),
    text("last_error"),
)
"""One row: up to which version each table of cold runs counts, and up to which put frames are folded.

The versions are what makes a fold or a compaction true: what the tables' own logs say beyond them was begun
by somebody who did not come to the end of it. The lease lets one node fold at a time.
Samples from before `retained_from` were let go at `retained_at`.
"""

tag_latest = Table(
    "tag_latest",
    metadata,
    Column("tag_id", reference("tag_id", "tag").type, primary_key=True),
    instant("ts", nullable=False),
    number("value"),
    text("text"),
    integer("quality", default=0),
    instant("first_at"),
)
"""The last sample of each tag that has one, and when its samples begin."""
