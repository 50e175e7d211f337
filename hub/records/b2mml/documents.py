"""The kinds of documents that a batch can be written as, each with what it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from hub.records.b2mml.batch_record import build_batch_record
from hub.records.b2mml.definitions import build_definitions, build_segments
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.inventory import build_calendar, build_equipment, build_materials
from hub.records.b2mml.markup import Element, write
from hub.records.b2mml.performance import Performance
from hub.records.b2mml.recipes import build_batch_information
from hub.records.b2mml.schedule import build_schedule
from hub.store.database import Connection

Kind: TypeAlias = Literal[
    "BatchProductionRecord",
    "OperationsPerformance",
    "BatchInformation",
    "OperationsSchedule",
    "OperationsDefinitionInformation",
    "ProcessSegmentInformation",
    "MaterialInformation",
    "EquipmentInformation",
    "WorkCalendarInformation",
]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class _Kind:
    build: Callable[[Gathering], Element]
    tells: str
    has_some: Callable[[Gathering], bool]


def _is_run(facts: Gathering) -> bool:
    """Say whether the batch is one that runs: a campaign, which holds batches, is in a list alone."""
    return facts.batch["kind"] != "campaign"


DOCUMENTS: Mapping[Kind, _Kind] = {
    "BatchProductionRecord": _Kind(
        build_batch_record, "the batch with all that happened to it (ISA-88.04)", _is_run
    ),
    "OperationsPerformance": _Kind(
        lambda facts: Performance(facts).build(), "the executed part alone (ISA-95.02)", _is_run
    ),
    "BatchInformation": _Kind(
        build_batch_information, "its recipes with procedure and parameters, its list entry", lambda _: True
    ),
    "OperationsSchedule": _Kind(
        build_schedule, "the order that it answers", lambda facts: bool(facts.orders)
    ),
    "OperationsDefinitionInformation": _Kind(
        build_definitions, "how what it makes is made", lambda facts: bool(facts.definitions)
    ),
    "ProcessSegmentInformation": _Kind(
        build_segments, "its steps as the site speaks of them", lambda facts: bool(facts.segments)
    ),
    "MaterialInformation": _Kind(
        build_materials, "the lots and materials that it used and made", lambda f: bool(f.materials or f.lots)
    ),
    "EquipmentInformation": _Kind(
        build_equipment, "the equipment that it ran on", lambda facts: bool(facts.equipment)
    ),
    "WorkCalendarInformation": _Kind(
        build_calendar, "how that equipment's time was used", lambda facts: bool(facts.times)
    ),
}
"""The documents by name, each with what it tells of a batch."""


class Empty(LookupError):
    """The hub knows nothing of what the document would tell; the others tell the rest."""


OF: Mapping[str, tuple[Kind, ...]] = {
    "batch": KINDS,
    "operations_request": ("OperationsSchedule", "OperationsDefinitionInformation"),
    "recipe": ("BatchInformation",),
    "material_lot": ("MaterialInformation",),
    "material_definition": ("MaterialInformation",),
}
"""The documents of each type of thing; the first is the one that is meant when nothing is said."""


def write_document(
    connection: Connection,
    thing: str,
    thing_id: int,
    *,
    kind: Kind | None = None,
    receiver: str | None = None,
) -> tuple[Kind, bytes]:
    """Give a document of a thing of this type as B2MML V7.0.1, UTF-8, and which it is.

    Things are called by their code and its scheme, or as the source `receiver` calls them where it has a
    name for them. The same knowledge gives the same bytes. Raises `TooLarge`, `Empty`.
    """
    facts = Gathering(connection, thing, thing_id, receiver=receiver)
    there = _of(thing, facts)
    chosen = kind if kind is not None else next(iter(there), OF[thing][0])
    if chosen not in there:
        raise Empty(f"there is nothing that a {chosen} would tell; there is {', '.join(there) or 'none'}")
    return chosen, write(DOCUMENTS[chosen].build(facts))


def write_all(connection: Connection, batch_id: int, *, receiver: str | None = None) -> dict[Kind, bytes]:
    """Give all documents of a batch that say anything; each fact is read once. Raises `TooLarge`."""
    facts = Gathering(connection, "batch", batch_id, receiver=receiver)
    return {kind: write(DOCUMENTS[kind].build(facts)) for kind in _of("batch", facts)}


def _of(thing: str, facts: Gathering) -> list[Kind]:
    return [kind for kind in OF[thing] if DOCUMENTS[kind].has_some(facts)]
