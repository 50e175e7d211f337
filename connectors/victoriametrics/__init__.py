"""VICTORIAMETRICS: series of a metrics store come in as tags, their raw values as columns of samples."""

from connectors.victoriametrics.connector import VictoriaMetrics
from connectors.victoriametrics.settings import VictoriaMetricsConfig

__all__ = ["VictoriaMetrics", "VictoriaMetricsConfig"]
