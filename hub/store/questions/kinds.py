"""Kinds of properties: which values each is compared with, and as what; blanks become parameters."""

import operator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam

from hub.store.questions.expression import Blank, FilterError, Literal, Value

_FORMS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "'text' in single quotes"),
    "choice": ((str,), "'text' in single quotes"),
    "source": ((str,), "'text' in single quotes: the code of a source"),
    "number": ((int, float), "a number"),
    "integer": ((int, float), "a number"),
    "flag": ((bool,), "true or false"),
    "instant": ((datetime,), "a time such as 2026-03-01T00:00:00Z"),
    "date": ((date,), "a date such as 2026-03-01"),
    "reference": ((str,), "'text' in single quotes: any name of the thing"),
}
NUMBERS = ("number", "integer")
TEXTS = ("text", "choice", "source")
_LARGEST = 2**63
_BLANK = "blank_"
"""How the name of a blank's parameter begins; other parameters are called by their columns."""


@dataclass(frozen=True)
class Parameter:
    """A blank whose kind is known, as a parameter of a statement; `read_parameter` reads its name again."""

    number: int
    kind: str
    type: type

    @property
    def name(self) -> str:
        """Under which name a statement has it."""
        return f"{_BLANK}{self.kind}_{self.number}"


def read_parameter(name: str) -> tuple[str, int] | None:
    """Give kind and number of a blank from its name in a statement; None for what is no blank."""
    if not name.startswith(_BLANK):
        return None
    kind, _, number = name.removeprefix(_BLANK).partition("_")
    return kind, int(number)


_SAMPLES: dict[type, Any] = {
    int: 0,
    float: 0.0,
    str: "",
    datetime: datetime(2000, 1, 1, tzinfo=UTC),
}


def to_compare(value: Value | Parameter, column: ColumnElement[Any]) -> Any:
    """Give what a column is compared with: the value, or a parameter of the type that a value would have."""
    if not isinstance(value, Parameter):
        return value
    sample = _SAMPLES[value.type]
    return bindparam(value.name, type_=column.type.coerce_compared_value(operator.eq, sample))


def check(kind: str, one: Literal) -> Value | Parameter:
    """Give a literal that fits a kind, of a blank its parameter. Raises `FilterError`."""
    accepted, form = _FORMS[kind]
    value = one.value
    if isinstance(value, Blank):
        if value.type not in accepted:
            raise FilterError(f"this name takes {form}", one.position)
        told = float if kind == "number" else str if kind == "date" else value.type
        return Parameter(value.number, kind, told)
    is_wrong_truth = isinstance(value, bool) and bool not in accepted
    is_wrong_time = isinstance(value, datetime) and datetime not in accepted
    if is_wrong_truth or is_wrong_time or not isinstance(value, accepted):
        raise FilterError(f"this name takes {form}", one.position)
    return fit(kind, value)


def fit(kind: str, value: Value) -> Value:
    """Give a value of the right type as a kind of property is compared with it."""
    if kind == "date" and isinstance(value, date):
        return value.isoformat()
    if kind in NUMBERS and isinstance(value, int | float):
        return float(value) if kind == "number" or is_large(value) else value
    return value


def is_large(value: Value) -> bool:
    """Tell whether a whole number is more than the engines' integers hold."""
    return isinstance(value, int) and not -_LARGEST <= value < _LARGEST


def family_of(kind: str) -> str:
    """Give what kinds can be compared with each other under one name."""
    return "number" if kind in NUMBERS else "text" if kind in ("text", "choice") else kind
