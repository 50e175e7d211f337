"""Settings of the `batch_events` connector: which folder, which engine wrote the journals."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.sdk import Config

Shape = Literal["factorytalk", "deltav", "inbatch"]
"""Which batch engine wrote the events."""


class BatchEventsConfig(Config):
    """A folder of event journals, one batch or many a file; it is only read."""

    reach: ClassVar[Mapping[str, Any]] = {"root": "/nowhere", "globs": ("*",), "every_s": 60.0}

    root: str = Field(description="folder with the journals")
    globs: tuple[str, ...] = Field(default=("*.evt", "*.csv", "*.txt"), min_length=1)
    shape: Shape
    encoding: str = Field(default="utf-8-sig", description="character set of the files, e.g. cp1252")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="our name of a column -> its name in the header, where a site has renamed it",
    )
    words: dict[str, str] = Field(
        default_factory=dict, description="an engine's word in its own language -> the English word"
    )
    max_mib: int = Field(default=64, ge=1, description="a larger file is rejected, in MiB")
    every_s: float = Field(default=60.0, gt=0)
