"""Process segments and operations definitions (95.02): the site's steps, and how they make a product."""

from collections import Counter

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.reader import Name, Reader, codes, description, seconds
from connectors.b2mml.resources import read_scope
from hub.model import MaterialRequirement, OperationsDefinition, ProcessSegment


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
        standard_duration_s=seconds(text(element, "Duration")),
    )
    for part in children(element, "ProcessSegmentChild", "ProcessSegment"):
        _segment(reader, part, own)


def read_definitions(reader: Reader, body: Element) -> None:
    """State what an OperationsDefinitionInformation or OperationsDefinition says."""
    for part in [body] if name(body) == "OperationsDefinition" else children(body, "OperationsDefinition"):
        _definition(reader, part)


def _definition(reader: Reader, element: Element) -> None:
    read_scope(reader, element)
    own = reader.name(element, "ID")
    materials = [m for s in _all_segments(element) for m in children(s, "MaterialSpecification")]
    made = next((m for m in materials if "Produced" in (codes(children(m, "MaterialUse")) or "")), None)
    reader.state(
        OperationsDefinition,
        element,
        id=own,
        description=description(element),
        definition_version=text(element, "Version"),
        operations_type=codes(children(element, "OperationsType")),
        product=reader.name(made, "MaterialDefinitionID"),
        route=text(element, "BillOfResourcesID"),
        effective_from=reader.time(element, "EffectiveStartDate"),
        effective_to=reader.time(element, "EffectiveEndDate"),
    )
    if own:
        read_needs(reader, materials, prefix=own["value"], operations_definition=own)


def _all_segments(element: Element) -> list[Element]:
    found: list[Element] = []
    for part in children(element, "OperationsSegment", "OperationsSegmentChild"):
        found += [part, *_all_segments(part)]
    return found


def read_needs(
    reader: Reader, parts: list[Element], *, prefix: str, implied: str = "Other", **owner: Name | None
) -> None:
    """State the materials that a definition or an order's segment needs or gives."""
    used: Counter[str] = Counter()
    for part in parts:
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
            **owner,
        )
