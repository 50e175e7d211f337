"""Facts that one system saw once: they keep their provenance and are never argued about, only corrected."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from hub.model.enums import MaterialUse, ProcedureLevel, ResponseState
from hub.model.instant import Instant
from hub.model.measurement import Measurement, Quantity
from hub.model.record import (
    ActualKey,
    BatchRef,
    CriterionKey,
    EquipmentRef,
    LotRef,
    MaterialRef,
    PersonRef,
    Record,
    ResponseKey,
    ResultKey,
    SampleKey,
    SpecificationRef,
    TagRef,
)


class Observed(Record):
    """A statement with a natural key of its source."""

    key: str = Field(min_length=1, max_length=300)

    @property
    def record_key(self) -> str:
        """The source's own key."""
        return self.key


class SegmentResponse(Observed):
    """An executed procedural element: unit procedure, operation, phase (95.02 SegmentResponse, 88.04)."""

    record_type: ClassVar[str] = "segment_response"
    batch: BatchRef | None = None
    parent: ResponseKey | None = None
    level: ProcedureLevel = "segment"
    name: str = Field(max_length=200)
    occurrence: int = 1
    segment_code: str | None = None
    equipment: EquipmentRef | None = None
    state: ResponseState | None = None
    actual_start: Instant | None = None
    actual_end: Instant | None = None
    is_derived: bool = False

    @model_validator(mode="after")
    def check_order(self) -> "SegmentResponse":
        """Refuse an end before its start."""
        if self.actual_start and self.actual_end and self.actual_end < self.actual_start:
            msg = f"segment {self.key} ends {self.actual_end} before it starts {self.actual_start}"
            raise ValueError(msg)
        return self


class SegmentData(Observed):
    """A value reported for a segment: actual, setpoint or feature (95.02 SegmentData)."""

    record_type: ClassVar[str] = "segment_data"
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    name: str = Field(max_length=200)
    kind: Literal["actual", "setpoint", "feature"] = "actual"
    value: Measurement
    at: Instant | None = None
    is_cpp: bool = False


class MaterialActual(Observed):
    """A movement of material into or out of a batch (95.02 MaterialActual). Reversals are negative."""

    record_type: ClassVar[str] = "material_actual"
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    lot: LotRef | None = None
    material: MaterialRef | None = None
    equipment: EquipmentRef | None = None
    use: MaterialUse
    quantity: Quantity | None = None
    at: Instant | None = None
    reverses: ActualKey | None = None


class Sample(Observed):
    """A sample taken for testing (88.04 Sample)."""

    record_type: ClassVar[str] = "sample"
    code: str = Field(max_length=120)
    batch: BatchRef | None = None
    lot: LotRef | None = None
    response: ResponseKey | None = None
    sample_type: str | None = None
    stage: str | None = None
    taken_at: Instant | None = None
    received_at: Instant | None = None
    status: str | None = None


class TestCriterion(Observed):
    """A limit of a specification for one property (95.02 EvaluatedProperty / Criteria)."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_criterion"
    specification: SpecificationRef
    test_code: str = Field(max_length=120)
    property: str | None = None
    method: str | None = None
    lower: float | None = None
    upper: float | None = None
    lower_action: float | None = None
    upper_action: float | None = None
    text_criterion: str | None = None
    unit: str | None = None
    is_cqa: bool = False


class TestResult(Observed):
    """A result of one test on one sample (95.02 TestResult); retests point at what they repeat."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_result"
    sample: SampleKey
    criterion: CriterionKey | None = None
    test_code: str = Field(max_length=120)
    property: str | None = None
    kind: Literal["measured", "calculated", "predicted"] = "measured"
    replicate: int = 1
    retest_of: ResultKey | None = None
    value: Measurement
    verdict: Literal["pass", "fail", "inconclusive"] | None = None
    status: str | None = None
    measured_at: Instant | None = None
    approved_at: Instant | None = None
    analyst: PersonRef | None = None


class OperationsEvent(Observed):
    """An event or alarm (88.04 Event, 95.02 OperationsEvent)."""

    record_type: ClassVar[str] = "operations_event"
    event_type: str = Field(max_length=120)
    subtype: str | None = None
    at: Instant
    cleared_at: Instant | None = None
    acknowledged_at: Instant | None = None
    priority: str | None = None
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    equipment: EquipmentRef | None = None
    tag: TagRef | None = None
    actor: PersonRef | None = None
    value: Measurement | None = None
    previous: str | None = None
    comment: str | None = Field(default=None, max_length=4000)


OBSERVED: dict[str, type[Observed]] = {
    kind.record_type: kind
    for kind in (
        SegmentResponse,
        SegmentData,
        MaterialActual,
        Sample,
        TestCriterion,
        TestResult,
        OperationsEvent,
    )
}
"""Record classes by type, parents before the peers that point at them."""
