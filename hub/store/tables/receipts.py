"""What is noted of the reading itself: what came again, how far each stream had come, what mappings were."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from hub.store.tables.parts import Json, instant, integer, key_column, metadata, one_of, reference, text

redelivery = Table(
    "redelivery",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("object_type", 80, nullable=False),
    text("source_key", 300, nullable=False),
    reference("source_record_id", "source_record", index=False, nullable=False),
    text("kind", 10, nullable=False),
    integer("source_version", default=0),
    text("content_hash", 64, nullable=False),
    instant("seen_at", nullable=False),
    UniqueConstraint("source_record_id", "kind", "content_hash"),
    Index("ix_redelivery_document", "source_system_id", "object_type", "source_key"),
    one_of("kind", "overlap", "duplicate", "stale"),
)
"""A document that came and was refused, noted the first time, beside the record that stood then.

`overlap`: the version that is stored, word for word; the reading reached back over it. `duplicate`: the same
words as a version of its own. `stale`: an older version than the one that is stored.
"""

reading_mark = Table(
    "reading_mark",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("stream", 120, nullable=False),
    text("kind", 10, nullable=False),
    text("state", 12, nullable=False),
    text("means", 10),
    text("error"),
    instant("marked_at", nullable=False),
    Index("ix_reading_mark_stream", "source_system_id", "stream", "marked_at"),
    one_of("kind", "records", "samples"),
    one_of("means", "snapshot", "extent"),
)
"""How a reading of a stream ended: noted when that changes, when it brought documents, and once an hour.

`idle` is the end of what the source has. `means` is what the source gives to prove that nothing lacks: a
full list each time, or the extent of its history.
"""

mapping = Table(
    "mapping",
    metadata,
    key_column(),
    reference("source_system_id", "source_system", index=False, nullable=False),
    text("mapping_version", 60, nullable=False),
    Column("content", Json, nullable=False),
    instant("recorded_at", nullable=False),
    UniqueConstraint("source_system_id", "mapping_version"),
)
"""The settings that shape what a source's documents mean, by the version that each source record names."""

RECEIPTS = (redelivery, reading_mark, mapping)
"""All of them; their rows stay as they were written."""
