"""How a mapping is written: rules, fields, conditions, and how a source writes numbers, times and nothing."""

import types
from datetime import datetime
from typing import Annotated, Any, Literal, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.model import Identifier, Measurement, Quantity, Record
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.sdk.config import Zone
from hub.sdk.mapping.path import Jmes, parse_each, parse_expression

RECORD_TYPES: dict[str, type[Record]] = {**MASTERED, **OBSERVED}
"""Record classes by the name that a rule writes."""

FieldKind = Literal[
    "identifier", "identifiers", "quantity", "measurement", "instant", "number", "flag", "text"
]
_KINDS: dict[Any, FieldKind] = {
    Identifier: "identifier",
    Quantity: "quantity",
    Measurement: "measurement",
    datetime: "instant",
    float: "number",
    int: "number",
    bool: "flag",
}


class _Written(BaseModel):
    """Anything written by hand: unknown keys are errors, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _texts(given: Any) -> Any:
    """Read the keys of a value table as text: YAML makes numbers and truth values of bare words."""
    if not isinstance(given, dict):
        return given
    table = cast("dict[Any, Any]", given)
    return {(str(k).lower() if isinstance(k, bool) else str(k)): v for k, v in table.items()}


ValueTable = Annotated[dict[str, Any], BeforeValidator(_texts)]


class Reading(_Written):
    """How a source writes numbers, times and nothing."""

    decimal: Literal[".", ","] = Field(default=".", description="decimal sign of numbers")
    thousands: str = Field(
        default="", max_length=1, description="sign between groups of digits, to be dropped"
    )
    time_format: str | None = Field(
        default=None, description="strptime format, `epoch_s` or `epoch_ms`; without it ISO 8601"
    )
    months: tuple[str, ...] = Field(
        default=(), description="names of the twelve months as written, for %b in `time_format`"
    )
    missing: tuple[str, ...] = Field(
        default=(), description="texts that mean 'not stated', besides blanks, e.g. n/a"
    )

    @field_validator("months")
    @classmethod
    def check_months(cls, months: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse any number of months but twelve."""
        if months and len(months) != 12:
            msg = f"months has {len(months)} names; write all twelve, January first"
            raise ValueError(msg)
        return tuple(m.casefold() for m in months)


class Condition(_Written):
    """When a rule applies: the value at `path` is stated, and equals, is in, or matches what is written."""

    path: str
    stated: bool = True
    equals: str | float | bool | None = None
    one_of: tuple[str, ...] | None = Field(default=None, alias="in")
    not_in: tuple[str, ...] | None = None
    matches: str | None = Field(default=None, description="regular expression, from the start of the text")

    @field_validator("one_of", "not_in", mode="before")
    @classmethod
    def accept_numbers(cls, given: Any) -> Any:
        """Compare as text."""
        return [str(g) for g in cast("list[Any]", given)] if isinstance(given, list) else given

    @field_validator("path")
    @classmethod
    def check_path(cls, path: str) -> str:
        """Refuse what is no path."""
        parse_expression(path)
        return path


