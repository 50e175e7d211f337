"""INFLUXDB: series of a time-series database come in as tags, their points as columns of samples."""

from connectors.influxdb.connector import InfluxDb
from connectors.influxdb.settings import InfluxDbConfig

__all__ = ["InfluxDb", "InfluxDbConfig"]
