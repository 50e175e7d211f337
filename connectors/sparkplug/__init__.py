"""SPARKPLUG: births, data and deaths of edge nodes come in over MQTT; tags and live samples go out."""

from connectors.sparkplug.connector import Sparkplug
from connectors.sparkplug.settings import SparkplugConfig

__all__ = ["Sparkplug", "SparkplugConfig"]
