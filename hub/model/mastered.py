"""Things that several systems know: each system states what it knows, the hub decides which value counts."""

from typing import ClassVar, Literal

from pydantic import Field

from hub.model.enums import (
    BatchKind,
    BatchStatus,
    Disposition,
    EquipmentLevel,
    LotKind,
    MaterialStage,
    RecipeKind,
    RequestState,
)
from hub.model.identifier import Identifier
from hub.model.instant import Instant
from hub.model.measurement import Quantity
from hub.model.record import (
    BatchRef,
    EquipmentRef,
    LotRef,
    MaterialRef,
    RecipeRef,
    Record,
    RequestRef,
)


class Mastered(Record):
    """A statement about a thing with names: `id` is the source's own, `also` what it declares besides."""

    id: Identifier
    also: tuple[Identifier, ...] = ()
    description: str | None = Field(default=None, max_length=400)

    @property
    def record_key(self) -> str:
        """The source's own name with its scheme."""
        return f"{self.id.scheme}|{self.id.value}" if self.id.scheme else self.id.value


class Equipment(Mastered):
    """A role in the equipment hierarchy (ISA-88.01 / 95.02): enterprise down to control module."""

    record_type: ClassVar[str] = "equipment"
    level: EquipmentLevel | None = None
    parent: EquipmentRef | None = None
    timezone: str | None = None


class Person(Mastered):
    """Somebody who acted; the code may be a pseudonym."""

    record_type: ClassVar[str] = "person"
    printed_name: str | None = None
    role: str | None = None


class Tag(Mastered):
    """A measured or set signal of a historian or control system (88.04 TagSpecification)."""

    record_type: ClassVar[str] = "tag"
    equipment: EquipmentRef | None = None
    property: str | None = None
    unit: str | None = None
    source_unit: str | None = None
    value_type: Literal["float", "integer", "boolean", "string"] | None = None
    is_step: bool | None = None
    criticality: Literal["CPP", "KPP", "other"] | None = None
    low: float | None = None
    high: float | None = None


class MaterialDefinition(Mastered):
    """A kind of material (95.02 MaterialDefinition)."""

    record_type: ClassVar[str] = "material_definition"
    material_class: str | None = None
    stage: MaterialStage | None = None
    base_unit: str | None = None


class MaterialLot(Mastered):
    """An identified amount of a material (95.02 MaterialLot / SubLot). An SAP "batch" is one of these."""

    record_type: ClassVar[str] = "material_lot"
    material: MaterialRef | None = None
    parent_lot: LotRef | None = None
    kind: LotKind | None = None
    quantity: Quantity | None = None
    disposition: Disposition | None = None
    manufactured_at: Instant | None = None
    released_at: Instant | None = None
    expires_at: Instant | None = None
    supplier_lot: str | None = None


class OperationsRequest(Mastered):
    """An order to make something (95.02 OperationsRequest; SAP process or production order)."""

    record_type: ClassVar[str] = "operations_request"
    request_type: str | None = None
    state: RequestState | None = None
    product: MaterialRef | None = None
    quantity: Quantity | None = None
    site: EquipmentRef | None = None
    created_at: Instant | None = None
    released_at: Instant | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    due_at: Instant | None = None
    priority: str | None = None


class Recipe(Mastered):
    """A recipe header (ISA-88.02): master or control, with its version."""

    record_type: ClassVar[str] = "recipe"
    kind: RecipeKind | None = None
    recipe_version: str | None = None
    based_on: RecipeRef | None = None
    product: MaterialRef | None = None
    status: str | None = None
    effective_from: Instant | None = None


class TestSpecification(Mastered):
    """What must be tested on a material, with its version (95.02 TestSpecification)."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_specification"
    material: MaterialRef | None = None
    stage: str | None = None
    specification_version: str | None = None
    effective_from: Instant | None = None


class Batch(Mastered):
    """An execution that makes a batch, or a campaign of them (88.02 BatchListEntry)."""

    record_type: ClassVar[str] = "batch"
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


class QualityEvent(Mastered):
    """A deviation, out-of-specification event, CAPA or change of a quality system."""

    record_type: ClassVar[str] = "quality_event"
    kind: Literal["deviation", "OOS", "OOT", "CAPA", "change", "complaint", "exception", "other"] | None = (
        None
    )
    severity: str | None = None
    state: str | None = None
    batch: BatchRef | None = None
    lot: LotRef | None = None
    opened_at: Instant | None = None
    closed_at: Instant | None = None
    due_at: Instant | None = None
    root_cause: str | None = None


MASTERED: dict[str, type[Mastered]] = {
    kind.record_type: kind
    for kind in (
        Equipment,
        Person,
        MaterialDefinition,
        OperationsRequest,
        Recipe,
        TestSpecification,
        Batch,
        MaterialLot,
        Tag,
        QualityEvent,
    )
}
"""Record classes by entity type, in the order in which identities are settled: lots after batches."""
