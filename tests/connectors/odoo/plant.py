"""A database of a small bioprocess: one order made, one running, one taken apart again; rows as Odoo 16 has them."""

from typing import Any

Row = dict[str, Any]
HARVEST, MEDIUM = [8, "[IM-500] Clarified harvest"], [9, "[RM-100] CHO basal medium"]
LITRE = [12, "L"]
REACTOR = [3, "BR-2001"]
ORDER, RUNNING = [4, "WH/MO/00004"], [5, "WH/MO/00005"]


def stamp(second: int) -> str:
    return f"2026-03-01 08:00:{second:02d}"


def production(order: list[Any], state: str, **fields: Any) -> Row:
    return {
        "id": order[0],
        "name": order[1],
        "state": state,
        "product_id": HARVEST,
        "product_qty": 1700.0,
        "qty_produced": 0.0,
        "product_uom_id": LITRE,
        "lot_producing_id": False,
        "bom_id": [7, "FB-2000: [IM-500] Clarified harvest"],
        "date_planned_start": "2026-03-02 06:00:00",
        "date_planned_finished": "2026-03-16 06:00:00",
        "date_start": False,
        "date_finished": False,
        "date_deadline": False,
        "create_date": "2026-02-20 09:00:00",
        "priority": "0",
        "move_raw_ids": [],
        "move_finished_ids": [],
        "write_date": stamp(0),
        **fields,
    }


def line(number: int, move: int, **fields: Any) -> Row:
    return {
        "id": number,
        "move_id": [move, "RM-100: Stock>Production"],
        "product_id": MEDIUM,
        "lot_id": [21, "M-7"],
        "qty_done": 1500.0,
        "product_uom_id": LITRE,
        "date": "2026-03-02 07:30:00",
        "state": "done",
        "location_id": [8, "WH/Stock"],
        "location_dest_id": [15, "Virtual Locations/Production"],
        "production_id": False,
        "workorder_id": False,
        "write_date": stamp(10),
        **fields,
    }


def move(number: int, **fields: Any) -> Row:
    empty = dict.fromkeys(
        ("raw_material_production_id", "production_id", "byproduct_id", "unbuild_id", "consume_unbuild_id"),
        False,
    )
    rest: Row = {"origin_returned_move_id": False, "scrapped": False, "workorder_id": False}
    return {"id": number, **empty, **rest, **fields}


