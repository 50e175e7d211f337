"""The unified model is whole: each of its 44 entities is a table, and none is without its keys."""

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, metadata

MODEL = {
    "the spine": (
        "source_system", "source_record", "identifier", "link_decision", "assertion", "precedence_rule",
        "audit_event", "signature", "unit",
    ),
    "resources": (
        "resource_class", "resource_property", "equipment", "physical_asset", "equipment_asset_mapping",
        "person", "qualification", "tag",
    ),
    "material": ("material_definition", "material_lot", "lot_genealogy", "custody_event", "disposition"),
    "definition": (
        "process_segment", "operations_definition", "material_requirement", "recipe", "recipe_element",
        "recipe_parameter", "test_specification", "test_criterion",
    ),
    "planning and execution": (
        "operations_request", "segment_requirement", "batch", "segment_response", "segment_data",
        "material_actual", "resource_actual", "equipment_time",
    ),
    "quality, events, outputs": (
        "sample", "test_result", "quality_event", "operations_event", "document", "kpi_value",
    ),
}  # fmt: skip
"""The entities of the model by chapter."""


def test_every_entity_of_the_model_is_a_table() -> None:
    names = [name for chapter in MODEL.values() for name in chapter]
    assert len(names) == 44
    assert [name for name in names if name not in metadata.tables] == []


def test_every_record_that_a_source_may_state_has_a_table_made_from_it() -> None:
    assert ENTITY_TABLES.keys() == MASTERED.keys()
    assert FACT_TABLES.keys() == OBSERVED.keys()
    assert not MASTERED.keys() & OBSERVED.keys()


def test_whatever_a_record_refers_to_is_a_record_too() -> None:
    targets = {
        (kind.record_type, field.name, field.target)
        for kind in (*MASTERED.values(), *OBSERVED.values())
        for field in fields_of(kind)
        if field.kind in ("reference", "peer")
    }
    things = {t for t in targets if t[2] in MASTERED}
    facts = {t for t in targets if t[2] in OBSERVED}
    assert targets == things | facts
    assert {t[0] for t in facts} <= OBSERVED.keys()


def test_the_order_of_facts_puts_parents_before_the_peers_that_point_at_them() -> None:
    order = list(OBSERVED)
    early = [
        (kind.record_type, field.target)
        for kind in OBSERVED.values()
        for field in fields_of(kind)
        if field.kind == "peer" and order.index(field.target or "") > order.index(kind.record_type)
    ]
    assert early == []
