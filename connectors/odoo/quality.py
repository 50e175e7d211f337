"""What the Quality app's rows state: control points as specifications, checks as samples with a result."""

from connectors.odoo.client import Row
from connectors.odoo.facts import Facts, label, links, name, named, number, text
from connectors.odoo.meaning import batch_of
from hub.model import Sample, TestCriterion, TestResult, TestSpecification
from hub.sdk.statements import Name

_VERDICTS = {"pass": "pass", "fail": "fail"}


def read_point(facts: Facts, row: Row) -> None:
    """State a control point; only a measuring one has limits."""
    products = links(row.get("product_ids"))
    title = text(row.get("title")) or text(row.get("name"))
    point = named(row.get("id"), text(row.get("name")) or "")
    facts.state(
        TestSpecification,
        id=point,
        material={"value": str(products[0])} if len(products) == 1 else None,
        description=title,
    )
    is_measure = row.get("test_type") == "measure"
    limits = {"lower": row.get("tolerance_min"), "upper": row.get("tolerance_max")} if is_measure else {}
    facts.state(
        TestCriterion,
        key=f"point {row.get('id')}",
        specification=point,
        test_code=(title or str(row.get("id")))[:120],
        property=title,
        text_criterion=None if is_measure else text(row.get("test_type")),
        unit=facts.unit(row, "norm_unit") if is_measure else None,
        **limits,
    )


def read_check(facts: Facts, row: Row) -> None:
    """State a check: what was looked at, and what was found once it was done."""
    key = f"check {row.get('id')}"
    point = row.get("point_id")
    state = str(row.get("quality_state") or "")
    facts.state(
        Sample,
        key=key,
        code=text(row.get("name")) or str(row.get("id")),
        batch=batch_of(row.get("production_id")),
        lot=_lot(row),
        response=f"work order {number(row.get('workorder_id'))}" if number(row.get("workorder_id")) else None,
        specification=name(point),
        taken_at=facts.moment(row, "control_date"),
        status=state or None,
    )
    if state not in _VERDICTS:
        return
    is_measure = row.get("test_type") == "measure" and row.get("measure") is not None
    value = (
        facts.measurement(repr(row.get("measure")), facts.unit(row, "norm_unit"), "measure")
        if is_measure
        else facts.measurement(state, None, "quality_state")
    )
    if value is None:
        return
    facts.state(
        TestResult,
        key=key,
        sample=key,
        criterion=f"point {number(point)}" if number(point) else None,
        test_code=(text(row.get("title")) or label(point) or str(row.get("id")))[:120],
        property=text(row.get("title")),
        value=value,
        verdict=_VERDICTS[state],
        status=state,
        measured_at=facts.moment(row, "control_date"),
        analyst=name(row.get("user_id")),
    )


def _lot(row: Row) -> Name | None:
    """Give the lot that was looked at; a check of several names none of them."""
    several = links(row.get("lot_ids"))
    found = name(row.get("lot_id")) or name(row.get("finished_lot_id"))
    return found or ({"value": str(several[0])} if len(several) == 1 else None)
