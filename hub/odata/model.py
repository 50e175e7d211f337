"""The entity model: each collection as a flat entity type with a key, and the set of samples.

A reference is shown by flat columns (`product_uid`, `product_code`) and is a navigation under its own name.
"""

from dataclasses import dataclass
from functools import cache

from hub.store.questions.collections import (
    Collection,
    find_collection,
    key_name,
    list_collections,
    list_flat_parts,
)

NAMESPACE = "Plantwide"
SAMPLES = "samples"
_TYPES = {
    "text": "Edm.String",
    "number": "Edm.Double",
    "integer": "Edm.Int64",
    "flag": "Edm.Boolean",
    "instant": "Edm.DateTimeOffset",
}


@dataclass(frozen=True)
class Member:
    """A structural property with its type."""

    name: str
    type: str
    may_be_null: bool


@dataclass(frozen=True)
class Way:
    """A navigation property; `own` and `other` are the columns that are equal along it, where both show."""

    name: str
    target: str
    is_many: bool
    own: str | None = None
    other: str | None = None


@dataclass(frozen=True)
class EntitySet:
    """A set with its entity type."""

    name: str
    type: str
    description: str
    key: tuple[str, ...]
    members: tuple[Member, ...]
    ways: tuple[Way, ...]

    def member(self, name: str) -> Member | None:
        """Give the structural property of this name."""
        return next((one for one in self.members if one.name == name), None)


@cache
def list_sets() -> tuple[EntitySet, ...]:
    """Give all sets."""
    return (*(_describe(find_collection(name)) for name in list_collections()), _SAMPLES)


@cache
def find_set(name: str) -> EntitySet | None:
    """Give the set of this name."""
    return next((one for one in list_sets() if one.name == name), None)


def _describe(collection: Collection) -> EntitySet:
    members = tuple(Member(p.name, _TYPES[p.kind], p.may_be_null) for p in list_flat_parts(collection))
    shown = {one.name for one in members}
    ways: list[Way] = []
    for way in collection.navigations.values():
        own, other = way.name + "_uid", "uid"
        if collection.family == "star":
            own, other = way.here, way.there
        elif find_collection(way.target).family == "fact":
            own, other = way.name + "_id", "id"
        is_shown = not way.is_many and own in shown
        ways.append(
            Way(way.name, way.target, way.is_many, own if is_shown else None, other if is_shown else None)
        )
    return EntitySet(
        collection.name,
        _type_name(collection.kind),
        collection.description,
        (key_name(collection),),
        members,
        tuple(ways),
    )


def _type_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


_SAMPLES = EntitySet(
    SAMPLES,
    "TagSample",
    "Samples of tags (time series). $filter must name tags or a batch; for tags also a time from and to.",
    ("tag", "time"),
    (
        Member("tag", "Edm.String", may_be_null=False),
        Member("time", "Edm.DateTimeOffset", may_be_null=False),
        Member("value", "Edm.Double", may_be_null=True),
        Member("text", "Edm.String", may_be_null=True),
        Member("quality", "Edm.Int64", may_be_null=False),
        Member("batch", "Edm.String", may_be_null=True),
    ),
    (),
)
