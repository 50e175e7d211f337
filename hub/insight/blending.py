"""Properties of what a batch was made from, weighted by mass through splits, pools and intermediates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.model.unit import convert
from hub.store.answers.matrix import Edge, LotHead, Value

Key = tuple[str, str]
"""Material and property."""


@dataclass
class Blend:
    """A property of a material in something: its mass there, mass times value, and the rows that tell it."""

    mass: float = 0.0
    moment: float = 0.0
    unit: str | None = None
    rows: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])

    @property
    def value(self) -> float:
        """The mean weighted by mass."""
        return self.moment / self.mass


class Blends:
    """Finds blends of lots; each is worked out once.

    A lot's own value counts for its material, else the values of the lots it was made from count, each by the
    mass that went in. Where only one lot of a material went in, its mass need not be known; of several, those
    without a mass are left out.
    """

    def __init__(
        self,
        made: Mapping[int, Sequence[Edge]],
        lots: Mapping[int, LotHead],
        properties: Mapping[int, Sequence[Value]],
    ) -> None:
        self._made, self._lots, self._properties = made, lots, properties
        self._known: dict[int, dict[Key, Blend]] = {}

    def of_inputs(self, edges: Sequence[Edge], amount: float | None = None) -> dict[Key, Blend]:
        """Give the blends of what went in; `amount` is what it was spread over (the sum of it when None)."""
        taken: dict[int, list[float | None]] = defaultdict(list)
        for edge in edges:
            taken[edge.input].append(edge.quantity)
        by_material: dict[str | None, list[int]] = defaultdict(list)
        for lot in taken:
            by_material[self._material(lot)].append(lot)
        masses = {
            lot: self._mass(taken[lot], is_alone=len(some) == 1)
            for some in by_material.values()
            for lot in some
        }
        total = amount or sum(mass for mass in masses.values() if mass) or 1.0
        found: dict[Key, Blend] = {}
        for lot, mass in sorted(masses.items()):
            if mass:
                for key, blend in self.of_lot(lot).items():
                    _add(found.setdefault(key, Blend()), blend, mass / total)
        return {key: blend for key, blend in found.items() if blend.mass > 0}

    def of_lot(self, lot: int) -> dict[Key, Blend]:
        """Give the blends of one unit of a lot; a lot that is made from itself ends there."""
        if lot not in self._known:
            self._known[lot] = {}
            edges = self._made.get(lot, ())
            same = [edge for edge in edges if self._material(edge.input) == self._material(lot)]
            others = [edge for edge in edges if edge not in same]
            head = self._lots.get(lot)
            found = self.of_inputs(others, head.quantity if head else None)
            found |= self.of_inputs(same)
            found |= self._own(lot)
            self._known[lot] = found
        return self._known[lot]

    def _own(self, lot: int) -> dict[Key, Blend]:
        material = self._material(lot)
        if material is None:
            return {}
        found: dict[Key, Blend] = {}
        by_name: dict[str, list[Value]] = defaultdict(list)
        for value in self._properties.get(lot, ()):
            by_name[value.name].append(value)
        for name, values in by_name.items():
            if (mean := average(values)) is not None:
                number, unit, rows = mean
                found[material, name] = Blend(1.0, number, unit, rows)
        return found

    def _material(self, lot: int) -> str | None:
        head = self._lots.get(lot)
        return None if head is None else head.material

    @staticmethod
    def _mass(quantities: Sequence[float | None], *, is_alone: bool) -> float | None:
        known = [quantity for quantity in quantities if quantity is not None and quantity > 0]
        if known:
            return sum(known)
        return 1.0 if is_alone else None


def average(values: Sequence[Value]) -> tuple[float, str | None, dict[tuple[str, int], str]] | None:
    """Give mean, unit and rows of values of one thing, in the unit of the first; what differs is left out."""
    first = min(values, key=lambda value: value.row)
    numbers: list[float] = []
    rows: dict[tuple[str, int], str] = {}
    for value in sorted(values, key=lambda value: value.row):
        number = in_unit(value.number, value.unit, first.unit)
        if number is not None:
            numbers.append(number)
            rows[value.row] = value.source
    return (sum(numbers) / len(numbers), first.unit, rows) if numbers else None


def _add(into: Blend, blend: Blend, share: float) -> None:
    value = blend.value if not into.rows else in_unit(blend.value, blend.unit, into.unit)
    if value is None:
        return
    if not into.rows:
        into.unit = blend.unit
    into.mass += blend.mass * share
    into.moment += blend.mass * share * value
    into.rows |= blend.rows


def in_unit(number: float, unit: str | None, wanted: str | None) -> float | None:
    """Give a number in another unit, or None where the two do not compare."""
    if unit == wanted:
        return number
    try:
        return None if unit is None or wanted is None else convert(number, unit, wanted)
    except ValueError:
        return None
