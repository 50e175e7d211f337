"""What completeness and lineage are proved by: what came again, how far streams had come, what mappings were.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply. Of records from before nobody knows the stream."""
    op.add_column("source_record", sa.Column("stream", sa.String(length=120), nullable=True))
    for name in ("unchanged", "stale"):
        column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("stream", column)
    op.create_table(
        "redelivery",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source_system_id", _KEY, nullable=False),
        sa.Column("object_type", sa.String(length=80), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('overlap', 'duplicate', 'stale')", name="kind_known"),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_redelivery_source_system_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_redelivery_source_record_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_redelivery"),
        sa.UniqueConstraint(
            "source_record_id",
            "kind",
            "content_hash",
            name="uq_redelivery_source_record_id_kind_content_hash",
        ),
    )
    op.create_index("ix_redelivery_document", "redelivery", ["source_system_id", "object_type", "source_key"])
    op.create_table(
        "reading_mark",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source_system_id", _KEY, nullable=False),
        sa.Column("stream", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("means", sa.String(length=10), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('records', 'samples')", name="kind_known"),
        sa.CheckConstraint("means IN ('snapshot', 'extent')", name="means_known"),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_reading_mark_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reading_mark"),
    )
    op.create_index("ix_reading_mark_stream", "reading_mark", ["source_system_id", "stream", "marked_at"])
    op.create_table(
        "mapping",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source_system_id", _KEY, nullable=False),
        sa.Column("mapping_version", sa.String(length=60), nullable=False),
        sa.Column("content", Json(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_mapping_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_mapping"),
        sa.UniqueConstraint(
            "source_system_id", "mapping_version", name="uq_mapping_source_system_id_mapping_version"
        ),
    )


def downgrade() -> None:
    """Give back."""
    for table in ("mapping", "reading_mark", "redelivery"):
        op.drop_table(table)
    for name in ("stale", "unchanged"):
        op.drop_column("stream", name)
    op.drop_column("source_record", "stream")
