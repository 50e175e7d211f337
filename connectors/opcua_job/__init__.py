"""OPC UA JOBS: job orders, job responses and machine states of a server come in; requests and runs go out."""

from connectors.opcua_job.connector import OpcUaJob
from connectors.opcua_job.settings import OpcUaJobConfig

__all__ = ["OpcUaJob", "OpcUaJobConfig"]
