"""Units of measure: UCUM codes with their UNECE Recommendation 20 codes, dimensions and what people write.

A value in a unit is `(value + offset) * factor` in the base unit of its dimension.
"""

from dataclasses import dataclass
from functools import cache


class UnknownUnitError(ValueError):
    """A unit is not in the table; correct it at the source or map it in the source's `units` setting."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"unit {text!r} is not known; correct it at the source or map it to a UCUM code in the source's "
            "`units` setting"
        )
        self.text = text


@dataclass(frozen=True)
class Unit:
    """A unit: UCUM code, UNECE code (or None), dimension, factor and offset to the dimension's base unit."""

    code: str
    unece: str | None
    dimension: str
    factor: float
    offset: float = 0.0
    aliases: tuple[str, ...] = ()


def _row(  # noqa: PLR0917 - the rows of a table are read by place
    code: str, unece: str | None, dimension: str, factor: float, *aliases: str, offset: float = 0.0
) -> Unit:
    return Unit(code, unece, dimension, factor, offset, aliases)


UNITS: tuple[Unit, ...] = (
    _row(
        "1",
        "C62",
        "count",
        1.0,
        "EA",
        "PC",
        "PCE",
        "ST",
        "H87",
        "each",
        "count",
        "tablets",
        "vials",
        "pieces",
        "Stk",
    ),
    _row("10*3", "MIL", "count", 1e3, "TS", "thousand", "T3"),
    _row("10*6", "MIO", "count", 1e6, "million"),
    _row("%", "P1", "fraction", 1e-2, "percent", "pct", "% (w/w)", "%w/w", "% (w/v)"),
    _row("[ppm]", "59", "fraction", 1e-6, "ppm"),
    _row("[ppb]", "61", "fraction", 1e-9, "ppb"),
    _row("kg", "KGM", "mass", 1.0, "KG", "kilogram", "kilograms"),
    _row("g", "GRM", "mass", 1e-3, "G", "gram", "grams", "GR"),
    _row("mg", "MGM", "mass", 1e-6, "milligram"),
    _row("ug", "MC", "mass", 1e-9, "µg", "μg", "mcg", "microgram"),
    _row("ng", None, "mass", 1e-12),
    _row("t", "TNE", "mass", 1e3, "TO", "ton", "tonne"),
    _row("L", "LTR", "volume", 1.0, "l", "liter", "litre", "litres", "liters"),
    _row("mL", "MLT", "volume", 1e-3, "ml", "ML", "milliliter", "millilitre"),
    _row("uL", "4G", "volume", 1e-6, "µL", "μL", "ul"),
    _row("m3", "MTQ", "volume", 1e3, "m³", "M3", "m^3"),
    _row("kL", "K6", "volume", 1e3, "kl", "kilolitre", "kilolitres", "kiloliter"),
    _row("m", "MTR", "length", 1.0, "metre", "meter"),
    _row("cm", "CMT", "length", 1e-2),
    _row("mm", "MMT", "length", 1e-3, "MM"),
    _row("um", "4H", "length", 1e-6, "µm", "μm", "micron"),
    _row("nm", "C45", "length", 1e-9),
    _row("m2", "MTK", "area", 1.0, "m²"),
    _row("s", "SEC", "time", 1.0, "sec", "second", "seconds"),
    _row("ms", "C26", "time", 1e-3),
    _row("min", "MIN", "time", 60.0, "minute", "minutes"),
    _row("h", "HUR", "time", 3600.0, "H", "hr", "hour", "hours", "STD"),
    _row("d", "DAY", "time", 86400.0, "day", "days", "TAG"),
    _row("Cel", "CEL", "temperature", 1.0, "°C", "degC", "C", "℃", "deg C", offset=0.0),
    _row("K", "KEL", "temperature", 1.0, "kelvin", offset=-273.15),
    _row("[degF]", "FAH", "temperature", 5 / 9, "°F", "degF", "F", offset=-32.0),
    _row("Pa", "PAL", "pressure", 1.0),
    _row("kPa", "KPA", "pressure", 1e3),
    _row("MPa", "MPA", "pressure", 1e6),
    _row("bar", "BAR", "pressure", 1e5, "Bar", "barg", "bar(g)"),
    _row("mbar", "MBR", "pressure", 1e2),
    _row("[psi]", "PS", "pressure", 6894.757293168, "psi", "PSI"),
    _row("N", "NEW", "force", 1.0, "newton"),
    _row("kN", "B47", "force", 1e3),
    _row("N/mm", None, "stiffness", 1e3),
    _row("kN/mm", None, "stiffness", 1e6),
    _row("rpm", "RPM", "rotation", 1 / 60, "{rev}/min", "r/min", "1/min", "RPM"),
    _row("Hz", "HTZ", "frequency", 1.0),
    _row("[pH]", "Q30", "acidity", 1.0, "pH", "PH"),
    _row("g/L", "GL", "mass concentration", 1.0, "g/l", "mg/mL", "mg/ml", "kg/m3", "kg/m³"),
    _row("mg/L", "M1", "mass concentration", 1e-3, "mg/l", "ug/mL", "µg/mL", "ug/ml"),
    _row("ug/L", None, "mass concentration", 1e-6, "ng/mL", "ng/ml", "µg/L"),
    _row("g/mL", "GJ", "mass concentration", 1e3, "g/ml", "g/cm3", "g/cm³"),
    _row("ng/mg", None, "mass ratio", 1e-6, "ug/g", "µg/g", "mg/kg"),
    _row("pg/mg", None, "mass ratio", 1e-9, "ng/g"),
    _row("mmol/L", "M33", "molar concentration", 1.0, "mM", "mmol/l"),
    _row("mol/L", "C38", "molar concentration", 1e3, "M", "mol/l"),
    _row("umol/L", None, "molar concentration", 1e-3, "uM", "µM"),
    _row("mosm/kg", None, "osmolality", 1.0, "mOsm/kg", "mOsmol/kg"),
    _row(
        "10*6/mL",
        None,
        "cell concentration",
        1e6,
        "1e6 cells/mL",
        "10^6 cells/mL",
        "Mcells/mL",
        "e6 cells/mL",
        "E6/mL",
    ),
    _row("/mL", None, "cell concentration", 1.0, "cells/mL", "1/mL"),
    _row("[CFU]/mL", None, "bioburden", 1.0, "CFU/mL", "cfu/mL"),
    _row("[CFU]/(10.mL)", None, "bioburden", 0.1, "CFU/10mL", "CFU/10 mL", "cfu/10mL"),
    _row("[EU]/mL", None, "endotoxin concentration", 1.0, "EU/mL", "eu/ml"),
    _row("[EU]/mg", None, "endotoxin ratio", 1.0, "EU/mg", "eu/mg"),
    _row("mS/cm", "H61", "conductivity", 1e-1, "ms/cm"),
    _row("uS/cm", "G42", "conductivity", 1e-4, "µS/cm", "us/cm"),
    _row("[NTU]", None, "turbidity", 1.0, "NTU"),
    _row("{AU}", None, "absorbance", 1.0, "AU", "a.u."),
    _row("m{AU}", None, "absorbance", 1e-3, "mAU"),
    _row("L/h", "E32", "volume flow", 1.0, "l/h", "L/hr", "LPH"),
    _row("L/min", "L2", "volume flow", 60.0, "l/min", "LPM", "SLPM"),
    _row("mL/min", "41", "volume flow", 0.06, "ml/min"),
    _row("kg/h", "E93", "mass flow", 1.0),
    _row("g/h", None, "mass flow", 1e-3),
    _row("10*3/h", None, "count rate", 1e3, "1e3/h", "1000/h", "tablets x1000/h", "10^3/h"),
    _row("/h", None, "count rate", 1.0, "1/h"),
    _row("V", "VLT", "voltage", 1.0),
    _row("A", "AMP", "current", 1.0),
    _row("mA", "4K", "current", 1e-3),
    _row("W", "WTT", "power", 1.0),
    _row("kW", "KWT", "power", 1e3),
    _row("kW.h", "KWH", "energy", 1.0, "kWh"),
    _row("J", "JOU", "energy", 1 / 3.6e6),
    _row("W/L", None, "power density", 1.0, "W/l", "kW/m3"),
    _row("/min", None, "gas exchange rate", 1.0, "vvm"),
    _row("cP", "C7", "viscosity", 1e-3, "mPa.s", "mPa·s"),
    _row("mm2/s", "C17", "kinematic viscosity", 1.0, "cSt"),
)
"""The units of (bio)process and quality work. UCUM; codes of UNECE Recommendation 20 where there is one."""


