"""Settings of the `tryton` connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from hub.sdk import HttpConfig

__all__ = ["StreamName", "TrytonConfig"]

StreamName = Literal[
    "products",
    "lots",
    "work_centers",
    "boms",
    "bom_inputs",
    "routings",
    "routing_steps",
    "productions",
    "works",
    "cycles",
    "moves",
    "controls",
    "control_points",
    "inspections",
    "test_types",
    "test_criteria",
    "lab_tests",
    "lab_results",
]
_PRODUCTION: tuple[StreamName, ...] = (
    "products",
    "lots",
    "boms",
    "bom_inputs",
    "productions",
    "moves",
)


class TrytonConfig(HttpConfig):
    """A Tryton database: an ERP, or a laboratory on the same platform. Tryton writes its times in UTC."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "url": "http://nowhere.invalid",
        "database": "nowhere",
        "user": "nobody",
        "password": "nothing",
        "ca_file": None,
        "page_size": 200,
        "overlap_s": 300,
    }

    url: str = Field(pattern=r"^https?://", description="where Tryton answers, e.g. https://erp.example.com")
    database: str = Field(min_length=1, pattern=r"^[\w.-]+$", description="name of the database")
    user: str = Field(min_length=1, description="login")
    password: SecretStr = Field(description="password of `user`")
    ca_file: Path | None = Field(default=None, description="certificate authorities (PEM) that sign the host")
    streams: tuple[StreamName, ...] = Field(
        default=_PRODUCTION,
        min_length=1,
        description="what to read; a stream needs the module that the README names for it",
    )
    page_size: int = Field(default=200, ge=1, le=5000, description="rows asked for at once")
    overlap_s: int = Field(
        default=300, ge=0, description="seconds by which a read looks back; longer than a transaction takes"
    )
