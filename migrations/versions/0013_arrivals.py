"""News of samples: which tags and times each put was of, in the order in which puts became visible.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply. What came before is no news."""
    op.create_table(
        "sample_arrival",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("tags", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sample_arrival"),
    )
    op.create_index("ix_sample_arrival_recorded_at", "sample_arrival", ["recorded_at"])


def downgrade() -> None:
    """Give back."""
    op.drop_index("ix_sample_arrival_recorded_at", "sample_arrival")
    op.drop_table("sample_arrival")
