"""Results as reported: the text stays as it was, a limit of detection is no value, nothing is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Measurement, Quantity, TestCriterion, UnknownUnitError


@pytest.mark.parametrize(
    ("entry", "value", "comparator"),
    [
        ("3.10", 3.1, None),
        ("<0.05", 0.05, "<"),
        ("< 0.05", 0.05, "<"),
        ("≤ 0.05", 0.05, "<="),
        ("<=0.05", 0.05, "<="),
        ("> 300", 300.0, ">"),
        ("≥95.0", 95.0, ">="),
        ("1.2E-3", 0.0012, None),
        ("+7", 7.0, None),
        ("-0.5", -0.5, None),
        (".5", 0.5, None),
        ("n.d.", None, None),
        ("<LOQ", None, None),
        ("< LOD", None, None),
        ("PASS", None, None),
        ("TNTC", None, None),
        ("conforms", None, None),
        ("1_000", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1,482", None, None),
        ("0x1F", None, None),
        ("12 (mean)", None, None),
    ],
)
def test_an_entry_is_a_number_a_censored_number_or_text(
    entry: str, value: float | None, comparator: str | None
) -> None:
    told = Measurement.of(entry, "mg/mL")
    assert (told.value, told.comparator, told.text) == (value, comparator, entry)
    assert (told.unit, told.source_unit) == ("g/L", "mg/mL")


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "<", "<=", ">", ">=", "≤", "≥"])
)
def test_whatever_number_is_written_is_read_and_its_text_kept(number: float, sign: str) -> None:
    told = Measurement.of(f"{sign}{number!r}")
    assert told.value == number
    assert told.text == f"{sign}{number!r}"
    assert (told.comparator is None) == (sign == "")


@given(st.text(max_size=40))
def test_no_text_breaks_a_result(text: str) -> None:
    told = Measurement.of(text)
    assert told.text == text.strip()
    assert told.comparator is None or told.value is not None


def test_an_amount_keeps_text_and_unit_as_they_were_written() -> None:
    amount = Quantity.of(" 118200.000 ", "G")
    assert (amount.value, amount.unit, amount.text, amount.source_unit) == (118200.0, "g", "118200.000", "G")
    assert amount.in_unit("kg") == pytest.approx(118.2)


@pytest.mark.parametrize("text", ["<0.5", "n.d.", "", "1_000", "1,5", "nan", "inf"])
def test_an_amount_must_be_one_number(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        Quantity.of(text, "kg")


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(UnknownUnitError, match="furlong"):
        Measurement.of("1", "furlong")


def test_a_limit_keeps_its_text_for_rounding_goes_by_it() -> None:
    told = TestCriterion.model_validate(
        {"key": "1", "specification": "S", "test_code": "HCP", "lower": 1, "upper": "0100.0"}
    )
    assert (told.lower, told.lower_text, told.upper, told.upper_text) == (1.0, None, 100.0, "0100.0")