class FieldRule(_Written):
    """Where a field's value comes from. A bare text is a path, or a template when it has braces."""

    path: str | None = Field(default=None, description="path or template; `value` is another word for it")
    const: Any = Field(default=None, description="a value that the mapping itself states")
    jmespath: str | None = Field(default=None, description="only where a path needs a function")
    map: ValueTable | None = Field(default=None, description='value table; "*" catches the rest')
    default: Any = Field(default=None, description="taken when the source says nothing")
    scheme: str | None = Field(default=None, description="scheme of an identifier (template allowed)")
    match: str | None = Field(
        default=None, description="the part of an identifier that people write elsewhere"
    )
    unit: str | None = Field(default=None, description="unit of a number, when the source never writes it")
    unit_path: str | None = Field(default=None, description="where the source writes the unit")
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    format: str | None = Field(default=None, description="time format of this field")
    zone: Zone | None = Field(default=None, description="zone of this field's local times")

    @model_validator(mode="before")
    @classmethod
    def accept_short(cls, given: Any) -> Any:
        """Take a bare text as a path, `value` and `template` as other words for `path`."""
        if isinstance(given, str):
            return {"path": given}
        if not isinstance(given, dict):
            return given
        written = dict(cast("dict[str, Any]", given))
        for word in ("value", "template"):
            if word in written:
                if "path" in written:
                    msg = f"`path` and `{word}` say the same thing; keep one"
                    raise ValueError(msg)
                written["path"] = written.pop(word)
        return written

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse a field with no source or several, and paths that are none."""
        sources = [n for n in ("path", "const", "jmespath") if getattr(self, n) is not None]
        if len(sources) > 1:
            msg = f"{' and '.join(sources)} are alternatives; keep one"
            raise ValueError(msg)
        if not sources and self.default is None:
            msg = "no source; write a path, a template, const or jmespath"
            raise ValueError(msg)
        for text in (self.path, self.unit_path, self.scheme, self.match):
            if text is not None:
                parse_expression(text)
        if self.jmespath is not None:
            Jmes.parse(self.jmespath)
        return self


class Rule(_Written):
    """Which records one source object states: type, items, condition, fields."""

    record: str
    each: str | None = Field(default=None, description="nested list to walk, e.g. `results[*]`")
    when: tuple[Condition, ...] = Field(default=(), description="conditions that must all hold")
    columns: tuple[ValueTable, ...] | None = Field(
        default=None,
        description="table of columns: every column with a value gives one record; each row needs "
        "`column`, and its other words are there as `@word`, the cell as `@value`",
    )
    fields: dict[str, FieldRule | tuple[FieldRule, ...]]

    @field_validator("when", mode="before")
    @classmethod
    def accept_one(cls, given: Any) -> Any:
        """Take one condition, or a bare path that must be stated."""
        if isinstance(given, str):
            return [{"path": given}]
        return [given] if isinstance(given, dict) else given

    @field_validator("record")
    @classmethod
    def check_record(cls, record: str) -> str:
        """Refuse what is no record type."""
        if record not in RECORD_TYPES:
            msg = f"{record!r} is no record type; take one of {', '.join(sorted(RECORD_TYPES))}"
            raise ValueError(msg)
        return record

    @field_validator("each")
    @classmethod
    def check_each(cls, each: str | None) -> str | None:
        """Refuse what is no path."""
        if each is not None:
            parse_each(each)
        return each

    @field_validator("columns")
    @classmethod
    def check_columns(cls, columns: tuple[dict[str, Any], ...] | None) -> tuple[dict[str, Any], ...] | None:
        """Refuse a row without its column."""
        for number, row in enumerate(columns or ()):
            if not isinstance(row.get("column"), str):
                msg = f"row {number} has no `column`"
                raise ValueError(msg)  # noqa: TRY004  # Pydantic reports ValueError
        return columns

    @model_validator(mode="after")
    def check_fields(self) -> Self:
        """Refuse fields that the record does not have, and records whose key has no source."""
        known = field_kinds(RECORD_TYPES[self.record])
        for name, written in self.fields.items():
            if name not in known:
                msg = f"{self.record} has no field {name!r}; it has {', '.join(sorted(known))}"
                raise ValueError(msg)
            if isinstance(written, tuple) and known[name] != "identifiers":
                msg = f"{self.record}.{name} takes one source, not a list"
                raise ValueError(msg)
        lacking = [
            name
            for name, field in RECORD_TYPES[self.record].model_fields.items()
            if field.is_required() and name not in self.fields
        ]
        if lacking:
            msg = f"{self.record} needs {', '.join(lacking)}"
            raise ValueError(msg)
        return self


def field_kinds(kind: type[Record]) -> dict[str, FieldKind]:
    """Give the fields of a record class and what each is made of."""
    return {name: _kind(field.annotation) for name, field in kind.model_fields.items()}


def _kind(annotation: Any) -> FieldKind:
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next(_kind(a) for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is tuple:
        return "identifiers"
    return _KINDS.get(annotation, "text")
