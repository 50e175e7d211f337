"""Settings of the `asm` connector."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from hub.sdk import Config

Form = Literal["auto", "asm", "flex2", "cedex_bioht", "vi_cell_blu", "allotropy"]


class AsmConfig(Config):
    """A folder into which instruments write, and how what they write is read."""

    root: Path = Field(description="folder with the files")
    globs: tuple[str, ...] = Field(
        default=("**/*.json", "**/*.csv", "**/*.txt"), min_length=1, description="which files in it"
    )
    form: Form = Field(
        default="auto", description="what the files are; `auto` recognises each by its content"
    )
    vendor: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]{0,60}$",
        description="allotropy's name of the instrument whose files are not recognised, e.g. CYTIVA_UNICORN",
    )
    python: Path | None = Field(
        default=None, description="Python of the environment that has allotropy; by default the hub's own"
    )
    convert_s: float = Field(
        default=120.0, gt=0, le=3600, description="most seconds to convert one page of files"
    )
    date_order: Literal["mdy", "dmy"] = Field(
        default="mdy", description="order of dates that an instrument writes with the year last"
    )
    batch_pattern: str | None = Field(
        default=None,
        max_length=200,
        description="pattern with a group `batch` that finds the batch in a sample's name where the file "
        "names none",
    )
    encoding: str | None = Field(
        default=None, description="character set; by default by its mark, else UTF-8"
    )
    page_files: int = Field(default=20, ge=1, le=500, description="files in one transaction")
    max_mib: int = Field(default=64, ge=1, le=1024, description="largest file, in MiB")
    every_s: float = Field(default=60.0, gt=0, description="seconds between two looks")

    @field_validator("batch_pattern")
    @classmethod
    def check_pattern(cls, given: str | None) -> str | None:
        """Refuse a pattern that does not say where the batch is."""
        if given is not None:
            try:
                groups = re.compile(given).groupindex
            except re.error as error:
                raise ValueError(f"batch_pattern is no regular expression: {error}") from error
            if "batch" not in groups:
                raise ValueError("batch_pattern has no group (?P<batch>…)")
        return given
