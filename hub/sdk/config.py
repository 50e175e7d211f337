"""What every source's settings have in common."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from hub.model.instant import Ambiguity
from hub.sdk.http import HttpLimits

__all__ = ["Config", "HttpConfig", "SecretStr", "Zone"]


_known_zones = cache(available_timezones)
"""Reads every file of the zone database: not at each opening of a source."""


def _check_zone(name: str) -> str:
    if name not in _known_zones():
        msg = f"time zone {name!r} is not known; use an IANA name such as Europe/Dublin"
        raise ValueError(msg)
    return name


Zone = Annotated[str, AfterValidator(_check_zone)]
"""An IANA time zone name."""


class Config(BaseModel):
    """Settings of a source. Subclass it; secrets are `SecretStr`; unknown settings are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach: ClassVar[Mapping[str, Any]] = {}
    """Settings that say only where and how the source is reached, and a stand-in for each: they change
    nothing of what its documents mean."""

    timezone: Zone | None = Field(
        default=None, description="IANA zone of the local times that the source writes, e.g. Europe/Dublin"
    )
    ambiguous: Ambiguity = Field(
        default="error",
        description="local times that come twice in autumn: `earliest` or `latest` of the two, or `error`",
    )
    units: dict[str, str] = Field(
        default_factory=dict, description="the source's own spellings of units, each mapped to a UCUM code"
    )

    def meaning(self) -> dict[str, Any]:
        """Give the settings that shape what documents mean, as written: JSON values, secrets masked."""
        return self.model_dump(mode="json", exclude=set(self.reach), exclude_defaults=True, by_alias=True)

    @classmethod
    def recall(cls, meaning: Mapping[str, Any]) -> Self:
        """Give settings that mean what these did: good for reading documents, not for reaching a source."""
        return cls.model_validate({**cls.reach, **meaning})

    @property
    def zone(self) -> ZoneInfo | None:
        """The declared zone, or None (local times are errors then)."""
        return ZoneInfo(self.timezone) if self.timezone else None


class HttpConfig(Config):
    """Settings of a source that is reached over HTTP: how long it may take, and how often it is asked."""

    reach: ClassVar[Mapping[str, Any]] = {"timeout_s": 30.0, "per_second": None}
    """To be taken over by those of a subclass: `{**HttpConfig.reach, …}`."""

    timeout_s: float = Field(
        default=30.0, gt=0, description="seconds that the next part of an answer may take"
    )
    per_second: float | None = Field(default=None, gt=0, description="requests a second at most")

    def limits(self, *, max_bytes: int = HttpLimits.max_bytes) -> HttpLimits:
        """Give the bounds of an `HttpClient` by these settings."""
        return HttpLimits(max_bytes=max_bytes, timeout_s=self.timeout_s, per_second=self.per_second)
