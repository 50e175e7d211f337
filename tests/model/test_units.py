"""Units: what sources write is found, conversions lead back, and what cannot be compared says so."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.model import MismatchedUnitsError, UnknownUnitError, convert, find_unit
from hub.model.unit import UNITS, Unit, canonical_amount

units = st.sampled_from(UNITS)
SMALLEST = 1e-250
"""Below this a conversion may leave the range of a double."""
numbers = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)

SPELLED = {
    "118.20 KG": "kg",
    "1 TO": "t",
    "1 ST": "1",
    "1 KGM": "kg",
    "1 GRM": "g",
    "1 PCE": "1",
    "1 TS": "10*3",
    "1 CCM": "mL",
    "1 °C": "Cel",
    "1 ℃": "Cel",
    "1 GC": "Cel",
    "1 degF": "[degF]",
    "1 µg/mL": "mg/L",
    "1 μg/mL": "mg/L",
    "1 mcg/mL": "mg/L",
    "1 mg/mL": "g/L",
    "1 mmol / L": "mmol/L",
    "1 mM": "mmol/L",
    "1 MM": "mm",
    "1 M": "mol/L",
    "1 m": "m",
    "1 x10^6 Cells / mL": "10*6/mL",
    "1 10⁶ cells/mL": "10*6/mL",
    "1 E6 cells/mL": "10*6/mL",
    "1 #/μL": "/uL",
    "1 CFU/10 mL": "[CFU]/(10.mL)",
    "1 KBE/ml": "[CFU]/mL",
    "1 EU/mL": "{EU}/mL",
    "1 IU/mL": "[IU]/mL",
    "1 U/L": "U/L",
    "1 NTU": "{NTU}",
    "1 FNU": "{FNU}",
    "1 mAU": "10*-3{AU}",
    "1 mAU.s": "10*-3{AU}.s",
    "1 mAU·mL": "10*-3{AU}.mL",
    "1 OD": "{AU}",
    "1 kDa": "ku",
    "1 mOsm/kg": "mosm/kg",
    "1 mS/cm": "mS/cm",
    "1 µS/cm": "uS/cm",
    "1 barg": "bar{gauge}",
    "1 psia": "[psi]",
    "1 mmHg": "mm[Hg]",
    "1 rpm": "{rev}/min",
    "1 1/min": "/min",
    "1 x g": "[g]",
    "1 L/(m²·h)": "L/m2/h",
    "1 LMH": "L/m2/h",
    "1 CV/h": "{CV}/h",
    "1 m³/h": "m3/h",
    "1 log10": "{log}",
    "1 ppm": "[ppm]",
    "1 ng/mg": "ng/mg",
    "1 %": "%",
    "1 vvm": "L/L/min",
}
"""Amounts as MES, ERP, LIMS and instruments write them, and the UCUM code of their unit."""

OPCUA = {
    "CEL": 4408652,
    "KGM": 4933453,
    "GL": 18252,
    "4H": 13384,
    "RPM": 5394509,
    "59": 13625,
    "Q30": 5321520,
}
"""UnitIds by UNECE code, from the OPC Foundation's table."""


@pytest.mark.parametrize("written", SPELLED)
def test_what_a_plant_writes_is_found(written: str) -> None:
    _, _, unit = written.partition(" ")
    assert find_unit(unit).code == SPELLED[written]


@given(units)
def test_a_unit_is_found_by_each_of_its_names(unit: Unit) -> None:
    assert find_unit(unit.code) is unit
    assert unit.unece is None or find_unit(unit.unece) is unit
    assert all(find_unit(alias) is unit for alias in unit.aliases)


def test_ucum_and_unece_codes_are_one_to_one() -> None:
    assert [c for c, n in Counter(u.code for u in UNITS).items() if n > 1] == []
    assert [c for c, n in Counter(u.unece for u in UNITS if u.unece).items() if n > 1] == []


def test_every_dimension_has_a_base_unit() -> None:
    bases = {u.dimension for u in UNITS if (u.factor, u.offset) == (1.0, 0.0)}
    assert {u.dimension for u in UNITS} == bases


@pytest.mark.parametrize("unece", OPCUA)
def test_the_number_of_a_unit_in_opc_ua_is_its_unece_code(unece: str) -> None:
    assert find_unit(unece).opcua_id == OPCUA[unece]


@given(st.data(), numbers)
def test_a_conversion_there_and_back_gives_the_number_again(data: st.DataObject, value: float) -> None:
    one = data.draw(units)
    other = data.draw(st.sampled_from([u for u in UNITS if u.dimension == one.dimension]))
    there = convert(value, one.code, other.code)
    # the larger of the offsets is what the rounding of an affine conversion is measured against
    scale = max(abs(value), abs(one.offset), abs(other.offset * other.factor / one.factor))
    back = convert(there, other.code, one.code)
    assert back == pytest.approx(value, rel=1e-12, abs=max(1e-12 * scale, SMALLEST))


@given(st.data(), numbers)
def test_a_conversion_by_way_of_a_third_unit_gives_the_same(data: st.DataObject, value: float) -> None:
    one = data.draw(units)
    alike = st.sampled_from([u for u in UNITS if u.dimension == one.dimension])
    by, to = data.draw(alike), data.draw(alike)
    straight = convert(value, one.code, to.code)
    scale = max(abs(straight), *(abs(u.offset * u.factor / to.factor) for u in (one, by, to)))
    roundabout = convert(convert(value, one.code, by.code), by.code, to.code)
    assert roundabout == pytest.approx(straight, rel=1e-12, abs=max(1e-12 * scale, SMALLEST))


@given(units, units, numbers)
def test_units_of_different_things_are_refused_and_both_are_named(
    one: Unit, other: Unit, value: float
) -> None:
    assume(one.dimension != other.dimension)
    with pytest.raises(MismatchedUnitsError) as refused:
        convert(value, one.code, other.code)
    for said in (one.code, one.dimension, other.code, other.dimension):
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (37.0, "Cel", "[degF]", 98.6),
        (0.0, "Cel", "K", 273.15),
        (-40.0, "[degF]", "Cel", -40.0),
        (118200.0, "g", "kg", 118.2),
        (1.0, "bar", "[psi]", 14.503773773020923),
        (1.0, "10*6/mL", "/L", 1e9),
        (5.0, "[CFU]/(10.mL)", "[CFU]/mL", 0.5),
        (150.0, "cm/h", "m/s", 0.0004166666666666667),
        (60.0, "{rev}/min", "Hz", 1.0),
        (1.0, "ku", "u", 1000.0),
        (760.0, "mm[Hg]", "atm", 1.0000001427),
    ],
)
def test_known_conversions_hold(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-9)


def test_gauge_pressure_is_not_taken_for_absolute() -> None:
    with pytest.raises(MismatchedUnitsError, match="gauge pressure"):
        convert(1.0, "barg", "bar")


@pytest.mark.parametrize("unit", ["bushel", "kg/", "", "10^7", "furlong/fortnight"])
def test_an_unknown_unit_is_named_with_what_to_do(unit: str) -> None:
    with pytest.raises(UnknownUnitError, match="map it to a UCUM code"):
        find_unit(unit)


def test_amounts_of_material_are_summed_in_one_unit_a_dimension() -> None:
    assert canonical_amount(118200.0, "g") == (pytest.approx(118.2), "kg")
    assert canonical_amount(35.0, "L") == (35.0, "L")
    assert canonical_amount(2.0, "10*3") == (2000.0, "1")
    assert canonical_amount(4.9, "g/L") == (4.9, "g/L")
    assert canonical_amount(4.9, None) == (4.9, None)
