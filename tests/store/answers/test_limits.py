import pytest

from hub.store.answers.batches import is_outside


def value(number: float | None, *, sign: str | None = None, unit: str | None = "mg/L") -> dict[str, object]:
    return {"value": number, "comparator": sign, "unit": unit}


def limits(
    lower: float | None = None, upper: float | None = None, unit: str | None = "mg/L"
) -> dict[str, object]:
    return {"lower": lower, "upper": upper, "unit": unit}


@pytest.mark.parametrize(
    ("measured", "against", "expected"),
    [
        (value(5), limits(1, 10), False),
        (value(10), limits(1, 10), False),
        (value(10.1), limits(1, 10), True),
        (value(0.9), limits(1, 10), True),
        (value(0.5, sign="<"), limits(None, 1), False),
        (value(20, sign="<"), limits(None, 10), False),
        (value(20, sign=">"), limits(None, 10), True),
        (value(0.5, sign="<"), limits(1, None), True),
        (value(0.011, unit="g/L"), limits(1, 10), True),
        (value(0.009, unit="g/L"), limits(1, 10), False),
        (value(5, unit="kg"), limits(1, 10), None),
        (value(None), limits(1, 10), None),
        (value(5), limits(), None),
        (value(5), None, None),
        (None, limits(1, 10), None),
    ],
)
def test_a_result_breaks_its_limits_only_when_it_must(
    measured: dict[str, object] | None, against: dict[str, object] | None, expected: bool | None
) -> None:
    assert is_outside(measured, against) is expected
