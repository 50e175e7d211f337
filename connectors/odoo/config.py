"""Settings of the `odoo` connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from hub.sdk import HttpConfig

__all__ = ["OdooConfig", "StreamName"]

StreamName = Literal[
    "products",
    "lots",
    "work_centers",
    "boms",
    "bom_lines",
    "bom_operations",
    "productions",
    "work_orders",
    "moves",
    "productivity",
    "quality_points",
    "quality_checks",
]
_COMMUNITY: tuple[StreamName, ...] = (
    "products",
    "lots",
    "work_centers",
    "boms",
    "bom_lines",
    "bom_operations",
    "productions",
    "work_orders",
    "moves",
    "productivity",
)


class OdooConfig(HttpConfig):
    """An Odoo database read through its external API. Odoo writes its times in UTC."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "url": "http://nowhere.invalid",
        "database": "nowhere",
        "api": "jsonrpc",
        "user": "nobody",
        "password": "nothing",
        "ca_file": None,
        "page_size": 200,
        "overlap_s": 300,
    }

    url: str = Field(pattern=r"^https?://", description="where Odoo answers, e.g. https://erp.example.com")
    database: str = Field(min_length=1, description="name of the database")
    api: Literal["jsonrpc", "json2"] = Field(
        default="jsonrpc", description="`jsonrpc`, or `json2` from version 19 on"
    )
    user: str | None = Field(default=None, description="login; needed for `jsonrpc`")
    password: SecretStr = Field(
        description="API key of the user (Preferences, Account Security), or password"
    )
    ca_file: Path | None = Field(default=None, description="certificate authorities (PEM) that sign the host")
    streams: tuple[StreamName, ...] = Field(
        default=_COMMUNITY,
        min_length=1,
        description="what to read; the quality streams need Odoo's Quality app (Enterprise)",
    )
    page_size: int = Field(default=200, ge=1, le=5000, description="rows asked for at once")
    overlap_s: int = Field(
        default=300, ge=0, description="seconds by which a read looks back; longer than a transaction takes"
    )

    @model_validator(mode="after")
    def check_login(self) -> Self:
        """Refuse JSON-RPC without somebody who logs in."""
        if self.api == "jsonrpc" and self.user is None:
            raise ValueError("give `user`: JSON-RPC logs in by user and password or key")
        return self
