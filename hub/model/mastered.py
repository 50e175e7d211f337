"""Things that several systems know: each system states what it knows, the hub decides which value counts."""

from hub.model.definitions import OperationsDefinition, ProcessSegment, Recipe, TestSpecification
from hub.model.execution import Batch, OperationsRequest, SegmentRequirement
from hub.model.findings import ExternalDocument, QualityEvent
from hub.model.materials import MaterialDefinition, MaterialLot
from hub.model.record import Mastered
from hub.model.resources import Equipment, Person, PhysicalAsset, ResourceClass, Tag

MASTERED: dict[str, type[Mastered]] = {
    kind.record_type: kind
    for kind in (
        ResourceClass,
        Equipment,
        PhysicalAsset,
        Person,
        MaterialDefinition,
        ProcessSegment,
        OperationsDefinition,
        OperationsRequest,
        SegmentRequirement,
        Recipe,
        TestSpecification,
        Batch,
        MaterialLot,
        Tag,
        QualityEvent,
        ExternalDocument,
    )
}
"""Record classes by entity type, in the order in which identities are settled: lots after batches."""
