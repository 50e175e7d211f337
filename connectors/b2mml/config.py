"""Settings of the `b2mml` connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from hub.model.enums import Disposition, ProcedureLevel
from hub.sdk import HttpConfig

__all__ = ["B2mmlConfig"]


class B2mmlConfig(HttpConfig):
    """A folder or an HTTP directory of B2MML and BatchML documents, and how this MES uses the standard."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "folder": None,
        "url": "http://nowhere.invalid",
        "user": None,
        "password": None,
        "api_key": None,
        "api_key_header": "X-API-Key",
        "ca_file": None,
        "page_size": 50,
        "max_bytes": 32 * 1024 * 1024,
    }

    folder: Path | None = Field(default=None, description="folder of documents; give this or `url`")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="HTTP directory of documents: an index page or a JSON or text list of names",
    )
    user: str | None = Field(default=None, description="user name for HTTP basic authentication")
    password: SecretStr | None = Field(default=None, description="password of `user`")
    api_key: SecretStr | None = Field(default=None, description="key sent in the header `api_key_header`")
    api_key_header: str = Field(default="X-API-Key", description="name of the header that carries the key")
    ca_file: Path | None = Field(default=None, description="certificate authorities (PEM) for `url`")

    pattern: str = Field(default="*.xml", min_length=1, description="file names to read")
    recursive: bool = Field(default=False, description="also read the folders inside `folder`")
    page_size: int = Field(default=50, ge=1, le=1000, description="documents in one transaction")
    max_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="largest document; a larger one is quarantined unread"
    )

    response_is_batch: bool = Field(
        default=False,
        description="each OperationsResponse outside a batch production record is a batch of its own",
    )
    levels: tuple[ProcedureLevel, ...] = Field(
        default=("unit_procedure", "operation", "phase"),
        min_length=1,
        description="what the nested segment responses of a batch are, outermost first",
    )
    setpoint_suffixes: tuple[str, ...] = Field(
        default=(" setpoint", " SP"),
        description="endings of SegmentData IDs that are set points, not actuals",
    )
    critical_words: tuple[str, ...] = Field(
        default=("CPP",),
        description="a SegmentData description that has this word marks a critical parameter",
    )
    lot_properties: dict[str, str] = Field(
        default_factory=dict,
        description="the MES's own MaterialLotProperty IDs, each mapped to expires_at, manufactured_at, "
        "released_at or supplier_lot",
    )
    statuses: dict[str, Disposition] = Field(
        default_factory=dict,
        description="the MES's lot Status values, each mapped to a disposition (Restricted, UnRestricted, …)",
    )
    building_blocks_are_segments: bool = Field(
        default=False,
        description="BuildingBlockElementID of a recipe element names its process segment",
    )
    information_id_is_material: bool = Field(
        default=False,
        description="MaterialInformation/ID names the material of lots that do not name theirs",
    )

    @model_validator(mode="after")
    def check_place(self) -> Self:
        """Refuse neither or both of `folder` and `url`, and unknown targets of `lot_properties`."""
        if (self.folder is None) == (self.url is None):
            raise ValueError("give either `folder` or `url`")
        known = {"expires_at", "manufactured_at", "released_at", "supplier_lot"}
        unknown = sorted(set(self.lot_properties.values()) - known)
        if unknown:
            raise ValueError(f"lot_properties maps to {unknown}; use one of {sorted(known)}")
        return self
