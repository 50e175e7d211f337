"""Settings of the Sparkplug connector: which broker, which groups, and what the host application may say."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from hub.sdk import Config
from hub.sdk.mqtt import Broker


class SparkplugConfig(Config):
    """Settings of a Sparkplug B host application that listens."""

    reach: ClassVar[Mapping[str, Any]] = {
        "broker": {"host": "nowhere.invalid"},
        "rebirth": True,
        "host_id": None,
        "discover_s": 5.0,
    }

    broker: Broker
    groups: tuple[str, ...] = Field(default=("+",), min_length=1, description="group ids; + is all")
    nodes: tuple[str, ...] = Field(
        default=(), description="edge nodes (`group/node`) that are asked for their birth at once"
    )
    rebirth: bool = Field(
        default=True, description="ask an edge node for its birth where that is missing or messages were lost"
    )
    host_id: str | None = Field(
        default=None,
        description="say as this primary host whether we listen, so that edge nodes store while we do not",
    )
    discover_s: float = Field(default=5.0, gt=0, description="for how long births are awaited to list tags")
