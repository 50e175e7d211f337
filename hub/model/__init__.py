"""THE WORDS: facts named as in ISA-88/95 go in as text and numbers, frozen checked records come out."""

from hub.model.identifier import Identifier, normalise
from hub.model.instant import Instant, NaiveTimeError, format_instant, parse_instant
from hub.model.mastered import (
    Batch,
    Equipment,
    Mastered,
    MaterialDefinition,
    MaterialLot,
    OperationsRequest,
    Person,
    QualityEvent,
    Recipe,
    Tag,
    TestSpecification,
)
from hub.model.measurement import Measurement, Quantity
from hub.model.observed import (
    MaterialActual,
    Observed,
    OperationsEvent,
    Sample,
    SegmentData,
    SegmentResponse,
    TestCriterion,
    TestResult,
)
from hub.model.record import Record
from hub.model.samples import SAMPLE_SCHEMA
from hub.model.unit import Unit, UnknownUnitError, convert, find_unit

__all__ = [
    "SAMPLE_SCHEMA",
    "Batch",
    "Equipment",
    "Identifier",
    "Instant",
    "Mastered",
    "MaterialActual",
    "MaterialDefinition",
    "MaterialLot",
    "Measurement",
    "NaiveTimeError",
    "Observed",
    "OperationsEvent",
    "OperationsRequest",
    "Person",
    "QualityEvent",
    "Quantity",
    "Recipe",
    "Record",
    "Sample",
    "SegmentData",
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
