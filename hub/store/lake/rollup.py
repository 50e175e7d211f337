"""The roll-up: what each tag did in each hour, so that a year's trend reads thousands of rows."""

from typing import Any

import numpy as np
import pyarrow as pa

from hub.store.lake.runs import longs
from hub.store.lake.table import SCHEMAS

HOUR = 3_600_000_000
"""Microseconds."""


def roll_up(rows: pa.Table) -> pa.Table:
    """Give count, good count, mean, standard deviation, least, greatest, first and last of the good numbers.

    `rows` is sorted by tag and time, one row for each. Mean and deviation (of the population) weigh each
    sample alike; an hour without a good number has nulls.
    """
    tags, stamps = longs(rows, "tag_id"), longs(rows, "ts")
    hours = stamps // HOUR
    fresh = np.flatnonzero(np.concatenate(([True], (tags[1:] != tags[:-1]) | (hours[1:] != hours[:-1]))))
    counts = np.diff(np.append(fresh, len(tags)))
    value = rows["value"].to_numpy()
    quality = rows["quality"].to_numpy()
    good = ((quality >> 30) & 0b11 == 0) & ~np.isnan(value)
    if good.all():
        number, first, last = counts, fresh, fresh + counts - 1
        least, most, filled = np.minimum.reduceat(value, fresh), np.maximum.reduceat(value, fresh), value
    else:
        number = np.add.reduceat(good.astype(np.int64), fresh)
        least = np.minimum.reduceat(np.where(good, value, np.inf), fresh)
        most = np.maximum.reduceat(np.where(good, value, -np.inf), fresh)
        at = np.arange(len(tags))
        first = np.minimum.reduceat(np.where(good, at, len(tags)), fresh)
        last = np.maximum.reduceat(np.where(good, at, -1), fresh)
        filled = np.where(good, value, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(filled, fresh) / number
        off = value - np.repeat(mean, counts)
        off = off if number is counts else np.where(good, off, 0.0)
        std = np.sqrt(np.add.reduceat(off * off, fresh) / number)
    has = number > 0

    numbers = {
        "mean": mean,
        "std": std,
        "min": least,
        "max": most,
        "first": value[np.minimum(first, len(tags) - 1)],
        "last": value[np.maximum(last, 0)],
    }
    columns: dict[str, Any] = {
        "tag_id": tags[fresh],
        "hour": hours[fresh] * HOUR,
        "count": counts,
        "good": number,
    }
    columns |= {name: pa.array(given, pa.float64(), mask=~has) for name, given in numbers.items()}
    return pa.table(columns).cast(SCHEMAS["hourly"])
