"""What SENAITE's objects state: specifications with limits, samples, results, attachments."""

from typing import Any, cast

from connectors.senaite.client import Item
from connectors.senaite.reading import pick
from hub.model import (
    DocumentOwner,
    ExternalDocument,
    Measurement,
    Sample,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.sdk.statements import Name, Statements

_OPEN = {"registered", "unassigned", "assigned"}
"""States of an analysis in which nobody has submitted a result."""
_WITHDRAWN = {"retracted", "rejected", "cancelled"}
_BLANK = {"geq": ">=", "gt": ">", "leq": "<=", "lt": "<"}


class Facts(Statements):
    """Reads one object; `batch_field` and `lot_field` say where a sample tells what it was taken from."""

    batch_field: str | None = None
    lot_field: str | None = None


# -------------------------------------------------------------------------------------- specifications
def read_specification(facts: Facts, document: Item) -> None:
    """State a specification and its limits. The document is the object, with its `services` by keyword."""
    item = _mapping(document.get("specification"))
    uid = str(item.get("uid") or "")
    name = {"value": uid, "match": _text(item, "title")} if uid else None
    facts.state(TestSpecification, id=name, description=_text(item, "title", "description"))
    services = _mapping(document.get("services"))
    for limits in _rows(item.get("ResultsRange")):
        keyword = _text(limits, "keyword")
        service = _mapping(services.get(keyword or ""))
        unit = _text(service, "unit")
        known = len(facts.parts)
        if unit:
            facts.measurement("0", unit, f"unit of {keyword}")
        facts.state(
            TestCriterion,
            f"ResultsRange {keyword}",
            key=f"{uid}/{keyword}",
            specification=name,
            test_code=keyword,
            property=_text(service, "title"),
            unit=unit if len(facts.parts) == known else None,
            **_limits(facts, limits, keyword or ""),
        )


def _limits(facts: Facts, limits: Item, keyword: str) -> dict[str, str]:
    """Give the limits as written. An open limit (gt, lt) is told in words as well: numbers are closed."""
    told: dict[str, str] = {}
    words: list[str] = []
    for name, field, operator, usual in (
        ("lower", "min", "min_operator", "geq"),
        ("upper", "max", "max_operator", "leq"),
    ):
        limit = _text(limits, field)
        if limit is None:
            continue
        if _number(limit) is None:
            facts.refuse(f"ResultsRange {keyword}/{field}", f"{limit!r} is no number")
            continue
        told[name] = limit
        if limits.get(operator) not in (None, "", usual):
            words.append(f"{_BLANK.get(str(limits.get(operator)), '')}{limit}")
    for name, field in (("lower_action", "warn_min"), ("upper_action", "warn_max")):
        limit = _text(limits, field)
        if limit is not None and _number(limit) is not None:
            told[name] = limit
    return {**told, "text_criterion": ", ".join(words)} if words else told


# ---------------------------------------------------------------------------------------------- samples
def read_sample(facts: Facts, item: Item) -> None:
    """State a sample; it is known in the laboratory by its id."""
    uid = str(item.get("uid") or "")
    specification = pick(_mapping(item.get("Specification")), "uid")
    facts.state(
        Sample,
        key=uid,
        code=_text(item, "id"),
        batch=_made_of(item, facts.batch_field, "batch"),
        lot=_made_of(item, facts.lot_field, "lot"),
        specification={"value": specification} if specification else None,
        sample_type=_text(item, "SampleTypeTitle", "getSampleTypeTitle"),
        taken_at=facts.instant(pick(item, "DateSampled", "getDateSampled"), "DateSampled"),
        received_at=facts.instant(pick(item, "DateReceived", "getDateReceived"), "DateReceived"),
        taken_by=_person(_text(item, "Sampler", "getSampler")),
        status=_text(item, "review_state"),
    )
    _own_attachments(facts, item, sample=uid)


def _made_of(item: Item, field: str | None, scheme: str) -> Name | None:
    told = _text(item, field, f"get{field}") if field else None
    return {"scheme": scheme, "value": told} if told else None


# ---------------------------------------------------------------------------------------------- results
def read_analysis(facts: Facts, item: Item) -> None:
    """State the result of an analysis once it was submitted; a retest points at what it repeats."""
    uid, state = str(item.get("uid") or ""), str(item.get("review_state") or "")
    sample = _text(item, "parent_uid")
    if sample:
        _own_attachments(facts, item, sample=sample)
    entry = _entry(item)
    if entry is None or state in _OPEN:
        return
    value = facts.measurement(entry, _text(item, "Unit", "getUnit"), "Result")
    if value is None:
        return  # a result without its unit would be another result: it waits in quarantine
    again = pick(_mapping(item.get("RetestOf")), "uid") or pick(item, "getRetestOfUID")
    facts.state(
        TestResult,
        key=uid,
        sample=sample,
        test_code=_text(item, "Keyword", "getKeyword"),
        property=_text(item, "title"),
        kind="calculated" if pick(_mapping(item.get("Calculation")), "uid") else "measured",
        retest_of=again,
        value=value,
        verdict=None if state in _WITHDRAWN else _judge(value, _mapping(item.get("ResultsRange"))),
        status=state,
        measured_at=facts.instant(
            pick(item, "ResultCaptureDate", "getResultCaptureDate"), "ResultCaptureDate"
        ),
        analyst=_person(_text(item, "Analyst", "getSubmittedBy")),
    )


def _entry(item: Item) -> str | None:
    """Give the result as the laboratory reports it: with `<` or `>`, and a chosen option by its text."""
    result = _text(item, "Result", "getResult")
    if result is None:
        return None
    for option in _rows(item.get("ResultOptions")):
        if str(option.get("ResultValue")) == result:
            return _text(option, "ResultText") or result
    operand = _text(item, "DetectionLimitOperand")
    return f"{operand}{result}" if operand in {"<", ">"} and not result.startswith(("<", ">")) else result


def _judge(value: Measurement, limits: Item) -> str | None:
    """Say whether a number is within its limits; nothing about texts, and of `<x` only what is sure."""
    lower, upper = (_number(_text(limits, field)) for field in ("min", "max"))
    number, is_open = value.value, value.comparator in {"<", ">"}
    if number is None or (lower is None and upper is None):
        return None
    is_below, is_above = value.comparator in {"<", "<="}, value.comparator in {">", ">="}
    without_lower = is_open or limits.get("min_operator") == "gt"
    without_upper = is_open or limits.get("max_operator") == "lt"
    if lower is not None and not is_above and (number < lower or (number == lower and without_lower)):
        return "fail"
    if upper is not None and not is_below and (number > upper or (number == upper and without_upper)):
        return "fail"
    is_unsure = (is_below and (lower is not None or (upper is not None and number > upper))) or (
        is_above and (upper is not None or (lower is not None and number < lower))
    )
    return "inconclusive" if is_unsure else "pass"


# ------------------------------------------------------------------------------------------ attachments
def read_attachment(facts: Facts, item: Item) -> None:
    """State a file that was attached; whose it is, samples and analyses say."""
    file = _mapping(item.get("AttachmentFile"))
    facts.state(
        ExternalDocument,
        id={"value": str(item.get("uid") or ""), "match": _text(item, "id", "title")},
        kind="other",
        title=_text(file, "filename") or _text(item, "title"),
        media_type=_text(file, "content_type"),
        uri=_text(file, "download") or _text(item, "url"),
        description=_text(item, "AttachmentKeys", "description"),
        issued_at=facts.instant(pick(item, "DateLoaded", "created"), "DateLoaded"),
    )


def _own_attachments(facts: Facts, item: Item, *, sample: str) -> None:
    held = item.get("Attachment")
    for one in _rows(held if isinstance(held, list) else [held]):
        uid = _text(one, "uid")
        if uid:
            facts.state(
                DocumentOwner,
                f"Attachment {uid}",
                key=f"{item.get('uid')}/{uid}",
                document={"value": uid},
                sample=sample,
            )


# ------------------------------------------------------------------------------------------- spellings
def _text(item: Item, *names: str) -> str | None:
    value = pick(item, *names)
    return None if value is None or isinstance(value, dict | list) else str(value).strip() or None


def _number(text: str | None) -> float | None:
    return Measurement.of(text).value if text is not None else None


def _person(login: str | None) -> Name | None:
    return {"value": login} if login else None


def _mapping(value: Any) -> Item:
    return cast("Item", value) if isinstance(value, dict) else {}


def _rows(value: Any) -> list[Item]:
    return (
        [cast("Item", v) for v in cast("list[Any]", value) if isinstance(v, dict)]
        if isinstance(value, list)
        else []
    )
