"""Units of measure: finding what a source's text means, and converting between units of one dimension."""

import re
import unicodedata
from functools import cache, lru_cache

from hub.model.ucum import UNITS, Unit

__all__ = [
    "CANONICAL",
    "UNITS",
    "MismatchedUnitsError",
    "Unit",
    "UnknownUnitError",
    "canonical_amount",
    "convert",
    "find_unit",
]

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER_OF_TEN = re.compile(r"(?<!\d)10\^?([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)")
_SIGNS = str.maketrans({"μ": "u", "×": "x", "·": ".", "⋅": ".", "∙": ".", "−": "-", "˚": "°"})


class UnknownUnitError(ValueError):
    """A unit is not in the table; correct it at the source or map it in the source's `units` setting."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"unit {text!r} is not known; correct it at the source or map it to a UCUM code in the source's "
            "`units` setting"
        )
        self.text = text


class MismatchedUnitsError(ValueError):
    """Two units measure different things; correct the unit at the source that is wrong."""

    def __init__(self, one: Unit, other: Unit) -> None:
        super().__init__(
            f"cannot convert {one.code} ({one.dimension}) to {other.code} ({other.dimension}); correct the "
            "unit at the source that is wrong"
        )
        self.units = (one.code, other.code)


def _bare(text: str) -> str:
    """Give a spelling without what people write differently: blanks, the micro sign, dots, superscripts."""
    powers = _POWER_OF_TEN.sub(lambda found: "10*" + found.group(1).translate(_SUPERSCRIPTS), text)
    plain = unicodedata.normalize("NFKC", powers).translate(_SIGNS)
    return re.sub(r"\s+", "", plain).replace("10^", "10*").replace("^", "")


@cache
def _index() -> dict[str, Unit]:
    """Units by code, then by UNECE code, then by other spellings: the earlier wins."""
    exact: dict[str, Unit] = {}
    for names in (
        ((u.code, u) for u in UNITS),
        ((u.unece, u) for u in UNITS if u.unece),
        ((alias, u) for u in UNITS for alias in u.aliases),
    ):
        for name, unit in names:
            exact.setdefault(_bare(name), unit)
    return exact


@cache
def _folded() -> dict[str, Unit]:
    """Names without case, only where that is unambiguous (M is molar, m is metre)."""
    seen: dict[str, set[str]] = {}
    for name, unit in _index().items():
        seen.setdefault(name.casefold(), set()).add(unit.code)
    return {name.casefold(): unit for name, unit in _index().items() if len(seen[name.casefold()]) == 1}


@lru_cache(maxsize=4096)
def find_unit(text: str) -> Unit:
    """Give the unit that a source's text means (UCUM, UNECE or common spelling).

    Raises `UnknownUnitError` when the table does not have it.
    """
    name = _bare(text)
    found = _index().get(name) or _folded().get(name.casefold())
    if found is None:
        raise UnknownUnitError(text)
    return found


def convert(value: float, source: str, target: str) -> float:
    """Give `value` in another unit; `MismatchedUnitsError` when it is not of the same dimension."""
    if source == target:
        return value
    one, other = find_unit(source), find_unit(target)
    if one.dimension != other.dimension:
        raise MismatchedUnitsError(one, other)
    if (one.factor, one.offset) == (other.factor, other.offset):
        return value
    return (value + one.offset) * one.factor / other.factor - other.offset


CANONICAL: dict[str, str] = {"mass": "kg", "volume": "L", "count": "1"}
"""The unit in which amounts of material are summed, by dimension; other dimensions keep what was reported."""


def canonical_amount(value: float, unit: str | None) -> tuple[float, str | None]:
    """Give an amount in the canonical unit of its dimension (kg, L, 1); others unchanged."""
    if unit is None:
        return value, None
    target = CANONICAL.get(find_unit(unit).dimension, unit)
    return convert(value, unit, target), target
