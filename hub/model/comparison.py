"""What two stated values have in common: what they say apart from how it is written, and their difference."""

from typing import Any

from hub.model.instant import parse_instant
from hub.model.shape import Field
from hub.model.unit import convert


def essence_of(field: Field, value: Any) -> Any:
    """Give what a value says, not how it is written: a name without label, an amount without its text."""
    match field.kind:
        case "reference":
            return [value["scheme"], value["value"]]
        case "quantity":
            return [float(value["value"]), value.get("unit")]
        case _:
            return value


def comparable(field: Field, value: Any) -> Any:
    """Give a stated value as it can be subtracted: an instant instead of its text."""
    return parse_instant(value) if field.kind == "instant" else value


def difference_of(field: Field, one: Any, other: Any) -> tuple[float, str | None] | None:
    """Give how much more `other` is than `one` and in which unit; None where they cannot be subtracted.

    Both are comparable values. Amounts are taken in the unit of `one`; times differ by seconds.
    """
    match field.kind:
        case "instant":
            return (other - one).total_seconds(), "s"
        case "number" | "integer":
            return float(other) - float(one), None
        case "quantity":
            return _difference_of_amounts(one, other)
        case _:
            return None


def _difference_of_amounts(one: Any, other: Any) -> tuple[float, str | None] | None:
    unit, said = one.get("unit"), other.get("unit")
    if unit == said:
        return other["value"] - one["value"], unit
    if unit is None or said is None:
        return None
    try:
        return convert(other["value"], said, unit) - one["value"], unit
    except ValueError:
        return None
