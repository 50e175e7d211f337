"""Typed reading of one document's elements; what cannot be read is noted with its path, the rest goes on."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import ValidationError

from connectors.b2mml.config import B2mmlConfig
from connectors.b2mml.markup import Element, children, label, name, text
from connectors.b2mml.own import is_own
from hub.model import Quantity, Record, find_unit
from hub.sdk import Rejected, reject
from hub.sdk.contract import Connector

_DURATION = re.compile(r"^P(?=.)(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")

Part: TypeAlias = Record | Rejected
Name: TypeAlias = dict[str, Any]
"""An identifier, not yet judged."""


class Reader:
    """Reads one document's elements. `parts` gathers records and rejected pieces in document order.

    `stated` has the records with the elements that say them.
    """

    def __init__(self, connector: Connector[B2mmlConfig]) -> None:
        self.connector = connector
        self.config = connector.config
        self.parts: list[Part] = []
        self.stated: list[tuple[Record, Element]] = []
        self._stated: set[tuple[str, str]] = set()

    def state(self, kind: type[Record], where: Element, /, **fields: Any) -> Record | None:
        """Add a record, or what is wrong with it."""
        try:
            record = kind(**fields)
        except ValidationError as error:
            self.parts.append(reject(error, path(where)))
            return None
        self.parts.append(record)
        self.stated.append((record, where))
        return record

    def state_once(self, kind: type[Record], where: Element, /, **fields: Any) -> None:
        """Add a record unless the same was stated before in this document."""
        mark = (kind.record_type, repr(sorted(fields.items())))
        if mark not in self._stated:
            self._stated.add(mark)
            self.state(kind, where, **fields)

    def refuse(self, where: Element, error: Exception | str) -> None:
        """Note a piece that cannot be read."""
        if isinstance(error, ValidationError):
            faults = error.errors(include_url=False, include_context=False)
            reason = "; ".join(fault["msg"].removeprefix("Value error, ") for fault in faults)
        else:
            reason = str(error)
        self.parts.append(Rejected(reason=reason, where=path(where), payload=text(where) or ""))

    def name(self, element: Element | None, *names: str) -> Name | None:
        """Give the identifier in an element or in its first filled child of these names.

        A `schemeID` with a colon is another system's scheme; any other is the MES's own.
        """
        if element is None:
            return None
        candidates = [c for wanted in names for c in children(element, wanted)] if names else [element]
        found = next((c for c in candidates if text(c)), None)
        if found is None or is_own(found):
            return None
        scheme = (found.get("schemeID") or "").strip()
        return {"scheme": scheme if ":" in scheme else "", "value": text(found)}

    def time(self, element: Element | None, *names: str) -> datetime | None:
        """Give the instant in the first filled child of these names; a fault is noted and gives None."""
        if element is None:
            return None
        candidates = [c for wanted in names for c in children(element, wanted)] if names else [element]
        found = next((c for c in candidates if text(c)), None)
        if found is None:
            return None
        try:
            return self.connector.instant(text(found) or "")
        except (ValueError, OverflowError) as error:
            self.refuse(found, error)
            return None

    def told_time(self, element: Element, entry: str | None) -> datetime | None:
        """Give the instant that a text in this element is; a fault is noted and gives None."""
        try:
            return self.connector.instant(entry) if entry else None
        except (ValueError, OverflowError) as error:
            self.refuse(element, error)
            return None

    def quantity(self, element: Element | None) -> Quantity | None:
        """Give a QuantityValueType; ValueError when number or unit cannot be read."""
        if element is None:
            return None
        amount = text(element, "QuantityString", "ValueString")
        unit = text(element, "UnitOfMeasure")
        if amount is None and not len(element):  # the oldest: <Quantity>1</Quantity>, the unit beside it
            above = element.getparent()
            amount, unit = text(element), text(above, "UnitOfMeasure") if above is not None else None
        return None if amount is None else self.connector.quantity(amount, unit)

    def unit(self, spelled: str) -> str:
        """Give the UCUM code of a unit as this MES spells it; `UnknownUnitError` when there is none."""
        return find_unit(self.config.units.get(spelled, spelled)).code


def seconds(duration: str | None) -> float | None:
    """Give the seconds of an XML Schema duration such as PT2H30M; None for none, and for months and years,
    which have no one length.
    """
    found = _DURATION.match(duration or "")
    if found is None:
        return None
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def description(element: Element, limit: int = 400) -> str | None:
    """Give the first filled description, cut to the length that the model holds."""
    found = text(element, "Description")
    return found[:limit] if found else None


def path(element: Element) -> str:
    """Give the element's place as a person reads it: local names with IDs, and the line."""
    steps = [_step(e) for e in (*reversed(list(element.iterancestors())), element)]
    line = element.sourceline
    return "/".join(steps) + (f" (line {line})" if line else "")


def codes(elements: Iterable[Element]) -> str | None:
    """Give the text of the first code; `Other` gives its `OtherValue`."""
    for element in elements:
        found = text(element)
        if found == "Other":
            found = (element.get("OtherValue") or "").strip() or found
        if found:
            return found
    return None


def _step(element: Element) -> str:
    own = label(element, "ID", "EntryID")
    return f"{name(element)}[{own}]" if own else name(element)
