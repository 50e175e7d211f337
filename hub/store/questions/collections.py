"""What can be asked for: every type of thing and fact of the model, and every view of the star.

Made from the same reading of the record classes as the tables, so a new field can be asked for at once.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Boolean, Float, FromClause, Integer, Numeric, String

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.answers.readings import Reading, Slot, fact_reading, thing_reading
from hub.store.mart import STAR
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, source_system
from hub.store.tables.columns import AMOUNT, RESULT
from hub.store.tables.parts import UtcDateTime

PropertyKind = Literal[
    "text", "choice", "number", "integer", "flag", "instant", "reference", "source", "said"
]
Family = Literal["thing", "fact", "star"]

THINGS: dict[str, str] = {
    "resource_classes": "resource_class",
    "equipment": "equipment",
    "assets": "physical_asset",
    "persons": "person",
    "materials": "material_definition",
    "segments": "process_segment",
    "operations": "operations_definition",
    "orders": "operations_request",
    "segment_requirements": "segment_requirement",
    "recipes": "recipe",
    "specifications": "test_specification",
    "batches": "batch",
    "lots": "material_lot",
    "tags": "tag",
    "quality_events": "quality_event",
    "documents": "document",
}
"""Collections of mastered things by the noun under which they are asked for."""
FACTS: dict[str, str] = {
    "resource_properties": "resource_property",
    "asset_mappings": "equipment_asset_mapping",
    "qualifications": "qualification",
    "custody_events": "custody_event",
    "dispositions": "disposition",
    "recipe_elements": "recipe_element",
    "recipe_parameters": "recipe_parameter",
    "material_requirements": "material_requirement",
    "phases": "segment_response",
    "phase_data": "segment_data",
    "movements": "material_actual",
    "resource_uses": "resource_actual",
    "equipment_times": "equipment_time",
    "lab_samples": "sample",
    "criteria": "test_criterion",
    "results": "test_result",
    "events": "operations_event",
    "document_owners": "document_owner",
}
"""Collections of observed facts; `lab_samples` are those of the laboratory, not those of tags."""

_NOUNS = {kind: noun for noun, kind in (THINGS | FACTS).items()}
_FIRST: dict[str, tuple[str, ...]] = {"batches": ("actual_start",)}
"""The order when nothing is said; other things are ordered by code, facts and the star by key."""


class NoSuchCollection(LookupError):
    """There is no collection of that name; /v1/collections lists all."""


@dataclass(frozen=True)
class Property:
    """What conditions and orders may name: its kind, its column, for a reference the type of thing.

    A `choice` has what a source wrote instead in the column `beside`; `said` is the column of the name that
    a source gave for a reference (that name is a property too, of the kind `said`), `values` those of a list.
    """

    name: str
    kind: PropertyKind
    column: str
    beside: str | None = None
    target: str = ""
    said: str | None = None
    values: tuple[str, ...] = ()


_OWN: dict[str, tuple[Property, ...]] = {
    "segment_response": (Property("duration_s", "number", "duration_s"),),
    "material_actual": (
        Property("count_state", "text", "count_state"),
        Property("count_difference", "number", "count_difference"),
        Property("counted", "number", "count_quantity"),
        Property("counted_unit", "text", "count_unit"),
        Property("disputes", "integer", "disputes_id"),
    ),
}
"""What the hub works out beside the fields of a fact."""


@dataclass(frozen=True)
class Navigation:
    """A way from a row to others: to those whose column `there` equals the row's column `here`."""

    name: str
    target: str
    here: str
    there: str
    is_many: bool


@dataclass(frozen=True)
class Collection:
    """Rows of one kind that can be asked for: their table, how they are read, what may be named of them.

    `aliases` are the names of a flat row's columns that are no properties, each with the path that it means.
    """

    name: str
    family: Family
    kind: str
    description: str
    table: FromClause
    key: str
    reading: Reading
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    first: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True)
class FlatPart:
    """A column of a flat row: its name, the kind of its values, whether it may have none."""

    name: str
    kind: PropertyKind
    may_be_null: bool


