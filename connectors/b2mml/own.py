"""What the hub's own export tells under its scheme: facts for which the standard has no element."""

from typing import Any
from urllib.parse import parse_qsl

from connectors.b2mml.markup import Element, child, children, text

SCHEME = "plantwide"
"""`schemeID` of IDs and keys that are the hub's, `listID` of codes."""
UNSPECIFIED = "unspecified"
"""Stands where the schema wants a text that nobody has said."""
WHOLE = "Whole batch"
_MOST = 40


def is_own(element: Element | None) -> bool:
    """Say whether an ID or code is of the hub's scheme."""
    return element is not None and SCHEME in {element.get("schemeID"), element.get("listID")}


def read_told(element: Element, *titles: str) -> dict[str, Element]:
    """Give the properties of these names whose ID is the hub's: by ID, each with its Value."""
    found: dict[str, Element] = {}
    for part in children(element, *titles):
        own, value = child(part, "ID", "AttributeID"), child(part, "Value")
        if is_own(own) and value is not None and (key := text(own)):
            found[key] = value
    return found


def told_text(told: dict[str, Element], field: str) -> str | None:
    """Give what is told of a field as text."""
    return text(told.get(field), "ValueString")


def read_key(value: Element | None) -> dict[str, str]:
    """Give the facts in a value's key, by name."""
    key = child(value, "Key") if value is not None else None
    if not is_own(key):
        return {}
    try:
        return dict(parse_qsl(text(key) or "", max_num_fields=_MOST))
    except ValueError:  # more than we ever write: not ours
        return {}


def said(element: Element, title: str) -> str | None:
    """Give the text of a child unless it says that nobody has said it."""
    part = child(element, title)
    return None if is_own(part) else text(part)


def is_whole(segment: Element) -> bool:
    """Say whether a segment stands for all of its batch, and is no step."""
    kind = child(segment, "OperationsType")
    return kind is not None and kind.get("OtherValue") == WHOLE and is_own(child(segment, "ID"))


def told_name(value: Element) -> dict[str, Any] | None:
    """Give the name that a value tells, with its scheme."""
    entry = text(value, "ValueString")
    return None if entry is None else {"scheme": read_key(value).get("scheme", ""), "value": entry}
