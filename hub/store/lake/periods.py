"""Periods: the months or days by which cold runs are partitioned."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

Stamps = npt.NDArray[np.int64]
"""Microseconds since 1970."""
MICROS = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(at: datetime) -> int:
    """Give an instant as microseconds since 1970."""
    return (at - EPOCH) // MICROS


def from_micros(micros: int) -> datetime:
    """Give the instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=int(micros))


def month_of(period: str) -> str:
    """Give the month that a period is or lies in: `2026-03` for `2026-03-14`."""
    return period[:7]


def bounds(period: str) -> tuple[int, int]:
    """Give the half-open time of a period in microseconds since 1970."""
    kind = "M" if len(period) == 7 else "D"
    start = np.datetime64(period, kind)
    edges = np.array([start, start + 1]).astype("datetime64[us]").astype(np.int64)
    return int(edges[0]), int(edges[1])


def split(stamps: Stamps, *, daily: Iterable[str]) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Give each period in which some of the stamps lie, and which; `daily` names months cut into days."""
    by_day = set(daily)
    if len(stamps):  # mostly all are of one period: that is seen by their ends
        ends = {str(np.datetime64(int(at), "us"))[:10] for at in (stamps.min(), stamps.max())}
        alike = ends if month_of(min(ends)) in by_day else {month_of(day) for day in ends}
        if len(alike) == 1:
            return [(alike.pop(), np.ones(len(stamps), np.bool_))]
    moments = stamps.astype("datetime64[us]")
    months = moments.astype("datetime64[M]")
    found: list[tuple[str, npt.NDArray[np.bool_]]] = []
    for month in np.unique(months):
        inside = months == month
        if str(month) not in by_day:
            found.append((str(month), inside))
            continue
        days = moments.astype("datetime64[D]")
        found += [(str(day), days == day) for day in np.unique(days[inside])]
    return found
