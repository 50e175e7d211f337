"""The rest of the unified model: classes, assets, segments, definitions, recipe parts, requirements, actuals.

Values of the standards' lists get what was written beside them, times their order, names their validity.

Revision: 0004, after 0003
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from hub.store.tables.parts import Json, PathText, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT, _FLAG, _NUMBER, _COUNT, _TEXT = UtcDateTime(), sa.Boolean(), sa.Float(53), sa.BigInteger(), sa.Text()
_SIGN, _CODE, _WORD, _KEY_TEXT = sa.String(2), sa.String(40), sa.String(60), sa.String(300)

Columns = Mapping[str, TypeEngine[Any] | str]
"""Types of columns by name; a text is the table that the column refers to."""

_KIND = ("equipment", "physical_asset", "material", "person")
_LEVEL = (
    "Enterprise",
    "Site",
    "Area",
    "ProcessCell",
    "Unit",
    "ProductionLine",
    "WorkCell",
    "ProductionUnit",
    "StorageZone",
    "StorageUnit",
    "WorkCenter",
    "WorkUnit",
    "EquipmentModule",
    "ControlModule",
    "Other",
)
_STAGE = ("starting", "raw", "intermediate", "drug_substance", "drug_product", "other")
_OPERATIONS_TYPE = ("Production", "Maintenance", "Quality", "Inventory", "Mixed", "Other")
_STATE = (
    "Forecast",
    "Released",
    "Waiting",
    "Cancelled",
    "Ready",
    "Running",
    "Completed",
    "Aborted",
    "Held",
    "Suspended",
    "Closed",
    "Other",
)
_RECIPE_KIND = ("general", "site", "master", "control")
_BATCH_KIND = ("campaign", "batch", "sub_batch")
_STATUS = (
    "Idle",
    "Running",
    "Complete",
    "Pausing",
    "Paused",
    "Holding",
    "Held",
    "Restarting",
    "Stopping",
    "Stopped",
    "Aborting",
    "Aborted",
    "Other",
)
_MATERIAL_LOT_KIND = ("lot", "sublot", "starting", "donation", "pool", "container")
_DISPOSITION = ("Planned", "In-Process", "Restricted", "UnRestricted", "Closed", "Other")
_VALUE_TYPE = ("float", "integer", "boolean", "string")
_CRITICALITY = ("CPP", "KPP", "other")
_QUALITY_EVENT_KIND = ("deviation", "OOS", "OOT", "CAPA", "change", "complaint", "exception", "Other")
_DOCUMENT_KIND = ("batch_record", "certificate", "chromatogram", "method", "print_out", "report", "other")
_COMPARATOR = ("<", "<=", ">", ">=")
_ELEMENT_TYPE = (
    "Procedure",
    "UnitRecipe",
    "UnitProcedure",
    "Operation",
    "Phase",
    "Allocation",
    "Begin",
    "End",
    "RecipeSegment",
    "Other",
)
_RECIPE_ELEMENT_LEVEL = ("procedure", "unit_procedure", "operation", "phase", "segment")
_PARAMETER_TYPE = ("ProcessInput", "ProcessOutput", "ProcessParameter", "Other")
_USE = (
    "Consumable",
    "Consumed",
    "Produced",
    "Material Consumed",
    "Material Produced",
    "By-product Produced",
    "Co-product Produced",
    "Yield Produced",
    "Sample",
    "Destructive Sample",
    "Returned Sample",
    "Retained Sample",
    "Inventoried",
    "Other",
)
_SEGMENT_RESPONSE_STATE = (
    "Waiting",
    "Ready",
    "Running",
    "Completed",
    "Aborted",
    "Held",
    "Paused",
    "Suspended",
    "Closed",
    "Other",
)
_SEGMENT_DATA_KIND = ("actual", "setpoint", "feature")
_RESOURCE_ACTUAL_KIND = ("equipment", "physical_asset", "person")
_BASIS = ("planned", "actual")
_ELEMENT = (
    "POT",
    "PBT",
    "PDOT",
    "PSUT",
    "AOET",
    "AUBT",
    "AUPT",
    "APT",
    "ASUT",
    "ADET",
    "ADOT",
    "AQT",
    "ATT",
    "Other",
)
_EQUIPMENT_TIME_STATE = (
    "Clearing",
    "Stopped",
    "Starting",
    "Idle",
    "Suspended",
    "Execute",
    "Stopping",
    "Aborting",
    "Aborted",
    "Holding",
    "Held",
    "Unholding",
    "Suspending",
    "Unsuspending",
    "Resetting",
    "Completing",
    "Complete",
    "Other",
)
_TEST_RESULT_KIND = ("measured", "calculated", "predicted")
_VERDICT = ("pass", "fail", "inconclusive")
_EVENT_TYPE = (
    "Alarm",
    "Control Recipe",
    "Equipment",
    "General",
    "Material",
    "Message",
    "Operator",
    "Procedural Execution",
    "Event",
    "Alert",
    "Other",
)
_SUBTYPE = (
    "Allocation",
    "Application",
    "Consume",
    "Deallocation",
    "Equipment",
    "Message",
    "Mode Change",
    "Mode Command",
    "Modification",
    "Movement",
    "Parameter Data",
    "Process",
    "Process Data",
    "Produce",
    "Prompt",
    "Prompt Response",
    "Property Value Change",
    "Reconciliation",
    "Security",
    "State Change",
    "State Command",
    "Status Change",
    "System",
    "Target End Time",
    "Target Start Time",
    "Other",
)
_LISTS = {
    "resource_class": {"kind": _KIND},
    "equipment": {"level": _LEVEL},
    "material_definition": {"stage": _STAGE},
    "process_segment": {"operations_type": _OPERATIONS_TYPE},
    "operations_definition": {"operations_type": _OPERATIONS_TYPE},
    "operations_request": {"request_type": _OPERATIONS_TYPE, "state": _STATE},
    "segment_requirement": {"state": _STATE},
    "recipe": {"kind": _RECIPE_KIND},
    "batch": {"kind": _BATCH_KIND, "status": _STATUS},
    "material_lot": {"kind": _MATERIAL_LOT_KIND, "disposition": _DISPOSITION},
    "tag": {"value_type": _VALUE_TYPE, "criticality": _CRITICALITY},
    "quality_event": {"kind": _QUALITY_EVENT_KIND},
    "document": {"kind": _DOCUMENT_KIND},
    "resource_property": {"comparator": _COMPARATOR},
    "disposition": {"decision": _DISPOSITION},
    "recipe_element": {"element_type": _ELEMENT_TYPE, "level": _RECIPE_ELEMENT_LEVEL},
    "recipe_parameter": {"parameter_type": _PARAMETER_TYPE, "comparator": _COMPARATOR},
    "material_requirement": {"use": _USE},
    "segment_response": {"level": _RECIPE_ELEMENT_LEVEL, "state": _SEGMENT_RESPONSE_STATE},
    "segment_data": {"kind": _SEGMENT_DATA_KIND, "comparator": _COMPARATOR},
    "material_actual": {"use": _USE},
    "resource_actual": {"kind": _RESOURCE_ACTUAL_KIND},
    "equipment_time": {"basis": _BASIS, "element": _ELEMENT, "state": _EQUIPMENT_TIME_STATE},
    "test_result": {"kind": _TEST_RESULT_KIND, "verdict": _VERDICT, "comparator": _COMPARATOR},
    "operations_event": {"event_type": _EVENT_TYPE, "subtype": _SUBTYPE, "comparator": _COMPARATOR},
}
_NEW_THINGS: dict[str, Columns] = {
    "document": {
        "kind": _TEXT,
        "title": _TEXT,
        "document_version": _TEXT,
        "media_type": _TEXT,
        "uri": _TEXT,
        "sha256": _TEXT,
        "issued_at": _AT,
    },
    "process_segment": {
        "parent_id": "process_segment",
        "operations_type": _TEXT,
        "operations_type_text": _TEXT,
        "standard_duration_s": _NUMBER,
    },
    "resource_class": {
        "kind": _TEXT,
        "base_class_id": "resource_class",
    },
    "physical_asset": {
        "asset_class_id": "resource_class",
        "parent_id": "physical_asset",
        "serial_number": _TEXT,
        "vendor": _TEXT,
        "is_single_use": _FLAG,
        "calibration_due_at": _AT,
    },
    "operations_definition": {
        "product_id": "material_definition",
        "definition_version": _TEXT,
        "operations_type": _TEXT,
        "operations_type_text": _TEXT,
        "route": _TEXT,
        "effective_from": _AT,
        "effective_to": _AT,
    },
    "segment_requirement": {
        "operations_request_id": "operations_request",
        "parent_id": "segment_requirement",
        "process_segment_id": "process_segment",
        "operations_definition_id": "operations_definition",
        "operations_segment": _TEXT,
        "equipment_id": "equipment",
        "state": _TEXT,
        "state_text": _TEXT,
        "earliest_start": _AT,
        "latest_end": _AT,
        "duration_s": _NUMBER,
    },
}
_NEW_FACTS: dict[str, Columns] = {
    "equipment_asset_mapping": {
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "physical_asset_id": "physical_asset",
        "physical_asset_identifier_id": "identifier",
        "start_at": _AT,
        "end_at": _AT,
    },
    "custody_event": {
        "lot_id": "material_lot",
        "lot_identifier_id": "identifier",
        "at": _AT,
        "from_custodian": _TEXT,
        "to_custodian": _TEXT,
        "location": _TEXT,
        "condition": _TEXT,
        "is_coi_verified": _FLAG,
    },
    "recipe_element": {
        "recipe_id": "recipe",
        "recipe_identifier_id": "identifier",
        "recipe_version": _TEXT,
        "parent_key": _KEY_TEXT,
        "parent_id": "recipe_element",
        "code": _TEXT,
        "name": _TEXT,
        "element_type": _TEXT,
        "element_type_text": _TEXT,
        "level": _TEXT,
        "sequence": _COUNT,
        "process_segment_id": "process_segment",
        "process_segment_identifier_id": "identifier",
        "equipment_class_id": "resource_class",
        "equipment_class_identifier_id": "identifier",
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "standard_duration_s": _NUMBER,
        "is_optional": _FLAG,
    },
    "resource_property": {
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "physical_asset_id": "physical_asset",
        "physical_asset_identifier_id": "identifier",
        "material_id": "material_definition",
        "material_identifier_id": "identifier",
        "lot_id": "material_lot",
        "lot_identifier_id": "identifier",
        "person_id": "person",
        "person_identifier_id": "identifier",
        "resource_class_id": "resource_class",
        "resource_class_identifier_id": "identifier",
        "parent_key": _KEY_TEXT,
        "parent_id": "resource_property",
        "class_property": _TEXT,
        "name": _TEXT,
        "value_num": _NUMBER,
        "value_text": _TEXT,
        "comparator": _SIGN,
        "unit": _CODE,
        "source_unit": _WORD,
        "valid_from": _AT,
        "valid_to": _AT,
    },
    "recipe_parameter": {
        "recipe_id": "recipe",
        "recipe_identifier_id": "identifier",
        "recipe_version": _TEXT,
        "element_key": _KEY_TEXT,
        "element_id": "recipe_element",
        "name": _TEXT,
        "description": _TEXT,
        "parameter_type": _TEXT,
        "parameter_type_text": _TEXT,
        "value_num": _NUMBER,
        "value_text": _TEXT,
        "comparator": _SIGN,
        "unit": _CODE,
        "source_unit": _WORD,
        "lower": _NUMBER,
        "lower_text": _TEXT,
        "upper": _NUMBER,
        "upper_text": _TEXT,
        "is_cpp": _FLAG,
    },
    "disposition": {
        "lot_id": "material_lot",
        "lot_identifier_id": "identifier",
        "batch_id": "batch",
        "batch_identifier_id": "identifier",
        "decision": _TEXT,
        "decision_text": _TEXT,
        "decided_at": _AT,
        "decided_by_id": "person",
        "decided_by_identifier_id": "identifier",
        "scope": _TEXT,
        "comment": _TEXT,
    },
    "material_requirement": {
        "operations_definition_id": "operations_definition",
        "operations_definition_identifier_id": "identifier",
        "recipe_id": "recipe",
        "recipe_identifier_id": "identifier",
        "element_key": _KEY_TEXT,
        "element_id": "recipe_element",
        "operations_request_id": "operations_request",
        "operations_request_identifier_id": "identifier",
        "segment_requirement_id": "segment_requirement",
        "segment_requirement_identifier_id": "identifier",
        "material_id": "material_definition",
        "material_identifier_id": "identifier",
        "material_class_id": "resource_class",
        "material_class_identifier_id": "identifier",
        "lot_id": "material_lot",
        "lot_identifier_id": "identifier",
        "use": _TEXT,
        "use_text": _TEXT,
        "quantity": _NUMBER,
        "quantity_text": _TEXT,
        "unit": _CODE,
        "source_unit": _WORD,
        "tolerance": _NUMBER,
    },
    "qualification": {
        "person_id": "person",
        "person_identifier_id": "identifier",
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "physical_asset_id": "physical_asset",
        "physical_asset_identifier_id": "identifier",
        "batch_id": "batch",
        "batch_identifier_id": "identifier",
        "use": _TEXT,
        "status": _TEXT,
        "effective_at": _AT,
        "expires_at": _AT,
    },
    "equipment_time": {
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "batch_id": "batch",
        "batch_identifier_id": "identifier",
        "response_key": _KEY_TEXT,
        "response_id": "segment_response",
        "basis": _TEXT,
        "element": _TEXT,
        "element_text": _TEXT,
        "state": _TEXT,
        "state_text": _TEXT,
        "start_at": _AT,
        "end_at": _AT,
    },
    "resource_actual": {
        "batch_id": "batch",
        "batch_identifier_id": "identifier",
        "response_key": _KEY_TEXT,
        "response_id": "segment_response",
        "kind": _TEXT,
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "physical_asset_id": "physical_asset",
        "physical_asset_identifier_id": "identifier",
        "person_id": "person",
        "person_identifier_id": "identifier",
        "resource_class_id": "resource_class",
        "resource_class_identifier_id": "identifier",
        "use": _TEXT,
        "quantity": _NUMBER,
        "quantity_text": _TEXT,
        "unit": _CODE,
        "source_unit": _WORD,
        "start_at": _AT,
        "end_at": _AT,
    },
    "document_owner": {
        "document_id": "document",
        "document_identifier_id": "identifier",
        "batch_id": "batch",
        "batch_identifier_id": "identifier",
        "lot_id": "material_lot",
        "lot_identifier_id": "identifier",
        "material_id": "material_definition",
        "material_identifier_id": "identifier",
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "recipe_id": "recipe",
        "recipe_identifier_id": "identifier",
        "specification_id": "test_specification",
        "specification_identifier_id": "identifier",
        "quality_event_id": "quality_event",
        "quality_event_identifier_id": "identifier",
        "sample_key": _KEY_TEXT,
        "sample_id": "sample",
    },
}
_ADDED: dict[str, Columns] = {
    "identifier": {
        "valid_from": _AT,
        "valid_to": _AT,
        "replaced_by_id": "identifier",
    },
    "equipment": {
        "level_text": _TEXT,
        "equipment_class_id": "resource_class",
    },
    "material_definition": {
        "material_class_id": "resource_class",
    },
    "person": {
        "personnel_class_id": "resource_class",
    },
    "material_lot": {
        "quantity_text": _TEXT,
        "quantity_source_unit": _WORD,
        "disposition_text": _TEXT,
        "coi_id": _TEXT,
    },
    "recipe": {
        "effective_to": _AT,
    },
    "test_specification": {
        "effective_to": _AT,
    },
    "test_criterion": {
        "lower_text": _TEXT,
        "upper_text": _TEXT,
        "lower_action_text": _TEXT,
        "upper_action_text": _TEXT,
    },
    "operations_request": {
        "request_type_text": _TEXT,
        "state_text": _TEXT,
        "operations_definition_id": "operations_definition",
        "quantity_text": _TEXT,
        "quantity_source_unit": _WORD,
    },
    "batch": {
        "status_text": _TEXT,
        "planned_size_text": _TEXT,
        "planned_size_source_unit": _WORD,
        "actual_size_text": _TEXT,
        "actual_size_source_unit": _WORD,
    },
    "quality_event": {
        "kind_text": _TEXT,
        "parent_id": "quality_event",
        "equipment_id": "equipment",
        "result_code": _TEXT,
    },
    "segment_response": {
        "process_segment_id": "process_segment",
        "process_segment_identifier_id": "identifier",
        "segment_requirement_id": "segment_requirement",
        "segment_requirement_identifier_id": "identifier",
        "state_text": _TEXT,
    },
    "material_actual": {
        "use_text": _TEXT,
    },
    "operations_event": {
        "event_type_text": _TEXT,
        "subtype_text": _TEXT,
        "noted_at": _AT,
        "exceeded_limit": _TEXT,
    },
    "sample": {
        "specification_id": "test_specification",
        "specification_identifier_id": "identifier",
        "equipment_id": "equipment",
        "equipment_identifier_id": "identifier",
        "taken_by_id": "person",
        "taken_by_identifier_id": "identifier",
    },
}

_ORDERS = {
    "identifier": (("valid_from", "valid_to"),),
    "resource_property": (("valid_from", "valid_to"),),
    "equipment_asset_mapping": (("start_at", "end_at"),),
    "qualification": (("effective_at", "expires_at"),),
    "recipe_parameter": (("lower", "upper"),),
    "segment_response": (("actual_start", "actual_end"),),
    "resource_actual": (("start_at", "end_at"),),
    "equipment_time": (("start_at", "end_at"),),
    "test_criterion": (("lower", "upper"), ("lower_action", "upper_action")),
}
_OTHERS = {
    "resource_property": "parent",
    "recipe_element": "parent",
    "segment_response": "parent",
    "material_actual": "reverses",
    "test_result": "retest_of",
}
_SUBJECTS = {
    "resource_property": (
        "equipment_identifier_id",
        "physical_asset_identifier_id",
        "material_identifier_id",
        "lot_identifier_id",
        "person_identifier_id",
        "resource_class_identifier_id",
    ),
    "qualification": ("person_identifier_id", "equipment_identifier_id", "physical_asset_identifier_id"),
    "material_requirement": (
        "operations_definition_identifier_id",
        "recipe_identifier_id",
        "segment_requirement_identifier_id",
        "operations_request_identifier_id",
    ),
    "resource_actual": (
        "equipment_identifier_id",
        "physical_asset_identifier_id",
        "person_identifier_id",
        "resource_class_identifier_id",
    ),
    "document_owner": (
        "batch_identifier_id",
        "lot_identifier_id",
        "material_identifier_id",
        "equipment_identifier_id",
        "recipe_identifier_id",
        "specification_identifier_id",
        "quality_event_identifier_id",
        "sample_key",
    ),
}
_LIFECYCLES = ("stub", "active", "retired", "merged", "retracted")
_WORDS = (("material_definition", "material_class"), ("segment_response", "segment_code"))
"""Fields that were text and are names of things now."""


# ------------------------------------------------------------------------------------------------- up
def upgrade() -> None:
    """Apply; every statement waits again, so that the next resolution fills the new columns."""
    for name, columns in _NEW_THINGS.items():
        _create(name, _thing_columns(), columns, checks=_checks(name), extra=_of_things(name))
        op.create_index(f"ix_{name}_code", name, ["code"])
        op.create_index(f"ix_{name}_merged_into_id", name, ["merged_into_id"])
    for name, columns in _NEW_FACTS.items():
        _create(name, _fact_columns(), columns, checks=_checks(name), extra=_of_facts(name))
        for column in ("source_record_id", "same_as_id"):
            op.create_index(f"ix_{name}_{column}", name, [column])
    _create_signature()
    _create_kpi_value()
    for name, columns in _ADDED.items():
        for column, kind in columns.items():
            op.add_column(name, sa.Column(column, _KEY if isinstance(kind, str) else kind))
    op.add_column("identifier", sa.Column("is_active", _FLAG, server_default="1", nullable=False))
    _keep_what_was_written()
    for name in _standing_tables():
        _extend(name, _ADDED.get(name, {}))
    op.create_index("ix_material_lot_coi_id", "material_lot", ["coi_id"])
    _name_words(op.get_bind())
    op.execute(sa.text("UPDATE segment_response SET content_hash = ''"))
    op.execute(sa.text("UPDATE statement SET is_pending = true"))


def _create(
    name: str,
    common: list[sa.Column[Any]],
    columns: Columns,
    *,
    checks: list[sa.CheckConstraint],
    extra: list[sa.Constraint],
) -> None:
    op.create_table(
        name,
        *common,
        *(
            sa.Column(c, _KEY if isinstance(kind, str) else kind, nullable=True)
            for c, kind in columns.items()
        ),
        *(
            sa.ForeignKeyConstraint([c], [f"{kind}.id"], name=f"fk_{name}_{c}")
            for c, kind in columns.items()
            if isinstance(kind, str)
        ),
        *checks,
        *extra,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )
    for column, kind in columns.items():
        _index(name, column, kind)


def _index(name: str, column: str, kind: TypeEngine[Any] | str) -> None:
    if isinstance(kind, str):
        op.create_index(f"ix_{name}_{column}", name, [column])
    elif kind is _KEY_TEXT:
        op.create_index(f"ix_{name}_{column}", name, ["source_system_id", column])


def _thing_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("code", PathText, nullable=False),
        sa.Column("description", _TEXT),
        sa.Column("lifecycle", sa.String(10), nullable=False),
        sa.Column("version", _COUNT, server_default="0", nullable=False),
        sa.Column("merged_into_id", _KEY),
        sa.Column("has_conflict", _FLAG, server_default="0", nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
    ]


def _of_things(name: str) -> list[sa.Constraint]:
    return [
        sa.UniqueConstraint("uid", name=f"uq_{name}_uid"),
        sa.ForeignKeyConstraint(["merged_into_id"], [f"{name}.id"], name=f"fk_{name}_merged_into_id"),
        _one_of(name, "lifecycle", _LIFECYCLES),
    ]


def _fact_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source_system_id", _KEY, nullable=False),
        sa.Column("source_key", sa.String(300), nullable=False),
        sa.Column("source_record_id", _KEY, nullable=False),
        sa.Column("source_version", _COUNT, server_default="0", nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("same_as_id", _KEY),
        sa.Column("is_retracted", _FLAG, server_default="0", nullable=False),
        sa.Column("version", _COUNT, server_default="1", nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
    ]


def _of_facts(name: str) -> list[sa.Constraint]:
    ends = {"source_system_id": "source_system", "source_record_id": "source_record", "same_as_id": name}
    return [
        sa.UniqueConstraint("source_system_id", "source_key", name=f"uq_{name}_source_system_id_source_key"),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_{name}_{column}")
            for column, table in ends.items()
        ),
    ]


def _create_signature() -> None:
    op.create_table(
        "signature",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("entity_type", sa.String(40), nullable=False),
        sa.Column("entity_id", _COUNT, server_default="0", nullable=False),
        sa.Column("entity_version", _COUNT, server_default="0", nullable=False),
        sa.Column("person_id", _KEY),
        sa.Column("printed_name", sa.String(200), nullable=False),
        sa.Column("signer", sa.String(80), nullable=False),
        sa.Column("meaning", sa.String(120), nullable=False),
        sa.Column("reason", _TEXT),
        sa.Column("signed_at", _AT, nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(6), nullable=False),
        sa.Column("source_record_id", _KEY),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_signature_person_id"),
        sa.ForeignKeyConstraint(
            ["source_record_id"], ["source_record.id"], name="fk_signature_source_record_id"
        ),
        _one_of("signature", "origin", ("source", "hub")),
        sa.PrimaryKeyConstraint("id", name="pk_signature"),
    )
    op.create_index("ix_signature_entity", "signature", ["entity_type", "entity_id"])
    op.create_index("ix_signature_person_id", "signature", ["person_id"])
    op.create_index("ix_signature_source_record_id", "signature", ["source_record_id"])


def _create_kpi_value() -> None:
    scopes = ("equipment", "material_definition", "batch", "operations_request")
    unique = ("kpi", "formula_version", "scope_type", "scope_id", "period_start", "period_end")
    op.create_table(
        "kpi_value",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("kpi", sa.String(60), nullable=False),
        sa.Column("formula_version", _COUNT, server_default="1", nullable=False),
        sa.Column("scope_type", sa.String(30), nullable=False),
        sa.Column("scope_id", _COUNT, server_default="0", nullable=False),
        sa.Column("period_start", _AT, nullable=False),
        sa.Column("period_end", _AT, nullable=False),
        sa.Column("value", _NUMBER),
        sa.Column("unit", _CODE),
        sa.Column("numerator", _NUMBER),
        sa.Column("denominator", _NUMBER),
        sa.Column("inputs_hash", sa.String(64), nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
        sa.UniqueConstraint(*unique, name="uq_kpi_value_of"),
        sa.CheckConstraint("period_end >= period_start", name=op.f("ck_kpi_value_period_end_not_before")),
        _one_of("kpi_value", "scope_type", scopes),
        sa.PrimaryKeyConstraint("id", name="pk_kpi_value"),
    )
    op.create_index("ix_kpi_value_scope", "kpi_value", ["scope_type", "scope_id"])


def _keep_what_was_written() -> None:
    """Move what is on no list of the standards beside the list's `Other`, before the lists are closed."""
    for name, column in (
        ("operations_event", "event_type"),
        ("operations_event", "subtype"),
        ("operations_request", "request_type"),
        ("quality_event", "kind"),
    ):
        known = ", ".join(f"'{value}'" for value in _LISTS[name][column])
        op.execute(
            sa.text(
                f"UPDATE {name} SET {column}_text = {column}, {column} = 'Other' "  # noqa: S608 - our own words
                f"WHERE {column} NOT IN ({known})"
            )
        )