def list_flat_parts(collection: Collection) -> list[FlatPart]:
    """Give the columns of a collection's flat rows."""
    key = key_name(collection)
    return [
        FlatPart(slot.name, _kind_of(slot.columns[0].type), slot.name != key)
        for slot in collection.reading.flat.slots
    ]


def key_name(collection: Collection) -> str:
    """Give the property by which a row is asked for: of things their uid, else the row's own key."""
    return "uid" if collection.family == "thing" else collection.key


def list_collections() -> tuple[str, ...]:
    """Give the names of all collections."""
    return (*THINGS, *FACTS, *STAR)


@cache
def find_collection(name: str) -> Collection:
    """Give a collection by its name. Raises `NoSuchCollection`."""
    if name in THINGS:
        return _thing(name, THINGS[name])
    if name in FACTS:
        return _fact(name, FACTS[name])
    if name in STAR:
        return _view(name)
    raise NoSuchCollection(name)


def collection_of(kind: str) -> Collection:
    """Give the collection of a type of thing or fact."""
    return find_collection(_NOUNS[kind])


def _thing(name: str, entity_type: str) -> Collection:
    own: list[Property] = [Property(n, "text", n) for n in ("uid", "code", "description", "lifecycle")]
    own += [
        Property("has_conflict", "flag", "has_conflict"),
        Property("recorded_at", "instant", "recorded_at"),
        Property("version", "integer", "version"),
    ]
    fields = [field for field in fields_of(MASTERED[entity_type]) if field.name != "description"]
    if entity_type == "equipment":
        own.append(Property("path", "text", "path"))
    return Collection(
        name,
        "thing",
        entity_type,
        _first_line(MASTERED[entity_type]),
        ENTITY_TABLES[entity_type],
        "id",
        thing_reading(entity_type),
        _by_name(*own, *(p for field in fields for p in _golden(field))),
        _navigations(entity_type, fields),
        _FIRST.get(name, ("code",)),
        _aliases(fields),
    )


def _fact(name: str, record_type: str) -> Collection:
    own: list[Property] = [
        Property("id", "integer", "id"),
        Property("source", "source", "source_system_id"),
        Property("source_record", "integer", "source_record_id"),
        Property("key", "text", "source_key"),
        Property("same_as", "integer", "same_as_id"),
        Property("is_retracted", "flag", "is_retracted"),
        Property("version", "integer", "version"),
        Property("recorded_at", "instant", "recorded_at"),
        *_OWN.get(record_type, ()),
    ]
    fields = fields_of(OBSERVED[record_type])
    return Collection(
        name,
        "fact",
        record_type,
        _first_line(OBSERVED[record_type]),
        FACT_TABLES[record_type],
        "id",
        fact_reading(record_type),
        _by_name(*own, *(p for field in fields for p in _observed(field))),
        _navigations(record_type, fields),
        (),
        _aliases(fields),
    )


def _view(name: str) -> Collection:
    write = STAR[name]
    table = write().subquery(name)
    columns = list(table.c)
    reading = Reading(table, tuple(Slot(str(c.name), (c,)) for c in columns), table, key=columns[0])
    properties = _by_name(*(Property(str(c.name), _kind_of(c.type), str(c.name)) for c in columns))
    keys = {c.name for c in columns}
    ways = [
        Navigation(name_of, target, key, _KEYS[target], is_many=False)
        for key, name_of, target in _STAR_KEYS
        if key in keys and target != name
    ]
    for column in (str(c.name) for c in columns if c.name.endswith("_day")):
        name_of = f"time_of_{column.removesuffix('_day')}"
        ways.append(Navigation(name_of, "dim_time", column, "day_key", is_many=False))
    return Collection(
        name,
        "star",
        name,
        (write.__doc__ or "").strip().partition("\n")[0],
        table,
        str(columns[0].name),
        reading,
        properties,
        {way.name: way for way in ways},
        (),
    )


