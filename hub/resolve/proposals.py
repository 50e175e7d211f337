"""What rules propose: two names that may be one thing, with what speaks for it. Nothing is joined by it.

A proposal is a function of what is stated now: it comes with its evidence and goes with it. It is about two
things that nobody has joined, each stated by other systems, and stands rejected while a person keeps them
apart.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

from hub.resolve.components import keeps_apart
from hub.store.database import Connection
from hub.store.evidence import (
    Naming,
    Run,
    Said,
    counting_assertions,
    levels_of,
    namings_by,
    namings_of,
    read_runs,
    runs_like,
    said_in,
    shared_things,
    systems_stating,
)
from hub.store.identifiers import Name, names_of_entities
from hub.store.links import (
    Link,
    Pair,
    has_proposals,
    links_touching,
    pair_of,
    proposals_about,
    settle_links,
)
from hub.store.mentions import mentioned
from hub.store.pending import names_stated

SAME_LOT = "same produced lot"
SAME_OUTPUT = "same output lot"
SAME_RUN = "same unit, time and product"
PROPOSER = "hub.resolve"
OVERLAP = 0.8
"""Share of the time of two runs that they have in common, from which on they may be one."""
_WITHIN = (1 - OVERLAP) / OVERLAP
_SHOWN = 5
_WIDE = frozenset({"Enterprise", "Site", "Area", "ProcessCell"})
"""Levels of equipment on which several batches are made at the same time."""
_MATERIAL = ("material_lot", "material", "material_definition")
_OUTPUT = ("batch", "output_lot", "material_lot")
_OF_RUN = ("equipment", "product", "actual_start", "actual_end")

Things = Mapping[str, set[int]]


@dataclass
class Found:
    """What a rule found: the things that it looked at whole, and what speaks for pairs with one of them."""

    looked_at: set[int]
    standing: list[Link] = field(default_factory=list[Link])
    evidence: dict[Pair, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    scores: dict[Pair, float] = field(default_factory=dict[Pair, float])

    def add(self, pair: Pair, rule: str, score: float = 1.0, **evidence: Any) -> None:
        """Note what speaks for a pair of things."""
        self.evidence[pair].append({"rule": rule, **evidence})
        self.scores[pair] = max(score, self.scores.get(pair, 0.0))


def propose(connection: Connection, touched: Things, stated: Things, *, now: datetime) -> None:
    """Bring what rules propose about the touched things in line with what is said now.

    `stated` are those of the touched things about which a source's own statement came or went.
    """
    for entity_type, find in _FINDERS.items():
        found = find(connection, touched, stated)
        wanted, undone = _links(connection, entity_type, found)
        settle_links(
            connection,
            entity_type,
            standing=[*found.standing, *undone],
            wanted=wanted,
            by=PROPOSER,
            now=now,
        )


# ----------------------------------------------------------------------------------------- materials
def _find_materials(connection: Connection, touched: Things, stated: Things) -> Found:
    """Two definitions that two systems give one and the same lot are perhaps one material."""
    named = namings_of(connection, _MATERIAL, stated.get("material_definition", ()))
    lots = touched.get("material_lot", set()) | {n.thing for n in named}
    said = namings_by(connection, _MATERIAL, lots)
    found = Found(touched.get("material_definition", set()) | {n.named for n in said})
    pairs = _named_differently(said)
    if has_proposals(connection, "material_definition"):
        found.looked_at |= {n.named for n in namings_by(connection, _MATERIAL, lots, ever=True)}
        standing = proposals_about(connection, "material_definition", found.looked_at)
        found.standing = [link for link, _ in standing]
        pairs |= {things for _, things in standing if things[0] != things[1]}
    names: dict[int, set[int]] = defaultdict(set)
    for name in names_of_entities(connection, "material_definition", {i for pair in pairs for i in pair}):
        names[name.entity_id].add(name.id)
    for one, other in pairs:
        shared = shared_things(connection, _MATERIAL, one=names[one], other=names[other], limit=_SHOWN)
        if shared:
            found.add((one, other), SAME_LOT, lots=[{"lot": s.code, "said": _told(s.said)} for s in shared])
    return found


def _named_differently(said: Iterable[Naming]) -> set[Pair]:
    """Give the pairs of things that two systems name in the same place."""
    by_thing: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for naming in said:
        by_thing[naming.thing].add((naming.system_id, naming.named))
    return {
        pair_of(one, other)
        for some in by_thing.values()
        for (a, one), (b, other) in combinations(some, 2)
        if a != b and one != other
    }


# ------------------------------------------------------------------------------------------- batches
def _find_batches(connection: Connection, touched: Things, stated: Things) -> Found:
    """Two batches with one output lot, or on one unit at one time with one product, are perhaps one."""
    del stated  # a batch whose own statement came or went is touched, and looked at whole
    batches = touched.get("batch", set())
    lots = {n.named for n in namings_by(connection, _OUTPUT, batches, ever=True)}
    found = Found(batches | {n.thing for n in namings_of(connection, _OUTPUT, lots)})
    if has_proposals(connection, "batch"):
        found.standing = [link for link, _ in proposals_about(connection, "batch", found.looked_at)]
    _find_outputs(connection, found)
    _find_runs(connection, found)
    return found


def _find_outputs(connection: Connection, found: Found) -> None:
    """Batches that two systems give the same output lot; a lot that one gives to several says nothing."""
    lots = {n.named for n in namings_by(connection, _OUTPUT, found.looked_at)}
    by_lot: dict[int, dict[int, dict[int, Naming]]] = defaultdict(lambda: defaultdict(dict))
    for naming in namings_of(connection, _OUTPUT, lots):
        by_lot[naming.named][naming.system_id][naming.thing] = naming
    pairs: dict[Pair, set[int]] = defaultdict(set)
    for by_system in by_lot.values():
        single = [next(iter(some.values())) for some in by_system.values() if len(some) == 1]
        for one, other in combinations(single, 2):
            if one.thing != other.thing and found.looked_at & {one.thing, other.thing}:
                pairs[pair_of(one.thing, other.thing)] |= {one.assertion_id, other.assertion_id}
    said = said_in(connection, {i for ids in pairs.values() for i in ids})
    for pair, ids in pairs.items():
        found.add(pair, SAME_OUTPUT, said=_told(said[i] for i in ids))


def _find_runs(connection: Connection, found: Found) -> None:
    """Batches that had the same unit at nearly the same time for the same product."""
    runs = read_runs(connection, found.looked_at)
    scores = {
        pair_of(one.batch, other.batch): share
        for one, other in _like(runs, runs_like(connection, runs, within=_WITHIN))
        if (share := _overlap(one, other)) >= OVERLAP
    }
    units = {run.batch: run.unit for run in runs}
    levels = levels_of(connection, {units[i] for pair in scores for i in pair if i in units})
    narrow = {b for b, unit in units.items() if unit in levels and levels[unit] not in _WIDE}
    scores = {pair: share for pair, share in scores.items() if narrow & set(pair)}
    things = {i for pair in scores for i in pair}
    behind = counting_assertions(connection, "batch", attributes=_OF_RUN, things=things)
    said = said_in(connection, {i for ids in behind.values() for i in ids})
    for pair, share in scores.items():
        ids = {i for batch in pair for i in behind.get(batch, ())}
        found.add(pair, SAME_RUN, round(share, 4), said=_told(said[i] for i in ids))


def _like(runs: Iterable[Run], others: Iterable[Run]) -> Iterator[tuple[Run, Run]]:
    """Give the pairs of runs of one unit and product whose starts are near each other."""
    by_place: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for other in sorted(others, key=lambda r: r.start):
        by_place[other.unit, other.product, other.kind].append(other)
    for run in runs:
        near = by_place[run.unit, run.product, run.kind]
        slack = _WITHIN * (run.end - run.start)
        for other in near[bisect_left(near, run.start - slack, key=lambda r: r.start) :]:
            if other.start > run.start + slack:
                break
            if other.batch != run.batch and not {run.batch, other.batch} & {run.campaign, other.campaign}:
                yield run, other


def _overlap(one: Run, other: Run) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared / (max(one.end, other.end) - min(one.start, other.start))


_FINDERS: dict[str, Callable[[Connection, Things, Things], Found]] = {
    "material_definition": _find_materials,
    "batch": _find_batches,
}


# --------------------------------------------------------------------------------------------- links
def _links(connection: Connection, entity_type: str, found: Found) -> tuple[dict[Pair, Link], list[Link]]:
    """Give the links to be proposed, each between the first names of its things, and such once undone."""
    things = {i for pair in found.evidence for i in pair}
    all_names = names_of_entities(connection, entity_type, things) if things else []
    around = links_touching(connection, [n.id for n in all_names])
    used = mentioned(connection, [n.id for n in all_names])
    names = [n for n in all_names if n.id in used]
    of = {n.id: n.entity_id for n in names}
    apart = {pair_of(of.get(a, 0), of.get(b, 0)) for a, b in (k.pair for k in around if keeps_apart(k))}
    stating = systems_stating(connection, entity_type, things)
    first = _first_names(names, names_stated(connection, of))
    wanted: dict[Pair, Link] = {}
    for (one, other), evidence in found.evidence.items():
        if stating.get(one, set()) & stating.get(other, set()) or not {one, other} <= first.keys():
            continue
        link = Link(
            pair_of(first[one].id, first[other].id),
            "rule",
            "rejected" if (one, other) in apart else "proposed",
            {"rules": sorted(evidence, key=lambda e: e["rule"])},
            found.scores[one, other],
        )
        wanted[link.pair] = link
    return wanted, [k for k in around if k.method == "rule" and k.state == "reversed"]


def _first_names(names: Iterable[Name], stated: set[int]) -> dict[int, Name]:
    """Give the name by which each thing is proposed: one that is stated before one that is only used."""
    first: dict[int, Name] = {}
    for name in sorted(names, key=lambda n: (n.id not in stated, n.scheme, n.value)):
        first.setdefault(name.entity_id, name)
    return first


def _told(said: Iterable[Said]) -> list[dict[str, str]]:
    return [{"source": s.source, "record": s.record, "value": s.value} for s in sorted(set(said))]
