"""The shapes of values: what a source states, and what the hub shows of it or of a row."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict


def _leave_out(schema: JsonDict) -> None:
    schema.pop("default", None)


ABSENT: Any = Field(default=None, json_schema_extra=_leave_out)
"""Marks a member that is not there where it would say nothing; it has no default that a client could send."""


class StatedName(BaseModel):
    """A thing as a source names it: a scheme and a value in it.

    `match` is the part of a compound value that people write, `label` the name as they read it; either is
    absent where it adds nothing.
    """

    model_config = ConfigDict(extra="forbid")

    scheme: str
    value: str
    match: str = ABSENT
    label: str = ABSENT


class StatedAmount(BaseModel):
    """An amount as a source states it, in its UCUM `unit`; verbatim are `text` and `source_unit`.

    Units are absent where the source gave none, the verbatim ones where only the amount counts.
    """

    model_config = ConfigDict(extra="forbid")

    value: float
    unit: str | None = ABSENT
    text: str = ABSENT
    source_unit: str = ABSENT


StatedValue = float | bool | str | StatedName | StatedAmount | None
"""What a source says of an attribute: a number, a truth, a text (also of a choice or an instant), a name of
another thing, an amount; null where it says nothing."""

EssenceOfValue = float | bool | str | list[float | str | None] | None
"""What a statement says, not how it is written: a name as scheme and value, an amount as number and unit."""

ShownValue = float | bool | str | dict[str, Any] | None
"""A value as it counts, or a whole row: an object holds the parts of an amount or of a reference, or all of
a row."""

Cell = float | bool | str | None
"""A value of a flat row."""
