"""Settings of the VictoriaMetrics connector: where, who we are, which series, how they are called."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.model import Instant
from hub.sdk import Config


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Written):
    """User and password."""

    user: str
    password: SecretStr


class BearerAuth(_Written):
    """A token, as a proxy before it may ask for."""

    bearer: SecretStr


class VictoriaMetricsConfig(Config):
    """Settings of a VictoriaMetrics, or of a tenant of a cluster."""

    reach: ClassVar[Mapping[str, Any]] = {
        "base_url": "http://nowhere.invalid",
        "auth": None,
        "verify": True,
        "series_per_request": 50,
        "slice_s": 86_400,
        "timeout_s": 60.0,
        "max_mib": 64,
        "per_second": None,
    }

    base_url: str = Field(
        pattern=r"^https?://",
        description="e.g. https://vm.example:8428; of a cluster with /select/<tenant>/prometheus",
    )
    auth: BasicAuth | BearerAuth | None = None
    verify: bool | str = Field(
        default=True, description="path of a CA file, or false to trust any certificate"
    )
    match: tuple[str, ...] = Field(
        default=('{__name__!=""}',), min_length=1, description='series selectors, e.g. {job="historian"}'
    )
    since: Instant = Field(description="series with values since then are listed, e.g. 2026-01-01T00:00:00Z")
    tag_name: str = Field(
        default="{__series__}", description="what a series is called: {__series__}, {__name__}, its labels"
    )
    equipment: str | None = Field(default=None, description="the label that names the equipment, e.g. unit")
    unit: str | None = Field(default=None, description="the label that holds the unit")
    series_per_request: int = Field(default=50, ge=1, description="series asked for at once")
    slice_s: int = Field(default=86_400, ge=1, description="seconds of a window asked for at once")
    timeout_s: float = Field(default=60.0, gt=0)
    max_mib: int = Field(default=64, ge=1, description="largest answer in MiB; a larger one comes in halves")
    per_second: float | None = Field(default=None, gt=0, description="requests a second at most")
