"""Elements of B2MML V7.0.1 from texts, numbers and times; what is not known gives no element."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from hub.model.instant import format_instant
from hub.model.unit import UnknownUnitError, convert, find_unit

NAMESPACE = "http://www.mesa.org/xml/B2MML"
OWN = "plantwide"
"""Scheme of IDs that the hub gives: properties for which the standard has no element, and `unspecified`."""
UNSPECIFIED = "unspecified"
"""Stands where the schema wants a text and nobody has said one."""

Element: TypeAlias = ET.Element
Document = dict[str, Any]

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffc\U00010000-\U0010ffff]")
_CLOSE = 1e-9


def make(name: str, *content: Element | str | None, **attributes: str) -> Element:
    """Give `<name attributes>content</name>`; parts that are None are left out.

    A character that XML cannot hold becomes a question mark.
    """
    element = ET.Element(name, {key: _clean(text) for key, text in attributes.items()})
    for part in content:
        if isinstance(part, str):
            element.text = _clean(part)
        elif part is not None:
            element.append(part)
    return element


def maybe(name: str, content: Any, **attributes: str) -> Element | None:
    """Give an element for a text, number or time; None for none."""
    if content is None or content == "":
        return None
    return make(name, write_text(content), **attributes)


def present(parts: Iterable[Element | None]) -> list[Element]:
    """Leave out what is not there."""
    return [part for part in parts if part is not None]


def within(thing: Mapping[str, Any] | None, member: str) -> Any:
    """Give a member of what is referred to; None where nothing is."""
    return None if thing is None else thing[member]


def write_text(content: Any) -> str:
    """Give the text of a value: times in UTC, flags as XML Schema writes them."""
    if isinstance(content, datetime):
        return format_instant(content)
    if isinstance(content, bool):
        return "true" if content else "false"
    return str(content)


def code(name: str, document: Mapping[str, Any], field: str) -> Element | None:
    """Give a value of an open list: what is not on the list stands in `OtherValue`."""
    value, beside = document[field], document.get(f"{field}_text")
    if value is None:
        return None
    return make(name, value, OtherValue=beside) if beside else make(name, value)


# ---------------------------------------------------------------------------------- numbers with units
def as_written(amount: Mapping[str, Any]) -> tuple[str, str | None]:
    """Give text and unit of an amount word for word, where any reader finds the same number in them.

    Otherwise (a spelling of units that only its source knows) the number in its UCUM unit.
    """
    text, unit, spelled = amount.get("text"), amount.get("unit"), amount.get("source_unit")
    if unit is None:
        return text or repr(amount["value"]), None
    if text and spelled and _means(text, spelled, amount):
        return text, spelled
    if amount.get("value") is None:
        return text or "", unit
    return f"{amount.get('comparator') or ''}{amount['value']!r}", unit


def _means(text: str, spelled: str, amount: Mapping[str, Any]) -> bool:
    value, unit = amount.get("value"), amount["unit"]
    try:
        found = find_unit(spelled).code
        if value is None:
            return found == unit
        read = convert(float(text.lstrip("<>=≤≥ ")), found, unit)
    except (UnknownUnitError, ValueError):
        return False
    return abs(read - value) <= _CLOSE * max(abs(read), abs(value))


def quantity(amount: Mapping[str, Any] | None, name: str = "Quantity") -> Element | None:
    """Give a QuantityValueType."""
    if amount is None:
        return None
    text, unit = as_written(amount)
    return make(
        name,
        make("QuantityString", text),
        make("DataType", "double"),
        maybe("UnitOfMeasure", unit),
    )


def value(
    measured: Mapping[str, Any] | None, name: str = "Value", keys: Mapping[str, Any] | None = None
) -> Element | None:
    """Give a ValueType of a measurement; `keys` are facts about it that have no element of their own."""
    if measured is None:
        return None
    text, unit = as_written(measured)
    is_number = measured.get("value") is not None and not measured.get("comparator")
    return make(
        name,
        make("ValueString", text),
        make("DataType", "double" if is_number else "string"),
        maybe("UnitOfMeasure", unit),
        own_key(keys or {}),
    )


def plain_value(content: Any, name: str = "Value") -> Element:
    """Give a ValueType of a text, time or flag."""
    return make(name, make("ValueString", write_text(content)), make("DataType", "string"))


def recipe_value(text: str, unit: str | None = None, data_type: str = "double") -> Element:
    """Give a value as recipes write it: with its interpretation, and a unit that may be empty."""
    return make(
        "Value",
        make("ValueString", text),
        make("DataInterpretation", "Constant"),
        make("DataType", data_type),
        make("UnitOfMeasure", unit or ""),
    )


def decimal(text: str) -> str:
    """Give a number as XML Schema's decimal, which has no exponent."""
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


# ---------------------------------------------------------------------- what has no element of its own
def own_key(facts: Mapping[str, Any]) -> Element | None:
    """Give a Key of the hub's scheme: facts by name, written as the query of an address is."""
    said = {name: write_text(content) for name, content in facts.items() if content is not None}
    return make("Key", urlencode(said), schemeID=OWN) if said else None


def told(title: str, field: str, content: Any) -> Element | None:
    """Give a property `title` under an ID of the hub's own scheme; None for nothing."""
    if content is None or content is False:
        return None
    return make(title, make("ID", field, schemeID=OWN), plain_value(content))


def told_amount(title: str, field: str, amount: Mapping[str, Any] | None) -> Element | None:
    """Give the same of an amount with its unit."""
    return None if amount is None else make(title, make("ID", field, schemeID=OWN), value(amount))


def unspecified(name: str, **attributes: str) -> Element:
    """Give what the schema wants where nobody has said it."""
    return make(name, UNSPECIFIED, **(attributes or {"schemeID": OWN}))


def entry(key: str, kind: str, at: datetime | None = None, *, other: str | None = None) -> list[Element]:
    """Give the head of a part of a batch production record (ISA-88.04)."""
    head = make("ObjectType", kind, **({"OtherValue": other} if other else {}))
    return present([make("EntryID", key), head, maybe("TimeStamp", at)])


def write(root: Element) -> bytes:
    """Give the document as UTF-8 with its declaration."""
    root.set("xmlns", NAMESPACE)
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _clean(text: str) -> str:
    return _NO_XML.sub("?", text)
