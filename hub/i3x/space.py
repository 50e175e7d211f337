"""The address space: objects by id, what hangs from what, what refers to what; nothing is kept of it.

Two sorts of objects are no row of the store: folders, for what hangs from nothing else, and the signals of a
unit that say which batch, unit procedure, operation and phase runs there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.i3x.naming import (
    COMPONENT_OF,
    CONSUMED_BY,
    CONSUMES,
    DERIVED_FROM,
    HAS_CHILDREN,
    HAS_COMPONENT,
    HAS_PARENT,
    KINDS,
    PLACES,
    RELATIONS,
    REVERSES,
    SOURCE_OF,
)
from hub.i3x.schemas import types_by_id
from hub.store.answers.outline import (
    OBJECT_KINDS,
    UNITS,
    Outlined,
    Piece,
    find_objects,
    list_by_id,
    list_lot_edges,
    list_referred,
    list_referring,
    list_roots,
    list_units,
    print_objects,
    references_of,
)
from hub.store.database import Connection

JsonObject = dict[str, Any]
LEVELS: dict[str, str] = {
    "batch": "Batch",
    "unit_procedure": "Unit procedure",
    "operation": "Operation",
    "phase": "Phase",
}
_FOLDERS = {f"folder/{kind}": kind for kind in OBJECT_KINDS if kind != "equipment"}
_LOT_EDGES = (
    ("material_lot", "output_lot", "input_lot", "material_lot", DERIVED_FROM),
    ("material_lot", "input_lot", "output_lot", "material_lot", SOURCE_OF),
    ("batch", "batch", "input_lot", "material_lot", CONSUMES),
    ("material_lot", "input_lot", "batch", "batch", CONSUMED_BY),
)
"""Genealogy as relationships: whose, by which column, to which column of which kind, called what."""


@dataclass(frozen=True, slots=True)
class Element:
    """An object. `row` is what the store knows of it (None: a folder); `level` makes it a unit's signal."""

    id: str
    title: str
    type: str
    parent: str | None
    is_composition: bool
    description: str | None = None
    row: Outlined | None = None
    level: str | None = None

    @property
    def is_tag(self) -> bool:
        """Whether it is a signal that a source measures, whose values are samples."""
        return self.row is not None and self.row.kind == "tag"


Edge = tuple[str, Element]
"""The relationship as the object that was asked about has it, and the object at its other end."""


# ------------------------------------------------------------------------------------------ one by one
def find_elements(connection: Connection, ids: Iterable[str]) -> dict[str, Element]:
    """Give those of these objects that there are, by id."""
    found: dict[str, Element] = {}
    asked: dict[str, set[str]] = defaultdict(set)
    for one in set(ids):
        kind, _, name = one.partition("/")
        if one in _FOLDERS:
            found[one] = _folder(_FOLDERS[one])
        elif kind == "context":
            asked["equipment"].add(name.partition("/")[0])
        elif kind in OBJECT_KINDS and name:
            asked[kind].add(name)
    wanted = set(ids)
    for kind, names in asked.items():
        for row in find_objects(connection, kind, names).values():
            around = [element_of(row), *contexts_of(row)]
            found |= {one.id: one for one in around if one.id in wanted}
    return found


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


def _folder(kind: str) -> Element:
    told = f"{KINDS[kind].plural} that hang from nothing else"
    plural = KINDS[kind].plural
    return Element(
        f"folder/{kind}", plural, "type:folder", parent=None, is_composition=False, description=told
    )


# ------------------------------------------------------------------------------------------ all of them
def list_root_elements(connection: Connection, *, limit: int) -> list[Element]:
    """Give what hangs from nothing: the top of the equipment, and the folders."""
    tops = [element_of(row) for row in list_roots(connection, "equipment", limit=limit)]
    return [*tops, *map(_folder, _FOLDERS.values())]


def print_elements(
    connection: Connection, *, type_id: str | None, metadata: bool, limit: int
) -> tuple[str, bool]:
    """Give objects (of a type) as a JSON array, and whether all fitted; the newest of a kind come first."""
    printed, left = list[str](), limit
    for kind, form in _forms_of(type_id):
        pieces, root = _pieces(kind, metadata=metadata), element_root(kind)
        text, number = print_objects(connection, kind, pieces, root=root, limit=left + 1, form=form)
        if number > left:
            text, _ = print_objects(connection, kind, pieces, root=root, limit=left, form=form)
            return f"[{','.join([*printed, *([text] if text else [])])}]", False
        printed += [text] if text else []
        left -= number
    made: list[Element] = []
    if type_id in (None, "type:folder"):
        made += map(_folder, _FOLDERS.values())
    if type_id in (None, "type:context"):
        made += [one for row in list_units(connection) for one in contexts_of(row)]
    printed += [orjson.dumps(describe(one, metadata=metadata)).decode() for one in made]
    return f"[{','.join(printed)}]", True


def element_root(kind: str) -> str | None:
    """Give what objects of a kind hang from that hang from nothing else."""
    return None if kind == "equipment" else f"folder/{kind}"


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
    if element.row is not None and element.level is None and element.row.kind in PLACES:
        told["system"] = {"href": PLACES[element.row.kind] + element.id.partition("/")[2]}
    if edges is not None:
        related: dict[str, list[str]] = defaultdict(list)
        for relationship, other in edges:
            related[relationship].append(other.id)
        told["relationships"] = related
    return told


