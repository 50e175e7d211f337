"""What was ordered and what was done: requests, batches, runs, their data, materials and resources."""

from typing import ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from hub.model.enums import (
    BatchKind,
    BatchStatus,
    MaterialUse,
    OperationsType,
    PackmlState,
    ProcedureLevel,
    RequestState,
    ResponseState,
    TimeElement,
)
from hub.model.identifier import Identifier
from hub.model.instant import Instant
from hub.model.measurement import Measurement, Quantity
from hub.model.record import (
    ActualKey,
    AssetRef,
    BatchRef,
    ClassRef,
    DefinitionRef,
    EquipmentRef,
    LotRef,
    Mastered,
    MaterialRef,
    Observed,
    PersonRef,
    RecipeRef,
    RequestRef,
    RequirementRef,
    ResponseKey,
    SegmentRef,
)


class OperationsRequest(Mastered):
    """An order to make something (95.02 OperationsRequest; SAP process or production order)."""

    record_type: ClassVar[str] = "operations_request"
    spans = (("planned_start", "planned_end"),)
    request_type: OperationsType | None = None
    state: RequestState | None = None
    product: MaterialRef | None = None
    operations_definition: DefinitionRef | None = None
    quantity: Quantity | None = None
    site: EquipmentRef | None = None
    created_at: Instant | None = None
    released_at: Instant | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    due_at: Instant | None = None
    priority: str | None = None


class SegmentRequirement(Mastered):
    """A step that an order asks for (95.02 SegmentRequirement; SAP order operation or phase).

    Its number is only unique inside the order: name it `order|number`.
    """

    record_type: ClassVar[str] = "segment_requirement"
    spans = (("earliest_start", "latest_end"),)
    operations_request: RequestRef | None = None
    parent: RequirementRef | None = None
    process_segment: SegmentRef | None = None
    operations_definition: DefinitionRef | None = None
    operations_segment: str | None = Field(default=None, max_length=200)
    equipment: EquipmentRef | None = None
    state: RequestState | None = None
    earliest_start: Instant | None = None
    latest_end: Instant | None = None
    duration_s: float | None = Field(default=None, ge=0)


class Batch(Mastered):
    """An execution that makes a batch, or a campaign of them (88.02 BatchListEntry)."""

    record_type: ClassVar[str] = "batch"
    spans = (("planned_start", "planned_end"), ("actual_start", "actual_end"))
    kind: BatchKind | None = None
    campaign: BatchRef | None = None
    operations_request: RequestRef | None = None
    recipe: RecipeRef | None = None
    product: MaterialRef | None = None
    output_lot: LotRef | None = None
    equipment: EquipmentRef | None = None
    status: BatchStatus | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    actual_start: Instant | None = None
    actual_end: Instant | None = None
    planned_size: Quantity | None = None
    actual_size: Quantity | None = None


class SegmentResponse(Observed):
    """An executed procedural element: unit procedure, operation, phase (95.02 SegmentResponse, 88.04)."""

    record_type: ClassVar[str] = "segment_response"
    spans = (("actual_start", "actual_end"),)
    others = ("parent",)
    batch: BatchRef | None = None
    parent: ResponseKey | None = None
    level: ProcedureLevel = "segment"
    name: str = Field(max_length=200)
    occurrence: int = Field(default=1, ge=1)
    process_segment: SegmentRef | None = None
    segment_requirement: RequirementRef | None = None
    equipment: EquipmentRef | None = None
    state: ResponseState | None = None
    actual_start: Instant | None = None
    actual_end: Instant | None = None
    is_derived: bool = False


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
    others = ("reverses",)
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    lot: LotRef | None = None
    material: MaterialRef | None = None
    equipment: EquipmentRef | None = None
    use: MaterialUse
    quantity: Quantity | None = None
    at: Instant | None = None
    reverses: ActualKey | None = None


class ResourceActual(Observed):
    """Equipment, an asset or a person that took part in a segment (95.02 EquipmentActual, …)."""

    record_type: ClassVar[str] = "resource_actual"
    one_of = ("equipment", "physical_asset", "person", "resource_class")
    spans = (("start_at", "end_at"),)
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    kind: Literal["equipment", "physical_asset", "person"]
    equipment: EquipmentRef | None = None
    physical_asset: AssetRef | None = None
    person: PersonRef | None = None
    resource_class: ClassRef | None = None
    use: str | None = Field(default=None, max_length=200)
    quantity: Quantity | None = None
    start_at: Instant | None = None
    end_at: Instant | None = None

    @field_validator("resource_class")
    @classmethod
    def place_class(cls, given: Identifier | None, info: ValidationInfo) -> Identifier | None:
        """Let a class that is given by its ID alone be one of the resource's kind."""
        return given and given.within(f"{info.data.get('kind')}_class")

    @model_validator(mode="after")
    def check_kind(self) -> Self:
        """Refuse a resource of another kind than is said."""
        stray = [n for n in ("equipment", "physical_asset", "person") if n != self.kind and getattr(self, n)]
        if stray:
            msg = f"resource_actual {self.key} is of kind {self.kind} but names {', '.join(stray)}"
            raise ValueError(msg)
        return self


class EquipmentTime(Observed):
    """A stretch of time of an equipment by its use (ISO 22400-2 time element) and state (PackML)."""

    record_type: ClassVar[str] = "equipment_time"
    spans = (("start_at", "end_at"),)
    equipment: EquipmentRef
    batch: BatchRef | None = None
    response: ResponseKey | None = None
    basis: Literal["planned", "actual"] = "actual"
    element: TimeElement | None = None
    state: PackmlState | None = None
    start_at: Instant
    end_at: Instant | None = None
