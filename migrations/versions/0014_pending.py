"""Statements that wait for resolution in a list of their own, not by a mark at each.

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply. What waits goes on waiting."""
    op.create_table(
        "pending",
        sa.Column("statement_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("ticket", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("statement_id", name="pk_pending"),
    )
    op.execute(sa.text("INSERT INTO pending (statement_id) SELECT id FROM statement WHERE is_pending"))
    op.drop_index("ix_statement_pending", "statement")
    op.drop_column("statement", "is_pending")


def downgrade() -> None:
    """Give back."""
    op.add_column("statement", sa.Column("is_pending", sa.Boolean(), server_default="1", nullable=False))
    op.create_index(
        "ix_statement_pending",
        "statement",
        ["id"],
        sqlite_where=sa.text("is_pending = 1"),
        postgresql_where=sa.text("is_pending"),
    )
    op.execute(
        sa.text(
            "UPDATE statement SET is_pending = false"
            " WHERE NOT EXISTS (SELECT 1 FROM pending WHERE statement_id = statement.id)"
        )
    )
    op.drop_table("pending")
