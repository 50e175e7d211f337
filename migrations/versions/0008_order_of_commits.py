"""The order in which transactions became known, and what reading the past looks up in the audit trail.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PARTIAL = {
    "ix_audit_event_image": sa.text("before IS NOT NULL"),
    "ix_audit_event_deleted": sa.text("action = 'delete'"),
}


def upgrade() -> None:
    """Apply. An index of every audit row of a table by time gives way to two of few rows each."""
    op.create_table(
        "overtaken_act",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_overtaken_act"),
        sa.UniqueConstraint("recorded_at", name="uq_overtaken_act_recorded_at"),
    )
    op.create_index("ix_overtaken_act_known_at", "overtaken_act", ["known_at"])
    op.drop_index("ix_audit_event_entity_type_recorded_at", table_name="audit_event")
    for name, part in _PARTIAL.items():
        op.create_index(
            name,
            "audit_event",
            ["entity_type", "recorded_at"],
            sqlite_where=part,
            postgresql_where=part,
        )


def downgrade() -> None:
    """Give back."""
    for name in _PARTIAL:
        op.drop_index(name, table_name="audit_event")
    op.create_index("ix_audit_event_entity_type_recorded_at", "audit_event", ["entity_type", "recorded_at"])
    op.drop_table("overtaken_act")
