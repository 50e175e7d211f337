"""What things are called in i3X: namespaces, kinds, and the relationships that references mean."""

from collections.abc import Mapping
from dataclasses import dataclass

ISA95 = "https://www.isa.org/isa95?projection=plantwide"
ISA88 = "https://www.isa.org/isa88?projection=plantwide"
OURS = "urn:plantwide:i3x"
RELATIONSHIPS = "urn:i3x:relationships"

NAMESPACES: Mapping[str, str] = {
    ISA95: "ISA-95 (95.00.02 and B2MML), as this hub has it",
    ISA88: "ISA-88 (88.00.01, 88.00.04 and BatchML), as this hub has it",
    OURS: "Plantwide",
    RELATIONSHIPS: "i3X relationships",
}


@dataclass(frozen=True)
class Named:
    """A kind: its name, the plural for its folder, its namespace, what the standard's schema calls it."""

    title: str
    plural: str
    namespace: str
    source: str


KINDS: Mapping[str, Named] = {
    "equipment": Named("Equipment", "Equipment", ISA95, "Equipment"),
    "tag": Named("Signal", "Signals without equipment", ISA88, "TagSpecification"),
    "batch": Named("Batch", "Batches", ISA88, "BatchListEntry"),
    "material_lot": Named("Material lot", "Lots", ISA95, "MaterialLot"),
    "material_definition": Named("Material", "Materials", ISA95, "MaterialDefinition"),
    "operations_request": Named("Order", "Orders", ISA95, "OperationsRequest"),
    "segment_requirement": Named("Order step", "Order steps", ISA95, "SegmentRequirement"),
    "recipe": Named("Recipe", "Recipes", ISA88, "MasterRecipe"),
    "operations_definition": Named(
        "Operations definition", "Operations definitions", ISA95, "OperationsDefinition"
    ),
    "process_segment": Named("Process segment", "Process segments", ISA95, "ProcessSegment"),
    "test_specification": Named("Test specification", "Test specifications", ISA95, "TestSpecification"),
    "resource_class": Named("Resource class", "Resource classes", ISA95, "ResourceClass"),
    "physical_asset": Named("Physical asset", "Physical assets", ISA95, "PhysicalAsset"),
    "person": Named("Person", "Persons", ISA95, "Person"),
    "quality_event": Named("Quality event", "Quality events", OURS, "QualityEvent"),
    "document": Named("Document", "Documents", OURS, "ExternalDocument"),
    "segment_response": Named("Run", "Runs without a batch", ISA95, "SegmentResponse"),
    "segment_data": Named("Reported value", "Values without a run", ISA95, "SegmentData"),
    "sample": Named("Sample", "Samples without a batch or lot", ISA95, "TestableObject"),
    "test_result": Named("Test result", "Results without a sample", ISA95, "TestResult"),
    "material_actual": Named("Movement", "Movements without a batch", ISA95, "MaterialActual"),
    "operations_event": Named("Event", "Events without a place", ISA95, "OperationsEvent"),
}

HAS_PARENT, HAS_CHILDREN = "HasParent", "HasChildren"
COMPONENT_OF, HAS_COMPONENT = "ComponentOf", "HasComponent"
DERIVED_FROM, SOURCE_OF, CONSUMES, CONSUMED_BY = "DerivedFrom", "SourceOf", "Consumes", "ConsumedBy"

REVERSES: Mapping[str, str] = {
    HAS_PARENT: HAS_CHILDREN,
    COMPONENT_OF: HAS_COMPONENT,
    DERIVED_FROM: SOURCE_OF,
    CONSUMES: CONSUMED_BY,
    "AppliesTo": "SubjectTo",
    "BasedOn": "BasisOf",
    "Concerns": "ConcernedBy",
    "ExecutedOn": "Executes",
    "Follows": "FollowedBy",
    "Fulfills": "FulfilledBy",
    "InstanceOf": "HasInstance",
    "LotOf": "HasLot",
    "Makes": "MadeBy",
    "Moves": "MovedBy",
    "OccurredIn": "SawOccur",
    "PerformedBy": "Performed",
    "PlannedOn": "PlansUseOf",
    "Produces": "ProducedBy",
    "Repeats": "RepeatedBy",
    "Takes": "TakenBack",
    "TestedAgainst": "AppliedTo",
    "Tests": "TestedBy",
}
"""Relationship types, each with its reverse."""

ALL_REVERSES: Mapping[str, str] = {**REVERSES, **{back: forth for forth, back in REVERSES.items()}}
BASIC = frozenset({HAS_PARENT, HAS_CHILDREN, COMPONENT_OF, HAS_COMPONENT})
"""Those that i3X itself names."""

RELATIONS: Mapping[tuple[str, str], str] = {
    ("equipment", "equipment_class"): "InstanceOf",
    ("physical_asset", "asset_class"): "InstanceOf",
    ("person", "personnel_class"): "InstanceOf",
    ("material_definition", "material_class"): "InstanceOf",
    ("resource_class", "base_class"): "BasedOn",
    ("recipe", "based_on"): "BasedOn",
    ("recipe", "product"): "Makes",
    ("operations_definition", "product"): "Makes",
    ("operations_request", "product"): "Makes",
    ("operations_request", "operations_definition"): "Follows",
    ("operations_request", "site"): "PlannedOn",
    ("segment_requirement", "operations_request"): "Fulfills",
    ("segment_requirement", "process_segment"): "Follows",
    ("segment_requirement", "operations_definition"): "Follows",
    ("segment_requirement", "equipment"): "PlannedOn",
    ("test_specification", "material"): "AppliesTo",
    ("batch", "operations_request"): "Fulfills",
    ("batch", "recipe"): "Follows",
    ("batch", "product"): "Makes",
    ("batch", "output_lot"): "Produces",
    ("batch", "equipment"): "ExecutedOn",
    ("material_lot", "material"): "LotOf",
    ("quality_event", "batch"): "Concerns",
    ("quality_event", "lot"): "Concerns",
    ("quality_event", "equipment"): "Concerns",
    ("segment_response", "process_segment"): "Follows",
    ("segment_response", "segment_requirement"): "Fulfills",
    ("segment_response", "equipment"): "ExecutedOn",
    ("sample", "batch"): "Tests",
    ("sample", "lot"): "Tests",
    ("sample", "response"): "OccurredIn",
    ("sample", "specification"): "TestedAgainst",
    ("sample", "equipment"): "ExecutedOn",
    ("sample", "taken_by"): "PerformedBy",
    ("test_result", "retest_of"): "Repeats",
    ("test_result", "analyst"): "PerformedBy",
    ("material_actual", "response"): "OccurredIn",
    ("material_actual", "lot"): "Moves",
    ("material_actual", "material"): "Moves",
    ("material_actual", "equipment"): "ExecutedOn",
    ("material_actual", "reverses"): "Takes",
    ("operations_event", "batch"): "Concerns",
    ("operations_event", "response"): "OccurredIn",
    ("operations_event", "equipment"): "Concerns",
    ("operations_event", "tag"): "Concerns",
    ("operations_event", "actor"): "PerformedBy",
}
"""What the reference of a kind's field means, where it means more than what an object hangs from."""

PLACES: Mapping[str, str] = {
    "batch": "/v1/batches/",
    "material_lot": "/v1/lots/",
    "equipment": "/v1/equipment/",
}
"""Where the whole of a thing is, with where each value comes from and who disagrees."""
