"""Historian samples as columns: they never become Python objects."""

import pyarrow as pa

SAMPLE_SCHEMA = pa.schema(
    [
        pa.field("tag", pa.string(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.uint32(), nullable=False),
    ]
)
"""One row a sample: the source's tag name, time (UTC, µs), number or text (digital state), OPC UA status."""
