"""Audit rows are written by the database itself, one a write of a row.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply. The table of the development versions before this one held other columns and is made anew."""
    op.drop_table("audit_event")
    op.create_table(
        "audit_event",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("entity_type", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("prev_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("action IN ('insert', 'update', 'delete')", name="action_known"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sa.UniqueConstraint(
            "entity_type", "entity_id", "version", name="uq_audit_event_entity_type_entity_id_version"
        ),
    )
    op.create_index("ix_audit_event_recorded_at", "audit_event", ["recorded_at"], unique=False)
    op.create_index(
        "ix_audit_event_entity_type_recorded_at",
        "audit_event",
        ["entity_type", "recorded_at"],
        unique=False,
    )


def downgrade() -> None:
    """Give back."""
    op.drop_table("audit_event")
    op.create_table(
        "audit_event",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed", Json(), nullable=False),
        sa.Column("image", Json(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sa.UniqueConstraint(
            "entity_type", "entity_id", "version", name="uq_audit_event_entity_type_entity_id_version"
        ),
    )
    op.create_index("ix_audit_event_recorded_at", "audit_event", ["recorded_at"], unique=False)
