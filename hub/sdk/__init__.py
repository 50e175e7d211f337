"""THE DOOR: a connector author's whole world; documents and columns come in, checked records go out."""

from hub.sdk.config import Config, SecretStr
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
from hub.sdk.document import Cursor, Document, Page, Rejected, Window
from hub.sdk.errors import BadRecord, ConnectorError, Misconfigured, Unauthorized, Unavailable
from hub.sdk.http import HttpClient, HttpLimits

__all__ = [
    "API_LEVEL",
    "BadRecord",
    "Config",
    "Connector",
    "ConnectorError",
    "Cursor",
    "Document",
    "Health",
    "HttpClient",
    "HttpLimits",
    "Misconfigured",
    "Page",
    "RecordSource",
    "Rejected",
    "SampleSource",
    "SecretStr",
    "Stream",
    "Unauthorized",
    "Unavailable",
    "Window",
    "attempt",
    "reject",
]
