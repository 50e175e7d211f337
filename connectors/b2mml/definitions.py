"""Process segments and operations definitions (95.02): the site's steps, and how they make a product."""

from collections import Counter

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.own import is_own, read_told, told_text
from connectors.b2mml.reader import Name, Reader, codes, description, seconds
from connectors.b2mml.resources import read_scope
from hub.model import MaterialRequirement, OperationsDefinition, ProcessSegment

_DEFINITIONS = ("OperationsDefinition", "ProductDefinition")
_SEGMENTS = ("OperationsSegment", "OperationsSegmentChild", "ProductSegment")
_OLDER = {
    "MaterialProducedSpecification": "Produced",
    "MaterialConsumedSpecification": "Consumed",
    "ConsumableSpecification": "Consumable",
    "ManufacturingBill": "Consumed",
}
"""Elements of V02 to V0401, whose names say how a material is used."""


def read_segments(reader: Reader, body: Element) -> None:
    """State what a ProcessSegmentInformation or ProcessSegment says."""
    for part in [body] if name(body) == "ProcessSegment" else children(body, "ProcessSegment"):
        _segment(reader, part, None)


def _segment(reader: Reader, element: Element, parent: Name | None) -> None:
    read_scope(reader, element)
    own = reader.name(element, "ID")
    reader.state(
        ProcessSegment,
        element,
        id=own,
        parent=parent,
        description=description(element),
        operations_type=codes(children(element, "OperationsType")),
        standard_duration_s=told_text(read_told(element, "ProcessSegmentParameter"), "standard_duration_s")
        or seconds(text(element, "Duration")),
    )
    for part in children(element, "ProcessSegmentChild", "ProcessSegment"):
        _segment(reader, part, own)


def read_definitions(reader: Reader, body: Element) -> None:
    """State what an OperationsDefinitionInformation or OperationsDefinition says, older ones of a product."""
    for part in [body] if name(body) in _DEFINITIONS else children(body, *_DEFINITIONS):
        _definition(reader, part)


def _definition(reader: Reader, element: Element) -> None:
    read_scope(reader, element)
    own, product = _what_is_made(reader, element)
    segments = _all_segments(element)
    materials = [m for s in segments for m in children(s, "MaterialSpecification")]
    made = next((m for m in materials if "Produced" in (codes(children(m, "MaterialUse")) or "")), None)
    reader.state(
        OperationsDefinition,
        element,
        id=own,
        description=description(element),
        definition_version=text(element, "Version"),
        operations_type=codes(children(element, "OperationsType")) or ("Production" if product else None),
        product=product or reader.name(made, "MaterialDefinitionID"),
        route=text(element, "BillOfResourcesID"),
        effective_from=reader.time(element, "EffectiveStartDate"),
        effective_to=reader.time(element, "EffectiveEndDate"),
    )
    if own:
        read_needs(reader, materials, prefix=own["value"], operations_definition=own)
        for title, use in _OLDER.items():
            older = [m for s in (element, *segments) for m in children(s, title)]
            within = f"{own['value']}/{title}"
            read_needs(reader, older, prefix=within, implied=use, operations_definition=own)


def _what_is_made(reader: Reader, element: Element) -> tuple[Name | None, Name | None]:
    """Give the definition's name and its product: a ProductDefinition is called by the latter."""
    own = reader.name(element, "ID")
    if name(element) != "ProductDefinition":
        return own, None
    rule = child(element, "ProductProductionRule")
    return reader.name(rule, "ID") or reader.name(rule) or own, own


def _all_segments(element: Element) -> list[Element]:
    found: list[Element] = []
    for part in children(element, *_SEGMENTS):
        found += [part, *_all_segments(part)]
    return found


def read_needs(
    reader: Reader, parts: list[Element], *, prefix: str, implied: str = "Other", **owner: Name | None
) -> None:
    """State the materials that a definition or an order's segment needs or gives."""
    used: Counter[str] = Counter()
    for part in parts:
        if is_own(child(part, "ID")):
            continue  # says what the order makes, which is a fact of the order
        own = text(part, "ID", "MaterialDefinitionID") or "material"
        used[own] += 1
        amount = child(part, "Quantity")
        try:
            quantity = reader.quantity(amount)
        except ValueError as error:
            reader.refuse(part if amount is None else amount, error)
            quantity = None
        reader.state(
            MaterialRequirement,
            part,
            key=f"{prefix}/material/{own}" + ("" if used[own] == 1 else f"#{used[own]}"),
            material=reader.name(part, "MaterialDefinitionID"),
            material_class=reader.name(part, "MaterialClassID"),
            lot=reader.name(part, "MaterialSubLotID", "MaterialLotID"),
            use=codes(children(part, "MaterialUse")) or implied,
            quantity=quantity,
            tolerance=told_text(
                read_told(part, "MaterialRequirementProperty", "MaterialSpecificationProperty"), "tolerance"
            ),
            **owner,
        )
