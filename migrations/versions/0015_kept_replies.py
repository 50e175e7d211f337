"""Answers to requests that may come twice, by the caller's key.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "kept_reply",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("caller", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_kept_reply"),
        sa.UniqueConstraint("caller", "key", name="uq_kept_reply_caller_key"),
    )
    op.create_index("ix_kept_reply_begun_at", "kept_reply", ["begun_at"])


def downgrade() -> None:
    """Give back."""
    op.drop_index("ix_kept_reply_begun_at", "kept_reply")
    op.drop_table("kept_reply")
