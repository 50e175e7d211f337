"""What work is done with: equipment, assets, people, signals; their classes, properties, qualifications."""

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from hub.model.enums import EquipmentLevel, ResourceKind
from hub.model.identifier import Identifier
from hub.model.instant import Instant
from hub.model.measurement import Measurement
from hub.model.record import (
    AssetClassRef,
    AssetRef,
    BatchRef,
    ClassRef,
    EquipmentClassRef,
    EquipmentRef,
    LotRef,
    Mastered,
    MaterialRef,
    Observed,
    PersonnelClassRef,
    PersonRef,
    PropertyKey,
)


class ResourceClass(Mastered):
    """A class of equipment, assets, materials or persons (95.02 EquipmentClass, MaterialClass, …).

    The kind is part of the name: a source's equipment class and material class of one ID are two things.
    """

    record_type: ClassVar[str] = "resource_class"
    kind: ResourceKind
    base_class: ClassRef | None = None

    @property
    def own_scheme(self) -> str:
        """One local scheme a kind."""
        return f"{self.kind}_class"

    @field_validator("base_class")
    @classmethod
    def place_base(cls, given: Identifier | None, info: ValidationInfo) -> Identifier | None:
        """Let a base class that is given by its ID alone be one of the same kind."""
        return given and given.within(f"{info.data.get('kind')}_class")


class Equipment(Mastered):
    """A role in the equipment hierarchy (ISA-88.01 / 95.02): enterprise down to control module."""

    record_type: ClassVar[str] = "equipment"
    level: EquipmentLevel | None = None
    parent: EquipmentRef | None = None
    equipment_class: EquipmentClassRef | None = None
    timezone: str | None = None


class PhysicalAsset(Mastered):
    """A piece of hardware with a serial number, which plays the role of an equipment for a time (95.02)."""

    record_type: ClassVar[str] = "physical_asset"
    asset_class: AssetClassRef | None = None
    parent: AssetRef | None = None
    serial_number: str | None = Field(default=None, max_length=120)
    vendor: str | None = Field(default=None, max_length=200)
    is_single_use: bool | None = None
    calibration_due_at: Instant | None = None


class Person(Mastered):
    """Somebody who acted; the code may be a pseudonym."""

    record_type: ClassVar[str] = "person"
    printed_name: str | None = None
    role: str | None = None
    personnel_class: PersonnelClassRef | None = None


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


class ResourceProperty(Observed):
    """A property of a resource or of a class of them, with the time for which it holds (95.02 *Property)."""

    record_type: ClassVar[str] = "resource_property"
    one_of = ("equipment", "physical_asset", "material", "lot", "person", "resource_class")
    spans = (("valid_from", "valid_to"),)
    others = ("parent",)
    equipment: EquipmentRef | None = None
    physical_asset: AssetRef | None = None
    material: MaterialRef | None = None
    lot: LotRef | None = None
    person: PersonRef | None = None
    resource_class: ClassRef | None = None
    parent: PropertyKey | None = None
    class_property: str | None = Field(default=None, max_length=200)
    name: str = Field(max_length=200)
    value: Measurement | None = None
    valid_from: Instant | None = None
    valid_to: Instant | None = None


class EquipmentAssetMapping(Observed):
    """Which asset plays the role of an equipment, and when (95.02 EquipmentAssetMapping)."""

    record_type: ClassVar[str] = "equipment_asset_mapping"
    spans = (("start_at", "end_at"),)
    equipment: EquipmentRef
    physical_asset: AssetRef
    start_at: Instant | None = None
    end_at: Instant | None = None


class Qualification(Observed):
    """What a person, equipment or asset was qualified for (88.04 ResourceQualificationsManifest)."""

    record_type: ClassVar[str] = "qualification"
    one_of = ("person", "equipment", "physical_asset")
    spans = (("effective_at", "expires_at"),)
    person: PersonRef | None = None
    equipment: EquipmentRef | None = None
    physical_asset: AssetRef | None = None
    batch: BatchRef | None = None
    use: str | None = Field(default=None, max_length=200)
    status: str | None = Field(default=None, max_length=120)
    effective_at: Instant | None = None
    expires_at: Instant | None = None
