"""What quality management's rows state: inspection lots as samples, limits, results, usage decisions."""

from typing import Any, cast

from connectors.sap_odata.client import Row
from connectors.sap_odata.facts import Facts, named, plain
from connectors.sap_odata.meaning import ORDER
from connectors.sap_odata.values import external, is_set
from hub.model import LotDisposition, Sample, TestCriterion, TestResult, TestSpecification

_VERDICTS = {"A": "pass", "R": "fail"}
_DECISIONS = {"A": "UnRestricted", "R": "Restricted"}
_STATUS = {
    "0": "optional",
    "1": "required",
    "2": "being processed",
    "3": "valuated",
    "4": "skipped",
    "5": "closed",
    "9": "blocked",
}
"""SAP's status of a results record (table TQ76), in the words of table TQ78: they say whether it stands."""
_PLAN = "inspection_lot"
"""Scheme of the specification of one inspection lot: SAP copies the plan into it, where it stays."""


def read_inspection_lot(facts: Facts, row: Row) -> None:
    """State an inspection lot as the sample that was looked at, and the copy of the plan that it carries."""
    number = external(row.get("InspectionLot"))
    plan = named(_PLAN, number)
    facts.state(
        TestSpecification,
        id=plan,
        material=plain(row.get("Material")),
        description=_text(row.get("InspectionLotText")) or _text(row.get("InspectionLotObjectText")),
    )
    is_decided = is_set(row.get("InspectionLotHasUsageDecision"))
    facts.state(
        Sample,
        key=number,
        code=number,
        batch=named(ORDER, row.get("ManufacturingOrder")),
        lot=facts.lot(row.get("Material"), row.get("Plant"), row.get("Batch")),
        specification=plan,
        sample_type=_text(row.get("InspectionLotType")),
        stage=_text(row.get("InspectionLotOrigin")),
        received_at=facts.moment(row, "InspLotCreatedOnLocalDate", "InspLotCreatedOnLocalTime"),
        status="usage decision made" if is_decided else "open",
    )


def read_characteristic(facts: Facts, row: Row) -> None:
    """State the limits of a characteristic. Zero is a limit only where SAP says that there is one."""
    facts.state(
        TestCriterion,
        key=_key(row),
        specification=named(_PLAN, row.get("InspectionLot")),
        test_code=_code(row, row),
        property=_text(row.get("InspectionCharacteristicText")),
        method=_text(row.get("InspectionMethod")),
        lower=_limit(row, "Lower"),
        upper=_limit(row, "Upper"),
        unit=_unit(facts, row),
    )


def _limit(row: Row, side: str) -> Any:
    """Give a limit, as text where SAP formats it (it writes a decimal comma for some users)."""
    if not is_set(row.get(f"InspSpecHas{side}Limit")):
        return None
    written = str(row.get(f"InspSpecFrmtd{side}Limit") or "").strip()
    return written if _is_plain(written) else row.get(f"InspSpec{side}Limit")


def read_result(facts: Facts, row: Row) -> None:
    """State the result of a characteristic: the mean value, or the code of what was seen."""
    held = row.get("characteristic")
    characteristic = cast("Row", held) if isinstance(held, dict) else {}
    verdict = _VERDICTS.get(str(row.get("InspectionValuationResult") or ""))
    entry = _entry(row)
    if entry is None:
        return
    status = _text(row.get("InspectionResultStatus"))
    is_number = is_set(row.get("InspectionResultHasMeanValue"))
    unit = facts.unit(characteristic, "InspectionSpecificationUnit") if is_number else None
    try:
        value = facts.connector.measurement(entry, unit)
    except ValueError as error:
        facts.refuse("InspectionSpecificationUnit", error)
        return  # a result without its unit would be another result: it waits in quarantine
    facts.state(
        TestResult,
        key=_key(row),
        sample=external(row.get("InspectionLot")),
        criterion=_key(row),
        test_code=_code(row, characteristic),
        property=_text(characteristic.get("InspectionCharacteristicText")),
        value=value,
        verdict=verdict,
        status=_STATUS.get(status, status) if status else None,
        measured_at=facts.moment(row, "InspectionEndDate", "InspectionEndTime"),
        analyst=plain(row.get("Inspector")),
    )


def _entry(row: Row) -> str | None:
    """Give what was found: the mean value with its digits, else the code (group, code), else nothing yet."""
    if is_set(row.get("InspectionResultHasMeanValue")):
        written = str(row.get("InspResultFrmtdMeanValue") or "").strip()
        return written if _is_plain(written) else str(row.get("InspectionResultMeanValue"))
    group, code = (_text(row.get(f"CharacteristicAttributeCode{part}")) for part in ("Grp", ""))
    return f"{group} {code}" if group and code else code


def read_decision(facts: Facts, row: Row) -> None:
    """State a usage decision as the disposition of the lot that was inspected."""
    held = row.get("lot")
    inspected = cast("Row", held) if isinstance(held, dict) else {}
    lot = facts.lot(inspected.get("Material"), inspected.get("Plant"), inspected.get("Batch"))
    valuation = str(row.get("InspLotUsageDecisionValuation") or "").strip()
    if lot is None or not valuation:
        return  # what was inspected was no lot, or nothing is decided yet
    facts.state(
        LotDisposition,
        key=external(row.get("InspectionLot")),
        lot=lot,
        batch=named(ORDER, inspected.get("ManufacturingOrder")),
        decision=_DECISIONS.get(valuation, valuation),
        decided_at=facts.moment(
            row, "InspectionLotUsageDecidedOn", "InspLotUsageDecisionTime", by_system=True
        ),
        decided_by=plain(row.get("InspectionLotUsageDecidedBy")),
        scope=f"usage decision {row.get('InspectionLotUsageDecisionCode') or ''}".strip(),
    )


def _key(row: Row) -> str:
    """Give `inspection lot/operation/characteristic`."""
    names = ("InspectionLot", "InspPlanOperationInternalID", "InspectionCharacteristic")
    return "/".join(external(row.get(name)) for name in names)


def _code(row: Row, characteristic: Row) -> str:
    """Give the master characteristic's name; one that was written into the plan has its number alone."""
    own = (
        f"{external(row.get('InspPlanOperationInternalID'))}/{external(row.get('InspectionCharacteristic'))}"
    )
    return _text(characteristic.get("InspectionSpecification")) or own


def _unit(facts: Facts, row: Row) -> str | None:
    """Give the unit of limits when it is known; one that is not is noted, the limits go on without."""
    spelled = facts.unit(row, "InspectionSpecificationUnit")
    try:
        told = facts.connector.quantity("0", spelled) if spelled else None
    except ValueError as error:
        facts.refuse("InspectionSpecificationUnit", error)
        return None
    return told.unit if told else None


def _is_plain(written: str) -> bool:
    """Tell a number with a decimal point from one that is formatted for a reader."""
    return bool(written) and written.replace(".", "", 1).removeprefix("-").isdecimal()


def _text(value: Any) -> str | None:
    return str(value or "").strip() or None
