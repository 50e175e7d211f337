"""What the MES has on file before anything runs: steps, recipes with their limits, definitions, assets.

Codes of recipe elements are the IDs under which the batch records report them (`SR-120`, `SR-120-10`).
"""

from collections.abc import Iterator
from datetime import datetime

from hub.demo.b2mml import Element, make, quantity, scope, value, when
from hub.demo.plan import MATERIALS, PLACES, SITE
from hub.demo.procedure import DP_STEPS, DS_STEPS, MEDIUM, RECIPES, STEPS, Parameter, Step

_STEPS = {"MAB214-DS": DS_STEPS, "MAB214-DP": DP_STEPS}
_SEGMENTS = {
    "PS-MAB214": "MAB214 drug substance or product, whole order",
    "PS-MEDIA": "Media preparation",
    "PS-SEED": "Seed expansion",
    "PS-PRODUCTION": "Production culture",
    "PS-CLARIFICATION": "Clarification of the harvest",
    "PS-CAPTURE": "Capture chromatography",
    "PS-VIRAL-INACTIVATION": "Viral inactivation",
    "PS-POLISHING": "Polishing and virus filtration",
    "PS-FORMULATION": "Concentration and buffer exchange",
    "PS-THAW": "Thawing and pooling",
    "PS-FILL": "Filling",
    "PS-INSPECTION": "Closing and inspection",
}
_CLASSES = {
    "SR-100": "Bioreactor",
    "SR-110": "Bioreactor",
    "SR-120": "Bioreactor",
    "SR-125": "FiltrationSkid",
    "SR-130": "ChromatographySkid",
    "SR-140": "MixTank",
    "SR-150": "ChromatographySkid",
    "SR-160": "FiltrationSkid",
    "SR-200": "FillingLine",
    "SR-210": "FillingLine",
    "SR-220": "FillingLine",
}
_LIMIT_SPREADS = 8
"""A limit lies so many spreads from the nominal value: no batch of the story leaves it."""


def segment_of(level: str, name: str) -> str:
    """Give the process segment of an operation or phase: the MES names them by level and name."""
    return f"{level}: {name}"


# ------------------------------------------------------------------------------------------ segments
def process_segments(at: datetime) -> Element:
    """Give the site's vocabulary of steps."""
    names = dict(_SEGMENTS)
    for step in STEPS.values():
        for operation, _, phases in step.operations:
            names.setdefault(segment_of("Operation", operation), operation)
            names.update({segment_of("Phase", phase): phase for phase in phases})
    return make(
        "ProcessSegmentInformation",
        make("ID", "PSEG-CRK"),
        make("Description", "Process segments of the Cork site"),
        scope((SITE, "Site")),
        when("PublishedDate", at),
        *(
            make(
                "ProcessSegment",
                make("ID", code),
                make("Description", text),
                make("OperationsType", "Production"),
            )
            for code, text in names.items()
        ),
    )


# ------------------------------------------------------------------------------------------- recipes
def master_recipe(product: str) -> Element:
    """Give a master recipe with its whole procedure and the parameters of its unit procedures."""
    code, version = RECIPES[product]
    material = MATERIALS[product]
    return make(
        "BatchInformation",
        make(
            "MasterRecipe",
            make("ID", code),
            make("Version", version),
            make("Description", f"{material.description}, master recipe"),
            make("Header", make("ProductID", material.number), make("ProductName", material.description)),
            make(
                "RecipeElement",
                make("ID", f"{code}-P"),
                make("Description", material.description),
                make("RecipeElementType", "Procedure"),
                *(_unit_procedure(step) for step in _STEPS[product]),
            ),
        ),
    )


def _unit_procedure(step: Step) -> Element:
    return make(
        "RecipeElement",
        make("ID", step.id),
        make("Description", step.name),
        make("RecipeElementType", "UnitProcedure"),
        *(_parameter(p) for p in step.parameters),
        *_operations(step),
        _other("ProcessSegmentID", step.segment),
        _other("EquipmentClassID", _CLASSES[step.id]),
    )


