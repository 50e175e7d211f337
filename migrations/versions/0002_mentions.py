"""The names that each live statement uses.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; every statement waits again, so that the next resolution fills the table."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "mention",
        sa.Column("statement_id", key, nullable=False),
        sa.Column("identifier_id", key, nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_mention_statement_id"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name="fk_mention_identifier_id"),
        sa.PrimaryKeyConstraint("statement_id", "identifier_id", name="pk_mention"),
    )
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.create_index("ix_mention_identifier_id", ["identifier_id"], unique=False)
    op.execute(sa.text("UPDATE statement SET is_pending = true"))


def downgrade() -> None:
    """Give back."""
    op.drop_table("mention")
