"""Settings of the `sap_odata` connector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.model.enums import MaterialStage
from hub.sdk import HttpConfig
from hub.sdk.config import Zone

__all__ = ["Protocol", "SapConfig", "Services", "StreamName"]

StreamName = Literal[
    "products",
    "batches",
    "orders",
    "production_orders",
    "material_documents",
    "inspection_lots",
    "inspection_characteristics",
    "inspection_results",
    "usage_decisions",
]
Protocol = Literal["v2", "v4"]


class Services(BaseModel):
    """Paths of the services below `url`; change them where a gateway renames them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    products: str = "API_PRODUCT_SRV"
    batches: str = "API_BATCH_SRV"
    orders: str = "API_PROCESS_ORDER_2_SRV"
    production_orders: str = "API_PRODUCTION_ORDER_2_SRV"
    material_documents: str = "API_MATERIAL_DOCUMENT_SRV"
    inspection_lots: str = "API_INSPECTIONLOT_SRV"


class SapConfig(HttpConfig):
    """An S/4HANA system's OData APIs, read only. `timezone` is the plant's."""

    reach: ClassVar[Mapping[str, Any]] = {
        **HttpConfig.reach,
        "url": "http://nowhere.invalid",
        "protocol": "v2",
        "client": None,
        "user": None,
        "password": None,
        "api_key": None,
        "api_key_header": "APIKey",
        "ca_file": None,
        "services": {},
        "page_size": 200,
        "overlap_s": 3600,
    }

    url: str = Field(
        pattern=r"^https?://",
        description="up to the services, e.g. https://s4.example.com:44300/sap/opu/odata/sap",
    )
    protocol: Protocol = Field(
        default="v2", description="version of OData that the services under `url` speak: `v2` or `v4`"
    )
    client: str | None = Field(default=None, pattern=r"^\d{3}$", description="SAP client, e.g. 100")
    user: str | None = Field(default=None, description="communication user for basic authentication")
    password: SecretStr | None = Field(default=None, description="password of `user`")
    api_key: SecretStr | None = Field(default=None, description="key sent in the header `api_key_header`")
    api_key_header: str = Field(default="APIKey", description="name of the header that carries the key")
    ca_file: Path | None = Field(default=None, description="certificate authorities (PEM) that sign the host")
    language: str = Field(
        default="EN", pattern=r"^[A-Z]{2}$", description="language of the product descriptions"
    )

    streams: tuple[StreamName, ...] = Field(
        default=("products", "batches", "orders", "material_documents"),
        min_length=1,
        description="what to read; leave out what the user may not see",
    )
    services: Services = Field(default_factory=Services, description="paths of the services below `url`")
    plants: tuple[str, ...] = Field(
        default=(), description="plants whose orders are read; empty reads all that the user may see"
    )
    system_timezone: Zone | None = Field(
        default=None,
        description="zone of creation dates and times, when it is not the plant's (SAP's system time zone)",
    )
    stamp_timezone: Zone | None = Field(
        default=None,
        description="zone of YYYYMMDDhhmmss change stamps, when it is not `system_timezone`; often UTC",
    )
    page_size: int = Field(default=200, ge=1, le=5000, description="rows asked for at once")
    overlap_s: int = Field(
        default=3600, ge=0, description="seconds by which a read looks back behind its last change stamp"
    )
    lot_level: Literal["plant", "material", "client"] = Field(
        default="plant", description="where batch numbers are unique (Customizing: batch level)"
    )
    stages: dict[str, MaterialStage] = Field(
        default_factory=lambda: {"ROH": "raw", "HALB": "intermediate"},
        description="material stage by SAP product type",
    )

    @model_validator(mode="after")
    def check_login(self) -> Self:
        """Refuse half a login."""
        if (self.user is None) != (self.password is None):
            raise ValueError("give `user` and `password` together")
        return self
