"""A plant small enough to be counted by hand: two units on two sites, four batches of one product."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from hub.model import (
    Batch,
    Equipment,
    EquipmentTime,
    Identifier,
    MaterialLot,
    Measurement,
    OperationsRequest,
    ProcessSegment,
    QualityEvent,
    Quantity,
    Record,
    Sample,
    SegmentResponse,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from tests.resolve.test_counting import says
from tests.resolve.worlds import World

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Code, unit, start (day of March), hours, size, disposition, released after the end (days).
BATCHES = (
    ("B1", "BR-1", 2, 48, "95", "UnRestricted", 10),
    ("B2", "BR-1", 6, 50, "90", "Restricted", None),
    ("B3", "BR-2", 3, 60, "100", "UnRestricted", 4),
    ("B4", "BR-2", 20, 40, None, None, None),
)
SITE = {"BR-1": "CRK", "BR-2": "BSL"}
HCP = {"B1": "20", "B2": "120", "B3": "30"}


def called(value: str) -> Identifier:
    """Give a name in the speaker's own scheme."""
    return Identifier(value=value)


def equipment() -> list[Record]:
    """Enterprise, two sites, a unit on each, with planned and actual times of the first."""
    found: list[Record] = [Equipment(id=called("LEE"), level="Enterprise")]
    for unit, site in SITE.items():
        found += [
            Equipment(id=called(site), level="Site", parent=called("LEE")),
            Equipment(id=called(unit), level="Unit", parent=called(site)),
        ]
    spans: tuple[tuple[str, Literal["planned", "actual"], int, int], ...] = (
        ("POT", "planned", 0, 40),
        ("PDOT", "planned", 0, 5),
        ("APT", "actual", 0, 30),
        ("ASUT", "actual", 30, 3),
    )
    for element, basis, start, hours in spans:
        begin = MARCH + start * HOUR
        found.append(
            EquipmentTime(
                key=f"{element}-1",
                equipment=called("BR-1"),
                element=element,
                basis=basis,
                start_at=begin,
                end_at=begin + hours * HOUR,
            )
        )
    return found


def executions() -> list[Record]:
    """The batches with an order each, and one unit procedure a batch."""
    found: list[Record] = [ProcessSegment(id=called("Fed-batch"), standard_duration_s=14.5 * 3600)]
    for number, (code, unit, day, hours, size, _, _) in enumerate(BATCHES):
        start = MARCH + timedelta(days=day - 1)
        end = start + hours * HOUR
        found += [
            OperationsRequest(
                id=called(f"O-{code}"),
                product=called("P"),
                created_at=start - timedelta(days=5),
                due_at=end + timedelta(days=6),
            ),
            Batch(
                id=called(code),
                kind="batch",
                product=called("P"),
                operations_request=called(f"O-{code}"),
                output_lot=called(f"L-{code}"),
                equipment=called(SITE[unit]),
                planned_start=start - number * 10 * HOUR,
                planned_end=end,
                actual_start=start,
                actual_end=end,
                planned_size=Quantity.of("100", "kg"),
                actual_size=Quantity.of(size, "kg") if size else None,
            ),
            SegmentResponse(
                key=f"R-{code}",
                batch=called(code),
                level="unit_procedure",
                name="Fed-batch",
                process_segment=called("Fed-batch"),
                equipment=called(unit),
                actual_start=start,
                actual_end=end,
            ),
        ]
    return found


def quality() -> list[Record]:
    """Lots with what was decided, results of one attribute with limits, two deviations of the second batch."""
    found: list[Record] = [
        TestSpecification(id=called("S"), material=called("P")),
        TestCriterion(
            key="S/HCP", specification=called("S"), test_code="HCP", property="HCP", upper=100.0, is_cqa=True
        ),
    ]
    for code, _, day, hours, _, disposition, released in BATCHES:
        end = MARCH + timedelta(days=day - 1, hours=hours)
        found.append(
            MaterialLot(
                id=called(f"L-{code}"),
                material=called("P"),
                disposition=disposition,
                released_at=None if released is None else end + timedelta(days=released),
            )
        )
        if code not in HCP:
            continue
        found += [
            Sample(key=f"X-{code}", code=f"X-{code}", batch=called(code), taken_at=end),
            TestResult(
                key=f"X-{code}/1",
                sample=f"X-{code}",
                criterion="S/HCP",
                test_code="HCP",
                property="HCP",
                value=Measurement.of(HCP[code], "ng/mg"),
                verdict="fail" if float(HCP[code]) > 100 else "pass",
                measured_at=end + 6 * HOUR,
            ),
        ]
    found += [
        QualityEvent(id=called(f"DEV-{n}"), kind="deviation", batch=called("B2"), opened_at=MARCH)
        for n in (1, 2)
    ]
    return found


def fill(world: World) -> None:
    """Let the three parts be told by the MES and resolved."""
    world.begin()
    world.take(
        [
            says(
                "mes",
                *(one for one in (*equipment(), *executions(), *quality()) if _is_of_mes(one)),
                key="mes",
            ),
            says("lims", *(one for one in quality() if not _is_of_mes(one)), key="lims"),
        ]
    )
    world.resolve()


def _is_of_mes(record: Record) -> bool:
    return not isinstance(record, Sample | TestResult | TestCriterion | TestSpecification)
