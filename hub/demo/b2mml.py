"""Small builders for B2MML V7 elements: names in, lxml elements out.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International.
"""

from datetime import datetime
from typing import TypeAlias

from lxml import etree
from lxml.etree import _Element  # pyright: ignore[reportPrivateUsage] - lxml has no public name

from hub.model.instant import format_instant

NAMESPACE = "http://www.mesa.org/xml/B2MML"

Element: TypeAlias = _Element


def make(name: str, *content: Element | str | None, **attributes: str) -> Element:
    """Give `<name attributes>content</name>`; parts that are None are left out."""
    # The stub knows no default namespace, lxml does: None is its prefix.
    prefixes = {None: NAMESPACE}
    element = etree.Element(f"{{{NAMESPACE}}}{name}", attributes, nsmap=prefixes)  # pyright: ignore[reportArgumentType] - stubs want str keys only
    for part in content:
        if isinstance(part, str):
            element.text = part
        elif part is not None:
            element.append(part)
    return element


def when(name: str, moment: datetime | None) -> Element | None:
    """Give a time element in UTC, or nothing when the time is not known."""
    return None if moment is None else make(name, format_instant(moment))


def value(text: str, data_type: str, unit: str | None = None, *, name: str = "Value") -> Element:
    """Give a ValueType element."""
    return make(
        name,
        make("ValueString", text),
        make("DataType", data_type),
        None if unit is None else make("UnitOfMeasure", unit),
    )


def quantity(text: str, unit: str) -> Element:
    """Give a QuantityValueType element; the number stays the text it was reported as."""
    return make(
        "Quantity", make("QuantityString", text), make("DataType", "double"), make("UnitOfMeasure", unit)
    )


def scope(*path: tuple[str, str]) -> Element:
    """Give a HierarchyScope from (equipment, level) pairs, outermost first."""
    (equipment, level), *inner = path
    return make(
        "HierarchyScope",
        make("EquipmentID", equipment),
        make("EquipmentLevel", level),
        _inner_scope(inner),
    )


def _inner_scope(path: list[tuple[str, str]]) -> Element | None:
    if not path:
        return None
    (equipment, level), *inner = path
    return make(
        "HierarchyScopeChild",
        make("EquipmentID", equipment),
        make("EquipmentLevel", level),
        _inner_scope(inner),
    )


def entry(
    number: str, object_type: str, at: datetime | None = None, *, other: str | None = None
) -> list[Element]:
    """Give the head that every part of a batch production record carries (ISA-88.04)."""
    kind = make("ObjectType", object_type, **({"OtherValue": other} if other else {}))
    head = [make("EntryID", number), kind, when("TimeStamp", at)]
    return [part for part in head if part is not None]


def write(root: Element) -> bytes:
    """Give the document's bytes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
