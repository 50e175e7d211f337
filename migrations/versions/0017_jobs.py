"""Calls that are answered later: who asked for what, how far it is, where its answer lies.

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "job",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.String(length=40), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("request", sa.String(length=2000), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("beaten_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("headers", Json(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("token", name="uq_job_token"),
    )
    op.create_index("ix_job_begun_at", "job", ["begun_at"])


def downgrade() -> None:
    """Give back."""
    op.drop_index("ix_job_begun_at", "job")
    op.drop_table("job")
