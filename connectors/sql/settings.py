"""Settings of the `sql` connector: which database, and of every stream its query, key and clock."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from hub.sdk import Config
from hub.sdk.mapping import RECORD_TYPES, Reading, Rule
from hub.sdk.mapping.schema import field_kinds

_SELECT = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Value = str | int | float | bool


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Query(_Written):
    """One SELECT over what the source offers, without ORDER BY at its end; `:name` takes a parameter."""

    query: str = Field(description="one SELECT; the hub adds the conditions on time and the order")
    parameters: dict[str, Value] = Field(default_factory=dict, description="values of `:name`, always bound")

    @field_validator("query")
    @classmethod
    def check_query(cls, text: str) -> str:
        """Refuse what is no single SELECT."""
        return _one_select(text)

    @model_validator(mode="after")
    def check_parameters(self) -> Self:
        """Refuse a parameter that the query does not take."""
        if lost := [name for name in self.parameters if not re.search(rf"(?<!:):{name}\b", self.query)]:
            msg = f"the query takes no parameter {', '.join(lost)}; write `:{lost[0]}` where it belongs"
            raise ValueError(msg)
        return self


def _one_select(text: str) -> str:
    text = text.strip().removesuffix(";").rstrip()
    if not _SELECT.match(text) or ";" in text:
        raise ValueError("a query is one SELECT statement and nothing else")
    return text


def _check_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _COLUMN.fullmatch(name):
            msg = f"{name!r} is no plain column name; give the column one with AS"
            raise ValueError(msg)
    return names


class RecordQuery(Query):
    """Rows that state records. With `record` the columns bear the names of its fields; else see `records`."""

    key: tuple[str, ...] = Field(min_length=1, description="columns that name a row for ever")
    clock: str | None = Field(
        default=None, description="column that moves on at every change: a time, or a rising number"
    )
    look_back: float = Field(
        default=300.0,
        ge=0,
        description="how far each read looks back behind the last change: seconds of a time, steps of a "
        "number; as long as the longest transaction of the source may take",
    )
    deleted: str | None = Field(default=None, description="column that is true for a deleted row")
    page_rows: int = Field(default=1000, ge=1, le=100_000)
    every_s: float = Field(default=60.0, gt=0)
    record: str | None = Field(default=None, description="type of the record that a row states")
    records: tuple[Rule, ...] = Field(default=(), description="mapping rules, where names are not enough")
    reading: Reading = Reading()

    @field_validator("key")
    @classmethod
    def check_key(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no column."""
        return _check_columns(names)

    @field_validator("clock", "deleted")
    @classmethod
    def check_name(cls, name: str | None) -> str | None:
        """Refuse what is no column."""
        return name if name is None else _check_columns((name,))[0]

    @model_validator(mode="after")
    def check_meaning(self) -> Self:
        """Refuse a stream that means nothing, or two things."""
        if bool(self.record) == bool(self.records):
            raise ValueError("give `record` (columns carry its fields' names) or `records` (mapping rules)")
        if self.record is not None and self.record not in RECORD_TYPES:
            msg = f"{self.record!r} is no record type; take one of {', '.join(sorted(RECORD_TYPES))}"
            raise ValueError(msg)
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The mapping: of `record`, every field from the column of its name."""
        if self.record is None:
            return self.records
        fields = {name: _field(name, kind) for name, kind in field_kinds(RECORD_TYPES[self.record]).items()}
        return (Rule.model_validate({"record": self.record, "fields": fields}),)


def _field(name: str, kind: str) -> dict[str, Any]:
    """Read a field from its column; its unit, or the scheme of a name, from the column beside it."""
    if kind in {"quantity", "measurement"}:
        return {"path": name, "unit_path": f"{name}_unit"}
    if kind in {"identifier", "identifiers"}:
        return {"path": name, "scheme": f"{{{name}_scheme}}"}
    return {"path": name}


class SampleQuery(Query):
    """A history table. `long`: a row a sample, with its tag; `wide`: a row a time, with a column a tag."""

    layout: Literal["long", "wide"] = "long"
    time: str = Field(
        default="ts", description="column of the time; without zone it is the source's local time"
    )
    tag: str = Field(
        default="tag",
        description="long: column of the tag; wide: name of a tag, `{column}` stands for its column",
    )
    value: str = Field(default="value", description="long: column of the value, number or text")
    quality: str | None = Field(default=None, description="long: column of the quality")
    qualities: dict[str, int] = Field(
        default_factory=dict,
        description='OPC UA status code of each quality that the source writes, "*" for others; without it '
        "the column holds status codes",
    )
    columns: dict[str, str | None] = Field(
        default_factory=dict, description="wide: the columns that are tags, each with its unit or null"
    )
    tags: str | None = Field(
        default=None,
        description="long: a SELECT of tag, and optionally unit, low and high; quicker than a scan",
    )
    batch_rows: int = Field(default=50_000, ge=100, le=500_000)

    @field_validator("tags")
    @classmethod
    def check_tags(cls, text: str | None) -> str | None:
        """Refuse what is no single SELECT."""
        return text if text is None else _one_select(text)

    @field_validator("time", "value", "quality")
    @classmethod
    def check_names(cls, name: str | None) -> str | None:
        """Refuse what is no column."""
        return name if name is None else _check_columns((name,))[0]

    @model_validator(mode="after")
    def check_layout(self) -> Self:
        """Refuse a wide table without columns, and names that do not fit the layout."""
        _check_columns(tuple(self.columns))
        if (self.layout == "wide") != bool(self.columns):
            raise ValueError("`columns` names the tags of a wide table, and of a wide table only")
        if self.layout == "wide" and "{column}" not in self.tag:
            raise ValueError("`tag` of a wide table needs {column}, e.g. `press1.{column}`")
        if self.layout == "long":
            _check_columns((self.tag,))
        return self


class SqlConfig(Config):
    """A database that is read, never written. The password never stands in `url`."""

    reach: ClassVar[Mapping[str, Any]] = {
        "url": "sqlite://",
        "password": None,
        "verify": None,
        "timeout_s": 60.0,
    }

    url: str = Field(
        description="SQLAlchemy URL without password, e.g. postgresql+psycopg://reader@host/lims, "
        "mysql+pymysql://…, mssql+pyodbc://…, oracle+oracledb://…"
    )
    password: SecretStr | None = Field(default=None, description="password of the user in `url`")
    verify: bool | str | None = Field(
        default=None,
        description="whose certificate the database must show over TLS: true (the system's authorities), a "
        "CA file, or false (any, or none at all); without it true, and false on this machine",
    )
    timeout_s: float = Field(default=60.0, gt=0, description="longest time that a statement may take")
    streams: dict[str, RecordQuery] = Field(default_factory=dict[str, RecordQuery])
    samples: dict[str, SampleQuery] = Field(default_factory=dict[str, SampleQuery])

    @field_validator("url")
    @classmethod
    def check_url(cls, url: str) -> str:
        """Refuse a URL that shows a password."""
        if re.match(r"^[\w+]+://[^/@]*:[^/@]*@", url):
            raise ValueError("the password stands in `url`; put it into `password: ${env:…}`")
        return url

    @model_validator(mode="after")
    def check_any(self) -> Self:
        """Refuse a source of nothing."""
        if not self.streams and not self.samples:
            raise ValueError("give `streams`, `samples` or both")
        return self
