"""OPC UA: a server's variables come in as tags, their history and changes go out as samples with quality."""

from connectors.opcua.connector import OpcUa
from connectors.opcua.settings import OpcUaConfig

__all__ = ["OpcUa", "OpcUaConfig"]
