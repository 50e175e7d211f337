"""What was found: samples, results, events, quality events, and the documents that belong to them."""

from typing import ClassVar, Literal

from pydantic import Field

from hub.model.enums import DocumentKind, EventSubtype, EventType, QualityEventKind
from hub.model.instant import Instant
from hub.model.measurement import Measurement
from hub.model.record import (
    BatchRef,
    CriterionKey,
    DocumentRef,
    EquipmentRef,
    LotRef,
    Mastered,
    MaterialRef,
    Observed,
    PersonRef,
    QualityEventRef,
    RecipeRef,
    ResponseKey,
    ResultKey,
    SampleKey,
    SpecificationRef,
    TagRef,
)


class Sample(Observed):
    """A sample taken for testing (88.04 Sample)."""

    record_type: ClassVar[str] = "sample"
    code: str = Field(max_length=120)
    batch: BatchRef | None = None
    lot: LotRef | None = None
    response: ResponseKey | None = None
    specification: SpecificationRef | None = None
    equipment: EquipmentRef | None = None
    sample_type: str | None = None
    stage: str | None = None
    taken_at: Instant | None = None
    received_at: Instant | None = None
    taken_by: PersonRef | None = None
    status: str | None = None


class TestResult(Observed):
    """A result of one test on one sample (95.02 TestResult); retests point at what they repeat."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_result"
    others = ("retest_of",)
    sample: SampleKey
    criterion: CriterionKey | None = None
    test_code: str = Field(max_length=120)
    property: str | None = None
    kind: Literal["measured", "calculated", "predicted"] = "measured"
    replicate: int = Field(default=1, ge=1)
    retest_of: ResultKey | None = None
    value: Measurement
    verdict: Literal["pass", "fail", "inconclusive"] | None = None
    status: str | None = None
    measured_at: Instant | None = None
    approved_at: Instant | None = None
    analyst: PersonRef | None = None


class OperationsEvent(Observed):
    """An event or alarm (88.04 Event, 95.02 OperationsEvent); `noted_at` is when it was written down."""

    record_type: ClassVar[str] = "operations_event"
    event_type: EventType
    subtype: EventSubtype | None = None
    at: Instant
    noted_at: Instant | None = None
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
    exceeded_limit: str | None = Field(default=None, max_length=200)
    comment: str | None = Field(default=None, max_length=4000)


class QualityEvent(Mastered):
    """A deviation, out-of-specification event, CAPA or change of a quality system."""

    record_type: ClassVar[str] = "quality_event"
    spans = (("opened_at", "closed_at"),)
    kind: QualityEventKind | None = None
    severity: str | None = None
    state: str | None = None
    parent: QualityEventRef | None = None
    batch: BatchRef | None = None
    lot: LotRef | None = None
    equipment: EquipmentRef | None = None
    result_code: str | None = Field(default=None, max_length=200)
    opened_at: Instant | None = None
    closed_at: Instant | None = None
    due_at: Instant | None = None
    root_cause: str | None = None


class ExternalDocument(Mastered):
    """A file somebody signed or printed: batch record, certificate, chromatogram (88.04)."""

    record_type: ClassVar[str] = "document"
    kind: DocumentKind | None = None
    title: str | None = Field(default=None, max_length=400)
    document_version: str | None = None
    media_type: str | None = Field(default=None, max_length=120)
    uri: str | None = Field(default=None, max_length=2000)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    issued_at: Instant | None = None


class DocumentOwner(Observed):
    """What a document belongs to: a document may have many owners, and an owner many documents."""

    record_type: ClassVar[str] = "document_owner"
    one_of = ("batch", "lot", "material", "equipment", "recipe", "specification", "quality_event", "sample")
    document: DocumentRef
    batch: BatchRef | None = None
    lot: LotRef | None = None
    material: MaterialRef | None = None
    equipment: EquipmentRef | None = None
    recipe: RecipeRef | None = None
    specification: SpecificationRef | None = None
    quality_event: QualityEventRef | None = None
    sample: SampleKey | None = None
