"""Samples as puts, hot frames and cold runs; the frames of before are taken up when the upgrade ends.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sample_put",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("stream", sa.String(length=120), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sample_put"),
        sa.UniqueConstraint("stream", "seq", name="uq_sample_put_stream_seq"),
    )
    op.create_index("ix_sample_put_recorded_at", "sample_put", ["recorded_at"], unique=False)
    op.create_table(
        "sample_hot",
        sa.Column("put_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=True),
        sa.Column("files", Json(), nullable=True),
        sa.PrimaryKeyConstraint("put_id", name="pk_sample_hot"),
    )
    op.create_table(
        "sample_erasure",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("tag_id", _KEY, nullable=True),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=False),
        sa.Column("put_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("erased_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_sample_erasure_tag_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sample_erasure"),
    )
    op.create_index("ix_sample_erasure_tag_id", "sample_erasure", ["tag_id"], unique=False)
    op.create_table(
        "sample_annotation",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("tag_id", _KEY, nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_sample_annotation_tag_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sample_annotation"),
    )
    op.create_index("ix_sample_annotation_time", "sample_annotation", ["tag_id", "start_at"], unique=False)
    op.create_table(
        "sample_lake",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("live_uid", sa.String(length=36), nullable=True),
        sa.Column("live_version", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("superseded_version", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("hourly_version", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("watermark", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("folded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("retained_from", UtcDateTime(), nullable=True),
        sa.Column("retained_at", UtcDateTime(), nullable=True),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("folded_at", UtcDateTime(), nullable=True),
        sa.Column("tended_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sample_lake"),
    )
    op.add_column("tag_latest", sa.Column("first_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Give back; samples that were put or taken up meanwhile are not put back into frames of before."""
    with op.batch_alter_table("tag_latest", schema=None) as batch_op:
        batch_op.drop_column("first_at")
    for table in ("sample_lake", "sample_annotation", "sample_erasure", "sample_hot", "sample_put"):
        op.drop_table(table)
