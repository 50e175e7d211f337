"""Counted once: movements that two systems saw are paired by batch, lot and use, and reversals net out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hub.resolve.genealogy import draw_edges
from hub.resolve.netting import Movement, net_movements
from hub.resolve.precedence import COUNTING, rank, rule_for
from hub.resolve.runs import pair_runs
from hub.resolve.sightings import (
    Fact,
    Marks,
    Scope,
    Sightings,
    mark_movements,
    material_of,
    scope_of,
    sort_movements,
)
from hub.store.database import Connection
from hub.store.entities import load_entities
from hub.store.facts import facts_of_batches, mark_sightings, replace_edges
from hub.store.movements import (
    Lot,
    Touched,
    load_base_units,
    load_lots,
    movements_of,
    strays_of,
    tied_to,
)
from hub.store.rules import Rule, load_rules
from hub.store.systems import System, list_systems

Counted = dict[Scope, list[Movement]]
"""What counts of all that was moved, netted out, in each batch, or of each lot without one."""


def recount(connection: Connection, touched: Touched, ahead: Counted | None = None) -> None:
    """Pair sightings, and rebuild genealogy, of these batches and lots from all that is known of them now.

    `ahead` is what `CountedAhead` found in this transaction.
    """
    if not touched:
        return
    counted = _count_movements(connection, touched, ahead or {})
    batches = sorted(touched.batches)
    runs = facts_of_batches(connection, "segment_response", batches)
    _write(connection, "segment_response", facts=runs, marks=pair_runs(runs, list_systems(connection)))
    rows = load_entities(connection, "batch", batches)
    parents = {run["id"]: run["parent_id"] for run in runs}
    edges = {b: draw_edges(counted.get(("batch", b), ()), rows[b]["output_lot_id"], parents) for b in batches}
    replace_edges(connection, edges)


class CountedAhead:
    """New movements that are counted before they are written, so that a row is written once, not twice.

    Whoever writes them has them counted all the same, for that looks further: at what is taken back
    elsewhere, at what changes with them. What is to be known is asked at once; working it out asks nothing,
    so that it may be done while the database is at work on something else.

    `rows` have their ids. `beside` are movements that are written with the new ones and are not new; of these
    one that was retracted may come back.
    """

    def __init__(self, connection: Connection, rows: Sequence[Fact], *, beside: Sequence[Fact]) -> None:
        self._fresh = rows
        self._touched = _touch(filter(None, map(scope_of, self._fresh)))
        self._there = movements_of(connection, self._touched)
        self._beside = beside
        self._known = _known(connection, [*self._there, *self._fresh])

    def work_out(self) -> tuple[list[Fact], Counted]:
        """Give the movements with what counting finds of them and of what stands beside them.

        It may leave out what is given second: what counts where all that was moved is new, and takes nothing
        back. What counts comes before what is beside it or disputes it, so that no row points at one that is
        not there yet.
        """
        inside, sightings = _sight(self._known, [*self._there, *self._fresh], self._touched)
        marks = mark_movements(sightings, self._known.rule)
        marked = [{**fact, **marks.get(fact["id"], {})} for fact in self._fresh]
        marked.sort(key=lambda f: bool(f["same_as_id"] or f["disputes_id"]))
        tied = [m for m in inside if m.fact["reverses_key"] is not None]
        ends = (*self._there, *self._beside, *(f for m in tied for f in (m.fact, m.home)))
        open_ends = {scope_of(f) for f in ends}
        return marked, {s: some for s, some in _by_scope(sightings).items() if s not in open_ends}


def _count_movements(connection: Connection, touched: Touched, ahead: Counted) -> Counted:
    """Count what was touched; not again what was counted ahead, unless something elsewhere is tied to it."""
    if ahead and strays_of(connection, _touch(ahead)):
        ahead = {}
    rest = _touch(s for s in _scopes(touched) if s not in ahead)
    facts = _gather(connection, rest)
    touched |= rest
    if not facts:
        return ahead
    known = _known(connection, facts)
    inside, sightings = _sight(known, facts, rest)
    marks = mark_movements(sightings, known.rule)
    _write(connection, "material_actual", facts=[m.fact for m in inside], marks=marks)
    return {**ahead, **_by_scope(sightings)}


def _by_scope(sightings: Iterable[Sightings]) -> Counted:
    counted: Counted = {}
    for seen in sightings:
        counted.setdefault(seen.scope, []).extend(m for m in seen.counted if not m.is_netted)
    return counted


class _Known(NamedTuple):
    """What counting looks at besides the movements."""

    systems: Mapping[int, System]
    rule: Rule
    lots: Mapping[int, Lot]
    units: Mapping[int, str]


def _known(connection: Connection, facts: Sequence[Fact]) -> _Known:
    lots = load_lots(connection, {f["lot_id"] for f in facts if f["lot_id"]})
    return _Known(
        systems=list_systems(connection),
        rule=rule_for(load_rules(connection), *COUNTING),
        lots=lots,
        units=_base_units(connection, facts, lots),
    )


def _sight(known: _Known, facts: Sequence[Fact], touched: Touched) -> tuple[list[Movement], list[Sightings]]:
    """Give the movements that belong where was touched, and what is said of each material."""
    scopes = _scopes(touched)
    moved = net_movements(facts, known.units, known.rule.tolerance)
    inside = [m for m in moved if scope_of(m.home) in scopes]
    place = {i: _place(known.rule, system) for i, system in known.systems.items()}
    return inside, list(sort_movements(inside, known.lots, place=place.__getitem__))


def _gather(connection: Connection, touched: Touched) -> list[Fact]:
    """Give the movements to be looked at; what takes back, or is taken back, elsewhere is touched as well."""
    while True:
        facts = {f["id"]: f for f in movements_of(connection, touched)}
        fresh = strays_of(connection, touched) if facts else []
        while fresh:
            facts.update({f["id"]: f for f in fresh})
            fresh = [f for f in tied_to(connection, fresh) if f["id"] not in facts]
        more = set(filter(None, map(scope_of, facts.values()))) - _scopes(touched)
        if not more:
            return list(facts.values())
        touched |= _touch(more)


def _scopes(touched: Touched) -> set[Scope]:
    return {*(("batch", b) for b in touched.batches), *(("lot", i) for i in touched.lots)}


def _touch(scopes: Iterable[Scope]) -> Touched:
    touched = Touched()
    for kind, thing in scopes:
        (touched.batches if kind == "batch" else touched.lots).add(thing)
    return touched


def _base_units(connection: Connection, facts: Sequence[Fact], lots: Mapping[int, Lot]) -> dict[int, str]:
    """Give the base unit of what was moved, for movements stated without a unit."""
    materials = {f["id"]: m for f in facts if f["unit"] is None and (m := material_of(f, lots))}
    units = load_base_units(connection, materials.values()) if materials else {}
    return {fact_id: units[m] for fact_id, m in materials.items() if m in units}


def _place(rule: Rule, system: System) -> tuple[int, str]:
    return rank(rule, system.kind, system.code), system.code


def _write(connection: Connection, record_type: str, *, facts: Sequence[Fact], marks: Marks) -> None:
    changed = [
        (f["id"], marks[f["id"]])
        for f in facts
        if any(f[name] != value for name, value in marks[f["id"]].items())
    ]
    mark_sightings(connection, record_type, changed)
