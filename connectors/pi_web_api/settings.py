"""Settings of the PI Web API connector: where, who we are, which points and attributes, how they are read."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.model import Instant
from hub.sdk import Config
from hub.sdk.mapping import Reading, Rule

SummaryType = Literal[
    "Total", "Average", "Minimum", "Maximum", "Range", "StdDev", "PopulationStdDev", "Count", "PercentGood"
]


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Written):
    """A Windows or PI user with its password (the server must allow Basic)."""

    user: str
    password: SecretStr


class BearerAuth(_Written):
    """A token of an identity provider that the server trusts (2021 and later)."""

    bearer: SecretStr


class Recorded(_Written):
    """The values as they were archived."""

    kind: Literal["recorded"] = "recorded"


class Interpolated(_Written):
    """The value at each whole step of a clock that began in 1970, as the server interpolates it."""

    kind: Literal["interpolated"]
    step_s: int = Field(default=60, ge=1, description="seconds between two values")


class Summary(_Written):
    """What the server sums up of each whole step; a tag for each kind, named `TAG#Average`."""

    kind: Literal["summary"]
    step_s: int = Field(default=3600, ge=1, description="seconds that are summed up")
    types: tuple[SummaryType, ...] = Field(default=("Average", "Minimum", "Maximum"), min_length=1)
    basis: Literal["TimeWeighted", "EventWeighted"] = "TimeWeighted"


Read = Annotated[Recorded | Interpolated | Summary, Field(discriminator="kind")]


class AssetFramework(_Written):
    """A database of the asset framework: its elements name equipment, its attributes what is measured."""

    database: str = Field(description=r"name of the database, or \\server\database")
    levels: dict[str, str] = Field(
        default_factory=dict,
        description="level of elements by their template, e.g. Bioreactor: Unit",
    )
    every_s: float = Field(default=3600.0, gt=0, description="seconds between two readings of the elements")


class EventFrames(_Written):
    """Event frames and what they state, by the words of written mappings."""

    start: Instant = Field(description="begin with frames active at this time, e.g. 2026-01-01T00:00:00Z")
    template: str | None = Field(default=None, description="only frames of this template, or derived from it")
    look_back_s: float = Field(
        default=86_400.0,
        ge=0,
        description="seconds asked for again each time: corrections of ended frames",
    )
    every_s: float = Field(default=60.0, gt=0, description="seconds between two looks")
    reading: Reading = Reading(missing=("9999-12-31T23:59:59Z",))
    records: tuple[Rule, ...] = Field(min_length=1)


class PiWebApiConfig(Config):
    """Settings of a PI Web API server."""

    reach: ClassVar[Mapping[str, Any]] = {
        "base_url": "https://nowhere.invalid/piwebapi",
        "auth": None,
        "verify": True,
        "batch": True,
        "max_count": 10_000,
        "streams_per_request": 20,
        "timeout_s": 60.0,
        "max_mib": 64,
        "per_second": None,
    }

    base_url: str = Field(pattern=r"^https?://", description="e.g. https://pi.example/piwebapi")
    auth: BasicAuth | BearerAuth | None = None
    verify: bool | str = Field(
        default=True, description="path of a CA file, or false to trust any certificate"
    )
    data_servers: tuple[str, ...] = Field(default=(), description="names of data archives; without it all")
    points: tuple[str, ...] = Field(
        default=("*",), description="names of points with * and ?; each mask is asked for by itself"
    )
    tags: Literal["points", "attributes"] = Field(
        default="points", description="what is a tag: points, or attributes of the asset framework"
    )
    tag_name: Literal["name", "path"] = Field(
        default="name", description=r"what a point is called: `TEMP`, or `\\ARCHIVE\TEMP` where names repeat"
    )
    asset_framework: AssetFramework | None = Field(
        default=None, description="tells equipment, property and unit of points, and gives equipment"
    )
    event_frames: EventFrames | None = None
    read: Read = Recorded()
    batch: bool = Field(default=True, description="bundle requests (`/batch`); false where it is disabled")
    max_count: int = Field(default=10_000, ge=2, description="values or objects asked for at once")
    streams_per_request: int = Field(default=20, ge=1, description="streams in one bundle")
    timeout_s: float = Field(default=60.0, gt=0)
    max_mib: int = Field(default=64, ge=1, description="largest answer in MiB")
    per_second: float | None = Field(default=None, gt=0, description="requests a second at most")

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse what needs a database of the asset framework without one."""
        if self.asset_framework is None:
            lacking = "tags: attributes" if self.tags == "attributes" else ""
            lacking = "event_frames" if self.event_frames else lacking
            if lacking:
                msg = f"{lacking} needs `asset_framework`, the database in which they are"
                raise ValueError(msg)
        return self
