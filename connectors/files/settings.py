"""Settings of the files connector: which files, how they are written, what their rows or columns mean."""

import codecs
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.sdk import Config
from hub.sdk.config import Zone
from hub.sdk.mapping import Reading, Rule, parse_expression
from hub.sdk.mapping.schema import ValueTable


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(_Written):
    """Files of one shape. Globs are resolved beneath `root`; what leads outside is refused."""

    files: tuple[str, ...] = Field(default=(), description="globs beneath `root`, e.g. `Process/*.csv`")
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="without it: parquet for `.parquet`, else csv"
    )
    encoding: str = Field(default="utf-8-sig", description="encoding of CSV, e.g. cp1252, utf-16")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1, description='quote character; "" for none')
    skip_lines: int = Field(default=0, ge=0, description="lines before the header")
    names: tuple[str, ...] = Field(default=(), description="column names of a CSV without a header line")
    settle_s: float = Field(
        default=10.0,
        ge=0,
        description="a last line without line end counts once the file is this old, seconds",
    )

    @field_validator("files", mode="before")
    @classmethod
    def accept_one(cls, given: object) -> object:
        """Take one glob for a list of one."""
        return (given,) if isinstance(given, str) else given

    @field_validator("files")
    @classmethod
    def check_globs(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse patterns that name places outside the root."""
        for glob in files:
            if glob.startswith(("/", "~")) or ".." in glob.split("/"):
                msg = f"{glob!r} leaves the root folder; write it relative to `root`, without `..`"
                raise ValueError(msg)
        return files

    @field_validator("encoding")
    @classmethod
    def check_encoding(cls, encoding: str) -> str:
        """Refuse encodings that do not exist."""
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            msg = f"encoding {encoding!r} is not known; use e.g. utf-8, cp1252 or utf-16"
            raise ValueError(msg) from None


class RecordTable(Table):
    """A table whose rows are business facts; each row is a document."""

    rows: tuple[ValueTable, ...] = Field(
        default=(), description="rows written here instead of files: what the plant knows and no system says"
    )
    key: str | None = Field(
        default=None, description="template of the row's name, e.g. `{batch}`; without it `file:line`"
    )
    changed_at: str | None = Field(default=None, description="column with the row's time of change")
    seq: str | None = Field(default=None, description="column with the row's version number")
    distinct: tuple[str, ...] = Field(
        default=(),
        description="take only these columns, and each combination of their values once; needs `key`",
    )
    file_column: str | None = Field(default=None, description="add the file's name under this column name")
    snapshot: bool = Field(
        default=False, description="the files are a whole extract: rows that vanish are deletions"
    )
    optional: tuple[str, ...] = Field(default=(), description="mapped columns that a file may lack")
    every_s: float = Field(default=60.0, gt=0, description="seconds between two looks")
    page_rows: int = Field(default=1000, ge=1, description="rows in one commit")
    reading: Reading = Reading()
    records: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("key", "changed_at", "seq")
    @classmethod
    def check_expression(cls, text: str | None) -> str | None:
        """Refuse what is no path or template."""
        if text is not None:
            parse_expression(text)
        return text

    @model_validator(mode="after")
    def check_source(self) -> Self:
        """Refuse a table without files and rows, or with both."""
        if bool(self.files) == bool(self.rows):
            msg = "write either `files` or `rows`"
            raise ValueError(msg)
        if self.distinct and not self.key:
            msg = "`distinct` needs `key`: the combination's name may not be a line number"
            raise ValueError(msg)
        return self


class SeriesColumn(_Written):
    """One signal of a wide table."""

    column: str
    tag: str | None = Field(default=None, description="the tag's name; without it the table's `tag` template")
    description: str | None = None
    unit: str | None = Field(default=None, description="unit of the values, e.g. kN")
    property: str | None = None
    equipment: str | None = None
    value_type: Literal["float", "integer", "boolean", "string"] = "float"
    is_step: bool | None = None
    criticality: Literal["CPP", "KPP", "other"] | None = None
    low: float | None = None
    high: float | None = None


class SeriesTable(Table):
    """A table of samples: `wide` (one column a tag) or `long` (one row a sample)."""

    layout: Literal["wide", "long"] = "wide"
    time: tuple[str, ...] = Field(min_length=1, description="time column, or date and time columns")
    time_format: str | None = Field(
        default=None, description="strptime format, epoch_s, epoch_ms or epoch_us; without it ISO 8601"
    )
    zone: Zone | None = Field(default=None, description="zone of local times; without it `timezone`")
    ambiguous: Literal["earliest", "latest", "error"] = Field(
        default="error",
        description="local times that come twice in autumn, where the file's order cannot tell",
    )
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = Field(default=(), description="cells that mean no sample, besides blanks")
    bad: tuple[str, ...] = Field(default=(), description="cells that mean a sample of bad quality, no number")
    tag: str = Field(
        default="{column}",
        description="name of a tag; `{column}` and `{file}` (name without ending) are filled",
    )
    columns: tuple[SeriesColumn, ...] = Field(
        default=(), description="wide: the signals; without it every column but the time"
    )
    tag_column: str | None = Field(default=None, description="long: column with the tag's name")
    value_column: str | None = Field(default=None, description="long: column with the value")
    quality_column: str | None = Field(default=None, description="long: column with the quality")
    quality: dict[str, int] = Field(
        default_factory=dict,
        description='long: status code of each quality word, "*" for others; numbers stand as they are',
    )
    block_bytes: int = Field(default=2 * 1024 * 1024, ge=64, description="bytes parsed at a time")

    @field_validator("time", mode="before")
    @classmethod
    def accept_one_column(cls, given: object) -> object:
        """Take one column for a list of one."""
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def check_layout(self) -> Self:
        """Refuse a long table without its columns, and a table without files."""
        if not self.files:
            msg = "write `files`"
            raise ValueError(msg)
        if self.layout == "long" and not (self.tag_column and self.value_column):
            msg = "a long table needs `tag_column` and `value_column`"
            raise ValueError(msg)
        return self


class FilesConfig(Config):
    """Settings of a folder of CSV or Parquet files."""

    reach: ClassVar[Mapping[str, Any]] = {"root": "."}

    root: str = Field(description="folder that holds all files; nothing outside it is read")
    streams: dict[str, RecordTable] = Field(default_factory=dict[str, RecordTable])
    samples: dict[str, SeriesTable] = Field(default_factory=dict[str, SeriesTable])

    @model_validator(mode="after")
    def check_something(self) -> Self:
        """Refuse a source that reads nothing."""
        if not self.streams and not self.samples:
            msg = "nothing to read; write `streams` (records) or `samples`"
            raise ValueError(msg)
        return self
