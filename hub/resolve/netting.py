"""Reversals: what each movement counts for once those that take it back are set against it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.model.unit import UnknownUnitError, canonical_amount, convert
from hub.store.rules import Tolerance

Fact = dict[str, Any]
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement as it counts: `amount` is signed; `root` is what it takes back in the end, or itself.

    `is_netted`: it and what takes it back, or what it takes back, come to nothing together. `root` is None
    where it takes back something that nobody states: the two come to nothing, and neither is counted.
    """

    fact: Fact
    root: Fact | None
    amount: float | None
    unit: str | None
    is_netted: bool = False

    @property
    def home(self) -> Fact:
        """The movement whose batch, lot and use decide where this one belongs."""
        return self.root or self.fact


def net_movements(
    facts: Iterable[Fact], base_units: Mapping[int, str], tolerance: Tolerance
) -> list[Movement]:
    """Set reversals against what they take back, in whatever order they came; a reversal is of either sign.

    `base_units` are those of the materials moved, by movement: an amount without unit is in that one.
    """
    by_id = {fact["id"]: fact for fact in facts}
    families: dict[int, list[Movement]] = defaultdict(list)
    alone: list[Movement] = []
    for fact in by_id.values():
        chain = _chain(fact, by_id)
        if chain is None:
            alone.append(Movement(fact, None, 0.0, fact["unit"], is_netted=True))
        else:
            root = chain[-1]
            families[root["id"]].append(_member(fact, len(chain) - 1, root, base_units=base_units))
    return alone + [one for family in families.values() for one in _net(family, tolerance)]


def _chain(fact: Fact, by_id: Mapping[int, Fact]) -> list[Fact] | None:
    """Give a movement, what it takes back, what that takes back, …; None when the end is not known."""
    chain = [fact]
    while chain[-1]["reverses_key"] is not None:
        back = by_id.get(chain[-1]["reverses_id"])
        if back is None or any(one["id"] == back["id"] for one in chain):
            return None
        chain.append(back)
    return chain


def _member(fact: Fact, depth: int, root: Fact, *, base_units: Mapping[int, str]) -> Movement:
    """Give a movement with its sign: what takes back counts against what it takes back, however written."""
    amount, unit = _amount(fact, base_units)
    whole, whole_unit = _amount(root, base_units)
    if depth and whole is not None:
        size, unit = (abs(whole), whole_unit) if amount is None else (abs(amount), unit)
        amount = math.copysign(size, whole) * (-1) ** depth
    return Movement(fact, root, amount, unit)


def _net(family: list[Movement], tolerance: Tolerance) -> list[Movement]:
    if len(family) == 1 or not _comes_to_nothing(family, tolerance):
        return family
    return [Movement(m.fact, m.root, m.amount, m.unit, is_netted=True) for m in family]


def _comes_to_nothing(family: list[Movement], tolerance: Tolerance) -> bool:
    whole = next(m for m in family if m.root is m.fact)
    left = add_up(family, whole.unit)
    if whole.amount is None or left is None:
        return True  # what has no amount is taken back whole
    return abs(left) <= max(tolerance.relative, _ROUNDING) * abs(whole.amount)


def add_up(movements: Iterable[Movement], unit: str | None) -> float | None:
    """Give the sum of amounts in a unit; None when one has no amount, or none in that dimension."""
    amounts: list[float] = []
    for movement in movements:
        if movement.amount is None:
            return None
        converted = _in_unit(movement.amount, movement.unit, unit)
        if converted is None:
            return None
        amounts.append(converted)
    return math.fsum(amounts)  # exact, so that the order of movements is no matter


def _in_unit(amount: float, unit: str | None, wanted: str | None) -> float | None:
    if unit == wanted:
        return amount
    if unit is None or wanted is None:
        return None
    try:
        return convert(amount, unit, wanted)
    except ValueError:
        return None


def _amount(fact: Fact, base_units: Mapping[int, str]) -> tuple[float | None, str | None]:
    if fact["quantity"] is None:
        return None, fact["unit"]
    if fact["unit"] is None and fact["id"] in base_units:
        try:
            return canonical_amount(fact["quantity"], base_units[fact["id"]])
        except UnknownUnitError:
            return fact["quantity"], None
    return fact["quantity"], fact["unit"]
