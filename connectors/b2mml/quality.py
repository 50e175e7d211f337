"""Test specifications with their criteria, test results, and operations events (95.02)."""

import re
from typing import Any

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.reader import Reader, codes, description
from connectors.b2mml.resources import read_scope
from hub.model import OperationsEvent, Sample, TestCriterion, TestResult, TestSpecification

_NUMBER = r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_BETWEEN = re.compile(rf"^{_NUMBER}\s*(?:<=|≤)\s*\D[\w .]*?\s*(?:<=|≤)\s*{_NUMBER}$")
_BOUND = re.compile(rf"^(?:[^\W\d][\w .]*?\s*)?(<=|≤|>=|≥)\s*{_NUMBER}$")
_PASS, _FAIL = frozenset({"pass", "passed", "true"}), frozenset({"fail", "failed", "false", "rejected"})


# ----------------------------------------------------------------------------------------- testing
def read_tests(reader: Reader, body: Element) -> None:
    """State what an OperationsTestInformation, TestSpecification or TestResult says."""
    kind = name(body)
    for part in [body] if kind == "TestSpecification" else children(body, "TestSpecification"):
        _specification(reader, part)
    for part in [body] if kind == "TestResult" else children(body, "TestResult"):
        _result(reader, part)


def _specification(reader: Reader, element: Element) -> None:
    own = reader.name(element, "ID")
    if own is None:
        reader.refuse(element, "the test specification has no ID")
        return
    reader.state(
        TestSpecification,
        element,
        id=own,
        description=description(element),
        specification_version=text(element, "Version"),
        effective_from=reader.time(element, "EffectiveStartDate"),
        effective_to=reader.time(element, "EffectiveEndDate"),
    )
    for criterion in children(element, "TestSpecificationCriteria"):
        code = text(criterion, "ID") or "criterion"
        said = " and ".join(t for e in children(criterion, "Expression") if (t := text(e)))
        reader.state(
            TestCriterion,
            criterion,
            key=f"{own['value']}/{code}",
            specification=own,
            test_code=code[:120],
            property=text(criterion, "EvaluatedPropertyID") or description(criterion),
            text_criterion=said or None,
            **read_limits(said),
        )
    for part in children(element, "TestSpecificationChild"):
        _specification(reader, part)


def read_limits(expression: str) -> dict[str, str]:
    """Give the limits in an expression that is nothing but limits: `95 <= x <= 105`, `x <= 0.05`.

    The model's limits are inclusive, so an expression with `<` or `>` alone stays text.
    """
    found: dict[str, str] = {}
    for part in re.split(r"\s+(?:and|AND|&&)\s+", expression.strip()):
        between, bound = _BETWEEN.match(part), _BOUND.match(part)
        if between:
            found |= {"lower": between.group(1), "upper": between.group(2)}
        elif bound:
            found["upper" if bound.group(1) in {"<=", "≤"} else "lower"] = bound.group(2)
        else:
            return {}
    return found


def _result(reader: Reader, element: Element) -> None:
    own = text(element, "ID") or "result"
    when = reader.time(element, "EvaluationDate")
    sample = f"test/{own}"
    lot = reader.name(element, "TestableObjectID")
    reader.state(Sample, element, key=sample, code=own[:120], lot=lot, taken_at=when)
    verdict = text(element, "EvaluatedCriterionResult")
    word = (verdict or "").casefold()
    for number, part in enumerate(children(element, "PropertyMeasurement"), start=1):
        code = text(part, "TestableObjectPropertyID", "ID") or f"{number}"
        value = child(part, "Value")
        entry = text(value, "ValueString")
        if entry is None:
            continue
        try:
            measured = reader.connector.measurement(entry, text(value, "UnitOfMeasure"))
        except ValueError as error:
            reader.refuse(part, error)
            continue
        reader.state(
            TestResult,
            part,
            key=f"{sample}/{text(part, 'ID') or number}",
            sample=sample,
            test_code=code[:120],
            property=description(part),
            value=measured,
            verdict="pass" if word in _PASS else "fail" if word in _FAIL else None,
            status=verdict,
            measured_at=reader.time(part, "MeasurementDate") or when,
        )
    for part in children(element, "TestResultChild"):
        _result(reader, part)


# ------------------------------------------------------------------------------------------ events
def read_events(reader: Reader, body: Element) -> None:
    """State what an OperationsEventInformation or OperationsEvent says."""
    for part in [body] if name(body) == "OperationsEvent" else children(body, "OperationsEvent"):
        _event(reader, part)


def _event(reader: Reader, element: Element) -> None:
    own = text(element, "ID")
    if own is None:
        reader.refuse(element, "the event has no ID, so it cannot be told from others")
        return
    noted = reader.time(element, "RecordTimeStamp")
    at = reader.time(element, "EffectiveTimeStamp") or noted
    if at is None:
        reader.refuse(element, "the event has no time that can be read, so nobody knows when it was")
        return
    fields: dict[str, Any] = {
        "event_type": codes(children(element, "OperationsEventType")) or "Event",
        "subtype": text(element, "Category"),
    }
    reader.state(
        OperationsEvent,
        element,
        key=f"event/{own}",
        at=at,
        noted_at=noted,
        priority=text(element, "Priority"),
        equipment=read_scope(reader, element),
        comment=description(element, 4000),
        **fields,
    )
    for part in children(element, "OperationsEventChild"):
        _event(reader, part)
