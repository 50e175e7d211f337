"""Sightings: what several systems saw of one movement of material, compared, and which of them counts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from hub.model.comparison import difference_of
from hub.model.enums import CONSUMED, LOST, PRODUCED, SAMPLED
from hub.model.shape import Field
from hub.resolve.netting import Movement, add_up
from hub.resolve.precedence import agrees
from hub.store.movements import Lot
from hub.store.rules import Rule

Fact = dict[str, Any]
Marks = dict[int, dict[str, Any]]
Scope = tuple[str, int]
"""What movements are counted within: ("batch", its id), or ("lot", its id) where no batch is stated."""
_AMOUNT = Field("quantity", "quantity")


def scope_of(fact: Fact) -> Scope | None:
    """Give what a movement is counted within: its batch, else its lot, else nothing."""
    if fact["batch_id"]:
        return "batch", fact["batch_id"]
    return ("lot", fact["lot_id"]) if fact["lot_id"] else None


def material_of(fact: Fact, lots: Mapping[int, Lot]) -> int | None:
    """Give what was moved: the material of the largest lot it is a part of whose material is known."""
    above = [lots[i].material_id for i in _upward(fact["lot_id"], lots)]
    return next((m for m in reversed(above) if m), fact["material_id"])


def _upward(lot_id: int | None, lots: Mapping[int, Lot]) -> list[int]:
    """Give a lot, the lot it is a part of, and so on."""
    above: list[int] = []
    while lot_id is not None and lot_id in lots and lot_id not in above:
        above.append(lot_id)
        lot_id = lots[lot_id].parent_id
    return above


Told = list[Movement]
"""What one system says."""


@dataclass(frozen=True)
class Sightings:
    """All that is said of one material, moved one way in one batch.

    `lots`: lot by lot what each system says, the one whose rows count first. `coarse`: systems that do not
    name their lots; they are compared with what counts of all lots together.
    """

    scope: Scope
    lots: list[list[Told]]
    coarse: list[Told]

    @property
    def counted(self) -> Told:
        """What counts."""
        return list(chain.from_iterable(systems[0] for systems in self.lots))


def sort_movements(
    movements: Iterable[Movement], lots: Mapping[int, Lot], *, place: Callable[[int], Any]
) -> Iterable[Sightings]:
    """Give what is said of each (batch, material, use), parted by lots; `place` orders systems by their ids.

    Sub-lots go with their lot where somebody names that. A movement without lot and material is compared
    with no other.
    """
    parts: dict[tuple[Scope, str], Told] = defaultdict(list)
    for m in movements:
        scope = scope_of(m.home)
        if scope is not None:
            parts[scope, direction_of(m.home)].append(m)
    for (scope, _), some in parts.items():
        used = {m.home["lot_id"] for m in some}
        by_material: dict[int | None, dict[int, Told]] = defaultdict(lambda: defaultdict(list))
        for m in some:
            by_material[material_of(m.home, lots)][m.fact["source_system_id"]].append(m)
        for material, by_system in by_material.items():
            yield _part(scope, list(by_system.values()), lots, used, known=material is not None, place=place)


def direction_of(fact: Fact) -> str:
    """Give which way a movement goes: in, out, sample, lost, or its own use where that is none of these."""
    if fact["use"] in CONSUMED:
        return "in"
    if fact["use"] in PRODUCED:
        return "out"
    if fact["use"] in SAMPLED:
        return "sample"
    text = (fact["use_text"] or "").casefold()
    return "lost" if text in LOST else f"{fact['use']} {text}"


def _part(  # noqa: PLR0917 - where, who says what, and the lots that are known and named
    scope: Scope,
    systems: list[Told],
    lots: Mapping[int, Lot],
    used: set[int | None],
    *,
    known: bool,
    place: Callable[[int], Any],
) -> Sightings:
    fine: list[Told] = []
    coarse: list[Told] = []
    for some in systems:
        (fine if all(m.home["lot_id"] for m in some) else coarse).append(some)
    by_lot: dict[int, dict[int, Told]] = defaultdict(lambda: defaultdict(list))
    for m in chain.from_iterable(fine):
        whole = [i for i in _upward(m.home["lot_id"], lots) if i in used][-1]
        by_lot[whole][m.fact["source_system_id"]].append(m)
    parted = [_in_order(list(by_system.values()), place) for by_system in by_lot.values()]
    if not known:
        return Sightings(scope, parted + [[some] for some in coarse], [])
    if not parted:
        return Sightings(scope, [_in_order(coarse, place)], [])
    return Sightings(scope, parted, coarse)


def _in_order(systems: list[Told], place: Callable[[int], Any]) -> list[Told]:
    """Put first who gives an amount and names a lot, then whose word counts."""

    def rank_of(some: Told) -> tuple[bool, bool, Any]:
        is_lotless = not any(m.home["lot_id"] for m in some)
        return _is_silent(some), is_lotless, place(some[0].fact["source_system_id"])

    return sorted(systems, key=rank_of)


def _is_silent(told: Told) -> bool:
    """Tell whether a system gives no amount at all: then it contradicts none."""
    return all(m.amount is None or m.root is None for m in told)


# ---------------------------------------------------------------------------------------- what counts
def mark_movements(sightings: Iterable[Sightings], rule: Rule) -> Marks:
    """Decide which movements count: those of one system, the others beside them when their sums agree.

    Several partial issues are compared with one consumption by their sums, whatever their units. Sums that
    differ beyond the rule's tolerance leave both, disputed, with the difference. What was taken back whole
    is netted.
    """
    marks: Marks = {}
    for seen in sightings:
        whole = [_judge(seen.counted, told, rule) for told in seen.coarse]
        for first, *others in seen.lots:
            verdicts = [_judge(first, told, rule) for told in others]
            worst = max((v for v in (*verdicts, *whole) if v.is_disputed), key=_size, default=None)
            _mark_counted(marks, first, worst)
            for told, verdict in zip(others, verdicts, strict=True):
                _mark_beside(marks, told, verdict, counted=first)
        for told, verdict in zip(seen.coarse, whole, strict=True):
            _mark_beside(marks, told, verdict, counted=seen.counted)
    return marks


@dataclass(frozen=True)
class _Verdict:
    """Whether a system contradicts what counts: how much more it says, and how much less the others do.

    Each in the unit of who says it; None where amounts cannot be compared.
    """

    is_disputed: bool
    more: float | None = None
    less: float | None = None


def _size(verdict: _Verdict) -> float:
    return abs(verdict.less or 0.0)


def _judge(counted: Told, told: Told, rule: Rule) -> _Verdict:
    if _is_silent(told):
        return _Verdict(is_disputed=False)
    one, other = _total(counted), _total(told)
    if one is None or other is None:
        return _Verdict(is_disputed=True)
    if agrees(_AMOUNT, one, other, tolerance=rule.tolerance):
        return _Verdict(is_disputed=False)
    # each side in its own unit
    above, below = difference_of(_AMOUNT, other, one), difference_of(_AMOUNT, one, other)
    return _Verdict(is_disputed=True, more=-above[0] if above else None, less=-below[0] if below else None)


def _total(told: Told) -> dict[str, Any] | None:
    """Give the sum of what a system says; None when it cannot be told."""
    known = [m for m in told if m.root is not None]
    unit = min((m.unit for m in known if m.unit is not None), default=None)
    total = add_up([m for m in known if not m.is_netted], unit)
    return None if total is None else {"value": total, "unit": unit}


def _mark_counted(marks: Marks, told: Told, worst: _Verdict | None) -> None:
    """Mark what counts: by how much, and how far it lies from the source that contradicts it most."""
    for m in told:
        if m.is_netted:
            marks[m.fact["id"]] = {**_UNCOUNTED, "count_state": "netted"}
        else:
            marks[m.fact["id"]] = {
                **_UNCOUNTED,
                "count_state": "disputed" if worst else "counted",
                "count_quantity": m.amount,
                "count_unit": m.unit,
                "count_difference": worst.less if worst else None,
            }


def _mark_beside(marks: Marks, told: Told, verdict: _Verdict, *, counted: Told) -> None:
    """Mark what another system says: the same as the first counted movement by key, or at odds with it."""
    standing = [m for m in counted if not m.is_netted] or counted
    anchor = min(standing, key=lambda m: (m.fact["source_key"], m.fact["source_system_id"])).fact["id"]
    for m in told:
        if m.root is None or (m.is_netted and verdict.is_disputed):
            marks[m.fact["id"]] = {**_UNCOUNTED, "count_state": "netted"}
        elif verdict.is_disputed:
            marks[m.fact["id"]] = {
                **_UNCOUNTED,
                "count_state": "disputed",
                "disputes_id": anchor,
                "count_difference": verdict.more,
            }
        else:
            marks[m.fact["id"]] = {**_UNCOUNTED, "count_state": "same_as", "same_as_id": anchor}


_UNCOUNTED: dict[str, Any] = {
    "count_quantity": None,
    "count_unit": None,
    "count_difference": None,
    "same_as_id": None,
    "disputes_id": None,
}
"""What a movement has that does not count: no amount, and nothing that it is compared with."""
