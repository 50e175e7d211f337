"""Batch event journals (ISA-88): files of events come in; batches, their runs and reported values go out."""

from connectors.batch_events.connector import BatchEvents
from connectors.batch_events.settings import BatchEventsConfig

__all__ = ["BatchEvents", "BatchEventsConfig"]
