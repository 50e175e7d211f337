"""What every source's settings have in common."""

from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

__all__ = ["Config", "SecretStr", "Zone"]


def _check_zone(name: str) -> str:
    if name not in available_timezones():
        msg = f"time zone {name!r} is not known; use an IANA name such as Europe/Dublin"
        raise ValueError(msg)
    return name


Zone = Annotated[str, AfterValidator(_check_zone)]
"""An IANA time zone name."""


class Config(BaseModel):
    """Settings of a source. Subclass it; secrets are `SecretStr`; unknown settings are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: Zone | None = Field(
        default=None, description="IANA zone of the local times that the source writes, e.g. Europe/Dublin"
    )
    units: dict[str, str] = Field(
        default_factory=dict, description="the source's own spellings of units, each mapped to a UCUM code"
    )

    @property
    def zone(self) -> ZoneInfo | None:
        """The declared zone, or None (local times are errors then)."""
        return ZoneInfo(self.timezone) if self.timezone else None
