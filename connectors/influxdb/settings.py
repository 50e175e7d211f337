"""Settings of the InfluxDB connector: where, who we are, which measurements, how their series are called."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.sdk import Config


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Written):
    """A user of the database and its password (1.x)."""

    user: str
    password: SecretStr


class TokenAuth(_Written):
    """A token (2.x and later)."""

    token: SecretStr


class InfluxDbConfig(Config):
    """Settings of an InfluxDB."""

    reach: ClassVar[Mapping[str, Any]] = {
        "base_url": "http://nowhere.invalid",
        "auth": None,
        "verify": True,
        "slice_s": 21_600,
        "timeout_s": 60.0,
        "max_mib": 64,
        "per_second": None,
    }

    base_url: str = Field(pattern=r"^https?://", description="e.g. https://influx.example:8086")
    language: Literal["influxql", "flux"] = Field(
        default="influxql", description="`influxql`: 1.x, and 2.x with a mapped database; `flux`: 2.x"
    )
    database: str = Field(description="name of the database; of the bucket for `flux`")
    retention_policy: str | None = Field(default=None, description="`influxql`: without it the default one")
    org: str | None = Field(default=None, description="`flux`: name of the organisation")
    auth: BasicAuth | TokenAuth | None = None
    verify: bool | str = Field(
        default=True, description="path of a CA file, or false to trust any certificate"
    )
    measurements: tuple[str, ...] = Field(default=(), description="names of measurements; without it all")
    tag_name: str = Field(
        default="{_series}:{_field}",
        description="what a signal is called: {_measurement}, {_field}, {_series}, the series' tag keys",
    )
    equipment: str | None = Field(default=None, description="tag key that names the equipment, e.g. unit")
    since: str = Field(
        default="2000-01-01T00:00:00Z", description="`flux`: series with points since then are listed"
    )
    slice_s: int = Field(default=21_600, ge=1, description="seconds of a window asked for at once")
    timeout_s: float = Field(default=60.0, gt=0)
    max_mib: int = Field(default=64, ge=1, description="largest answer in MiB; a larger one comes in halves")
    per_second: float | None = Field(default=None, gt=0, description="requests a second at most")

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse Flux without what it needs."""
        if self.language == "flux" and not self.org:
            msg = "language: flux needs `org`"
            raise ValueError(msg)
        return self
