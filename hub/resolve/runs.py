"""Runs that two systems saw: one batch's executed segments, paired where they ran in one unit at one time."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hub.resolve.precedence import EXECUTION
from hub.store.systems import System

OVERLAP = 0.8
Fact = dict[str, Any]


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


def _place(system: System) -> tuple[int, str]:
    kind = EXECUTION.index(system.kind) if system.kind in EXECUTION else len(EXECUTION)
    return kind, system.code


def _overlap(one: Fact, other: Fact) -> float:
    shared = (
        min(one["actual_end"], other["actual_end"]) - max(one["actual_start"], other["actual_start"])
    ).total_seconds()
    whole = (
        max(one["actual_end"], other["actual_end"]) - min(one["actual_start"], other["actual_start"])
    ).total_seconds()
    return shared / whole if whole > 0 else 0.0
