"""Settings of the REST connector: where, who we are, and of every stream its path, clock and meaning."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from hub.sdk import Config
from hub.sdk.mapping import Reading, Rule, parse_expression
from hub.sdk.mapping.path import Path, Template, parse_each


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BearerAuth(_Written):
    """`Authorization: Bearer …`."""

    bearer: SecretStr


class BasicAuth(_Written):
    """User and password in every request."""

    user: str
    password: SecretStr


class HeaderAuth(_Written):
    """A key in a header of the source's own."""

    header: str = Field(description="name of the header, e.g. X-API-Key")
    api_key: SecretStr


class OAuth(_Written):
    """A program's own login, client credentials (RFC 6749, 4.4): tokens are fetched, and renewed in time."""

    token_url: str = Field(pattern=r"^https?://", description="where the source hands out tokens")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    scope: str = Field(default="", description="what is asked for, words with a space between")
    audience: str | None = Field(
        default=None, description="for whom the token shall be good, where the token endpoint wants to know"
    )
    style: Literal["basic", "body"] = Field(
        default="basic", description="where the client's secret goes: a header, or the form (`body`)"
    )


class PageNumber(_Written):
    """`?page=1&size=100`; ends at an empty page, a shorter one than the first, or at `total`."""

    kind: Literal["page"]
    param: str = "page"
    size_param: str | None = "size"
    size: int = Field(default=100, ge=1)
    start: int = 1
    stable: bool = Field(
        default=False, description="items never move between pages: no second look is needed"
    )


class Offset(_Written):
    """`?offset=0&limit=100`; ends at an empty page, a shorter one than the first, or at `total`."""

    kind: Literal["offset"]
    param: str = "offset"
    size_param: str | None = "limit"
    size: int = Field(default=100, ge=1)
    stable: bool = Field(
        default=False, description="items never move between pages: no second look is needed"
    )


class Token(_Written):
    """The answer holds a token for the next page; ends when it is missing or blank."""

    kind: Literal["cursor"]
    param: str = "cursor"
    path: str = Field(description="where the answer holds the token, e.g. nextToken")
    size_param: str | None = None
    size: int = Field(default=100, ge=1)


class NextUrl(_Written):
    """The answer holds the address of the next page; it must lie on the same server."""

    kind: Literal["next_url"]
    path: str = "next"
    size_param: str | None = None
    size: int = Field(default=100, ge=1)


class LinkHeader(_Written):
    """The header `Link: <…>; rel="next"` (RFC 8288) holds the address of the next page."""

    kind: Literal["link"]
    size_param: str | None = None
    size: int = Field(default=100, ge=1)


Paging = Annotated[PageNumber | Offset | Token | NextUrl | LinkHeader, Field(discriminator="kind")]


class Incremental(_Written):
    """How to ask for what changed since a time."""

    param: str = Field(description="query parameter that takes the time, e.g. modifiedSince")
    template: str = Field(default="{since}", description="its value, e.g. `gt:{since}`")
    format: str | None = Field(
        default=None,
        description="strftime format in the source's zone, or epoch_s / epoch_ms; else ISO with Z",
    )
    look_back_s: float = Field(
        default=60.0, ge=1, description="seconds asked for again each time, for late commits and equal times"
    )
    sorted: bool = Field(
        default=False, description="answers come oldest change first, so that reading can resume by time"
    )


class Detail(_Written):
    """A second address of every item: what it answers is put into the item under a name."""

    path: str = Field(
        pattern=r"^/[^/]", description="its holes are paths in the item, e.g. /orders/{orderNo}/weighings"
    )
    into: str = Field(pattern=r"^\w+$", description="name under which the item gets the answer")
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @field_validator("path")
    @classmethod
    def check_holes(cls, text: str) -> str:
        """Refuse an address that is the same for every item."""
        if not any(isinstance(piece, Path) for piece in Template.parse(text).pieces):
            msg = "the address of a detail needs a path of the item in braces, such as {id}"
            raise ValueError(msg)
        return text


class RestStream(_Written):
    """One kind of object of the source."""

    path: str = Field(description="below `base_url`, e.g. /api/v1/samples")
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    items: str = Field(default=".", description="where the answer holds the items; `.` when it is the list")
    key: str = Field(description="path or template of an item's name")
    changed_at: str | None = Field(default=None, description="path of an item's time of change")
    seq: str | None = Field(default=None, description="path of an item's version number")
    deleted: str | None = Field(default=None, description="path that is true for a deleted item")
    total: str | None = Field(default=None, description="where the answer says how many items there are")
    detail: Detail | None = Field(
        default=None, description="a second address of every item: one request more for each"
    )
    paging: Paging | None = None
    incremental: Incremental | None = None
    snapshot: bool = Field(default=False, description="every read is complete: what is missing has vanished")
    every_s: float = Field(default=60.0, gt=0, description="seconds between two looks")
    reading: Reading = Reading()
    records: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("key", "changed_at", "seq", "deleted", "total")
    @classmethod
    def check_path(cls, text: str | None) -> str | None:
        """Refuse what is no path or template."""
        if text is not None:
            parse_expression(text)
        return text

    @field_validator("items")
    @classmethod
    def check_items(cls, text: str) -> str:
        """Refuse what is no path."""
        parse_each(text)
        return text

    @model_validator(mode="after")
    def check_clock(self) -> Self:
        """Refuse incremental reading without a change clock, or of a snapshot."""
        if self.incremental and not self.changed_at:
            msg = "incremental needs `changed_at`, the time that the cursor follows"
            raise ValueError(msg)
        if self.incremental and self.snapshot:
            msg = "a snapshot is read whole each time; drop `incremental` or `snapshot`"
            raise ValueError(msg)
        return self


class RestConfig(Config):
    """Settings of a JSON REST source."""

    reach: ClassVar[Mapping[str, Any]] = {
        "base_url": "http://nowhere.invalid",
        "auth": None,
        "headers": {},
        "verify": True,
        "timeout_s": 30.0,
        "max_mib": 32,
        "per_second": None,
        "probe": None,
        "login_proof": None,
    }

    base_url: str = Field(pattern=r"^https?://", description="e.g. https://lims.example/api/v1")
    auth: BearerAuth | BasicAuth | HeaderAuth | OAuth | None = None
    headers: dict[str, str] = Field(default_factory=dict, description="further headers; no secrets here")
    verify: bool | str = Field(
        default=True, description="path of a CA file, or false to trust any certificate"
    )
    timeout_s: float = Field(default=30.0, gt=0)
    max_mib: int = Field(default=32, ge=1, description="largest answer in MiB")
    per_second: float | None = Field(default=None, gt=0, description="no more requests a second than these")
    probe: str | None = Field(
        default=None, description="path that needs a login, asked by `check` before the streams"
    )
    login_proof: str | None = Field(
        default=None,
        description="path in the probe's answer that is stated only for a valid login: for sources that "
        "answer 200 to strangers",
    )
    streams: dict[str, RestStream] = Field(min_length=1)
