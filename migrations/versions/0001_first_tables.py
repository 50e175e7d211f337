"""The spine, the resources, execution, quality and the runtime.

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op

from hub.store.tables.parts import Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "api_key",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("public_id", name="uq_api_key_public_id"),
    )
    op.create_table(
        "audit_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed", Json(), nullable=False),
        sa.Column("image", Json(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sa.UniqueConstraint(
            "entity_type", "entity_id", "version", name="uq_audit_event_entity_type_entity_id_version"
        ),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_recorded_at", ["recorded_at"], unique=False)

    op.create_table(
        "equipment",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("path", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_equipment_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["equipment.id"], name="fk_equipment_merged_into_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["equipment.id"], name="fk_equipment_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_equipment"),
        sa.UniqueConstraint("uid", name="uq_equipment_uid"),
    )
    with op.batch_alter_table("equipment", schema=None) as batch_op:
        batch_op.create_index("ix_equipment_code", ["code"], unique=False)
        batch_op.create_index("ix_equipment_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_index("ix_equipment_parent_id", ["parent_id"], unique=False)
        batch_op.create_index("ix_equipment_path", ["path"], unique=False)

    op.create_table(
        "identifier",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("origin_entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scheme", sa.String(length=80), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("value_norm", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=12), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "method IN ('native', 'declared', 'normalised', 'rule', 'human')",
            name=op.f("ck_identifier_method_known"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identifier"),
        sa.UniqueConstraint("entity_type", "scheme", "value", name="uq_identifier_entity_type_scheme_value"),
    )
    with op.batch_alter_table("identifier", schema=None) as batch_op:
        batch_op.create_index("ix_identifier_entity", ["entity_type", "entity_id"], unique=False)
        batch_op.create_index("ix_identifier_norm", ["entity_type", "value_norm"], unique=False)

    op.create_table(
        "material_definition",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("material_class", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("base_unit", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_material_definition_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["material_definition.id"], name="fk_material_definition_merged_into_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_material_definition"),
        sa.UniqueConstraint("uid", name="uq_material_definition_uid"),
    )
    with op.batch_alter_table("material_definition", schema=None) as batch_op:
        batch_op.create_index("ix_material_definition_code", ["code"], unique=False)
        batch_op.create_index("ix_material_definition_merged_into_id", ["merged_into_id"], unique=False)

    op.create_table(
        "person",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("printed_name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_person_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["person.id"], name="fk_person_merged_into_id"),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("uid", name="uq_person_uid"),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index("ix_person_code", ["code"], unique=False)
        batch_op.create_index("ix_person_merged_into_id", ["merged_into_id"], unique=False)

    op.create_table(
        "precedence_rule",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("attribute", sa.String(length=60), nullable=False),
        sa.Column("strategy", sa.String(length=12), nullable=False),
        sa.Column("source_order", Json(), nullable=False),
        sa.Column("tolerance", sa.Float(precision=53), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "strategy IN ('system', 'latest', 'earliest', 'widest', 'union')",
            name=op.f("ck_precedence_rule_strategy_known"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_precedence_rule"),
        sa.UniqueConstraint(
            "entity_type", "attribute", "version", name="uq_precedence_rule_entity_type_attribute_version"
        ),
    )
    op.create_table(
        "scheme_group",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("group_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scheme", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scheme_group"),
        sa.UniqueConstraint(
            "entity_type", "group_no", "scheme", name="uq_scheme_group_entity_type_group_no_scheme"
        ),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", Json(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )
    op.create_table(
        "source_system",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("connector", sa.String(length=60), nullable=True),
        sa.Column("timezone", sa.String(length=60), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('MES', 'LIMS', 'ERP', 'HISTORIAN', 'QMS', 'DCS', 'MODEL', 'MANUAL', 'FILE', 'HUB')",
            name=op.f("ck_source_system_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source_system"),
        sa.UniqueConstraint("code", name="uq_source_system_code"),
    )
    op.create_table(
        "tag_latest",
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ts", UtcDateTime(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("quality", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tag_id", name="pk_tag_latest"),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("unece", sa.String(length=3), nullable=True),
        sa.Column("dimension", sa.String(length=40), nullable=False),
        sa.Column("factor", sa.Float(precision=53), nullable=True),
        sa.Column("value_offset", sa.Float(precision=53), nullable=True),
        sa.Column("aliases", Json(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_unit"),
    )
    op.create_table(
        "coverage",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag_group", sa.String(length=120), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=False),
        sa.Column("samples", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_coverage_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_coverage"),
    )
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.create_index(
            "ix_coverage_source", ["source_system_id", "tag_group", "start_at"], unique=False
        )

    op.create_table(
        "link_decision",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("candidate_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("method", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=True),
        sa.Column("evidence", Json(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "method IN ('native', 'declared', 'normalised', 'rule', 'human')",
            name=op.f("ck_link_decision_method_known"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'confirmed', 'rejected', 'reversed')",
            name=op.f("ck_link_decision_state_known"),
        ),
        sa.ForeignKeyConstraint(["candidate_id"], ["identifier.id"], name="fk_link_decision_candidate_id"),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name="fk_link_decision_identifier_id"),
        sa.PrimaryKeyConstraint("id", name="pk_link_decision"),
        sa.UniqueConstraint(
            "identifier_id",
            "candidate_id",
            "method",
            name="uq_link_decision_identifier_id_candidate_id_method",
        ),
    )
    with op.batch_alter_table("link_decision", schema=None) as batch_op:
        batch_op.create_index("ix_link_decision_candidate_id", ["candidate_id"], unique=False)
        batch_op.create_index("ix_link_decision_identifier_id", ["identifier_id"], unique=False)

    op.create_table(
        "material_lot",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("material_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("parent_lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Float(precision=53), nullable=True),
        sa.Column("quantity_unit", sa.String(length=40), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("manufactured_at", UtcDateTime(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("supplier_lot", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_material_lot_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["material_definition.id"], name="fk_material_lot_material_id"
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["material_lot.id"], name="fk_material_lot_merged_into_id"
        ),
        sa.ForeignKeyConstraint(["parent_lot_id"], ["material_lot.id"], name="fk_material_lot_parent_lot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_material_lot"),
        sa.UniqueConstraint("uid", name="uq_material_lot_uid"),
    )
    with op.batch_alter_table("material_lot", schema=None) as batch_op:
        batch_op.create_index("ix_material_lot_code", ["code"], unique=False)
        batch_op.create_index("ix_material_lot_material_id", ["material_id"], unique=False)
        batch_op.create_index("ix_material_lot_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_index("ix_material_lot_parent_lot_id", ["parent_lot_id"], unique=False)

    op.create_table(
        "operations_request",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("request_type", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("quantity", sa.Float(precision=53), nullable=True),
        sa.Column("quantity_unit", sa.String(length=40), nullable=True),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("planned_start", UtcDateTime(), nullable=True),
        sa.Column("planned_end", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_operations_request_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["operations_request.id"], name="fk_operations_request_merged_into_id"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["material_definition.id"], name="fk_operations_request_product_id"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["equipment.id"], name="fk_operations_request_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operations_request"),
        sa.UniqueConstraint("uid", name="uq_operations_request_uid"),
    )
    with op.batch_alter_table("operations_request", schema=None) as batch_op:
        batch_op.create_index("ix_operations_request_code", ["code"], unique=False)
        batch_op.create_index("ix_operations_request_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_index("ix_operations_request_product_id", ["product_id"], unique=False)
        batch_op.create_index("ix_operations_request_site_id", ["site_id"], unique=False)

    op.create_table(
        "quarantine",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream", sa.String(length=120), nullable=False),
        sa.Column("object_type", sa.String(length=80), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("part", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source_time", UtcDateTime(), nullable=True),
        sa.Column("connector", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'resolved', 'dismissed')", name=op.f("ck_quarantine_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_quarantine_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "source_system_id",
            "object_type",
            "source_key",
            "part",
            name="uq_quarantine_source_system_id_object_type_source_key_part",
        ),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index("ix_quarantine_source_system_id", ["source_system_id"], unique=False)

    op.create_table(
        "recipe",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("recipe_version", sa.Text(), nullable=True),
        sa.Column("based_on_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("effective_from", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_recipe_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["based_on_id"], ["recipe.id"], name="fk_recipe_based_on_id"),
        sa.ForeignKeyConstraint(["merged_into_id"], ["recipe.id"], name="fk_recipe_merged_into_id"),
        sa.ForeignKeyConstraint(["product_id"], ["material_definition.id"], name="fk_recipe_product_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recipe"),
        sa.UniqueConstraint("uid", name="uq_recipe_uid"),
    )
    with op.batch_alter_table("recipe", schema=None) as batch_op:
        batch_op.create_index("ix_recipe_based_on_id", ["based_on_id"], unique=False)
        batch_op.create_index("ix_recipe_code", ["code"], unique=False)
        batch_op.create_index("ix_recipe_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_index("ix_recipe_product_id", ["product_id"], unique=False)

    op.create_table(
        "source",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("system", sa.String(length=120), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'ok', 'degraded', 'paused', 'stopped')", name=op.f("ck_source_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_source_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("source_system_id", name="uq_source_source_system_id"),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.create_index("ix_source_source_system_id", ["source_system_id"], unique=False)

    op.create_table(
        "source_record",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("object_type", sa.String(length=80), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("op", sa.String(length=1), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source_time", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("mapping_version", sa.String(length=60), nullable=False),
        sa.CheckConstraint("op IN ('U', 'D')", name=op.f("ck_source_record_op_known")),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_source_record_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source_record"),
        sa.UniqueConstraint(
            "source_system_id",
            "object_type",
            "source_key",
            "seq",
            name="uq_source_record_source_system_id_object_type_source_key_seq",
        ),
    )
    op.create_table(
        "stream",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("every_s", sa.Float(precision=53), nullable=True),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("cursor", Json(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("documents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("records", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("samples", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('records', 'samples')", name=op.f("ck_stream_kind_known")),
        sa.CheckConstraint(
            "state IN ('idle', 'running', 'waiting', 'paused', 'stopped')", name=op.f("ck_stream_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_stream_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stream"),
        sa.UniqueConstraint("source_system_id", "name", name="uq_stream_source_system_id_name"),
    )
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.create_index("ix_stream_due_at", ["due_at"], unique=False)

    op.create_table(
        "tag",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("equipment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("property", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("source_unit", sa.Text(), nullable=True),
        sa.Column("value_type", sa.Text(), nullable=True),
        sa.Column("is_step", sa.Boolean(), nullable=True),
        sa.Column("criticality", sa.Text(), nullable=True),
        sa.Column("low", sa.Float(precision=53), nullable=True),
        sa.Column("high", sa.Float(precision=53), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_tag_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name="fk_tag_equipment_id"),
        sa.ForeignKeyConstraint(["merged_into_id"], ["tag.id"], name="fk_tag_merged_into_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("uid", name="uq_tag_uid"),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index("ix_tag_code", ["code"], unique=False)
        batch_op.create_index("ix_tag_equipment_id", ["equipment_id"], unique=False)
        batch_op.create_index("ix_tag_merged_into_id", ["merged_into_id"], unique=False)

    op.create_table(
        "test_specification",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("material_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("specification_version", sa.Text(), nullable=True),
        sa.Column("effective_from", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_test_specification_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["material_definition.id"], name="fk_test_specification_material_id"
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["test_specification.id"], name="fk_test_specification_merged_into_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_test_specification"),
        sa.UniqueConstraint("uid", name="uq_test_specification_uid"),
    )
    with op.batch_alter_table("test_specification", schema=None) as batch_op:
        batch_op.create_index("ix_test_specification_code", ["code"], unique=False)
        batch_op.create_index("ix_test_specification_material_id", ["material_id"], unique=False)
        batch_op.create_index("ix_test_specification_merged_into_id", ["merged_into_id"], unique=False)

    op.create_table(
        "assertion",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity_type", sa.String(length=30), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attribute", sa.String(length=60), nullable=False),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("value", Json(), nullable=False),
        sa.Column("value_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("source_time", UtcDateTime(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime(), nullable=True),
        sa.Column("is_winner", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("in_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_assertion_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_assertion_source_system_id"
        ),
        sa.ForeignKeyConstraint(
            ["value_identifier_id"], ["identifier.id"], name="fk_assertion_value_identifier_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assertion"),
    )
    with op.batch_alter_table("assertion", schema=None) as batch_op:
        batch_op.create_index("ix_assertion_source_record_id", ["source_record_id"], unique=False)
        batch_op.create_index("ix_assertion_value_identifier_id", ["value_identifier_id"], unique=False)
        batch_op.create_index(
            "uq_assertion_current",
            ["entity_type", "entity_id", "attribute", "source_system_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "batch",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "operations_request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("recipe_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("output_lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("equipment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("planned_start", UtcDateTime(), nullable=True),
        sa.Column("planned_end", UtcDateTime(), nullable=True),
        sa.Column("actual_start", UtcDateTime(), nullable=True),
        sa.Column("actual_end", UtcDateTime(), nullable=True),
        sa.Column("planned_size", sa.Float(precision=53), nullable=True),
        sa.Column("planned_size_unit", sa.String(length=40), nullable=True),
        sa.Column("actual_size", sa.Float(precision=53), nullable=True),
        sa.Column("actual_size_unit", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_batch_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["batch.id"], name="fk_batch_campaign_id"),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name="fk_batch_equipment_id"),
        sa.ForeignKeyConstraint(["merged_into_id"], ["batch.id"], name="fk_batch_merged_into_id"),
        sa.ForeignKeyConstraint(
            ["operations_request_id"], ["operations_request.id"], name="fk_batch_operations_request_id"
        ),
        sa.ForeignKeyConstraint(["output_lot_id"], ["material_lot.id"], name="fk_batch_output_lot_id"),
        sa.ForeignKeyConstraint(["product_id"], ["material_definition.id"], name="fk_batch_product_id"),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name="fk_batch_recipe_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sa.UniqueConstraint("uid", name="uq_batch_uid"),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index("ix_batch_actual_start", ["actual_start", "id"], unique=False)
        batch_op.create_index("ix_batch_campaign_id", ["campaign_id"], unique=False)
        batch_op.create_index("ix_batch_code", ["code"], unique=False)
        batch_op.create_index("ix_batch_equipment_id", ["equipment_id"], unique=False)
        batch_op.create_index("ix_batch_merged_into_id", ["merged_into_id"], unique=False)
        batch_op.create_index("ix_batch_operations_request_id", ["operations_request_id"], unique=False)
        batch_op.create_index("ix_batch_output_lot_id", ["output_lot_id"], unique=False)
        batch_op.create_index("ix_batch_product_id", ["product_id"], unique=False)
        batch_op.create_index("ix_batch_recipe_id", ["recipe_id"], unique=False)

    op.create_table(
        "sample_frame",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("stream", sa.String(length=120), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_sample_frame_tag_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sample_frame"),
        sa.UniqueConstraint("stream", "seq", "tag_id", name="uq_sample_frame_stream_seq_tag_id"),
    )
    with op.batch_alter_table("sample_frame", schema=None) as batch_op:
        batch_op.create_index("ix_sample_frame_tag_time", ["tag_id", "last_at"], unique=False)

    op.create_table(
        "statement",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("object_type", sa.String(length=80), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("record_type", sa.String(length=30), nullable=False),
        sa.Column("record_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source_time", UtcDateTime(), nullable=True),
        sa.Column("body", Json(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("is_live", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("is_pending", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["identifier_id"], ["identifier.id"], name="fk_statement_identifier_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_statement_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_statement_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_statement"),
        sa.UniqueConstraint(
            "source_system_id",
            "object_type",
            "source_key",
            "record_type",
            "record_key",
            name="uq_statement_said",
        ),
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index("ix_statement_identifier_id", ["identifier_id"], unique=False)
        batch_op.create_index(
            "ix_statement_pending",
            ["id"],
            unique=False,
            sqlite_where=sa.text("is_pending = 1"),
            postgresql_where=sa.text("is_pending"),
        )
        batch_op.create_index(
            "ix_statement_record", ["source_system_id", "record_type", "record_key"], unique=False
        )
        batch_op.create_index("ix_statement_source_record_id", ["source_record_id"], unique=False)

    op.create_table(
        "test_criterion",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("specification_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "specification_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("test_code", sa.Text(), nullable=True),
        sa.Column("property", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("lower", sa.Float(precision=53), nullable=True),
        sa.Column("upper", sa.Float(precision=53), nullable=True),
        sa.Column("lower_action", sa.Float(precision=53), nullable=True),
        sa.Column("upper_action", sa.Float(precision=53), nullable=True),
        sa.Column("text_criterion", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("is_cqa", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["same_as_id"], ["test_criterion.id"], name="fk_test_criterion_same_as_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_test_criterion_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_test_criterion_source_system_id"
        ),
        sa.ForeignKeyConstraint(
            ["specification_id"], ["test_specification.id"], name="fk_test_criterion_specification_id"
        ),
        sa.ForeignKeyConstraint(
            ["specification_identifier_id"],
            ["identifier.id"],
            name="fk_test_criterion_specification_identifier_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_test_criterion"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_test_criterion_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("test_criterion", schema=None) as batch_op:
        batch_op.create_index("ix_test_criterion_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_test_criterion_source_record_id", ["source_record_id"], unique=False)
        batch_op.create_index("ix_test_criterion_specification_id", ["specification_id"], unique=False)
        batch_op.create_index(
            "ix_test_criterion_specification_identifier_id", ["specification_identifier_id"], unique=False
        )

    op.create_table(
        "lot_genealogy",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("input_lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("output_lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.Float(precision=53), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "kind IN ('consume', 'split', 'merge', 'sample', 'rework')",
            name=op.f("ck_lot_genealogy_kind_known"),
        ),
        sa.CheckConstraint("input_lot_id <> output_lot_id", name=op.f("ck_lot_genealogy_no_self")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_lot_genealogy_batch_id"),
        sa.ForeignKeyConstraint(["input_lot_id"], ["material_lot.id"], name="fk_lot_genealogy_input_lot_id"),
        sa.ForeignKeyConstraint(
            ["output_lot_id"], ["material_lot.id"], name="fk_lot_genealogy_output_lot_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_lot_genealogy"),
        sa.UniqueConstraint(
            "input_lot_id",
            "output_lot_id",
            "batch_id",
            "kind",
            name="uq_lot_genealogy_input_lot_id_output_lot_id_batch_id_kind",
        ),
    )
    with op.batch_alter_table("lot_genealogy", schema=None) as batch_op:
        batch_op.create_index("ix_lot_genealogy_back", ["output_lot_id", "input_lot_id"], unique=False)
        batch_op.create_index("ix_lot_genealogy_batch_id", ["batch_id"], unique=False)

    op.create_table(
        "quality_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("code", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("has_conflict", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('stub', 'active', 'retired', 'merged', 'retracted')",
            name=op.f("ck_quality_event_lifecycle_known"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_quality_event_batch_id"),
        sa.ForeignKeyConstraint(["lot_id"], ["material_lot.id"], name="fk_quality_event_lot_id"),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["quality_event.id"], name="fk_quality_event_merged_into_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_quality_event"),
        sa.UniqueConstraint("uid", name="uq_quality_event_uid"),
    )
    with op.batch_alter_table("quality_event", schema=None) as batch_op:
        batch_op.create_index("ix_quality_event_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_quality_event_code", ["code"], unique=False)
        batch_op.create_index("ix_quality_event_lot_id", ["lot_id"], unique=False)
        batch_op.create_index("ix_quality_event_merged_into_id", ["merged_into_id"], unique=False)

    op.create_table(
        "segment_response",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("parent_key", sa.String(length=300), nullable=True),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("occurrence", sa.BigInteger(), nullable=True),
        sa.Column("segment_code", sa.Text(), nullable=True),
        sa.Column("equipment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "equipment_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("actual_start", UtcDateTime(), nullable=True),
        sa.Column("actual_end", UtcDateTime(), nullable=True),
        sa.Column("is_derived", sa.Boolean(), nullable=True),
        sa.Column("duration_s", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_segment_response_batch_id"),
        sa.ForeignKeyConstraint(
            ["batch_identifier_id"], ["identifier.id"], name="fk_segment_response_batch_identifier_id"
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name="fk_segment_response_equipment_id"),
        sa.ForeignKeyConstraint(
            ["equipment_identifier_id"], ["identifier.id"], name="fk_segment_response_equipment_identifier_id"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["segment_response.id"], name="fk_segment_response_parent_id"),
        sa.ForeignKeyConstraint(
            ["same_as_id"], ["segment_response.id"], name="fk_segment_response_same_as_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_segment_response_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_segment_response_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_segment_response"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_segment_response_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("segment_response", schema=None) as batch_op:
        batch_op.create_index("ix_segment_response_batch_id", ["batch_id"], unique=False)
        batch_op.create_index(
            "ix_segment_response_batch_identifier_id", ["batch_identifier_id"], unique=False
        )
        batch_op.create_index("ix_segment_response_equipment_id", ["equipment_id"], unique=False)
        batch_op.create_index(
            "ix_segment_response_equipment_identifier_id", ["equipment_identifier_id"], unique=False
        )
        batch_op.create_index("ix_segment_response_parent_id", ["parent_id"], unique=False)
        batch_op.create_index(
            "ix_segment_response_parent_key", ["source_system_id", "parent_key"], unique=False
        )
        batch_op.create_index("ix_segment_response_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_segment_response_source_record_id", ["source_record_id"], unique=False)
        batch_op.create_index("ix_segment_response_unit_time", ["equipment_id", "actual_start"], unique=False)

    op.create_table(
        "material_actual",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("response_key", sa.String(length=300), nullable=True),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lot_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("material_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "material_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("equipment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "equipment_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("use", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Float(precision=53), nullable=True),
        sa.Column("quantity_text", sa.Text(), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=True),
        sa.Column("source_unit", sa.String(length=60), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("reverses_key", sa.String(length=300), nullable=True),
        sa.Column("reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("count_state", sa.String(length=10), nullable=True),
        sa.CheckConstraint(
            "count_state IN ('counted', 'same_as', 'disputed')",
            name=op.f("ck_material_actual_count_state_known"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_material_actual_batch_id"),
        sa.ForeignKeyConstraint(
            ["batch_identifier_id"], ["identifier.id"], name="fk_material_actual_batch_identifier_id"
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name="fk_material_actual_equipment_id"),
        sa.ForeignKeyConstraint(
            ["equipment_identifier_id"], ["identifier.id"], name="fk_material_actual_equipment_identifier_id"
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["material_lot.id"], name="fk_material_actual_lot_id"),
        sa.ForeignKeyConstraint(
            ["lot_identifier_id"], ["identifier.id"], name="fk_material_actual_lot_identifier_id"
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["material_definition.id"], name="fk_material_actual_material_id"
        ),
        sa.ForeignKeyConstraint(
            ["material_identifier_id"], ["identifier.id"], name="fk_material_actual_material_identifier_id"
        ),
        sa.ForeignKeyConstraint(
            ["response_id"], ["segment_response.id"], name="fk_material_actual_response_id"
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["material_actual.id"], name="fk_material_actual_reverses_id"
        ),
        sa.ForeignKeyConstraint(["same_as_id"], ["material_actual.id"], name="fk_material_actual_same_as_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_material_actual_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_material_actual_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_material_actual"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_material_actual_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("material_actual", schema=None) as batch_op:
        batch_op.create_index("ix_material_actual_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_material_actual_batch_identifier_id", ["batch_identifier_id"], unique=False)
        batch_op.create_index("ix_material_actual_equipment_id", ["equipment_id"], unique=False)
        batch_op.create_index(
            "ix_material_actual_equipment_identifier_id", ["equipment_identifier_id"], unique=False
        )
        batch_op.create_index("ix_material_actual_lot_id", ["lot_id"], unique=False)
        batch_op.create_index("ix_material_actual_lot_identifier_id", ["lot_identifier_id"], unique=False)
        batch_op.create_index("ix_material_actual_material_id", ["material_id"], unique=False)
        batch_op.create_index(
            "ix_material_actual_material_identifier_id", ["material_identifier_id"], unique=False
        )
        batch_op.create_index("ix_material_actual_response_id", ["response_id"], unique=False)
        batch_op.create_index(
            "ix_material_actual_response_key", ["source_system_id", "response_key"], unique=False
        )
        batch_op.create_index("ix_material_actual_reverses_id", ["reverses_id"], unique=False)
        batch_op.create_index(
            "ix_material_actual_reverses_key", ["source_system_id", "reverses_key"], unique=False
        )
        batch_op.create_index("ix_material_actual_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_material_actual_source_record_id", ["source_record_id"], unique=False)

    op.create_table(
        "operations_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("subtype", sa.Text(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("cleared_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("response_key", sa.String(length=300), nullable=True),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("equipment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "equipment_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("tag_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("value_num", sa.Float(precision=53), nullable=True),
        sa.Column("value_text", sa.Text(), nullable=True),
        sa.Column("comparator", sa.String(length=2), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=True),
        sa.Column("source_unit", sa.String(length=60), nullable=True),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name="fk_operations_event_actor_id"),
        sa.ForeignKeyConstraint(
            ["actor_identifier_id"], ["identifier.id"], name="fk_operations_event_actor_identifier_id"
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_operations_event_batch_id"),
        sa.ForeignKeyConstraint(
            ["batch_identifier_id"], ["identifier.id"], name="fk_operations_event_batch_identifier_id"
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name="fk_operations_event_equipment_id"),
        sa.ForeignKeyConstraint(
            ["equipment_identifier_id"], ["identifier.id"], name="fk_operations_event_equipment_identifier_id"
        ),
        sa.ForeignKeyConstraint(
            ["response_id"], ["segment_response.id"], name="fk_operations_event_response_id"
        ),
        sa.ForeignKeyConstraint(
            ["same_as_id"], ["operations_event.id"], name="fk_operations_event_same_as_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_operations_event_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_operations_event_source_system_id"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_operations_event_tag_id"),
        sa.ForeignKeyConstraint(
            ["tag_identifier_id"], ["identifier.id"], name="fk_operations_event_tag_identifier_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_operations_event"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_operations_event_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("operations_event", schema=None) as batch_op:
        batch_op.create_index("ix_operations_event_actor_id", ["actor_id"], unique=False)
        batch_op.create_index(
            "ix_operations_event_actor_identifier_id", ["actor_identifier_id"], unique=False
        )
        batch_op.create_index("ix_operations_event_batch_id", ["batch_id"], unique=False)
        batch_op.create_index(
            "ix_operations_event_batch_identifier_id", ["batch_identifier_id"], unique=False
        )
        batch_op.create_index("ix_operations_event_equipment_id", ["equipment_id"], unique=False)
        batch_op.create_index(
            "ix_operations_event_equipment_identifier_id", ["equipment_identifier_id"], unique=False
        )
        batch_op.create_index("ix_operations_event_response_id", ["response_id"], unique=False)
        batch_op.create_index(
            "ix_operations_event_response_key", ["source_system_id", "response_key"], unique=False
        )
        batch_op.create_index("ix_operations_event_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_operations_event_source_record_id", ["source_record_id"], unique=False)
        batch_op.create_index("ix_operations_event_tag_id", ["tag_id"], unique=False)
        batch_op.create_index("ix_operations_event_tag_identifier_id", ["tag_identifier_id"], unique=False)

    op.create_table(
        "sample",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lot_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("response_key", sa.String(length=300), nullable=True),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sample_type", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_sample_batch_id"),
        sa.ForeignKeyConstraint(
            ["batch_identifier_id"], ["identifier.id"], name="fk_sample_batch_identifier_id"
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["material_lot.id"], name="fk_sample_lot_id"),
        sa.ForeignKeyConstraint(["lot_identifier_id"], ["identifier.id"], name="fk_sample_lot_identifier_id"),
        sa.ForeignKeyConstraint(["response_id"], ["segment_response.id"], name="fk_sample_response_id"),
        sa.ForeignKeyConstraint(["same_as_id"], ["sample.id"], name="fk_sample_same_as_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_sample_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_sample_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sample"),
        sa.UniqueConstraint("source_system_id", "source_key", name="uq_sample_source_system_id_source_key"),
    )
    with op.batch_alter_table("sample", schema=None) as batch_op:
        batch_op.create_index("ix_sample_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_sample_batch_identifier_id", ["batch_identifier_id"], unique=False)
        batch_op.create_index("ix_sample_lot_id", ["lot_id"], unique=False)
        batch_op.create_index("ix_sample_lot_identifier_id", ["lot_identifier_id"], unique=False)
        batch_op.create_index("ix_sample_response_id", ["response_id"], unique=False)
        batch_op.create_index("ix_sample_response_key", ["source_system_id", "response_key"], unique=False)
        batch_op.create_index("ix_sample_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_sample_source_record_id", ["source_record_id"], unique=False)

    op.create_table(
        "segment_data",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("response_key", sa.String(length=300), nullable=True),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("value_num", sa.Float(precision=53), nullable=True),
        sa.Column("value_text", sa.Text(), nullable=True),
        sa.Column("comparator", sa.String(length=2), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=True),
        sa.Column("source_unit", sa.String(length=60), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("is_cpp", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_segment_data_batch_id"),
        sa.ForeignKeyConstraint(
            ["batch_identifier_id"], ["identifier.id"], name="fk_segment_data_batch_identifier_id"
        ),
        sa.ForeignKeyConstraint(["response_id"], ["segment_response.id"], name="fk_segment_data_response_id"),
        sa.ForeignKeyConstraint(["same_as_id"], ["segment_data.id"], name="fk_segment_data_same_as_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_segment_data_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_segment_data_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_segment_data"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_segment_data_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("segment_data", schema=None) as batch_op:
        batch_op.create_index("ix_segment_data_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_segment_data_batch_identifier_id", ["batch_identifier_id"], unique=False)
        batch_op.create_index("ix_segment_data_response_id", ["response_id"], unique=False)
        batch_op.create_index(
            "ix_segment_data_response_key", ["source_system_id", "response_key"], unique=False
        )
        batch_op.create_index("ix_segment_data_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_segment_data_source_record_id", ["source_record_id"], unique=False)

    op.create_table(
        "test_result",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("source_system_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=300), nullable=False),
        sa.Column("source_record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("same_as_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_retracted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("sample_key", sa.String(length=300), nullable=True),
        sa.Column("sample_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("criterion_key", sa.String(length=300), nullable=True),
        sa.Column("criterion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("test_code", sa.Text(), nullable=True),
        sa.Column("property", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("replicate", sa.BigInteger(), nullable=True),
        sa.Column("retest_of_key", sa.String(length=300), nullable=True),
        sa.Column("retest_of_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("value_num", sa.Float(precision=53), nullable=True),
        sa.Column("value_text", sa.Text(), nullable=True),
        sa.Column("comparator", sa.String(length=2), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=True),
        sa.Column("source_unit", sa.String(length=60), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("measured_at", UtcDateTime(), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("analyst_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "analyst_identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(["analyst_id"], ["person.id"], name="fk_test_result_analyst_id"),
        sa.ForeignKeyConstraint(
            ["analyst_identifier_id"], ["identifier.id"], name="fk_test_result_analyst_identifier_id"
        ),
        sa.ForeignKeyConstraint(["criterion_id"], ["test_criterion.id"], name="fk_test_result_criterion_id"),
        sa.ForeignKeyConstraint(["retest_of_id"], ["test_result.id"], name="fk_test_result_retest_of_id"),
        sa.ForeignKeyConstraint(["same_as_id"], ["test_result.id"], name="fk_test_result_same_as_id"),
        sa.ForeignKeyConstraint(["sample_id"], ["sample.id"], name="fk_test_result_sample_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_test_result_source_record_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_system_id"], ["source_system.id"], name="fk_test_result_source_system_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_test_result"),
        sa.UniqueConstraint(
            "source_system_id", "source_key", name="uq_test_result_source_system_id_source_key"
        ),
    )
    with op.batch_alter_table("test_result", schema=None) as batch_op:
        batch_op.create_index("ix_test_result_analyst_id", ["analyst_id"], unique=False)
        batch_op.create_index("ix_test_result_analyst_identifier_id", ["analyst_identifier_id"], unique=False)
        batch_op.create_index("ix_test_result_criterion_id", ["criterion_id"], unique=False)
        batch_op.create_index(
            "ix_test_result_criterion_key", ["source_system_id", "criterion_key"], unique=False
        )
        batch_op.create_index("ix_test_result_retest_of_id", ["retest_of_id"], unique=False)
        batch_op.create_index(
            "ix_test_result_retest_of_key", ["source_system_id", "retest_of_key"], unique=False
        )
        batch_op.create_index("ix_test_result_same_as_id", ["same_as_id"], unique=False)
        batch_op.create_index("ix_test_result_sample_id", ["sample_id"], unique=False)
        batch_op.create_index("ix_test_result_sample_key", ["source_system_id", "sample_key"], unique=False)
        batch_op.create_index("ix_test_result_source_record_id", ["source_record_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("test_result", schema=None) as batch_op:
        batch_op.drop_index("ix_test_result_source_record_id")
        batch_op.drop_index("ix_test_result_sample_key")
        batch_op.drop_index("ix_test_result_sample_id")
        batch_op.drop_index("ix_test_result_same_as_id")
        batch_op.drop_index("ix_test_result_retest_of_key")
        batch_op.drop_index("ix_test_result_retest_of_id")
        batch_op.drop_index("ix_test_result_criterion_key")
        batch_op.drop_index("ix_test_result_criterion_id")
        batch_op.drop_index("ix_test_result_analyst_identifier_id")
        batch_op.drop_index("ix_test_result_analyst_id")

    op.drop_table("test_result")
    with op.batch_alter_table("segment_data", schema=None) as batch_op:
        batch_op.drop_index("ix_segment_data_source_record_id")
        batch_op.drop_index("ix_segment_data_same_as_id")
        batch_op.drop_index("ix_segment_data_response_key")
        batch_op.drop_index("ix_segment_data_response_id")
        batch_op.drop_index("ix_segment_data_batch_identifier_id")
        batch_op.drop_index("ix_segment_data_batch_id")

    op.drop_table("segment_data")
    with op.batch_alter_table("sample", schema=None) as batch_op:
        batch_op.drop_index("ix_sample_source_record_id")
        batch_op.drop_index("ix_sample_same_as_id")
        batch_op.drop_index("ix_sample_response_key")
        batch_op.drop_index("ix_sample_response_id")
        batch_op.drop_index("ix_sample_lot_identifier_id")
        batch_op.drop_index("ix_sample_lot_id")
        batch_op.drop_index("ix_sample_batch_identifier_id")
        batch_op.drop_index("ix_sample_batch_id")

    op.drop_table("sample")
    with op.batch_alter_table("operations_event", schema=None) as batch_op:
        batch_op.drop_index("ix_operations_event_tag_identifier_id")
        batch_op.drop_index("ix_operations_event_tag_id")
        batch_op.drop_index("ix_operations_event_source_record_id")
        batch_op.drop_index("ix_operations_event_same_as_id")
        batch_op.drop_index("ix_operations_event_response_key")
        batch_op.drop_index("ix_operations_event_response_id")
        batch_op.drop_index("ix_operations_event_equipment_identifier_id")
        batch_op.drop_index("ix_operations_event_equipment_id")
        batch_op.drop_index("ix_operations_event_batch_identifier_id")
        batch_op.drop_index("ix_operations_event_batch_id")
        batch_op.drop_index("ix_operations_event_actor_identifier_id")
        batch_op.drop_index("ix_operations_event_actor_id")

    op.drop_table("operations_event")
    with op.batch_alter_table("material_actual", schema=None) as batch_op:
        batch_op.drop_index("ix_material_actual_source_record_id")
        batch_op.drop_index("ix_material_actual_same_as_id")
        batch_op.drop_index("ix_material_actual_reverses_key")
        batch_op.drop_index("ix_material_actual_reverses_id")
        batch_op.drop_index("ix_material_actual_response_key")
        batch_op.drop_index("ix_material_actual_response_id")
        batch_op.drop_index("ix_material_actual_material_identifier_id")
        batch_op.drop_index("ix_material_actual_material_id")
        batch_op.drop_index("ix_material_actual_lot_identifier_id")
        batch_op.drop_index("ix_material_actual_lot_id")
        batch_op.drop_index("ix_material_actual_equipment_identifier_id")
        batch_op.drop_index("ix_material_actual_equipment_id")
        batch_op.drop_index("ix_material_actual_batch_identifier_id")
        batch_op.drop_index("ix_material_actual_batch_id")

    op.drop_table("material_actual")
    with op.batch_alter_table("segment_response", schema=None) as batch_op:
        batch_op.drop_index("ix_segment_response_unit_time")
        batch_op.drop_index("ix_segment_response_source_record_id")
        batch_op.drop_index("ix_segment_response_same_as_id")
        batch_op.drop_index("ix_segment_response_parent_key")
        batch_op.drop_index("ix_segment_response_parent_id")
        batch_op.drop_index("ix_segment_response_equipment_identifier_id")
        batch_op.drop_index("ix_segment_response_equipment_id")
        batch_op.drop_index("ix_segment_response_batch_identifier_id")
        batch_op.drop_index("ix_segment_response_batch_id")

    op.drop_table("segment_response")
    with op.batch_alter_table("quality_event", schema=None) as batch_op:
        batch_op.drop_index("ix_quality_event_merged_into_id")
        batch_op.drop_index("ix_quality_event_lot_id")
        batch_op.drop_index("ix_quality_event_code")
        batch_op.drop_index("ix_quality_event_batch_id")

    op.drop_table("quality_event")
    with op.batch_alter_table("lot_genealogy", schema=None) as batch_op:
        batch_op.drop_index("ix_lot_genealogy_batch_id")
        batch_op.drop_index("ix_lot_genealogy_back")

    op.drop_table("lot_genealogy")
    with op.batch_alter_table("test_criterion", schema=None) as batch_op:
        batch_op.drop_index("ix_test_criterion_specification_identifier_id")
        batch_op.drop_index("ix_test_criterion_specification_id")
        batch_op.drop_index("ix_test_criterion_source_record_id")
        batch_op.drop_index("ix_test_criterion_same_as_id")

    op.drop_table("test_criterion")
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_index("ix_statement_source_record_id")
        batch_op.drop_index("ix_statement_record")
        batch_op.drop_index(
            "ix_statement_pending",
            sqlite_where=sa.text("is_pending = 1"),
            postgresql_where=sa.text("is_pending"),
        )
        batch_op.drop_index("ix_statement_identifier_id")

    op.drop_table("statement")
    with op.batch_alter_table("sample_frame", schema=None) as batch_op:
        batch_op.drop_index("ix_sample_frame_tag_time")

    op.drop_table("sample_frame")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index("ix_batch_recipe_id")
        batch_op.drop_index("ix_batch_product_id")
        batch_op.drop_index("ix_batch_output_lot_id")
        batch_op.drop_index("ix_batch_operations_request_id")
        batch_op.drop_index("ix_batch_merged_into_id")
        batch_op.drop_index("ix_batch_equipment_id")
        batch_op.drop_index("ix_batch_code")
        batch_op.drop_index("ix_batch_campaign_id")
        batch_op.drop_index("ix_batch_actual_start")

    op.drop_table("batch")
    with op.batch_alter_table("assertion", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_assertion_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_assertion_value_identifier_id")
        batch_op.drop_index("ix_assertion_source_record_id")

    op.drop_table("assertion")
    with op.batch_alter_table("test_specification", schema=None) as batch_op:
        batch_op.drop_index("ix_test_specification_merged_into_id")
        batch_op.drop_index("ix_test_specification_material_id")
        batch_op.drop_index("ix_test_specification_code")

    op.drop_table("test_specification")
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index("ix_tag_merged_into_id")
        batch_op.drop_index("ix_tag_equipment_id")
        batch_op.drop_index("ix_tag_code")

    op.drop_table("tag")
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.drop_index("ix_stream_due_at")

    op.drop_table("stream")
    op.drop_table("source_record")
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_index("ix_source_source_system_id")

    op.drop_table("source")
    with op.batch_alter_table("recipe", schema=None) as batch_op:
        batch_op.drop_index("ix_recipe_product_id")
        batch_op.drop_index("ix_recipe_merged_into_id")
        batch_op.drop_index("ix_recipe_code")
        batch_op.drop_index("ix_recipe_based_on_id")

    op.drop_table("recipe")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index("ix_quarantine_source_system_id")

    op.drop_table("quarantine")
    with op.batch_alter_table("operations_request", schema=None) as batch_op:
        batch_op.drop_index("ix_operations_request_site_id")
        batch_op.drop_index("ix_operations_request_product_id")
        batch_op.drop_index("ix_operations_request_merged_into_id")
        batch_op.drop_index("ix_operations_request_code")

    op.drop_table("operations_request")
    with op.batch_alter_table("material_lot", schema=None) as batch_op:
        batch_op.drop_index("ix_material_lot_parent_lot_id")
        batch_op.drop_index("ix_material_lot_merged_into_id")
        batch_op.drop_index("ix_material_lot_material_id")
        batch_op.drop_index("ix_material_lot_code")

    op.drop_table("material_lot")
    with op.batch_alter_table("link_decision", schema=None) as batch_op:
        batch_op.drop_index("ix_link_decision_identifier_id")
        batch_op.drop_index("ix_link_decision_candidate_id")

    op.drop_table("link_decision")
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.drop_index("ix_coverage_source")

    op.drop_table("coverage")
    op.drop_table("unit")
    op.drop_table("tag_latest")
    op.drop_table("source_system")
    op.drop_table("setting")
    op.drop_table("scheme_group")
    op.drop_table("precedence_rule")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index("ix_person_merged_into_id")
        batch_op.drop_index("ix_person_code")

    op.drop_table("person")
    with op.batch_alter_table("material_definition", schema=None) as batch_op:
        batch_op.drop_index("ix_material_definition_merged_into_id")
        batch_op.drop_index("ix_material_definition_code")

    op.drop_table("material_definition")
    with op.batch_alter_table("identifier", schema=None) as batch_op:
        batch_op.drop_index("ix_identifier_norm")
        batch_op.drop_index("ix_identifier_entity")

    op.drop_table("identifier")
    with op.batch_alter_table("equipment", schema=None) as batch_op:
        batch_op.drop_index("ix_equipment_path")
        batch_op.drop_index("ix_equipment_parent_id")
        batch_op.drop_index("ix_equipment_merged_into_id")
        batch_op.drop_index("ix_equipment_code")

    op.drop_table("equipment")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_recorded_at")

    op.drop_table("audit_event")
    op.drop_table("api_key")
