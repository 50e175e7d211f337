"""Numbers as reported: value, verbatim text, UCUM unit, the source's own unit; a comparator when censored."""

import math
import re
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.model.unit import convert, find_unit

Comparator = Literal["<", "<=", ">", ">="]
_CENSORED = re.compile(r"^\s*(<=|>=|<|>|≤|≥)\s*(.+)$")
_DECIMAL = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$", re.ASCII)
_SIGNS: dict[str, Comparator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}


class Quantity(BaseModel):
    """An amount of something. `value` is in `unit` (UCUM); `text` and `source_unit` are verbatim.

    Raises `UnknownUnitError` (a ValueError) when the unit is not in the table, ValueError when the text is
    no finite number. ISA-95 QuantityValueType (B2MML-Common.xsd) is a string: hence the text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    unit: str | None = None
    text: str = ""
    source_unit: str | None = None

    @model_validator(mode="before")
    @classmethod
    def fill(cls, given: Any) -> Any:
        """Complete text, number and UCUM unit from what was given."""
        if not isinstance(given, dict):
            given = {"text": str(given)} if isinstance(given, str) else {"value": given}
        filled = dict(cast("dict[str, Any]", given))
        if filled.get("value") is None:
            filled["value"] = _amount(str(filled.get("text") or ""))
        filled["text"] = filled.get("text") or repr(filled["value"])
        source_unit = filled.get("source_unit") or filled.get("unit")
        if source_unit:
            filled["unit"] = find_unit(source_unit).code
            filled["source_unit"] = source_unit
        return filled

    @classmethod
    def of(cls, text: str | float, unit: str | None = None) -> Self:
        """Make a quantity from what a source wrote, e.g. `Quantity.of("118200.000", "G")`."""
        return cls.model_validate({"text": str(text).strip(), "source_unit": (unit or "").strip() or None})

    def in_unit(self, unit: str) -> float:
        """Give the value in another unit of the same dimension; ValueError when dimensions differ."""
        return self.value if self.unit is None else convert(self.value, self.unit, unit)


class Measurement(BaseModel):
    """A reported result: number or text, with `<`/`>` kept as comparator (`<0.05` is not 0.05)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float | None = None
    text: str = Field(max_length=4000)
    comparator: Comparator | None = None
    unit: str | None = None
    source_unit: str | None = None

    @classmethod
    def of(cls, text: str | float, unit: str | None = None) -> Self:
        """Read a reported entry: `"3.10"`, `"<0.05"`, `"PASS"`; unknown units raise `UnknownUnitError`."""
        entry = str(text).strip()
        found = _CENSORED.match(entry)
        number = _number(found.group(2) if found else entry)
        sign = found.group(1) if found and number is not None else None
        source_unit = (unit or "").strip() or None
        return cls(
            value=number,
            text=entry,
            comparator=_SIGNS[sign] if sign else None,
            unit=find_unit(source_unit).code if source_unit else None,
            source_unit=source_unit,
        )


def _amount(text: str) -> float:
    number = _number(text.strip())
    if number is None:
        msg = f"{text!r} is no number"
        raise ValueError(msg)
    return number


def _number(text: str) -> float | None:
    """Give the number that a text is; None for what Python alone would take for one (`1_000`, `nan`)."""
    if not _DECIMAL.match(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
