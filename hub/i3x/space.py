"""The address space: objects by id, what hangs from what, what refers to what; nothing is kept of it.

What was measured in a batch is found around it and by id, and is in no list: it is worked out from the times
in which the batch ran, and is as much for each as its units have tags.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import orjson

from hub.i3x.elements import (
    FOLDERS,
    MEASURED,
    Edge,
    Element,
    contexts_of,
    describe,
    element_of,
    folder_of,
    measured_of,
    signals_of,
)
from hub.i3x.naming import (
    COMPONENT_OF,
    CONSUMED_BY,
    CONSUMES,
    DERIVED_FROM,
    HAS_CHILDREN,
    HAS_COMPONENT,
    HAS_PARENT,
    KINDS,
    RELATIONS,
    REVERSES,
    SOURCE_OF,
)
from hub.resolve.signals import list_signals_of
from hub.store.answers.outline import (
    OBJECT_KINDS,
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

_LOT_EDGES = (
    ("material_lot", "output_lot", "input_lot", "material_lot", DERIVED_FROM),
    ("material_lot", "input_lot", "output_lot", "material_lot", SOURCE_OF),
    ("batch", "batch", "input_lot", "material_lot", CONSUMES),
    ("material_lot", "input_lot", "batch", "batch", CONSUMED_BY),
)
"""Genealogy as relationships: whose, by which column, to which column of which kind, called what."""


# ------------------------------------------------------------------------------------------ one by one
def find_elements(connection: Connection, ids: Iterable[str], *, now: datetime) -> dict[str, Element]:
    """Give those of these objects that there are, by id, in the order in which they are asked for.

    A batch that is open has signals until `now`.
    """
    found: dict[str, Element] = {}
    asked: dict[str, set[str]] = defaultdict(set)
    measured: set[str] = set()
    wanted = dict.fromkeys(ids)
    for one in wanted:
        kind, _, name = one.partition("/")
        if one in FOLDERS:
            found[one] = folder_of(FOLDERS[one])
        elif kind == "context":
            asked["equipment"].add(name.partition("/")[0])
        elif kind == "batch" and name.partition("/")[2].partition("/")[0] == MEASURED:
            asked["batch"].add(name.partition("/")[0])
            measured.add(f"batch/{name.partition('/')[0]}")
        elif kind in OBJECT_KINDS and name:
            asked[kind].add(name)
    for kind, names in asked.items():
        rows = find_objects(connection, kind, names)
        around = [one for row in rows.values() for one in (element_of(row), *contexts_of(row))]
        if kind == "batch":
            for whole in _list_measured(connection, [rows[key] for key in measured & rows.keys()], now=now):
                around += [whole, *signals_of(whole)]
        found |= {one.id: one for one in around if one.id in wanted}
    return {one: found[one] for one in wanted if one in found}


def _list_measured(connection: Connection, batches: Sequence[Outlined], *, now: datetime) -> list[Element]:
    """Give of each of these batches the object that holds its signals."""
    if not batches:
        return []
    signals = list_signals_of(connection, [batch.id for batch in batches], now=now)
    tags = list_by_id(connection, "tag", {one.tag_id for some in signals.values() for one in some})
    return [
        measured_of(batch, [(one, tags[one.tag_id]) for one in signals[batch.id] if one.tag_id in tags])
        for batch in batches
    ]


# ------------------------------------------------------------------------------------------ all of them
def list_root_elements(connection: Connection, *, limit: int) -> list[Element]:
    """Give what hangs from nothing: the top of the equipment, and the folders."""
    tops = [element_of(row) for row in list_roots(connection, "equipment", limit=limit)]
    return [*tops, *map(folder_of, FOLDERS.values())]


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
        made += map(folder_of, FOLDERS.values())
    if type_id in (None, "type:context"):
        made += [one for row in list_units(connection) for one in contexts_of(row)]
    printed += [orjson.dumps(describe(one, metadata=metadata)).decode() for one in made]
    return f"[{','.join(printed)}]", True


def element_root(kind: str) -> str | None:
    """Give what objects of a kind hang from that hang from nothing else."""
    return None if kind == "equipment" else f"folder/{kind}"


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
def list_edges(
    connection: Connection, elements: Sequence[Element], *, limit: int, now: datetime
) -> dict[str, list[Edge]]:
    """Give all that each of these is related to, both ways; not more than `limit` and one of a reference."""
    found: dict[str, list[Edge]] = {one.id: [] for one in elements}
    members: dict[str, dict[int, Element]] = defaultdict(dict)
    for one in elements:
        if one.row is None:
            roots = list_roots(connection, FOLDERS[one.id], limit=limit + 1)
            found[one.id] += [(HAS_CHILDREN, element_of(row)) for row in roots]
        elif one.level is not None:
            found[one.id].append((COMPONENT_OF, element_of(one.row)))
        elif one.is_record:
            members[one.row.kind][one.row.id] = one
            found[one.id] += [(HAS_COMPONENT, context) for context in contexts_of(one.row)]
        if one.parent is not None and one.parent.startswith("folder/"):
            found[one.id].append((HAS_PARENT, folder_of(FOLDERS[one.parent])))
    for kind, some in members.items():
        edges = [
            *_edges_from(connection, kind, some),
            *_edges_to(connection, kind, some, limit=limit),
            *_lot_edges(connection, kind, some),
        ]
        for at, relationship, row in edges:
            found[some[at].id].append((relationship, element_of(row)))
    for one, relationship, other in _measured_edges(connection, elements, members["batch"], now=now):
        found[one].append((relationship, other))
    return {one: list(dict.fromkeys(edges)) for one, edges in found.items()}


def _measured_edges(
    connection: Connection, elements: Sequence[Element], batches: Mapping[int, Element], *, now: datetime
) -> Iterator[tuple[str, str, Element]]:
    """Give what leads to the signals of batches, and back: of whom, the relationship, the other end."""
    for whole in _list_measured(connection, [one.row for one in batches.values() if one.row], now=now):
        yield whole.parent or "", HAS_CHILDREN, whole
    made = [one for one in elements if one.signals is not None]
    parents = find_elements(connection, {one.parent for one in made if one.parent}, now=now) if made else {}
    for one in made:
        yield from ((one.id, HAS_COMPONENT, signal) for signal in signals_of(one))
        if one.parent in parents:
            above = COMPONENT_OF if one.signal is not None else HAS_PARENT
            yield one.id, above, parents[one.parent]


def list_parts(
    connection: Connection, elements: Sequence[Element], *, limit: int
) -> list[tuple[str, Element]]:
    """Give the parts of these objects, each with the id of the whole."""
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    found: list[tuple[str, Element]] = []
    for one in elements:
        found += [(one.id, signal) for signal in signals_of(one)]
        if one.row is not None and one.is_record and one.is_composition:
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