@cache
def _index() -> dict[str, Unit]:
    exact: dict[str, Unit] = {}
    for unit in UNITS:
        for name in (unit.code, unit.unece, *unit.aliases):
            if name:
                exact.setdefault(name, unit)
    return exact


@cache
def _folded() -> dict[str, Unit]:
    """Names without case, only where that is unambiguous (M is molar, m is metre)."""
    seen: dict[str, set[str]] = {}
    for name, unit in _index().items():
        seen.setdefault(name.casefold(), set()).add(unit.code)
    return {name.casefold(): unit for name, unit in _index().items() if len(seen[name.casefold()]) == 1}


def find_unit(text: str) -> Unit:
    """Give the unit that a source's text means (UCUM, UNECE or common spelling).

    Raises `UnknownUnitError` when the table does not have it.
    """
    name = text.strip()
    found = _index().get(name) or _folded().get(name.casefold())
    if found is None:
        raise UnknownUnitError(text)
    return found


def convert(value: float, source: str, target: str) -> float:
    """Give `value` in another unit of the same dimension; ValueError when the dimensions differ."""
    if source == target:
        return value
    one, other = find_unit(source), find_unit(target)
    if one.dimension != other.dimension:
        msg = f"cannot convert {source} ({one.dimension}) to {target} ({other.dimension})"
        raise ValueError(msg)
    return (value + one.offset) * one.factor / other.factor - other.offset


CANONICAL: dict[str, str] = {"mass": "kg", "volume": "L", "count": "1"}
"""The unit in which amounts of material are summed, by dimension; other dimensions keep what was reported."""


def canonical_amount(value: float, unit: str | None) -> tuple[float, str | None]:
    """Give an amount in the canonical unit of its dimension (kg, L, 1); others unchanged."""
    if unit is None:
        return value, None
    target = CANONICAL.get(find_unit(unit).dimension, unit)
    return convert(value, unit, target), target