def _standing_tables() -> list[str]:
    """Give the older tables that get columns or constraints."""
    new = _NEW_THINGS.keys() | _NEW_FACTS.keys()
    return [name for name in dict.fromkeys((*_ADDED, *_LISTS, *_ORDERS, *_OTHERS)) if name not in new]


def _extend(name: str, added: Columns) -> None:
    with op.batch_alter_table(name) as table:
        for column, kind in added.items():
            if isinstance(kind, str):
                table.create_foreign_key(f"fk_{name}_{column}", kind, [column], ["id"])
        for check in _checks(name):
            table.create_check_constraint(op.f(str(check.name)), str(check.sqltext))
        for word in _words(name):
            table.drop_column(word)
    for column, kind in added.items():
        _index(name, column, kind)


def _name_words(connection: sa.Connection) -> None:
    """Turn what waits as text in statements into names, as the sources' own schemes would have it."""
    for record_type, word in _WORDS:
        field = "process_segment" if word == "segment_code" else word
        query = sa.text(
            "SELECT s.id, s.body, y.code FROM statement s JOIN source_system y ON y.id = s.source_system_id "
            "WHERE s.record_type = :record_type"
        )
        for row in connection.execute(query, {"record_type": record_type}).all():
            told: Any = row.body  # text on SQLite, read already on PostgreSQL
            body: dict[str, Any] = orjson.loads(told) if isinstance(told, str) else told
            value = body.pop(word, None)
            if isinstance(value, str):
                body[field] = {"scheme": f"{row.code}:{field}", "value": value}
                connection.execute(
                    sa.text("UPDATE statement SET body = :body WHERE id = :id").bindparams(
                        sa.bindparam("body", type_=Json())
                    ),
                    {"id": row.id, "body": body},
                )


