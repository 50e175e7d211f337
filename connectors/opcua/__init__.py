"""OPC UA: a server's variables come in as tags, their raw history goes out as samples with quality."""

from connectors.opcua.connector import OpcUa
from connectors.opcua.settings import OpcUaConfig

__all__ = ["OpcUa", "OpcUaConfig"]
