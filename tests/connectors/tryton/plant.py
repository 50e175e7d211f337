"""Rows of a small plant and its laboratory, as Tryton 8 and GNU Health 5 were measured to give them."""

from typing import Any

from tests.connectors.tryton.tryton_server import Row, moment

HARVEST, MEDIUM = {"id": 4, "code": "IM-500"}, {"id": 1, "code": "RM-100"}
LITRE = {"id": 20, "symbol": "l"}
FIRST = {"id": 1, "number": "1"}


def row(own: int, second: int, changed: bool = False, /, **fields: Any) -> Row:
    made = moment(f"2026-03-01 08:00:{second:02d}.{own:06d}")
    return {"id": own, "create_date": made, "write_date": made if changed else None, **fields}


def production(own: int, state: str, second: int = 0, /, **fields: Any) -> Row:
    known: Row = {
        "number": str(own), "reference": f"B2600{own}", "state": state, "product.": HARVEST,
        "bom.": {"id": 1, "name": "Fed-batch"}, "routing.": None, "quantity": 1700.0, "unit.": LITRE,
        "planned_date": moment("2026-03-16"), "planned_start_date": moment("2026-03-02"),
        "effective_date": moment("2026-03-15"), "effective_start_date": moment("2026-03-02"),
    }  # fmt: skip
    return row(own, second, True, **{**known, **fields})


def move(own: int, second: int = 0, /, **fields: Any) -> Row:
    known: Row = {
        "product.": MEDIUM, "lot.": {"id": 3, "number": "M-7"}, "quantity": 1500.0, "unit.": LITRE, "state": "done",
        "effective_date": moment("2026-03-02"), "production_input.": FIRST, "production_output.": None,
    }  # fmt: skip
    return row(own, second, True, **{**known, **fields})


def models() -> dict[str, list[Row]]:
    lab = {
        "id": 1,
        "state": "validated",
        "date_analysis": moment("2026-03-16 09:00:00"),
        "validation_date": moment("2026-03-17 09:00:00"),
        "done_by.": {"id": 2, "name": "Ana"},
        "source_type": "other_source",
    }
    analyte: Row = {
        "code": "TITER",
        "name": "Titer",
        "units.": {"id": 5, "name": "g/L"},
        "lower_limit": 2.5,
        "upper_limit": 8.0,
        "normal_range": None,
    }
    result = {
        **analyte,
        "result": None,
        "result_text": None,
        "warning": False,
        "excluded": False,
        "test_type_id.": None,
    }
    center = {"id": 1, "name": "BR-2001"}
    work = {"id": 7, "production": 1, "operation.": {"id": 1, "name": "Culture"}, "work_center.": center}
    return {
        "product.product": [
            row(1, 0, code="RM-100", name="CHO basal medium", type="goods", active=1, **{"default_uom.": LITRE}),
            row(2, 0, code=None, name="Bag", type="goods", active=1, **{"default_uom.": {"id": 1, "symbol": "u"}}),
        ],
        "stock.lot": [row(n, n // 3, number=f"M-{n}", expiration_date=None, shelf_life_expiration_date=moment("2027-03-01"), **{"product.": MEDIUM}) for n in range(1, 8)],
        "production.work.center": [row(1, 0, name="BR-2001", active=True, **{"parent.": None, "category.": {"id": 1, "name": "Bioreactor"}})],
        "production.bom": [row(1, 0, name="Fed-batch", code="BOM-500", active=True)],
        "production.bom.input": [row(1, 0, quantity=1500.0, **{"bom.": {"id": 1, "name": "Fed-batch"}, "product.": MEDIUM, "unit.": LITRE})],
        "production.routing": [row(1, 0, name="Upstream", active=True)],
        "production.routing.step": [row(1, 0, sequence=10, **{"routing.": {"id": 1, "name": "Upstream"}, "operation.": {"id": 1, "name": "Culture"}})],
        "production": [production(1, "done"), production(2, "running", 1), production(3, "draft", 1), production(4, "cancelled", 1)],
        "production.work": [row(7, 0, sequence=10, state="finished", **{"production.": FIRST, "operation.": {"id": 1, "name": "Culture"}, "work_center.": center})],
        "production.work.cycle": [
            row(1, 0, True, state="done", duration={"__class__": "timedelta", "seconds": 5400.0}, **{"work.": work}),
            row(2, 0, state="draft", duration=None, **{"work.": work}),
        ],
        "stock.move": [
            move(44),
            move(45, **{"product.": HARVEST, "lot.": {"id": 9, "number": "B26001"}, "quantity": 1690.0, "production_input.": None, "production_output.": FIRST}),
            move(46, state="draft"),
            move(47, **{"production_input.": None}),  # a delivery
        ],
        "quality.control": [row(1, 0, name="Harvest release", active=True, **{"product.": HARVEST})],
        "quality.control.point": [row(1, 0, name="titer_gl", string="Titer g/L", type_="float", tolerance_lower=2.5, tolerance_upper=8.0, **{"control.": {"id": 1, "name": "Harvest release"}})],
        "quality.inspection": [
            row(1, 0, True, number="1", state="passed", points={"titer_gl": 4.6, "clear": True}, origin="production,1", processed_at=moment("2026-03-16 10:00:00"), **{"control.": {"id": 1, "name": "Harvest release"}, "processed_by.": {"id": 2, "name": "Ana"}}),
            row(2, 0, True, number="2", state="failed", points={"titer_gl": {"__class__": "Decimal", "decimal": "1.90"}}, origin="stock.move,45", processed_at=moment("2026-03-16 10:00:00"), **{"control.": {"id": 1, "name": "Harvest release"}, "processed_by.": None}),
            row(3, 0, number="3", state="pending", points=None, origin=None, processed_at=None, **{"control.": {"id": 1, "name": "Harvest release"}, "processed_by.": None}),
        ],
        "gnuhealth.lab.test_type": [row(10, 0, name="Harvest release", code="HARVEST", active=True)],
        "gnuhealth.lab": [
            row(1, 0, name="TEST001", other_source="B26001", specimen_type=None, date_requested=moment("2026-03-15 07:00:00"), date_analysis=lab["date_analysis"], state="validated", source_type="other_source", **{"test.": {"id": 10, "code": "HARVEST"}}),
            row(2, 0, name="TEST002", other_source=None, specimen_type="Blood", date_requested=None, date_analysis=None, state="draft", source_type="patient", **{"test.": {"id": 10, "code": "HARVEST"}}),
        ],
        "gnuhealth.lab.test.critearea": [
            row(1, 0, **{**result, "test_type_id.": {"id": 10, "code": "HARVEST"}, "gnuhealth_lab_id.": None}),
            row(101, 0, **{**result, "result": 4.6, "gnuhealth_lab_id.": lab}),
            row(102, 0, **{**result, "result": 9.6, "gnuhealth_lab_id.": lab}),
            row(103, 0, **{**result, "result": 9.6, "excluded": True, "gnuhealth_lab_id.": lab}),
            row(104, 0, **{**result, "result_text": "clear", "gnuhealth_lab_id.": lab}),
            row(105, 0, **{**result, "gnuhealth_lab_id.": lab}),
            row(106, 0, **{**result, "result": 5.0, "gnuhealth_lab_id.": {**lab, "id": 2, "source_type": "patient"}}),
        ],
    }  # fmt: skip
