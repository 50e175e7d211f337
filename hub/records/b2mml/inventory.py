"""Materials and lots that a batch used and made, and the equipment it ran on (95.02)."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, make, maybe, present, within
from hub.records.b2mml.performance import scope

_LOT_FACTS = (
    ("Expiry date", "expires_at"),
    ("Manufacture date", "manufactured_at"),
    ("Release date", "released_at"),
    ("Supplier lot", "supplier_lot"),
)


def build_materials(facts: Gathering) -> Element:
    """Give MaterialInformation: definitions, and lots with the sublots inside them."""
    known = {one["uid"] for one in facts.lots}
    inside: dict[str, list[Document]] = {}
    outer: list[Document] = []
    for lot in facts.lots:
        above = lot["parent_lot"]
        if lot["kind"] == "sublot" and above and above["uid"] in known:
            inside.setdefault(above["uid"], []).append(lot)
        else:
            outer.append(lot)
    definitions = [_definition(facts, one) for one in facts.materials]
    lots = [_lot(facts, one, inside) for one in outer]
    return make(
        "MaterialInformation",
        facts.subject_id(),
        maybe("PublishedDate", facts.newest),
        *definitions,
        *lots,
    )


def _definition(facts: Gathering, one: Document) -> Element:
    title = "MaterialDefinitionProperty"
    return make(
        "MaterialDefinition",
        facts.names.element("ID", "material_definition", one),
        maybe("Description", one["description"]),
        _plain(title, "BaseUnitOfMeasure", one["base_unit"]),
        _plain(title, "Stage", one["stage"]),
        *_properties(facts, one, title, of_class="MaterialClassPropertyID"),
        facts.names.element("MaterialClassID", "resource_class", one["material_class"]),
    )


def _lot(facts: Gathering, one: Document, inside: Mapping[str, list[Document]], *, depth: int = 0) -> Element:
    names, parts = facts.names, inside.get(one["uid"], [])
    title = "MaterialLotProperty"
    split_from = one["parent_lot"] if depth == 0 else None
    return make(
        ("MaterialLot", "MaterialSubLot")[depth] if depth < 2 else "MaterialSubLotChild",
        names.element("ID", "material_lot", one),
        maybe("Description", one["description"]),
        names.element("MaterialDefinitionID", "material_definition", one["material"]) if depth == 0 else None,
        markup.code("Disposition", one, "disposition"),
        *(_plain(title, key, one[field]) for key, field in _LOT_FACTS),
        markup.told(title, "coi_id", one["coi_id"]),
        markup.told(title, "kind", one["kind"] if depth == 0 and one["kind"] != "lot" else None),
        markup.told(title, "parent_lot", split_from and names.text("material_lot", split_from)),
        *_properties(facts, one, title, of_class="MaterialDefinitionPropertyID"),
        *(_lot(facts, part, inside, depth=1) for part in parts if depth == 0),
        markup.quantity(one["quantity"]),
        *(_lot(facts, part, inside, depth=2) for part in parts if depth),
    )


def build_equipment(facts: Gathering) -> Element:
    """Give EquipmentInformation: the equipment of the batch inside what it is part of."""
    known = {one["uid"] for one in facts.equipment}
    inside: dict[str | None, list[Document]] = {}
    for one in sorted(facts.equipment, key=lambda e: (e["code"] or "", e["uid"])):
        above = one["parent"]
        inside.setdefault(above["uid"] if above and above["uid"] in known else None, []).append(one)
    equipment = [_equipment(facts, one, inside, title="Equipment") for one in inside.get(None, [])]
    return make(
        "EquipmentInformation",
        facts.subject_id(),
        maybe("PublishedDate", facts.newest),
        *equipment,
    )


def _equipment(
    facts: Gathering, one: Document, inside: Mapping[str | None, list[Document]], *, title: str
) -> Element:
    return make(
        title,
        facts.names.element("ID", "equipment", one),
        maybe("Description", one["description"]),
        markup.code("EquipmentLevel", one, "level"),
        _plain("EquipmentProperty", "TimeZone", one["timezone"]),
        *_properties(facts, one, "EquipmentProperty", of_class="EquipmentClassPropertyID"),
        *(_equipment(facts, part, inside, title="EquipmentChild") for part in inside.get(one["uid"], [])),
        facts.names.element("EquipmentClassID", "resource_class", one["equipment_class"]),
    )


def build_calendar(facts: Gathering) -> Element:
    """Give WorkCalendarInformation: how the equipment's time was used for the batch."""
    entries = [_stretch(facts, number, one) for number, one in enumerate(facts.times, start=1)]
    names, batch = facts.names, facts.batch
    return make(
        "WorkCalendarInformation",
        names.element("ID", "batch", batch),
        maybe("PublishedDate", facts.newest),
        make("WorkCalendar", names.element("ID", "batch", batch), *entries),
    )


def _stretch(facts: Gathering, number: int, one: Document) -> Element:
    element, state = (one[f"{f}_text"] or one[f] for f in ("element", "state"))
    told = {
        "Basis": one["basis"],
        "TimeElement": element,
        "State": state,
        "BatchID": facts.names.text("batch", one["batch"]),
    }
    return make(
        "WorkCalendarEntry",
        make("ID", str(number)),
        maybe("StartDateTime", one["start_at"]),
        maybe("FinishDateTime", one["end_at"]),
        scope(facts, one["equipment"]),
        maybe("EntryType", element),
        *(_plain("WorkCalendarEntryProperty", key, text) for key, text in told.items()),
    )


def _plain(title: str, key: str, content: Any) -> Element | None:
    return None if content is None else make(title, make("ID", key), markup.plain_value(content))


def _properties(facts: Gathering, owner: Document, title: str, *, of_class: str) -> list[Element]:
    """Give the properties of a resource, those that belong to others inside them."""
    mine = facts.properties.get(owner["uid"], [])
    known = {one["key"] for one in mine}
    inside: dict[str | None, list[Document]] = {}
    for one in mine:
        above = within(one["parent"], "key")
        inside.setdefault(above if above in known else None, []).append(one)
    return [_property(one, inside, title, title, of_class) for one in inside.get(None, [])]


def _property(  # noqa: PLR0917 - a property, what is inside which, what both are called
    one: Document,
    inside: Mapping[str | None, Iterable[Document]],
    title: str,
    stem: str,
    of_class: str,
) -> Element:
    below = [_property(p, inside, f"{stem}Child", stem, of_class) for p in inside.get(one["key"], ())]
    in_class = maybe(of_class, one["class_property"])
    return make(title, make("ID", one["name"]), markup.value(one["value"]), *below, *present([in_class]))
