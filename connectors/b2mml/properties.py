"""Properties and classes of resources (95.02): what is no field of its own is kept as a property."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.own import is_own
from connectors.b2mml.reader import Name, Reader, description
from hub.model import ResourceClass, ResourceProperty

_CLASSES = {
    "EquipmentClass": "equipment",
    "PhysicalAssetClass": "physical_asset",
    "MaterialClass": "material",
    "PersonnelClass": "person",
}


def read_class(reader: Reader, element: Element) -> None:
    """State a class of resources, its properties and the classes below it."""
    title = name(element).removesuffix("Child")
    kind = _CLASSES[title]
    own = reader.name(element, "ID")
    reader.state(
        ResourceClass,
        element,
        id=own,
        kind=kind,
        base_class=reader.name(element, f"{title}BaseID"),
        description=description(element),
    )
    if own:
        owner = {"resource_class": {**own, "scheme": own["scheme"] or f"{kind}_class"}}
        read_properties(reader, element, f"{title}Property", owner=owner)
    for part in children(element, f"{title}Child"):
        read_class(reader, part)


def read_properties(
    reader: Reader,
    element: Element,
    title: str,
    *,
    owner: Mapping[str, Name | None],
    known: frozenset[str] = frozenset(),
) -> None:
    """State the properties of a resource; those in `known` (in bare letters) are fields already."""
    ((kind, own),) = owner.items()
    if own:
        _read(reader, children(element, title), owner, prefix=f"{kind} {own['value']}", known=known)


def bare(key: str) -> str:
    """Give a property's ID in small letters and digits only."""
    return "".join(c for c in key.casefold() if c.isalnum())


def _read(
    reader: Reader,
    parts: list[Element],
    owner: Mapping[str, Name | None],
    *,
    prefix: str,
    known: frozenset[str],
    parent: str | None = None,
) -> None:
    used: Counter[str] = Counter()
    for part in parts:
        own = text(part, "ID") or "property"
        if bare(own) in known or is_own(child(part, "ID")):
            continue
        for value in children(part, "Value") or [part]:
            used[own] += 1
            key = f"{prefix}/{own}" + ("" if used[own] == 1 else f"#{used[own]}")
            _state(reader, part, value, key=key, name=own, parent=parent, **owner)
        below = [p for p in part if name(p).endswith("PropertyChild")]
        _read(reader, below, owner, prefix=f"{prefix}/{own}", known=known, parent=f"{prefix}/{own}")


def _state(reader: Reader, part: Element, value: Element, /, **fields: Any) -> None:
    entry = text(value, "ValueString")
    try:
        told = None if entry is None else reader.connector.measurement(entry, text(value, "UnitOfMeasure"))
    except ValueError as error:
        reader.refuse(part, error)
        return
    same = next((t for p in part if name(p).endswith("ClassPropertyID") and (t := text(p))), None)
    reader.state(ResourceProperty, part, value=told, class_property=same, **fields)
