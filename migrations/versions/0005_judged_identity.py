"""People decide which names are one thing; whitelists of schemes are kept by version.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FOUND = sa.text("method <> 'human'")
_STANDING = sa.text("method = 'human' AND state <> 'reversed'")
_ONCE = "uq_link_decision_identifier_id_candidate_id_method"
_LISTED = "uq_scheme_group_entity_type_group_no_scheme"
_LISTED_BY_VERSION = "uq_scheme_group_version_entity_type_group_no_scheme"


def upgrade() -> None:
    """Apply. A whitelist that is there becomes version 1."""
    with op.batch_alter_table("link_decision", schema=None) as batch_op:
        batch_op.drop_constraint(_ONCE, type_="unique")
        batch_op.add_column(sa.Column("decision", sa.String(length=5), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("undone_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("undone_reason", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("is_contradicted", sa.Boolean(), server_default="0", nullable=False))
        batch_op.create_check_constraint("decision_known", "decision IN ('same', 'apart')")
    op.create_index(
        "uq_link_decision_found",
        "link_decision",
        ["identifier_id", "candidate_id", "method"],
        unique=True,
        sqlite_where=_FOUND,
        postgresql_where=_FOUND,
    )
    op.create_index(
        "uq_link_decision_standing",
        "link_decision",
        ["identifier_id", "candidate_id"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.create_index("ix_link_decision_state", "link_decision", ["state", "method", "entity_type"])
    op.create_index("ix_link_decision_decided_at", "link_decision", ["decided_at", "id"])
    op.create_table(
        "scheme_version",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_from", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("applied_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scheme_version"),
        sa.UniqueConstraint("version", name="uq_scheme_version_version"),
    )
    op.execute(
        sa.text(
            "INSERT INTO scheme_version"
            " (version, approved_by, reason, effective_from, recorded_at, applied_at)"
            " SELECT 1, 'plantwide', 'stored before versions were kept',"
            " min(recorded_at), min(recorded_at), min(recorded_at)"
            " FROM scheme_group HAVING count(*) > 0"
        )
    )
    with op.batch_alter_table("scheme_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
        batch_op.drop_constraint(_LISTED, type_="unique")
        batch_op.create_unique_constraint(
            _LISTED_BY_VERSION, ["version", "entity_type", "group_no", "scheme"]
        )


def downgrade() -> None:
    """Give back; what people decided goes, and of the whitelists only the newest stays."""
    op.execute(sa.text("DELETE FROM scheme_group WHERE version < (SELECT max(version) FROM scheme_group)"))
    with op.batch_alter_table("scheme_group", schema=None) as batch_op:
        batch_op.drop_constraint(_LISTED_BY_VERSION, type_="unique")
        batch_op.create_unique_constraint(_LISTED, ["entity_type", "group_no", "scheme"])
        batch_op.drop_column("version")
    op.drop_table("scheme_version")
    op.execute(sa.text("DELETE FROM link_decision WHERE method = 'human'"))
    op.drop_index("ix_link_decision_decided_at", table_name="link_decision")
    op.drop_index("ix_link_decision_state", table_name="link_decision")
    op.drop_index("uq_link_decision_standing", table_name="link_decision")
    op.drop_index("uq_link_decision_found", table_name="link_decision")
    with op.batch_alter_table("link_decision", schema=None) as batch_op:
        batch_op.drop_constraint("decision_known", type_="check")
        batch_op.drop_column("is_contradicted")
        batch_op.drop_column("undone_reason")
        batch_op.drop_column("undone_at")
        batch_op.drop_column("undone_by")
        batch_op.drop_column("reason")
        batch_op.drop_column("decision")
        batch_op.create_unique_constraint(_ONCE, ["identifier_id", "candidate_id", "method"])