def _operations(step: Step) -> Iterator[Element]:
    for number, (name, _, phases) in enumerate(step.operations, start=1):
        key = f"{step.id}-{number * 10}"
        inner = (_element(f"{key}-{i}", phase, "Phase") for i, phase in enumerate(phases, start=1))
        yield _element(key, name, "Operation", *inner)


def _element(key: str, name: str, level: str, *inner: Element) -> Element:
    return make(
        "RecipeElement",
        make("ID", key),
        make("Description", name),
        make("RecipeElementType", level),
        *inner,
        _other("ProcessSegmentID", segment_of(level, name)),
    )


def _parameter(parameter: Parameter) -> Element:
    """A parameter: what is set, or what is expected where nothing is; limits unless it is exact."""
    wide, digits = parameter.spread * _LIMIT_SPREADS, parameter.decimals
    limits = {"Low limit": parameter.nominal - wide, "High limit": parameter.nominal + wide} if wide else {}
    nominal = parameter.setpoint or f"{parameter.nominal:.{digits}f}"
    return make(
        "Parameter",
        make("ID", parameter.name),
        make("Description", "CPP") if parameter.is_critical else None,
        make("ParameterType", "ProcessParameter" if parameter.setpoint else "ProcessOutput"),
        _told(nominal, parameter.unit),
        *(
            make(
                "Parameter",
                make("ID", name),
                make("ParameterType", "ProcessParameter"),
                _told(f"{limit:.{digits}f}", parameter.unit),
            )
            for name, limit in limits.items()
        ),
    )


def _told(text: str, unit: str, data_type: str = "double") -> Element:
    return make(
        "Value",
        make("ValueString", text),
        make("DataInterpretation", "Constant"),
        make("DataType", data_type),
        make("UnitOfMeasure", unit),
    )


def _other(key: str, text: str) -> Element:
    return make("OtherInformation", make("ID", key), _told(text, "", "string"))


# --------------------------------------------------------------------------------------- definitions
def operations_definitions(at: datetime) -> Element:
    """Give how the products, and the medium, are made."""
    made = {**{product: RECIPES[product] for product in _STEPS}, "MEDIA-PRD": MEDIUM}
    return make(
        "OperationsDefinitionInformation",
        make("ID", "ODEF-CRK"),
        scope((SITE, "Site")),
        when("PublishedDate", at),
        *(_definition(product, f"{code} {version}", version) for product, (code, version) in made.items()),
    )


def _definition(product: str, code: str, version: str) -> Element:
    material = MATERIALS[product]
    size = {"MAB214-DS": "120", "MAB214-DP": "20000"}.get(product, "1575")
    return make(
        "OperationsDefinition",
        make("ID", code),
        make("Description", material.description),
        make("Version", version),
        make("OperationsType", "Production"),
        make(
            "OperationsSegment",
            make("ID", "OS-MAB214" if product in _STEPS else "OS-MEDIA"),
            make("OperationsType", "Production"),
            make("ProcessSegmentID", "PS-MAB214" if product in _STEPS else "PS-MEDIA"),
            make(
                "MaterialSpecification",
                make("ID", f"{code} P"),
                make("MaterialDefinitionID", material.number),
                make("MaterialUse", "Produced"),
                quantity(size, material.unit),
            ),
        ),
    )


# -------------------------------------------------------------------------------------------- assets
def physical_assets(at: datetime) -> Element:
    """Give the hardware of the units, and the role that each piece plays since the hub is fed."""
    units = [place for place in PLACES if place.level == "Unit"]
    return make(
        "PhysicalAssetInformation",
        make("ID", "ASSETS-CRK"),
        when("PublishedDate", at),
        *(
            make(
                "PhysicalAsset",
                make("ID", f"PA-{number:03d}"),
                make("Description", place.description),
                make("FixedAssetID", f"FA-{4000 + number}"),
                make("VendorID", "Lee Fabrication"),
                make(
                    "EquipmentAssetMapping",
                    make("EquipmentID", place.id),
                    make("PhysicalAssetID", f"PA-{number:03d}"),
                    when("StartTime", at),
                ),
                make(
                    "PhysicalAssetProperty",
                    make("ID", "Serial number"),
                    value(f"LF-{place.id.replace('-', '')}-{number:02d}", "string"),
                ),
            )
            for number, place in enumerate(units, start=1)
        ),
    )
