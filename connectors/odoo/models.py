"""What each stream asks for: its model and fields by all the names that versions 13 to 19 give them."""

from dataclasses import dataclass

from connectors.odoo.client import Domain
from connectors.odoo.config import StreamName


@dataclass(frozen=True, kw_only=True)
class Model:
    """A stream's model. Of `fields`, those are asked for that there are; the others are other versions'."""

    name: StreamName
    description: str
    models: tuple[str, ...]
    fields: tuple[str, ...]
    domain: tuple[tuple[str, str, object], ...] = ()
    every_s: float = 300.0


MOVE_FIELDS = (
    "raw_material_production_id",
    "production_id",
    "byproduct_id",
    "unbuild_id",
    "consume_unbuild_id",
    "origin_returned_move_id",
    "scrapped",
    "workorder_id",
    "move_line_ids",
)
"""Of stock.move: what a movement was for, and what it takes back."""

MADE: Domain = [
    "|",
    ["move_id.raw_material_production_id", "!=", False],
    "|",
    ["move_id.production_id", "!=", False],
    "|",
    ["move_id.unbuild_id", "!=", False],
    ["move_id.consume_unbuild_id", "!=", False],
]
"""Movements of manufacturing; receipts, deliveries and transfers make no batch."""

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="products",
            description="products: material definitions",
            models=("product.product",),
            fields=("default_code", "name", "uom_id", "type", "tracking", "categ_id", "active", "barcode"),
            every_s=3600.0,
        ),
        Model(
            name="lots",
            description="lots and serial numbers",
            models=("stock.lot", "stock.production.lot"),  # renamed in 16
            fields=("name", "ref", "product_id", "expiration_date"),
        ),
        Model(
            name="work_centers",
            description="work centers: equipment",
            models=("mrp.workcenter",),
            fields=("name", "code", "active"),
            every_s=3600.0,
        ),
        Model(
            name="boms",
            description="bills of materials: master recipes",
            models=("mrp.bom",),
            fields=(
                "code",
                "product_tmpl_id",
                "product_id",
                "product_qty",
                "product_uom_id",
                "type",
                "active",
            ),
            every_s=3600.0,
        ),
        Model(
            name="bom_lines",
            description="components of bills of materials",
            models=("mrp.bom.line",),
            fields=("bom_id", "product_id", "product_qty", "product_uom_id", "operation_id"),
            every_s=3600.0,
        ),
        Model(
            name="bom_operations",
            description="operations of bills of materials",
            models=("mrp.routing.workcenter",),
            fields=("name", "bom_id", "sequence", "workcenter_id", "time_cycle_manual", "time_cycle"),
            every_s=3600.0,
        ),
        Model(
            name="productions",
            description="manufacturing orders: requests, and the batches that they make",
            models=("mrp.production",),
            fields=(
                "name",
                "state",
                "product_id",
                "product_qty",
                "qty_produced",
                "product_uom_id",
                "lot_producing_id",
                "lot_producing_ids",  # several, from 19 on
                "bom_id",
                "date_planned_start",  # to 16; then date_start tells plan and fact
                "date_planned_finished",
                "date_start",
                "date_finished",
                "date_deadline",
                "create_date",
                "priority",
                "origin",
            ),
            every_s=60.0,
        ),
        Model(
            name="work_orders",
            description="work orders: what an order asks for, and what was run",
            models=("mrp.workorder",),
            fields=(
                "name",
                "state",
                "production_id",
                "workcenter_id",
                "operation_id",
                "date_planned_start",
                "date_planned_finished",
                "date_start",
                "date_finished",
                "duration_expected",
            ),
            every_s=60.0,
        ),
        Model(
            name="moves",
            description="movements of manufacturing, line by line",
            models=("stock.move.line",),
            fields=(
                "product_id",
                "lot_id",
                "qty_done",  # to 16
                "quantity",  # from 17 on
                "product_uom_id",
                "date",
                "state",
                "move_id",
                "location_id",
                "location_dest_id",
                "production_id",
                "workorder_id",
            ),
            domain=(("state", "=", "done"),),
            every_s=60.0,
        ),
        Model(
            name="productivity",
            description="how work centers spent their time",
            models=("mrp.workcenter.productivity",),
            fields=("workcenter_id", "workorder_id", "loss_id", "loss_type", "date_start", "date_end"),
        ),
        Model(
            name="quality_points",
            description="control points: specifications with limits",
            models=("quality.point",),
            fields=(
                "name",
                "title",
                "product_ids",
                "test_type",
                "norm",
                "norm_unit",
                "tolerance_min",
                "tolerance_max",
            ),
            every_s=3600.0,
        ),
        Model(
            name="quality_checks",
            description="quality checks: samples and results",
            models=("quality.check",),
            fields=(
                "name",
                "title",
                "point_id",
                "production_id",
                "workorder_id",
                "product_id",
                "lot_id",
                "finished_lot_id",
                "lot_ids",
                "test_type",
                "measure",
                "norm_unit",
                "quality_state",
                "control_date",
                "user_id",
                "create_date",
            ),
        ),
    )
}
