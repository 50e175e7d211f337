"""Kinds of material, lots of them, who had them in hand, and what was decided about them."""

from typing import ClassVar

from pydantic import Field

from hub.model.enums import Disposition, LotKind, MaterialStage
from hub.model.instant import Instant
from hub.model.measurement import Quantity
from hub.model.record import BatchRef, LotRef, Mastered, MaterialClassRef, MaterialRef, Observed, PersonRef


class MaterialDefinition(Mastered):
    """A kind of material (95.02 MaterialDefinition)."""

    record_type: ClassVar[str] = "material_definition"
    material_class: MaterialClassRef | None = None
    stage: MaterialStage | None = None
    base_unit: str | None = None


class MaterialLot(Mastered):
    """An identified amount of a material (95.02 MaterialLot / SubLot). An SAP "batch" is one of these.

    `coi_id` is a cell or gene therapy's chain-of-identity identifier as it came: never a patient's name.
    """

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
    coi_id: str | None = Field(default=None, max_length=120)


class CustodyEvent(Observed):
    """A lot passed from hand to hand (GS1 EPCIS ObjectEvent; chain of custody of a therapy)."""

    record_type: ClassVar[str] = "custody_event"
    lot: LotRef
    at: Instant
    from_custodian: str | None = Field(default=None, max_length=200)
    to_custodian: str | None = Field(default=None, max_length=200)
    location: str | None = Field(default=None, max_length=200)
    condition: str | None = Field(default=None, max_length=400)
    is_coi_verified: bool | None = None


class LotDisposition(Observed):
    """A decision about a lot: usage decision, release, restriction (95.02 Disposition)."""

    record_type: ClassVar[str] = "disposition"
    lot: LotRef
    batch: BatchRef | None = None
    decision: Disposition
    decided_at: Instant | None = None
    decided_by: PersonRef | None = None
    scope: str | None = Field(default=None, max_length=120)
    comment: str | None = Field(default=None, max_length=4000)