_KEYS = {
    "dim_site": "site_key",
    "dim_equipment": "equipment_key",
    "dim_material": "material_key",
    "dim_recipe": "recipe_key",
    "dim_segment": "segment_key",
    "dim_order": "order_key",
    "dim_lot": "lot_key",
    "dim_batch": "batch_key",
}
_STAR_KEYS = (
    *((key, target, target) for target, key in _KEYS.items()),
    ("campaign_key", "campaign_batch", "dim_batch"),
)


def _golden(field: Field) -> Iterable[Property]:
    match field.kind:
        case "reference":
            yield Property(field.name, "reference", f"{field.name}_id", target=field.target or "")
        case "quantity":
            yield Property(field.name, "number", field.name)
            for part in ("text", "unit", "source_unit"):
                yield Property(f"{field.name}_{part}", "text", f"{field.name}_{part}")
        case _:
            yield from _plain(field)


def _observed(field: Field) -> Iterable[Property]:
    match field.kind:
        case "reference":
            yield Property(
                field.name,
                "reference",
                f"{field.name}_id",
                target=field.target or "",
                said=f"{field.name}_identifier_id",
            )
            yield Property(f"{field.name}_reported", "said", f"{field.name}_identifier_id")
        case "quantity":
            yield Property(field.name, "number", AMOUNT[0])
            yield Property(f"{field.name}_text", "text", AMOUNT[1])
            yield Property(f"{field.name}_unit", "text", AMOUNT[2])
            yield Property(f"{field.name}_source_unit", "text", AMOUNT[3])
        case "measurement":
            yield Property(field.name, "number", RESULT[0])
            yield Property(f"{field.name}_text", "text", RESULT[1])
            yield Property(f"{field.name}_comparator", "text", RESULT[2])
            yield Property(f"{field.name}_unit", "text", RESULT[3])
            yield Property(f"{field.name}_source_unit", "text", RESULT[4])
        case "peer":
            yield Property(field.name, "integer", f"{field.name}_id")
            yield Property(f"{field.name}_key", "text", f"{field.name}_key")
        case _:
            yield from _plain(field)


def _plain(field: Field) -> Iterable[Property]:
    if field.kind == "choice":
        beside = f"{field.name}_text"
        yield Property(field.name, "choice", field.name, beside=beside, values=field.values)
        yield Property(beside, "text", beside)
        return
    kind: Any = field.kind
    yield Property(field.name, kind, field.name, values=field.values)


def _aliases(fields: Iterable[Field]) -> dict[str, tuple[str, ...]]:
    """Give the paths of what a flat row shows of references: `product_code` is `product/code`."""
    found: dict[str, tuple[str, ...]] = {}
    for one in fields:
        if one.kind == "reference":
            found |= {f"{one.name}_{part}": (one.name, part) for part in ("uid", "code", "description")}
        elif one.kind == "peer":
            found[f"{one.name}_id"] = (one.name,)
    return found


def _navigations(kind: str, fields: Iterable[Field]) -> dict[str, Navigation]:
    """Give the ways along a kind's own references, and back along those that lead to it."""
    ways = [
        Navigation(field.name, _NOUNS[field.target or ""], f"{field.name}_id", "id", is_many=False)
        for field in fields
        if field.kind in ("reference", "peer")
    ]
    for other, record in (MASTERED | OBSERVED).items():
        leading = [f for f in fields_of(record) if f.kind in ("reference", "peer") and f.target == kind]
        for field in leading:
            noun = _NOUNS[other]
            name = noun if len(leading) == 1 else f"{noun}_by_{field.name}"
            ways.append(Navigation(name, noun, "id", f"{field.name}_id", is_many=True))
    return {way.name: way for way in ways}


def _kind_of(column_type: Any) -> PropertyKind:
    match column_type:
        case UtcDateTime():
            return "instant"
        case Boolean():
            return "flag"
        case Integer():
            return "integer"
        case Float() | Numeric():
            return "number"
        case String():
            return "text"
        case _:
            raise TypeError(f"the star shows a column of type {column_type!r}, which no question can name")


def _by_name(*properties: Property) -> dict[str, Property]:
    return {one.name: one for one in properties}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


SOURCES = source_system
"""Where the code of a fact's source stands."""
