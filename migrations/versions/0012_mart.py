"""Who reads which rows of the mart; what a key figure is kept apart by, how many rows made it, what it lacks.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OF = ("kpi", "formula_version", "scope_type", "scope_id")
_WHEN = ("period_start", "period_end")
_SCOPES = "'equipment', 'material_definition', 'batch', 'operations_request'"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "mart_reader",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("role_name", sa.String(length=63), nullable=False),
        sa.Column("site_id", key, nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["equipment.id"], name="fk_mart_reader_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mart_reader"),
        sa.UniqueConstraint("role_name", "site_id", name="uq_mart_reader_role_name_site_id"),
    )
    op.create_index("ix_mart_reader_site_id", "mart_reader", ["site_id"])
    with op.batch_alter_table("kpi_value") as batch_op:
        batch_op.add_column(sa.Column("word", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("incomplete", sa.Text(), nullable=True))
        batch_op.drop_constraint("uq_kpi_value_of", type_="unique")
        batch_op.create_unique_constraint("uq_kpi_value_of", [*_OF, "word", *_WHEN])
        batch_op.drop_constraint(batch_op.f("ck_kpi_value_scope_type_known"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_kpi_value_scope_type_known"),
            f"scope_type IN ('all', {_SCOPES})",
        )


def downgrade() -> None:
    """Give back."""
    op.execute(sa.text("DELETE FROM kpi_value"))
    with op.batch_alter_table("kpi_value") as batch_op:
        batch_op.drop_constraint("uq_kpi_value_of", type_="unique")
        batch_op.create_unique_constraint("uq_kpi_value_of", [*_OF, *_WHEN])
        batch_op.drop_constraint(batch_op.f("ck_kpi_value_scope_type_known"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_kpi_value_scope_type_known"), f"scope_type IN ({_SCOPES})"
        )
        for name in ("incomplete", "rows", "word"):
            batch_op.drop_column(name)
    op.drop_index("ix_mart_reader_site_id", "mart_reader")
    op.drop_table("mart_reader")
