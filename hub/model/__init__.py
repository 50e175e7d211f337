"""THE WORDS: facts named as in ISA-88/95 go in as text and numbers, frozen checked records come out."""

from typing import TYPE_CHECKING, Any

from hub.model.definitions import (
    MaterialRequirement,
    OperationsDefinition,
    ProcessSegment,
    Recipe,
    RecipeElement,
    RecipeParameter,
    TestCriterion,
    TestSpecification,
)
from hub.model.execution import (
    Batch,
    EquipmentTime,
    MaterialActual,
    OperationsRequest,
    ResourceActual,
    SegmentData,
    SegmentRequirement,
    SegmentResponse,
)
from hub.model.findings import (
    DocumentOwner,
    ExternalDocument,
    OperationsEvent,
    QualityEvent,
    Sample,
    TestResult,
)
from hub.model.identifier import (
    Identifier,
    normalise,
)
from hub.model.instant import (
    AmbiguousTimeError,
    Instant,
    MissingTimeError,
    NaiveTimeError,
    format_instant,
    parse_instant,
)
from hub.model.materials import (
    CustodyEvent,
    LotDisposition,
    MaterialDefinition,
    MaterialLot,
)
from hub.model.measurement import (
    Measurement,
    Quantity,
)
from hub.model.record import (
    Mastered,
    Observed,
    Record,
)
from hub.model.resources import (
    Equipment,
    EquipmentAssetMapping,
    Person,
    PhysicalAsset,
    Qualification,
    ResourceClass,
    ResourceProperty,
    Tag,
)
from hub.model.unit import (
    MismatchedUnitsError,
    Unit,
    UnknownUnitError,
    convert,
    find_unit,
)

if TYPE_CHECKING:
    from hub.model.samples import SAMPLE_SCHEMA

__all__ = [
    "SAMPLE_SCHEMA",
    "AmbiguousTimeError",
    "Batch",
    "CustodyEvent",
    "DocumentOwner",
    "Equipment",
    "EquipmentAssetMapping",
    "EquipmentTime",
    "ExternalDocument",
    "Identifier",
    "Instant",
    "LotDisposition",
    "Mastered",
    "MaterialActual",
    "MaterialDefinition",
    "MaterialLot",
    "MaterialRequirement",
    "Measurement",
    "MismatchedUnitsError",
    "MissingTimeError",
    "NaiveTimeError",
    "Observed",
    "OperationsDefinition",
    "OperationsEvent",
    "OperationsRequest",
    "Person",
    "PhysicalAsset",
    "ProcessSegment",
    "Qualification",
    "QualityEvent",
    "Quantity",
    "Recipe",
    "RecipeElement",
    "RecipeParameter",
    "Record",
    "ResourceActual",
    "ResourceClass",
    "ResourceProperty",
    "Sample",
    "SegmentData",
    "SegmentRequirement",
    "SegmentResponse",
    "Tag",
    "TestCriterion",
    "TestResult",
    "TestSpecification",
    "Unit",
    "UnknownUnitError",
    "convert",
    "find_unit",
    "format_instant",
    "normalise",
    "parse_instant",
]


def __getattr__(name: str) -> Any:
    """Read the shape of samples, and with it Arrow (some 0.2 s), when somebody asks for it."""
    if name != "SAMPLE_SCHEMA":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hub.model.samples import SAMPLE_SCHEMA  # noqa: PLC0415 - see above

    return SAMPLE_SCHEMA
