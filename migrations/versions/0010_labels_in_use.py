"""What each live statement says people call a name.

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; every statement waits again, so that the next resolution fills the column."""
    op.add_column("mention", sa.Column("label", sa.String(length=200), nullable=True))
    op.execute(sa.text("UPDATE statement SET is_pending = true"))


def downgrade() -> None:
    """Give back."""
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.drop_column("label")
