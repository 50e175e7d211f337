"""THE DOOR: a connector author's whole world; documents and columns come in, checked records go out."""

from hub.sdk.clock import utc_now
from hub.sdk.config import Config, HttpConfig, SecretStr
from hub.sdk.contract import (
    API_LEVEL,
    Connector,
    Health,
    RecordSource,
    SampleSource,
    Stream,
    attempt,
    reject,
)
from hub.sdk.document import Cursor, Document, Page, Place, Placed, Receipt, Rejected, Whole, Window
from hub.sdk.errors import BadRecord, ConnectorError, Misconfigured, Unauthorized, Unavailable
from hub.sdk.http import HttpClient, HttpLimits
from hub.sdk.oauth import ClientCredentials

__all__ = [
    "API_LEVEL",
    "BadRecord",
    "ClientCredentials",
    "Config",
    "Connector",
    "ConnectorError",
    "Cursor",
    "Document",
    "Health",
    "HttpClient",
    "HttpConfig",
    "HttpLimits",
    "Misconfigured",
    "Page",
    "Place",
    "Placed",
    "Receipt",
    "RecordSource",
    "Rejected",
    "SampleSource",
    "SecretStr",
    "Stream",
    "Unauthorized",
    "Unavailable",
    "Whole",
    "Window",
    "attempt",
    "reject",
    "utc_now",
]
