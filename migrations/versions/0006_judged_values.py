"""Rules with tolerances, reasons and dates of effect; decisions of people about values; what nets out.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATES = "ck_material_actual_count_state_known"


def upgrade() -> None:
    """Apply. A tolerance of one or more was seconds, a smaller one a part of the value."""
    with op.batch_alter_table("precedence_rule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tolerance_relative", sa.Float(precision=53), nullable=True))
        batch_op.add_column(sa.Column("tolerance_absolute", sa.Float(precision=53), nullable=True))
        batch_op.add_column(sa.Column("tolerance_unit", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("origin", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("effective_from", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.Text(), nullable=True))
    op.execute(
        sa.text(
            "UPDATE precedence_rule SET origin = 'hub', effective_from = recorded_at,"
            " tolerance_relative = CASE WHEN tolerance > 0 AND tolerance < 1 THEN tolerance END,"
            " tolerance_absolute = CASE WHEN tolerance >= 1 THEN tolerance END"
        )
    )
    with op.batch_alter_table("precedence_rule", schema=None) as batch_op:
        batch_op.alter_column("origin", existing_type=sa.String(length=8), nullable=False)
        batch_op.alter_column("effective_from", existing_type=UtcDateTime(), nullable=False)
        batch_op.drop_column("tolerance")
        batch_op.create_check_constraint(
            op.f("ck_precedence_rule_origin_known"), "origin IN ('hub', 'project', 'person')"
        )
    op.create_table(
        "value_decision",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("identifier_id", _KEY, nullable=False),
        sa.Column("attribute", sa.String(length=60), nullable=False),
        sa.Column("source_system_id", _KEY, nullable=False),
        sa.Column("judged", Json(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("reversed_by", sa.String(length=80), nullable=True),
        sa.Column("reversed_at", UtcDateTime(), nullable=True),
        sa.Column("reversed_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('standing', 'reversed')", name=op.f("ck_value_decision_state_known")),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name="fk_value_decision_identifier_id"),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_value_decision_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_value_decision"),
    )
    op.create_index("ix_value_decision_identifier", "value_decision", ["identifier_id", "attribute"])
    with op.batch_alter_table("assertion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("decision_id", _KEY, nullable=True))
        batch_op.create_foreign_key("fk_assertion_decision_id", "value_decision", ["decision_id"], ["id"])
        batch_op.create_index(
            "ix_assertion_conflict",
            ["entity_type", "entity_id", "attribute"],
            sqlite_where=sa.text("in_conflict = 1"),
            postgresql_where=sa.text("in_conflict"),
        )
        batch_op.create_index(
            "ix_assertion_decision",
            ["decision_id"],
            sqlite_where=sa.text("decision_id IS NOT NULL"),
            postgresql_where=sa.text("decision_id IS NOT NULL"),
        )
    with op.batch_alter_table("material_actual", schema=None) as batch_op:
        batch_op.add_column(sa.Column("count_quantity", sa.Float(precision=53), nullable=True))
        batch_op.add_column(sa.Column("count_unit", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("count_difference", sa.Float(precision=53), nullable=True))
        batch_op.add_column(sa.Column("disputes_id", _KEY, nullable=True))
        batch_op.create_foreign_key(
            "fk_material_actual_disputes_id", "material_actual", ["disputes_id"], ["id"]
        )
        batch_op.create_index("ix_material_actual_disputes_id", ["disputes_id"])
        batch_op.drop_constraint(op.f(_STATES), type_="check")
        batch_op.create_check_constraint(
            op.f(_STATES), "count_state IN ('counted', 'same_as', 'disputed', 'netted')"
        )


def downgrade() -> None:
    """Give back."""
    op.execute(sa.text("UPDATE material_actual SET count_state = 'counted' WHERE count_state = 'netted'"))
    with op.batch_alter_table("material_actual", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(_STATES), type_="check")
        batch_op.create_check_constraint(op.f(_STATES), "count_state IN ('counted', 'same_as', 'disputed')")
        batch_op.drop_index("ix_material_actual_disputes_id")
        batch_op.drop_constraint("fk_material_actual_disputes_id", type_="foreignkey")
        for name in ("count_quantity", "count_unit", "count_difference", "disputes_id"):
            batch_op.drop_column(name)
    with op.batch_alter_table("assertion", schema=None) as batch_op:
        batch_op.drop_index("ix_assertion_decision")
        batch_op.drop_index("ix_assertion_conflict")
        batch_op.drop_constraint("fk_assertion_decision_id", type_="foreignkey")
        batch_op.drop_column("decision_id")
    op.drop_index("ix_value_decision_identifier", "value_decision")
    op.drop_table("value_decision")
    with op.batch_alter_table("precedence_rule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tolerance", sa.Float(precision=53), nullable=True))
    op.execute(
        sa.text("UPDATE precedence_rule SET tolerance = coalesce(tolerance_absolute, tolerance_relative, 0)")
    )
    with op.batch_alter_table("precedence_rule", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_precedence_rule_origin_known"), type_="check")
        for name in (
            "tolerance_relative",
            "tolerance_absolute",
            "tolerance_unit",
            "origin",
            "effective_from",
            "reason",
        ):
            batch_op.drop_column(name)
