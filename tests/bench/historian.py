"""A historian's samples for benchmarks: 500 tags that a compressing historian keeps, one of them at 1 Hz.

A full year is 77 million samples: 31.5 million of the 1 Hz tag, and tags with a sample every 60, 300 or 1,200
seconds on average at irregular times, quantised random walks and set-point steps in single precision.
`PLANTWIDE_BENCH_SAMPLES` says how many (2,000,000 when it is not set); fewer samples are fewer days.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.model import SAMPLE_SCHEMA

arrow: Any = pa
"""Untyped on purpose: the stubs take an array of numbers for one of truth values."""
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
TAGS = 500
FAST = "T000"
_A_DAY = 210_273
"""Samples a day of all tags together."""
_MEANS = (60, 300, 1200)
US = 1_000_000


def wanted_samples() -> int:
    """Give how many samples were asked for."""
    return int(os.environ.get("PLANTWIDE_BENCH_SAMPLES", "2000000"))


def days(samples: int) -> int:
    """Give the days that hold so many samples."""
    return max(1, round(samples / _A_DAY))


def names() -> list[str]:
    """Give the names of all tags; the first is the 1 Hz one."""
    return [f"T{tag:03}" for tag in range(TAGS)]


def make_window(first: int, count: int) -> pa.Table:
    """Give all samples of `count` days from day `first` on, as a connector gives them: by tag and time."""
    rng = np.random.default_rng(first)
    start = int((BEGIN + timedelta(days=first)).timestamp()) * US
    length = count * 86_400 * US
    stamps, values, tags = [], [], []
    for tag in range(TAGS):
        at = _stamps(rng, tag, length)
        stamps.append(start + at)
        values.append(_values(rng, tag, len(at)))
        tags.append(np.full(len(at), tag, np.int32))
    number = np.concatenate(tags)
    total = len(number)
    coded = arrow.DictionaryArray.from_arrays(pa.array(number), pa.array(names()))
    return pa.table(
        {
            "tag": coded.cast(pa.string()),
            "ts": pa.array(np.concatenate(stamps)).cast(pa.timestamp("us", tz="UTC")),
            "value": pa.array(np.concatenate(values)),
            "text": pa.nulls(total, pa.string()),
            "quality": pa.array(np.zeros(total, np.uint32)),
        },
        schema=SAMPLE_SCHEMA,
    )


def make_windows(samples: int, each: int = 10) -> Iterator[pa.Table]:
    """Give all samples in windows of so many days."""
    last = days(samples)
    for first in range(0, last, each):
        yield make_window(first, min(each, last - first))


def _stamps(rng: np.random.Generator, tag: int, length: int) -> npt.NDArray[np.int64]:
    if tag == 0:
        return np.arange(0, length, US, dtype=np.int64)
    # shares of 29, 40 and 31 per cent of the tags give 77 million a year with the 1 Hz tag
    mean = _MEANS[0 if tag % 100 < 8 else 1 if tag % 100 < 60 else 2] * US
    gaps = rng.exponential(mean, int(length / mean * 1.3) + 20).astype(np.int64) // 1000 * 1000 + 1000
    at = np.cumsum(gaps)
    return at[at < length]


def _values(rng: np.random.Generator, tag: int, count: int) -> npt.NDArray[np.float64]:
    kind = tag % 5
    if kind == 4:  # a set point: seldom changed
        return np.repeat(np.round(rng.normal(50, 10, count // 50 + 1), 1), 50)[:count]
    step = (0.01, 0.1, 0.05, 0.002)[kind]
    walk = np.cumsum(rng.integers(-3, 4, count)) * step + 37
    kept = walk.astype(np.float32) if kind == 3 else np.round(walk, 3)
    return kept.astype(np.float64)