def models() -> dict[str, list[Row]]:
    lot = {"ref": False, "expiration_date": False, "write_date": stamp(1)}
    return {
        "product.product": [
            {"id": 8, "default_code": "IM-500", "name": "Clarified harvest", "uom_id": LITRE, "type": "product", "tracking": "lot", "categ_id": [2, "All / Intermediates"], "active": True, "barcode": False, "write_date": stamp(0)},
            {"id": 9, "default_code": "RM-100", "name": "CHO basal medium", "uom_id": LITRE, "type": "product", "tracking": "lot", "categ_id": [3, "All / Raw"], "active": False, "barcode": False, "write_date": stamp(0)},
            {"id": 10, "default_code": False, "name": "Bag", "uom_id": [1, "Units"], "type": "consu", "tracking": "none", "categ_id": False, "active": True, "barcode": False, "write_date": stamp(0)},
        ],
        "stock.lot": [
            {"id": 20, "name": "B26001", "product_id": HARVEST, **lot, "expiration_date": "2027-03-01 00:00:00"},
            {"id": 21, "name": "M-7", "product_id": MEDIUM, **lot, "ref": "SUP-99"},
        ],
        "mrp.workcenter": [{"id": 3, "name": "Bioreactor 2001", "code": "BR-2001", "active": True, "write_date": stamp(0)}],
        "mrp.bom": [{"id": 7, "code": "FB-2000", "product_tmpl_id": [6, "[IM-500] Clarified harvest"], "product_id": HARVEST, "product_qty": 1700.0, "product_uom_id": LITRE, "type": "normal", "active": True, "write_date": stamp(0)}],
        "mrp.bom.line": [{"id": 14, "bom_id": [7, "FB-2000: [IM-500] Clarified harvest"], "product_id": MEDIUM, "product_qty": 1500.0, "product_uom_id": LITRE, "operation_id": [31, "Culture"], "write_date": stamp(0)}],
        "mrp.routing.workcenter": [{"id": 31, "name": "Culture", "bom_id": [7, "FB-2000: [IM-500] Clarified harvest"], "sequence": 10, "workcenter_id": REACTOR, "time_cycle_manual": 90.0, "write_date": stamp(0)}],
        "mrp.production": [
            production([3, "WH/MO/00003"], "draft"),
            production(ORDER, "done", qty_produced=1690.0, lot_producing_id=[20, "B26001"], date_start="2026-03-02 06:10:00", date_finished="2026-03-16 05:00:00", move_raw_ids=[61], move_finished_ids=[63]),
            production(RUNNING, "progress", date_start="2026-03-20 06:10:00", write_date=stamp(5)),
            production([6, "WH/MO/00006"], "cancel", write_date=stamp(5)),
        ],
        "mrp.workorder": [
            {"id": 51, "name": "Culture", "state": "done", "production_id": ORDER, "workcenter_id": REACTOR, "operation_id": [31, "Culture"], "date_planned_start": "2026-03-02 06:00:00", "date_planned_finished": "2026-03-02 07:30:00", "date_start": "2026-03-02 06:10:00", "date_finished": "2026-03-02 07:45:00", "duration_expected": 90.0, "write_date": stamp(4)},
            {"id": 52, "name": "Culture", "state": "ready", "production_id": RUNNING, "workcenter_id": REACTOR, "operation_id": [31, "Culture"], "date_planned_start": False, "date_planned_finished": False, "date_start": False, "date_finished": False, "duration_expected": 90.0, "write_date": stamp(4)},
        ],
        "stock.move": [
            move(61, raw_material_production_id=ORDER, workorder_id=[51, "Culture"]),
            move(63, production_id=ORDER),
            move(64, production_id=ORDER, byproduct_id=[1, "Waste"]),
            move(71, consume_unbuild_id=[2, "UB/00002"], origin_returned_move_id=[63, "x"]),
            move(72, unbuild_id=[2, "UB/00002"], origin_returned_move_id=[61, "x"]),
            move(90),
        ],
        "mrp.unbuild": [{"id": 2, "mo_id": ORDER}],
        "stock.move.line": [
            line(44, 61),
            line(48, 63, product_id=HARVEST, lot_id=[20, "B26001"], qty_done=1690.0),
            line(49, 64, product_id=[10, "Bag"], lot_id=False, qty_done=2.0, product_uom_id=[1, "Units"]),
            line(50, 90, lot_id=False),  # a delivery
            line(51, 61, state="assigned"),
            line(60, 71, product_id=HARVEST, lot_id=[20, "B26001"], qty_done=90.0, write_date=stamp(20)),
            line(61, 72, qty_done=80.0, write_date=stamp(20)),
        ],
        "mrp.workcenter.productivity": [
            {"id": 1, "workcenter_id": REACTOR, "workorder_id": [51, "Culture"], "loss_id": [7, "Fully Productive Time"], "loss_type": "productive", "date_start": "2026-03-02 06:10:00", "date_end": "2026-03-02 07:45:00", "write_date": stamp(0)},
            {"id": 2, "workcenter_id": REACTOR, "workorder_id": False, "loss_id": [2, "Equipment Failure"], "loss_type": "availability", "date_start": "2026-03-03 06:10:00", "date_end": False, "write_date": stamp(0)},
        ],
        "quality.point": [
            {"id": 5, "name": "QCP00005", "title": "Titer", "product_ids": [8], "test_type": "measure", "norm": 4.0, "norm_unit": "g/L", "tolerance_min": 2.5, "tolerance_max": 8.0, "write_date": stamp(0)},
            {"id": 6, "name": "QCP00006", "title": "Appearance", "product_ids": [], "test_type": "passfail", "norm": 0.0, "norm_unit": False, "tolerance_min": 0.0, "tolerance_max": 0.0, "write_date": stamp(0)},
        ],
        "quality.check": [
            {"id": 1, "name": "QC00001", "title": "Titer", "point_id": [5, "QCP00005"], "production_id": ORDER, "workorder_id": [51, "Culture"], "product_id": HARVEST, "lot_id": [20, "B26001"], "test_type": "measure", "measure": 4.6, "norm_unit": "g/L", "quality_state": "pass", "control_date": "2026-03-16 05:30:00", "user_id": [7, "Ana"], "write_date": stamp(0)},
            {"id": 2, "name": "QC00002", "title": "Appearance", "point_id": [6, "QCP00006"], "production_id": ORDER, "workorder_id": False, "product_id": HARVEST, "lot_id": False, "test_type": "passfail", "measure": 0.0, "norm_unit": False, "quality_state": "fail", "control_date": "2026-03-16 05:30:00", "user_id": False, "write_date": stamp(0)},
            {"id": 3, "name": "QC00003", "title": "Appearance", "point_id": [6, "QCP00006"], "production_id": RUNNING, "workorder_id": False, "product_id": HARVEST, "lot_id": False, "test_type": "passfail", "measure": 0.0, "norm_unit": False, "quality_state": "none", "control_date": False, "user_id": False, "write_date": stamp(0)},
        ],
    }  # fmt: skip
