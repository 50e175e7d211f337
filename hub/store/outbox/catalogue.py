"""The catalogue: which events there are, from which tables they are told, and what each means."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from hub.store.tables import ENTITY_TABLES

THINGS = tuple(ENTITY_TABLES)
EventType = Literal[
    "plantwide.batch.changed.v1",
    "plantwide.lot.changed.v1",
    "plantwide.conflict.opened.v1",
    "plantwide.conflict.resolved.v1",
    "plantwide.link.proposed.v1",
    "plantwide.link.decided.v1",
    "plantwide.link.undone.v1",
    "plantwide.document.quarantined.v1",
    "plantwide.document.released.v1",
    "plantwide.result.failed.v1",
    "plantwide.result.corrected.v1",
    "plantwide.result.withdrawn.v1",
]


@dataclass(frozen=True)
class Kind:
    """A kind of event: its number among those of one row, its tables, and what it means.

    The number is part of the ids of events, so it never changes.
    """

    part: int
    tables: tuple[str, ...]
    meaning: str


CATALOGUE: Mapping[str, Kind] = {
    "plantwide.batch.changed.v1": Kind(
        1, ("batch",), "A batch became known, or values that count of it changed; `attributes` names them."
    ),
    "plantwide.lot.changed.v1": Kind(1, ("material_lot",), "The same of a lot of material."),
    "plantwide.conflict.opened.v1": Kind(
        2, THINGS, "Sources contradict each other about a thing of which they did not before."
    ),
    "plantwide.conflict.resolved.v1": Kind(
        3, THINGS, "Nothing about a thing is contradicted any more: sources agree, or somebody has decided."
    ),
    "plantwide.link.proposed.v1": Kind(
        1, ("link_decision",), "A rule proposes that two names mean one thing."
    ),
    "plantwide.link.decided.v1": Kind(
        2, ("link_decision",), "A person decided that two names are one thing (`same`) or not (`apart`)."
    ),
    "plantwide.link.undone.v1": Kind(
        3, ("link_decision",), "A person's decision about two names was undone."
    ),
    "plantwide.document.quarantined.v1": Kind(
        1, ("quarantine",), "A document, or a part of one, could not be read and is held with the reason."
    ),
    "plantwide.document.released.v1": Kind(
        2, ("quarantine",), "What was held could be read (`resolved`), or was `dismissed`."
    ),
    "plantwide.result.failed.v1": Kind(
        1, ("test_result",), "The laboratory states that a result is out of specification."
    ),
    "plantwide.result.corrected.v1": Kind(
        2, ("test_result",), "The laboratory states a known result otherwise than before."
    ),
    "plantwide.result.withdrawn.v1": Kind(3, ("test_result",), "The laboratory has taken a result back."),
}
"""Kinds of events by their type."""

TEST = "plantwide.webhook.test.v1"
"""What is sent when somebody tries a webhook; it is in no list."""


def tables_of(types: Collection[str]) -> list[str]:
    """Give the tables from which events of these types are told; of all types when none is named."""
    return sorted({table for name in types or CATALOGUE for table in CATALOGUE[name].tables})
