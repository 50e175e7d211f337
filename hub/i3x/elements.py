"""Objects of i3X, what each is made from, and how it is described.

Three sorts of objects are no row of the store: folders, for what hangs from nothing else; the signals of a
unit that say which batch, unit procedure, operation and phase runs there; and what was measured in a batch.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.i3x.naming import KINDS, PLACES
from hub.i3x.schemas import types_by_id
from hub.store.answers.outline import OBJECT_KINDS, UNITS, Outlined
from hub.store.answers.signals import Signal

JsonObject = dict[str, Any]
LEVELS: dict[str, str] = {
    "batch": "Batch",
    "unit_procedure": "Unit procedure",
    "operation": "Operation",
    "phase": "Phase",
}
FOLDERS = {f"folder/{kind}": kind for kind in OBJECT_KINDS if kind != "equipment"}
MEASURED = "signal"
"""What follows the id of a batch in those of its signals."""


@dataclass(frozen=True, slots=True)
class Element:
    """An object. `row` is what the store knows of it (None: a folder); `level` makes it a unit's signal.

    `signals` make it what was measured in a batch: with a batch as `row` the whole of it, each with the row
    of its tag; with a tag as `row` the one signal, which shows the tag's samples in its spans.
    """

    id: str
    title: str
    type: str
    parent: str | None
    is_composition: bool
    description: str | None = None
    row: Outlined | None = None
    level: str | None = None
    signals: tuple[tuple[Signal, Outlined], ...] | None = field(default=None, compare=False)

    @property
    def is_record(self) -> bool:
        """Whether it is what the store knows of its row, and nothing that is made of it."""
        return self.row is not None and self.level is None and self.signals is None

    @property
    def is_tag(self) -> bool:
        """Whether it is a signal that a source measures, whose values are samples."""
        return self.is_record and self.row is not None and self.row.kind == "tag"

    @property
    def is_series(self) -> bool:
        """Whether its values are samples: those of a tag, or those that are a batch's."""
        return self.is_tag or self.signal is not None

    @property
    def signal(self) -> Signal | None:
        """The signal of a batch that it is."""
        if not self.signals or self.row is None or self.row.kind != "tag":
            return None
        return self.signals[0][0]


Edge = tuple[str, Element]
"""The relationship as the object that was asked about has it, and the object at its other end."""


def element_of(row: Outlined) -> Element:
    """Give the object of a row."""
    folder = None if row.kind == "equipment" else f"folder/{row.kind}"
    return Element(
        id=row.key,
        title=row.title,
        type=f"type:{row.form}",
        parent=row.parent or folder,
        is_composition=row.has_parts,
        description=row.description,
        row=row,
    )


def contexts_of(row: Outlined) -> list[Element]:
    """Give the signals that say what runs in a unit; none for what is no unit."""
    if row.kind != "equipment" or row.level not in UNITS:
        return []
    uid = row.key.partition("/")[2]
    return [
        Element(
            id=f"context/{uid}/{level}",
            title=f"{row.title} {title.lower()}",
            type="type:context",
            parent=row.key,
            is_composition=False,
            description=f"{title} that runs in {row.title}",
            row=row,
            level=level,
        )
        for level, title in LEVELS.items()
    ]


def measured_of(batch: Outlined, signals: Sequence[tuple[Signal, Outlined]]) -> Element:
    """Give the object that holds the signals of a batch."""
    return Element(
        id=f"{batch.key}/{MEASURED}",
        title=f"Signals of {batch.title}",
        type="type:batch_signals",
        parent=batch.key,
        is_composition=bool(signals),
        description=f"What was measured where {batch.title} ran, while it ran there",
        row=batch,
        signals=tuple(signals),
    )


def signals_of(measured: Element) -> list[Element]:
    """Give the signals of a batch from the object that holds them; none for any other.

    One is called by what it measures, or by its tag where that is not known or not the only one.
    """
    if measured.signals is None or measured.signal is not None:
        return []
    named = Counter(signal.tag["property"] for signal, _ in measured.signals if signal.tag["property"])
    return [
        Element(
            id=f"{measured.id}/{tag.key.partition('/')[2]}",
            title=signal.tag["property"] if named[signal.tag["property"]] == 1 else tag.title,
            type=f"type:batch_{tag.form}",
            parent=measured.id,
            is_composition=False,
            description=tag.description,
            row=tag,
            signals=((signal, tag),),
        )
        for signal, tag in measured.signals
    ]


def folder_of(kind: str) -> Element:
    """Give the folder of a kind."""
    told = f"{KINDS[kind].plural} that hang from nothing else"
    plural = KINDS[kind].plural
    return Element(
        f"folder/{kind}", plural, "type:folder", parent=None, is_composition=False, description=told
    )


# ------------------------------------------------------------------------------------------ described
def describe(element: Element, *, metadata: bool = False, edges: Sequence[Edge] | None = None) -> JsonObject:
    """Give an object as i3X has it; `edges` are told within its metadata."""
    told: JsonObject = {
        "elementId": element.id,
        "displayName": element.title,
        "typeElementId": element.type,
        "parentId": element.parent,
        "isComposition": element.is_composition,
        "isExtended": False,
    }
    if metadata:
        told["metadata"] = _metadata(element, edges)
    return told


def _metadata(element: Element, edges: Sequence[Edge] | None) -> JsonObject:
    of_type = types_by_id()[element.type]
    told: JsonObject = {
        "typeNamespaceUri": of_type["namespaceUri"],
        "sourceTypeId": of_type["sourceTypeId"],
    }
    if element.description is not None:
        told["description"] = element.description
    if element.is_record and element.row is not None and element.row.kind in PLACES:
        told["system"] = {"href": PLACES[element.row.kind] + element.id.partition("/")[2]}
    if element.signal is not None:
        told |= _measurement(element, element.signal)
    if edges is not None:
        related: dict[str, list[str]] = defaultdict(list)
        for relationship, other in edges:
            related[relationship].append(other.id)
        told["relationships"] = related
    return told


def _measurement(element: Element, signal: Signal) -> JsonObject:
    """Give what a client needs to read a signal of a batch: its unit, its tag, when it was the batch's."""
    batch = element.id.split("/")[1]
    told: JsonObject = {
        "tag": {"elementId": f"tag/{signal.tag['uid']}", "code": signal.tag["code"]},
        "equipment": {
            "elementId": f"equipment/{signal.equipment['uid']}",
            "code": signal.equipment["code"],
        },
        "spans": [{"startTime": start, "endTime": end} for start, end in signal.spans],
        "system": {"href": f"{PLACES['batch']}{batch}/samples?tag={signal.tag['uid']}"},
    }
    if signal.tag["unit"] is not None:
        told["engUnit"] = signal.tag["unit"]
    return told
