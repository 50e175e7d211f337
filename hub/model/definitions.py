"""What shall be done: segments, operations definitions, recipes, specifications, and what these need."""

from typing import ClassVar

from pydantic import Field

from hub.model.enums import (
    MaterialUse,
    OperationsType,
    ParameterType,
    ProcedureLevel,
    RecipeElementType,
    RecipeKind,
)
from hub.model.instant import Instant
from hub.model.measurement import Measurement, Quantity
from hub.model.record import (
    DefinitionRef,
    ElementKey,
    EquipmentClassRef,
    EquipmentRef,
    LotRef,
    Mastered,
    MaterialClassRef,
    MaterialRef,
    Observed,
    RecipeRef,
    RequestRef,
    RequirementRef,
    SegmentRef,
    SpecificationRef,
)


class ProcessSegment(Mastered):
    """A step as the site speaks of it, whatever product it is done for (95.02 ProcessSegment)."""

    record_type: ClassVar[str] = "process_segment"
    parent: SegmentRef | None = None
    operations_type: OperationsType | None = None
    standard_duration_s: float | None = Field(default=None, ge=0)


class OperationsDefinition(Mastered):
    """How a product is made: route and version (95.02 OperationsDefinition; SAP master recipe or routing)."""

    record_type: ClassVar[str] = "operations_definition"
    spans = (("effective_from", "effective_to"),)
    product: MaterialRef | None = None
    definition_version: str | None = None
    operations_type: OperationsType | None = None
    route: str | None = Field(default=None, max_length=200)
    effective_from: Instant | None = None
    effective_to: Instant | None = None


class Recipe(Mastered):
    """A recipe header (ISA-88.02): master or control, with its version."""

    record_type: ClassVar[str] = "recipe"
    spans = (("effective_from", "effective_to"),)
    kind: RecipeKind | None = None
    recipe_version: str | None = None
    based_on: RecipeRef | None = None
    product: MaterialRef | None = None
    status: str | None = None
    effective_from: Instant | None = None
    effective_to: Instant | None = None


class RecipeElement(Observed):
    """A part of a recipe's procedure (88.02 RecipeElement); `level` only where it is something to be run.

    `sequence` is its place among the parts of its parent, from 1; `recipe_version` tells the parts of one
    version from those of another.
    """

    record_type: ClassVar[str] = "recipe_element"
    others = ("parent",)
    recipe: RecipeRef
    recipe_version: str | None = None
    parent: ElementKey | None = None
    code: str = Field(max_length=200)
    name: str = Field(max_length=200)
    element_type: RecipeElementType | None = None
    level: ProcedureLevel | None = None
    sequence: int | None = Field(default=None, ge=1)
    process_segment: SegmentRef | None = None
    equipment_class: EquipmentClassRef | None = None
    equipment: EquipmentRef | None = None
    standard_duration_s: float | None = Field(default=None, ge=0)
    is_optional: bool | None = None


class RecipeParameter(Observed):
    """A value that a recipe sets, expects or limits (88.02 Parameter); `lower` and `upper` in its unit."""

    record_type: ClassVar[str] = "recipe_parameter"
    spans = (("lower", "upper"),)
    verbatim = ("lower", "upper")
    recipe: RecipeRef
    recipe_version: str | None = None
    element: ElementKey | None = None
    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=400)
    parameter_type: ParameterType | None = None
    value: Measurement | None = None
    lower: float | None = None
    lower_text: str | None = None
    upper: float | None = None
    upper_text: str | None = None
    is_cpp: bool = False


class MaterialRequirement(Observed):
    """Material that a definition, a recipe element or an order's segment needs or gives (95.02).

    `tolerance` is a share of the quantity: 0.02 allows 2 % more or less.
    """

    record_type: ClassVar[str] = "material_requirement"
    one_of = ("operations_definition", "recipe", "segment_requirement", "operations_request")
    operations_definition: DefinitionRef | None = None
    recipe: RecipeRef | None = None
    element: ElementKey | None = None
    operations_request: RequestRef | None = None
    segment_requirement: RequirementRef | None = None
    material: MaterialRef | None = None
    material_class: MaterialClassRef | None = None
    lot: LotRef | None = None
    use: MaterialUse
    quantity: Quantity | None = None
    tolerance: float | None = Field(default=None, ge=0)


class TestSpecification(Mastered):
    """What must be tested on a material, with its version (95.02 TestSpecification)."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_specification"
    spans = (("effective_from", "effective_to"),)
    material: MaterialRef | None = None
    stage: str | None = None
    specification_version: str | None = None
    effective_from: Instant | None = None
    effective_to: Instant | None = None


class TestCriterion(Observed):
    """A limit of a specification for one property (95.02 EvaluatedProperty / Criteria)."""

    __test__: ClassVar[bool] = False
    record_type: ClassVar[str] = "test_criterion"
    spans = (("lower", "upper"), ("lower_action", "upper_action"))
    verbatim = ("lower", "upper", "lower_action", "upper_action")
    specification: SpecificationRef
    test_code: str = Field(max_length=120)
    property: str | None = None
    method: str | None = None
    lower: float | None = None
    lower_text: str | None = None
    upper: float | None = None
    upper_text: str | None = None
    lower_action: float | None = None
    lower_action_text: str | None = None
    upper_action: float | None = None
    upper_action_text: str | None = None
    text_criterion: str | None = None
    unit: str | None = None
    is_cqa: bool = False
