"""The seal over the audit trail: leaves and nodes of a Merkle tree, signed heads, the keys that signed.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply. What was audited before is sealed with the first head."""
    op.create_table(
        "audit_leaf",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("audit_event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_leaf"),
        sa.UniqueConstraint("audit_event_id", name="uq_audit_leaf_audit_event_id"),
    )
    op.create_table(
        "tree_node",
        sa.Column("level", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_tree_node"),
    )
    op.create_table(
        "tree_head",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.String(length=88), nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("horizon", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled_event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tree_head"),
    )
    op.create_table(
        "audit_key",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.String(length=44), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("endorsed_by", sa.String(length=16), nullable=True),
        sa.Column("endorsement", sa.String(length=88), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_key"),
        sa.UniqueConstraint("key_id", name="uq_audit_key_key_id"),
    )


def downgrade() -> None:
    """Give back."""
    for table in ("audit_key", "tree_head", "tree_node", "audit_leaf"):
        op.drop_table(table)
