"""What each stream asks for: its model, and the fields by all the names that versions 6 to 8 give them."""

from dataclasses import dataclass
from typing import Any

from connectors.tryton.config import StreamName


@dataclass(frozen=True, kw_only=True)
class Model:
    """A stream's model. Of `fields`, those are asked for whose first part there is."""

    name: StreamName
    description: str
    model: str
    fields: tuple[str, ...]
    domain: tuple[Any, ...] = ()
    every_s: float = 300.0


_UNIT = ("unit.symbol", "uom.symbol")  # uom to 6
_OF_NO_PATIENT = ["source_type", "=", "other_source"]
"""Samples of a plant or its surroundings. What was taken from patients is not asked for at all."""

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="products",
            description="products: material definitions",
            model="product.product",
            fields=("code", "name", "type", "default_uom.symbol", "active"),
            every_s=3600.0,
        ),
        Model(
            name="lots",
            description="lots",
            model="stock.lot",
            fields=("number", "product.code", "expiration_date", "shelf_life_expiration_date"),
        ),
        Model(
            name="work_centers",
            description="work centers: equipment",
            model="production.work.center",
            fields=("name", "parent.name", "category.name", "active"),
            every_s=3600.0,
        ),
        Model(
            name="boms",
            description="bills of materials: master recipes",
            model="production.bom",
            fields=("name", "code", "active"),
            every_s=3600.0,
        ),
        Model(
            name="bom_inputs",
            description="what bills of materials need",
            model="production.bom.input",
            fields=("bom.name", "product.code", "quantity", *_UNIT),
            every_s=3600.0,
        ),
        Model(
            name="routings",
            description="routings: master recipes of steps",
            model="production.routing",
            fields=("name", "active"),
            every_s=3600.0,
        ),
        Model(
            name="routing_steps",
            description="steps of routings",
            model="production.routing.step",
            fields=("routing.name", "operation.name", "sequence"),
            every_s=3600.0,
        ),
        Model(
            name="productions",
            description="productions: requests, and the batches that they make",
            model="production",
            fields=(
                "number",
                "reference",
                "state",
                "product.code",
                "bom.name",
                "routing.name",
                "quantity",
                *_UNIT,
                "planned_date",
                "planned_start_date",
                "effective_date",
                "effective_start_date",
                "create_date",
            ),
            every_s=60.0,
        ),
        Model(
            name="works",
            description="works: the steps that productions ask for",
            model="production.work",
            fields=("production.number", "operation.name", "work_center.name", "sequence", "state"),
            every_s=60.0,
        ),
        Model(
            name="cycles",
            description="work cycles: what was run",
            model="production.work.cycle",
            fields=(
                "work.production",
                "work.operation.name",
                "work.work_center.name",
                "state",
                "duration",
            ),
            every_s=60.0,
        ),
        Model(
            name="moves",
            description="movements into and out of productions",
            model="stock.move",
            fields=(
                "product.code",
                "lot.number",
                "quantity",
                *_UNIT,
                "state",
                "effective_date",
                "production_input.number",
                "production_output.number",
            ),
            domain=(
                ["state", "=", "done"],
                ["OR", ["production_input", "!=", None], ["production_output", "!=", None]],
            ),
            every_s=60.0,
        ),
        Model(
            name="controls",
            description="quality controls: specifications",
            model="quality.control",
            fields=("name", "product.code", "active"),
            every_s=3600.0,
        ),
        Model(
            name="control_points",
            description="points of quality controls: limits",
            model="quality.control.point",
            fields=("control.name", "name", "string", "type_", "tolerance_lower", "tolerance_upper"),
            every_s=3600.0,
        ),
        Model(
            name="inspections",
            description="quality inspections: samples and results",
            model="quality.inspection",
            fields=(
                "number",
                "state",
                "control.name",
                "points",
                "origin",
                "processed_at",
                "processed_by.name",
            ),
        ),
        Model(
            name="test_types",
            description="GNU Health: types of laboratory tests",
            model="gnuhealth.lab.test_type",
            fields=("name", "code", "active"),
            every_s=3600.0,
        ),
        Model(
            name="test_criteria",
            description="GNU Health: analytes of test types, with their limits",
            model="gnuhealth.lab.test.critearea",
            fields=(
                "test_type_id.code",
                "code",
                "name",
                "units.name",
                "lower_limit",
                "upper_limit",
                "normal_range",
            ),
            domain=(["test_type_id", "!=", None],),
            every_s=3600.0,
        ),
        Model(
            name="lab_tests",
            description="GNU Health: laboratory tests of samples that come from no patient",
            model="gnuhealth.lab",
            fields=(
                "name",
                "test.code",
                "other_source",
                "specimen_type",
                "date_requested",
                "date_analysis",
                "state",
            ),
            domain=(_OF_NO_PATIENT,),
        ),
        Model(
            name="lab_results",
            description="GNU Health: results of those tests",
            model="gnuhealth.lab.test.critearea",
            fields=(
                "gnuhealth_lab_id.state",
                "gnuhealth_lab_id.date_analysis",
                "gnuhealth_lab_id.validation_date",
                "gnuhealth_lab_id.done_by.name",
                "code",
                "name",
                "result",
                "result_text",
                "units.name",
                "lower_limit",
                "upper_limit",
                "warning",
                "excluded",
            ),
            domain=(["gnuhealth_lab_id." + _OF_NO_PATIENT[0], *_OF_NO_PATIENT[1:]],),
        ),
    )
}
