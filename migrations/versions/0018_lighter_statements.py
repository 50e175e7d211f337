"""Statements and mentions without what only cost: references checked twice, JSON taken apart, names of none.

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NAMED = sa.text("identifier_id IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("mention") as batch_op:
        batch_op.drop_constraint("fk_mention_statement_id", type_="foreignkey")
        batch_op.drop_constraint("fk_mention_identifier_id", type_="foreignkey")
    with op.batch_alter_table("statement") as batch_op:
        batch_op.drop_constraint("fk_statement_source_system_id", type_="foreignkey")
        batch_op.drop_index("ix_statement_identifier_id")
    op.create_index(
        "ix_statement_name", "statement", ["identifier_id"], sqlite_where=_NAMED, postgresql_where=_NAMED
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("ALTER TABLE statement ALTER COLUMN body TYPE json USING body::json"))


def downgrade() -> None:
    """Give back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("ALTER TABLE statement ALTER COLUMN body TYPE jsonb USING body::jsonb"))
    op.drop_index("ix_statement_name", "statement")
    with op.batch_alter_table("statement") as batch_op:
        batch_op.create_foreign_key(
            "fk_statement_source_system_id", "source_system", ["source_system_id"], ["id"]
        )
        batch_op.create_index("ix_statement_identifier_id", ["identifier_id"])
    with op.batch_alter_table("mention") as batch_op:
        batch_op.create_foreign_key("fk_mention_identifier_id", "identifier", ["identifier_id"], ["id"])
        batch_op.create_foreign_key("fk_mention_statement_id", "statement", ["statement_id"], ["id"])
