"""Settings of the `senaite` connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from hub.sdk import HttpConfig

__all__ = ["SampleField", "SenaiteConfig", "StreamName"]

StreamName = Literal["specifications", "samples", "analyses", "attachments"]
SampleField = Literal["ClientSampleID", "ClientReference", "ClientOrderNumber", "BatchID"]


class SenaiteConfig(HttpConfig):
    """A SENAITE laboratory, read through its JSON API."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "url": "http://nowhere.invalid",
        "user": "nobody",
        "password": "nothing",
        "ca_file": None,
        "page_size": 50,
        "overlap_s": 120,
    }

    url: str = Field(
        pattern=r"^https?://", description="up to the site, e.g. https://lims.example.com/senaite"
    )
    user: str = Field(min_length=1, description="a user of the laboratory")
    password: SecretStr = Field(description="password of `user`")
    ca_file: Path | None = Field(default=None, description="certificate authorities (PEM) that sign the host")
    streams: tuple[StreamName, ...] = Field(
        default=("specifications", "samples", "analyses", "attachments"),
        min_length=1,
        description="what to read",
    )
    batch_field: SampleField | None = Field(
        default="ClientSampleID",
        description="field of a sample that holds the number of the batch it was taken from",
    )
    lot_field: SampleField | None = Field(
        default=None, description="field of a sample that holds the number of the lot it was taken from"
    )
    page_size: int = Field(default=50, ge=1, le=1000, description="objects asked for at once")
    overlap_s: int = Field(default=120, ge=0, description="seconds by which a read looks back")
