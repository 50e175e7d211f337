"""Facts that one system saw once: they keep their provenance and are never argued about, only corrected."""

from hub.model.definitions import MaterialRequirement, RecipeElement, RecipeParameter, TestCriterion
from hub.model.execution import EquipmentTime, MaterialActual, ResourceActual, SegmentData, SegmentResponse
from hub.model.findings import DocumentOwner, OperationsEvent, Sample, TestResult
from hub.model.materials import CustodyEvent, LotDisposition
from hub.model.record import Observed
from hub.model.resources import EquipmentAssetMapping, Qualification, ResourceProperty

OBSERVED: dict[str, type[Observed]] = {
    kind.record_type: kind
    for kind in (
        ResourceProperty,
        EquipmentAssetMapping,
        Qualification,
        CustodyEvent,
        LotDisposition,
        RecipeElement,
        RecipeParameter,
        MaterialRequirement,
        SegmentResponse,
        SegmentData,
        MaterialActual,
        ResourceActual,
        EquipmentTime,
        Sample,
        TestCriterion,
        TestResult,
        OperationsEvent,
        DocumentOwner,
    )
}
"""Record classes by type, parents before the peers that point at them."""