# ------------------------------------------------------------------------------------------- both ways
def _one_of(name: str, column: str, values: Iterable[str]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{name}_{column}_known"))


def _checks(name: str) -> list[sa.CheckConstraint]:
    """Give what this step demands of a table's rows."""

    def check(what: str, condition: str) -> sa.CheckConstraint:
        return sa.CheckConstraint(condition, name=op.f(f"ck_{name}_{what}"))

    found = [_one_of(name, column, values) for column, values in _LISTS.get(name, {}).items()]
    found += [check(f"{last}_not_before", f"{last} >= {first}") for first, last in _ORDERS.get(name, ())]
    if name == "identifier":
        found.append(check("replaced_by_is_another", "replaced_by_id <> id"))
    if name in _OTHERS:
        found.append(check(f"{_OTHERS[name]}_is_another", f"{_OTHERS[name]}_key <> source_key"))
    if name in _SUBJECTS:
        stated = " OR ".join(f"{column} IS NOT NULL" for column in _SUBJECTS[name])
        found.append(check("is_about_something", stated))
    return found


def _words(name: str) -> list[str]:
    return [word for table, word in _WORDS if table == name]


# ------------------------------------------------------------------------------------------------ down
def downgrade() -> None:
    """Give back."""
    op.drop_index("ix_material_lot_coi_id", "material_lot")
    op.drop_column("identifier", "is_active")
    for name in _standing_tables():
        _shrink(name, _ADDED.get(name, {}))
    for name in ("kpi_value", "signature", *reversed(_NEW_FACTS), *reversed(_NEW_THINGS)):
        op.drop_table(name)


def _shrink(name: str, added: Columns) -> None:
    for column, kind in added.items():
        if isinstance(kind, str):
            op.drop_index(f"ix_{name}_{column}", name)
    with op.batch_alter_table(name) as table:
        for check in _checks(name):
            table.drop_constraint(op.f(str(check.name)), type_="check")
        for column, kind in added.items():
            if isinstance(kind, str):
                table.drop_constraint(f"fk_{name}_{column}", type_="foreignkey")
            table.drop_column(column)
        for word in _words(name):
            table.add_column(sa.Column(word, _TEXT))
