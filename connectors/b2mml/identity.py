"""Which document this is: its noun, a key that a corrected version shares, and its own change clock."""

import hashlib
import re
from dataclasses import dataclass

from connectors.b2mml.markup import Element, child, children, name, text
from hub.sdk import BadRecord

UNREADABLE = "unreadable"
"""Object type of what is no B2MML: kept by file name, quarantined by `parse`."""

NOUNS = frozenset(
    {
        "BatchProductionRecord",
        "BatchInformation",
        "BatchList",
        "MasterRecipe",
        "ControlRecipe",
        "OperationsPerformance",
        "OperationsResponse",
        "ProductionPerformance",
        "ProductionResponse",
        "WorkPerformance",
        "OperationsSchedule",
        "OperationsRequest",
        "ProductionSchedule",
        "ProductionRequest",
        "MaterialInformation",
        "MaterialClass",
        "MaterialDefinition",
        "MaterialLot",
        "MaterialSubLot",
        "EquipmentInformation",
        "Equipment",
        "EquipmentClass",
        "PersonnelInformation",
        "Person",
        "PersonnelClass",
        "PhysicalAssetInformation",
        "PhysicalAsset",
        "PhysicalAssetClass",
        "ProcessSegmentInformation",
        "ProcessSegment",
        "OperationsDefinitionInformation",
        "OperationsDefinition",
        "ProductDefinitionInformation",
        "ProductDefinition",
        "OperationsTestInformation",
        "TestSpecification",
        "TestResult",
        "OperationsEventInformation",
        "OperationsEvent",
        "WorkCalendarInformation",
        "WorkCalendar",
    }
)
_VERBS = re.compile(r"^(Sync|Show|Process|Change|Respond|Acknowledge|Notify)(?=[A-Z])")
_NOT_FACTS = re.compile(r"^(Get|Cancel|Confirm)(?=[A-Z])")
_PARTIAL = frozenset(
    {
        "MaterialInformation",
        "EquipmentInformation",
        "PersonnelInformation",
        "PhysicalAssetInformation",
        "ProcessSegmentInformation",
        "OperationsDefinitionInformation",
        "ProductDefinitionInformation",
        "OperationsTestInformation",
        "OperationsEventInformation",
        "WorkCalendarInformation",
    }
)
_TOLD = {
    "MaterialInformation": ("MaterialClass", "MaterialDefinition", "MaterialLot", "MaterialSubLot"),
    "EquipmentInformation": ("Equipment", "EquipmentClass"),
    "PersonnelInformation": ("Person", "PersonnelClass"),
    "PhysicalAssetInformation": ("PhysicalAsset", "PhysicalAssetClass"),
    "ProcessSegmentInformation": ("ProcessSegment",),
    "OperationsDefinitionInformation": ("OperationsDefinition",),
    "ProductDefinitionInformation": ("ProductDefinition",),
    "OperationsTestInformation": ("TestSpecification", "TestResult"),
    "OperationsEventInformation": ("OperationsEvent",),
    "WorkCalendarInformation": ("WorkCalendar",),
    "BatchInformation": ("MasterRecipe", "ControlRecipe", "BatchList", "EquipmentElement"),
    "BatchList": ("BatchListEntry",),
    "ProductionPerformance": ("ProductionResponse",),
    "OperationsPerformance": ("OperationsResponse",),
    "WorkPerformance": ("WorkResponse",),
    "ProductionSchedule": ("ProductionRequest",),
    "OperationsSchedule": ("OperationsRequest",),
    "MaterialLot": ("MaterialSubLot",),
}
_CLOCKS = ("PublishedDate", "LastChangedDate", "CreationDate", "VersionDate")
_LONGEST = 120


@dataclass(frozen=True)
class Envelope:
    """A document taken apart: its noun, the noun's elements, the message around them if there is one."""

    noun: str
    bodies: list[Element]
    message: Element | None = None

    @property
    def clock(self) -> Element | None:
        """The element that holds the document's change time."""
        if self.message is not None:
            area = child(self.message, "ApplicationArea")
            sent = child(area, "CreationDateTime") if area is not None else None
            if text(sent):
                return sent
        found = (child(body, clock) for body in self.bodies for clock in _CLOCKS)
        return next((element for element in found if text(element)), None)

    @property
    def key(self) -> str | None:
        """A name that all versions of the document share; None when it says nothing of itself."""
        partial = self.message is not None and self.noun in _PARTIAL
        names: list[str] = []
        for body in self.bodies:
            own = text(body, "ID") or text(body, "BatchID")
            names += [own] if own else []
            if partial or not own:
                names += _told(body)
        if not names:
            return None
        joined = "/".join(names)
        if len(joined) <= _LONGEST:
            return joined
        return f"{joined[:_LONGEST]}…{hashlib.sha256(joined.encode()).hexdigest()[:12]}"


def open_envelope(root: Element) -> Envelope:
    """Take a document apart.

    Raises `BadRecord` for messages that state nothing (Get, Cancel, Confirm) and unknown documents.
    """
    title = name(root)
    if title in NOUNS:
        return Envelope(title, [root])
    noun = _VERBS.sub("", title)
    if noun == title or noun not in NOUNS:
        reason = "asks or withdraws, it states nothing" if _NOT_FACTS.match(title) else "is not read"
        raise BadRecord(
            f"a {title} document {reason}",
            remedy="see README.md for the documents that are read, or narrow the `pattern` setting",
        )
    area = child(root, "DataArea")
    bodies = children(area, noun) if area is not None else []
    if not bodies:
        raise BadRecord(f"the {title} message has no DataArea/{noun}", remedy="have the sender correct it")
    return Envelope(noun, bodies, root)


def _told(element: Element) -> list[str]:
    """IDs of what an element speaks of, with their versions, down to sublots."""
    names: list[str] = []
    for part in children(element, *_TOLD.get(name(element), ())):
        own = " ".join(t for t in (text(part, "ID"), text(part, "Version")) if t)
        names += [own] if own else []
        names += _told(part)
    return names
