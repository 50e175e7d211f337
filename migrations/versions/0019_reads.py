"""Who was answered what: the log of reads, for hubs that are asked to keep one.

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXES = {
    "ix_read_event_asked_at": ["asked_at"],
    "ix_read_event_kept_until": ["kept_until"],
    "ix_read_event_product": ["product", "reader", "asked_at"],
    "ix_read_event_reader": ["reader", "asked_at"],
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "read_event",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("node", sa.String(length=120), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("reader", sa.String(length=40), nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=True),
        sa.Column("door", sa.String(length=10), nullable=True),
        sa.Column("product", sa.String(length=60), nullable=True),
        sa.Column("route", sa.String(length=200), nullable=True),
        sa.Column("asked", sa.String(length=2000), nullable=True),
        sa.Column("tool", sa.String(length=60), nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("known_at", UtcDateTime(), nullable=True),
        sa.Column("kept_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('begun', 'ended', 'lost', 'opened', 'read')", name=op.f("ck_read_event_kind_known")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_read_event"),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "read_event", columns)


def downgrade() -> None:
    """Give back."""
    for name in _INDEXES:
        op.drop_index(name, "read_event")
    op.drop_table("read_event")