def _forms_of(type_id: str | None) -> list[tuple[str, str | None]]:
    """Give the kinds, with their form where only that is asked for, whose objects have a type."""
    if type_id is None:
        return [(kind, None) for kind in OBJECT_KINDS]
    form = type_id.removeprefix("type:")
    if form.startswith("tag_"):
        return [("tag", form)]
    return [(form, None)] if form in OBJECT_KINDS and form != "tag" else []


def _pieces(kind: str, *, metadata: bool) -> list[Piece | tuple[str]]:
    """Give `describe` as what the database prints."""
    named = KINDS[kind]
    provenance = f',"metadata":{{"typeNamespaceUri":"{named.namespace}","sourceTypeId":"{named.source}"'
    more: list[Piece | tuple[str]] = [(provenance,), "described", ("}",)] if metadata else []
    return [
        ('{"elementId":',),
        "key",
        (',"displayName":',),
        "title",
        (',"typeElementId":"type:',),
        "form",
        ('","parentId":',),
        "parent",
        (',"isComposition":',),
        "has_parts",
        (',"isExtended":false',),
        *more,
        ("}",),
    ]


# ------------------------------------------------------------------------------------------ around one
def list_edges(connection: Connection, elements: Sequence[Element], *, limit: int) -> dict[str, list[Edge]]:
    """Give all that each of these is related to, both ways; not more than `limit` and one of a reference."""
    found: dict[str, list[Edge]] = {one.id: [] for one in elements}
    members: dict[str, dict[int, Element]] = defaultdict(dict)
    for one in elements:
        if one.row is None:
            roots = list_roots(connection, _FOLDERS[one.id], limit=limit + 1)
            found[one.id] += [(HAS_CHILDREN, element_of(row)) for row in roots]
        elif one.level is not None:
            found[one.id].append((COMPONENT_OF, element_of(one.row)))
        else:
            members[one.row.kind][one.row.id] = one
            found[one.id] += [(HAS_COMPONENT, context) for context in contexts_of(one.row)]
        if one.parent is not None and one.parent.startswith("folder/"):
            found[one.id].append((HAS_PARENT, _folder(_FOLDERS[one.parent])))
    for kind, some in members.items():
        edges = [
            *_edges_from(connection, kind, some),
            *_edges_to(connection, kind, some, limit=limit),
            *_lot_edges(connection, kind, some),
        ]
        for at, relationship, row in edges:
            found[some[at].id].append((relationship, element_of(row)))
    return {one: list(dict.fromkeys(edges)) for one, edges in found.items()}


def list_parts(
    connection: Connection, elements: Sequence[Element], *, limit: int
) -> list[tuple[str, Element]]:
    """Give the parts of these objects, each with the id of the whole."""
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    found: list[tuple[str, Element]] = []
    for one in elements:
        if one.row is not None and one.level is None and one.is_composition:
            rows[one.row.kind][one.row.id] = one.id
            found += [(one.id, context) for context in contexts_of(one.row)]
    for kind, ids in rows.items():
        for part in OBJECT_KINDS.values():
            fields = [f for f in part.parents if part.is_part and references_of(part.name)[f] == kind]
            for field in fields:
                below = list_referring(connection, part.name, field, ids, limit=limit + 1)
                found += [(ids[at], element_of(row)) for at, row in below if row.parent == ids[at]]
    return found


_Found = Iterator[tuple[int, str, Outlined]]
"""An edge: the row that it is of, the relationship, and what is at its other end."""


def _edges_from(connection: Connection, kind: str, members: Mapping[int, Element]) -> _Found:
    """Give what objects of a kind refer to."""
    own = OBJECT_KINDS[kind]
    for field in references_of(kind):
        relation = RELATIONS.get((kind, field))
        for at, row in list_referred(connection, kind, field, members):
            if field in own.parents and members[at].parent == row.key:
                yield at, COMPONENT_OF if own.is_part else HAS_PARENT, row
            if relation is not None:
                yield at, relation, row


def _edges_to(connection: Connection, kind: str, members: Mapping[int, Element], *, limit: int) -> _Found:
    """Give what refers to objects of a kind."""
    for other in OBJECT_KINDS.values():
        for field, target in references_of(other.name).items():
            relation = RELATIONS.get((other.name, field))
            if target != kind or (relation is None and field not in other.parents):
                continue
            for at, row in list_referring(connection, other.name, field, members, limit=limit + 1):
                if field in other.parents and row.parent == members[at].id:
                    yield at, HAS_COMPONENT if other.is_part else HAS_CHILDREN, row
                if relation is not None:
                    yield at, REVERSES[relation], row


def _lot_edges(connection: Connection, kind: str, members: Mapping[int, Element]) -> _Found:
    """Give what went into lots and batches, and where lots went."""
    for of, column, there, target, name in _LOT_EDGES:
        if of == kind:
            pairs = list_lot_edges(connection, column, members, other=there)
            rows = list_by_id(connection, target, {far for _, far in pairs})
            yield from ((at, name, rows[far]) for at, far in pairs if far in rows)
