"""Counted once: movements and runs that two systems saw are paired, reversals net out, genealogy follows."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hub.model.enums import CONSUMED, PRODUCED
from hub.resolve.precedence import EXECUTION
from hub.store.database import Connection
from hub.store.entities import load_entities
from hub.store.facts import Edge, facts_of_batches, mark_sightings, replace_edges
from hub.store.systems import System, list_systems

TOLERANCE = 0.005
OVERLAP = 0.8
Fact = dict[str, Any]


def recount(connection: Connection, batch_ids: Iterable[int]) -> None:
    """Pair sightings and rebuild the genealogy of these batches from all that is known of them now."""
    wanted = sorted(set(batch_ids))
    if not wanted:
        return
    systems = list_systems(connection)
    movements = facts_of_batches(connection, "material_actual", wanted)
    marks = pair_movements(movements, systems)
    _write(connection, "material_actual", facts=movements, marks=marks)
    runs = facts_of_batches(connection, "segment_response", wanted)
    _write(connection, "segment_response", facts=runs, marks=pair_runs(runs, systems))
    batches = load_entities(connection, "batch", wanted)
    counted: dict[int, list[Fact]] = defaultdict(list)
    for group in group_movements(movements, systems):
        for fact in group[0]:
            counted[fact["batch_id"]].append(fact)
    parents = {run["id"]: run["parent_id"] for run in runs}
    edges = {b: draw_edges(counted[b], batches[b]["output_lot_id"], parents) for b in wanted}
    replace_edges(connection, edges)


def group_movements(facts: Sequence[Fact], systems: dict[int, System]) -> Iterator[list[list[Fact]]]:
    """Give movements of one (batch, lot, direction) by system, the one whose word counts first.

    Movements without a lot are compared by material instead.
    """
    groups: dict[tuple[Any, ...], dict[int, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for fact in facts:
        thing = ("lot", fact["lot_id"]) if fact["lot_id"] else ("material", fact["material_id"])
        key = (fact["batch_id"], thing, _direction(fact["use"]))
        groups[key][fact["source_system_id"]].append(fact)
    for by_system in groups.values():
        yield [by_system[s] for s in sorted(by_system, key=lambda s: _place(systems[s]))]


def pair_movements(facts: Sequence[Fact], systems: dict[int, System]) -> dict[int, dict[str, Any]]:
    """Decide which movements count: one system a (batch, lot, direction), others beside it when sums agree.

    Several partial issues are compared with one consumption by their sums; a reversal is negative and nets
    out. Sums that differ by more than 0.5 % leave both and mark them disputed; genealogy then takes the
    amounts of the first system, so that nothing is counted twice.
    """
    marks: dict[int, dict[str, Any]] = {}
    for group in group_movements(facts, systems):
        first = min(group[0], key=lambda f: f["source_key"])
        total = _sum(group[0])
        states = ["counted"]
        for others in group[1:]:
            other = _sum(others)
            agrees = total is not None and other is not None and _close(total, other)
            states.append("same_as" if agrees else "disputed")
        if "disputed" in states:
            states[0] = "disputed"
        for some, state in zip(group, states, strict=True):
            for fact in some:
                marks[fact["id"]] = {
                    "count_state": state,
                    "same_as_id": first["id"] if state == "same_as" else None,
                }
    return marks


def pair_runs(facts: Sequence[Fact], systems: dict[int, System]) -> dict[int, dict[str, Any]]:
    """Find runs that two systems saw: same batch, unit and level, ≥80 % overlap, exactly one candidate."""
    marks: dict[int, dict[str, Any]] = {f["id"]: {"same_as_id": None} for f in facts}
    groups: dict[tuple[Any, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact["equipment_id"] and fact["actual_start"] and fact["actual_end"]:
            groups[fact["batch_id"], fact["equipment_id"], fact["level"]].append(fact)
    for some in groups.values():
        best = min(_place(systems[f["source_system_id"]]) for f in some)
        firsts = [f for f in some if _place(systems[f["source_system_id"]]) == best]
        for fact in some:
            if fact in firsts:
                continue
            candidates = [f for f in firsts if _overlap(f, fact) >= OVERLAP]
            if len(candidates) == 1:
                marks[fact["id"]] = {"same_as_id": candidates[0]["id"]}
    return marks


def draw_edges(
    facts: Sequence[Fact], output_lot_id: int | None, parents: dict[int, int | None]
) -> dict[Edge, tuple[float | None, str | None]]:
    """Give a batch's genealogy: what a step consumed went into what that step, or the batch, produced."""
    consumed = [f for f in facts if f["use"] in CONSUMED and f["lot_id"]]
    produced = [f for f in facts if f["use"] in PRODUCED and f["lot_id"]]
    by_step: dict[int | None, set[int]] = defaultdict(set)
    for fact in produced:
        by_step[fact["response_id"]].add(fact["lot_id"])
    taken = {f["lot_id"] for f in consumed}
    ends = {f["lot_id"] for f in produced} - taken
    final = {output_lot_id} if output_lot_id else ends
    taking: dict[Edge, list[Fact]] = defaultdict(list)
    for fact in consumed:
        for lot in _outputs(fact["response_id"], by_step, parents) or final:
            if lot != fact["lot_id"]:
                taking[fact["lot_id"], lot, "consume"].append(fact)
    totals = {edge: (_sum(some), some[0]["unit"]) for edge, some in taking.items()}
    return {e: (q, None if q is None else unit) for e, (q, unit) in totals.items() if q is None or q > 0}


def _outputs(
    step: int | None, by_step: dict[int | None, set[int]], parents: dict[int, int | None]
) -> set[int]:
    """Give what a step produced, or the nearest step above it that produced anything."""
    seen: set[int] = set()
    while step is not None and step not in seen:
        seen.add(step)
        if by_step.get(step):
            return by_step[step]
        step = parents.get(step)
    return set()


def _write(
    connection: Connection, record_type: str, *, facts: Sequence[Fact], marks: dict[int, dict[str, Any]]
) -> None:
    changed = [
        (f["id"], marks[f["id"]])
        for f in facts
        if any(f[name] != value for name, value in marks[f["id"]].items())
    ]
    mark_sightings(connection, record_type, changed)


def _direction(use: str) -> str:
    if use in CONSUMED:
        return "in"
    return "out" if use in PRODUCED else use


def _place(system: System) -> tuple[int, str]:
    kind = EXECUTION.index(system.kind) if system.kind in EXECUTION else len(EXECUTION)
    return kind, system.code


def _sum(facts: Sequence[Fact]) -> float | None:
    if any(f["quantity"] is None for f in facts) or len({f["unit"] for f in facts}) > 1:
        return None
    return math.fsum(f["quantity"] for f in facts)  # exact, so that the order of facts is no matter


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1e-12)


def _overlap(one: Fact, other: Fact) -> float:
    shared = (
        min(one["actual_end"], other["actual_end"]) - max(one["actual_start"], other["actual_start"])
    ).total_seconds()
    whole = (
        max(one["actual_end"], other["actual_end"]) - min(one["actual_start"], other["actual_start"])
    ).total_seconds()
    return shared / whole if whole > 0 else 0.0
