"""What quality and laboratory rows state: specifications with limits, samples, results."""

from typing import Any, cast

from connectors.tryton.client import Row
from connectors.tryton.facts import Facts, linked, name, named, read_number, text
from hub.model import Sample, TestCriterion, TestResult, TestSpecification

_VERDICTS = {"passed": "pass", "failed": "fail"}


# -------------------------------------------------------------------------------- Tryton's quality module
def read_control(facts: Facts, row: Row) -> None:
    """State a quality control as a specification."""
    facts.state(
        TestSpecification,
        id=named(row.get("id"), text(row.get("name")), "control"),
        material=name(row, "product.", "code"),
        description=text(row.get("name")),
    )


def read_point(facts: Facts, row: Row) -> None:
    """State a point of a control, with its tolerance."""
    control = name(row, "control.", "name", scheme="control")
    code = text(row.get("name"))
    facts.state(
        TestCriterion,
        key=f"{linked(row, 'control.').get('id')}/{code}",
        specification=control,
        test_code=code,
        property=text(row.get("string")),
        lower=read_number(row.get("tolerance_lower")),
        upper=read_number(row.get("tolerance_upper")),
    )


def read_inspection(facts: Facts, row: Row) -> None:
    """State an inspection as a sample, and each of its points as a result once it was processed."""
    key, state = f"inspection {row.get('id')}", str(row.get("state") or "")
    control = linked(row, "control.")
    facts.state(
        Sample,
        key=key,
        code=text(row.get("number")) or str(row.get("id")),
        specification=name(row, "control.", "name", scheme="control"),
        taken_at=facts.moment(row, "processed_at"),
        status=state or None,
        **_origin(row),
    )
    told = row.get("points")
    is_open = state in {"", "pending", "cancelled"}
    points = cast("Row", told) if isinstance(told, dict) and not is_open else {}
    for code, entry in sorted(points.items()):
        value = facts.measurement(_entry(entry), None, f"points/{code}")
        if value is not None:
            facts.state(
                TestResult,
                f"points/{code}",
                key=f"{key}/{code}",
                sample=key,
                criterion=f"{control.get('id')}/{code}" if control.get("id") else None,
                test_code=code,
                value=value,
                # the inspection is judged as a whole: when it fails, nobody says at which point
                verdict="pass" if state == "passed" else None,
                status=state,
                measured_at=facts.moment(row, "processed_at"),
                analyst=name(row, "processed_by.", "name"),
            )


def _origin(row: Row) -> dict[str, Any]:
    """Give what was inspected, of `model,number`: a production, or a movement's lot as it was found."""
    model, _, number = str(row.get("origin") or "").partition(",")
    if model == "production" and number.isdecimal():
        return {"batch": {"scheme": "batch", "value": number}}
    moved = linked(row, "moved")
    batch = name(moved, "production_output.", "number", scheme="batch")
    return {"lot": name(moved, "lot.", "number"), "batch": batch}


def _entry(value: Any) -> Any:
    """Give an entry as people read it: dates and flags are objects of their own in Tryton."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    told = cast("Row", value) if isinstance(value, dict) else {}
    if told.get("__class__") in {"date", "datetime"}:
        return "-".join(f"{told.get(part)}" for part in ("year", "month", "day"))
    return read_number(value)


# ------------------------------------------------------------------------------------------- GNU Health
def read_test_type(facts: Facts, row: Row) -> None:
    """State a type of test as a specification."""
    facts.state(
        TestSpecification,
        id=named(row.get("id"), text(row.get("code")), "test_type"),
        description=text(row.get("name")),
    )


def read_criterion(facts: Facts, row: Row) -> None:
    """State an analyte of a type of test, with its limits."""
    facts.state(
        TestCriterion,
        key=f"criterion {row.get('id')}",
        specification=name(row, "test_type_id.", "code", scheme="test_type"),
        test_code=_code(row),
        property=text(row.get("name")),
        unit=_unit(facts, row),
        text_criterion=text(row.get("normal_range")),
        lower=read_number(row.get("lower_limit")),
        upper=read_number(row.get("upper_limit")),
    )


def read_lab_test(facts: Facts, row: Row) -> None:
    """State a test as a sample; where it comes from is a free text, by which the batch is looked for."""
    source = text(row.get("other_source"))
    facts.state(
        Sample,
        key=f"lab {row.get('id')}",
        code=text(row.get("name")) or str(row.get("id")),
        batch={"scheme": "other_source", "value": source} if source else None,
        specification=name(row, "test.", "code", scheme="test_type"),
        sample_type=text(row.get("specimen_type")),
        received_at=facts.moment(row, "date_requested"),
        status=text(row.get("state")),
    )


def read_lab_result(facts: Facts, row: Row) -> None:
    """State a result, once there is one; what the laboratory excluded says so in its status."""
    test = linked(row, "gnuhealth_lab_id.")
    number = read_number(row.get("result"))
    entry = number if number is not None else row.get("result_text")
    if entry is None or not test.get("id"):
        return
    spelled = facts.unit(row, "units.", field="name")
    value = facts.measurement(entry, spelled if number is not None else None, "result")
    if value is None:
        return
    is_excluded = row.get("excluded") is True
    facts.state(
        TestResult,
        key=f"result {row.get('id')}",
        sample=f"lab {test['id']}",
        test_code=_code(row),
        property=text(row.get("name")),
        value=value,
        verdict=None if is_excluded else _judge(row, value.value),
        status="excluded" if is_excluded else text(test.get("state")),
        measured_at=facts.moment(test, "date_analysis"),
        approved_at=facts.moment(test, "validation_date"),
        analyst=name(test, "done_by.", "name"),
    )


def _judge(row: Row, number: float | None) -> str | None:
    """Judge a number by the limits that stand beside it."""
    lower, upper = read_number(row.get("lower_limit")), read_number(row.get("upper_limit"))
    if number is None or (lower is None and upper is None):
        return None
    is_low = isinstance(lower, int | float) and number < lower
    is_high = isinstance(upper, int | float) and number > upper
    return "fail" if is_low or is_high else "pass"


def _unit(facts: Facts, row: Row) -> str | None:
    """Give the unit of limits when it is known; one that is not is noted, the limits go on without."""
    spelled = facts.unit(row, "units.", field="name")
    told = facts.quantity(0, spelled, "units") if spelled else None
    return told.unit if told else None


def _code(row: Row) -> str | None:
    return text(row.get("code")) or text(row.get("name"))
